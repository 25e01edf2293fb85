"""What an ensemble will score on new rows."""

import numpy as np
import pytest

from automl import METRICS
from automl._ensemble import greedy_weights
from automl._estimate import estimate


def world(seed, *, n=400, n_models=6, noise=1.0):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    return y, [y + rng.normal(0, noise, n) for _ in range(n_models)]


def test_the_interval_holds_the_score_of_new_rows_as_often_as_it_says():
    metric = METRICS["rmse"]
    hits = 0
    for seed in range(120):
        y, predictions = world(seed)
        found = estimate(y, predictions, metric=metric)
        weights = greedy_weights(y, predictions, metric=metric)
        new_y, new = world(10_000 + seed, n=20_000)
        truth = metric.score(new_y, np.average(new, axis=0, weights=weights))
        hits += found.low <= truth <= found.high
    assert 0.88 <= hits / 120 <= 1.0


def test_luck_among_many_useless_models_is_not_counted():
    """Noise was chosen by the rows that it fits best: it must not look like skill."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    scores = rng.random((40, 300))
    predictions = [np.column_stack([1 - s, s]) for s in scores]
    auc = METRICS["roc_auc"]
    weights = greedy_weights(y, predictions, metric=auc)
    flattering = auc.score(y, np.average(predictions, axis=0, weights=weights))
    found = estimate(y, predictions, metric=auc)
    assert flattering > 0.6
    assert found.score < 0.56
    assert found.low < 0.5


def test_a_sample_of_many_rows_speaks_for_all_of_them():
    y, predictions = world(1, n=20_000)
    found = estimate(y, predictions, metric=METRICS["rmse"])
    y, predictions = world(1, n=5_000)
    of_sample = estimate(y, predictions, metric=METRICS["rmse"])
    widths = [one.high - one.low for one in (found, of_sample)]
    assert widths[0] == pytest.approx(widths[1] / 2, rel=0.15)


def test_of_many_rows_the_score_is_that_of_all_of_them():
    """A sample says how flattering the ensemble is, not how hard its own rows happen to be."""
    metric = METRICS["rmse"]
    y, predictions = world(2, n=40_000)
    weights = greedy_weights(y, predictions, metric=metric)
    ensemble = np.average(predictions, axis=0, weights=weights)
    found = estimate(y, predictions, metric=metric, ensemble=ensemble)
    of_sample = estimate(y, predictions, metric=metric)
    truth = metric.score(y, ensemble)
    assert abs(found.score - truth) < 0.3 * abs(of_sample.score - truth)
    assert found.low < truth < found.high


def test_too_little_says_nothing():
    y, predictions = world(0, n=30)
    assert estimate(y, predictions, metric=METRICS["rmse"]) is None
    y, predictions = world(0)
    assert estimate(y, predictions, metric=METRICS["rmse"], may_go_on=lambda: False) is None
    assert estimate(y, [], metric=METRICS["rmse"]) is None
