"""Labels are chosen so that the metric comes out best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import automl
from automl import METRICS
from automl._decision import OF_LABELS, fit_decision


def imbalanced(n=2000, seed=0, n_classes=2):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([12.0, *[1.0] * (n_classes - 1)], n)
    y = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return y, p


def test_the_threshold_for_f1_is_half_of_the_best_f1():
    """Lipton et al., "Optimal Thresholding of Classifiers to Maximize F1 Measure", 2014."""
    y, p = imbalanced(40_000)
    factors = fit_decision(y, p, METRICS["f1"])
    best = METRICS["f1"].score(y, p * factors)
    threshold = factors[0] / (factors[0] + factors[1])
    assert threshold == pytest.approx(best / 2, abs=0.03)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "matthews_correlation"])
def test_new_rows_gain(name, n_classes):
    y, p = imbalanced(4000, n_classes=n_classes)
    factors = fit_decision(y, p, METRICS[name])
    new_y, new_p = imbalanced(4000, seed=1, n_classes=n_classes)
    assert METRICS[name].score(new_y, new_p * factors) > METRICS[name].score(new_y, new_p) + 0.02


def test_calibrated_probabilities_need_no_threshold_for_accuracy():
    y, p = imbalanced()
    factors = fit_decision(y, p, METRICS["accuracy"])
    new_y, new_p = imbalanced(seed=1)
    plain = METRICS["accuracy"].score(new_y, new_p)
    decided = plain if factors is None else METRICS["accuracy"].score(new_y, new_p * factors)
    assert decided == pytest.approx(plain, abs=0.01)


@given(seed=st.integers(0, 50), name=st.sampled_from(sorted(OF_LABELS)))
def test_it_is_never_worse_on_the_rows_that_it_was_chosen_by(seed, name):
    y, p = imbalanced(200, seed=seed, n_classes=3)
    factors = fit_decision(y, p, METRICS[name])
    if factors is not None:
        assert METRICS[name].score(y, p * factors) >= METRICS[name].score(y, p)


def test_metrics_of_probabilities_and_small_tables_keep_the_most_probable_class():
    y, p = imbalanced()
    assert fit_decision(y, p, METRICS["roc_auc"]) is None
    assert fit_decision(y[:80], p[:80], METRICS["f1"]) is None


def test_a_predictor_decides_by_what_was_asked_for():
    import pandas as pd

    rng = np.random.default_rng(0)
    x = rng.normal(size=1500)
    label = np.where(rng.random(1500) < 1 / (1 + np.exp(3.2 - x)), "rare", "common")
    frame = pd.DataFrame({"x": x, "label": label})
    options = {"target": "label", "time_budget_s": 60, "max_trials": 1, "allowed": ["linear"]}
    model = automl.fit(frame, metric="balanced_accuracy", **options)
    plain = automl.fit(frame, metric="log_loss", **options)
    assert plain.decision is None
    assert model.decision["rare"] / model.decision["common"] > 3
    recall = np.mean(model.predict(frame)[label == "rare"] == "rare")
    assert recall > np.mean(plain.predict(frame)[label == "rare"] == "rare") + 0.2
    np.testing.assert_allclose(model.predict_proba(frame).sum(axis=1), 1.0)
