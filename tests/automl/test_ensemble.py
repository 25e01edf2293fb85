from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl import METRICS
from automl._ensemble import fit_calibration, greedy_weights

RMSE = METRICS["rmse"]


def _problem(seed, *, n=30, n_models=4):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    return y, [y + rng.normal(scale=s, size=n) for s in rng.uniform(0.3, 1.5, n_models)]


def _mix(weights, predictions):
    return np.tensordot(weights, np.array(predictions), axes=1)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_it_is_never_worse_than_the_best_single_model(seed):
    y, predictions = _problem(seed)
    weights = greedy_weights(y, predictions, metric=RMSE)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()
    best_single = min(RMSE.loss(y, p) for p in predictions)
    assert RMSE.loss(y, _mix(weights, predictions)) <= best_single + 1e-12


@pytest.mark.parametrize("seed", range(8))
def test_two_steps_equal_the_best_pair_with_the_best_model(seed):
    y, predictions = _problem(seed)
    weights = greedy_weights(y, predictions, metric=RMSE, max_steps=2)
    best = int(np.argmin([RMSE.loss(y, p) for p in predictions]))
    pairs = [(predictions[best] + p) / 2 for p in predictions]
    expected = min(RMSE.loss(y, p) for p in [predictions[best], *pairs])
    assert RMSE.loss(y, _mix(weights, predictions)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_it_comes_close_to_brute_force(seed):
    y, predictions = _problem(seed, n_models=3)
    weights = greedy_weights(y, predictions, metric=RMSE, max_steps=6)
    combinations = combinations_with_replacement(range(3), 6)
    brute = min(RMSE.loss(y, np.mean([predictions[i] for i in c], axis=0)) for c in combinations)
    assert RMSE.loss(y, _mix(weights, predictions)) <= brute * 1.02


def test_ties_go_to_the_earlier_candidate():
    y, (p, *_) = _problem(0)
    assert greedy_weights(y, [p, p.copy()], metric=RMSE).tolist() == [1.0, 0.0]


def test_it_answers_when_it_may_not_go_on():
    y, predictions = _problem(3)
    weights = greedy_weights(y, predictions, metric=RMSE, may_go_on=lambda: False)
    assert weights.max() == 1.0


def test_calibration_undoes_overconfidence():
    rng = np.random.default_rng(0)
    truth = rng.dirichlet([2.0, 2.0, 2.0], 4000)
    y = (truth.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    sharp = truth**2 / (truth**2).sum(axis=1, keepdims=True)
    calibration = fit_calibration(y, sharp, prior=np.full(3, 1 / 3))
    assert calibration.temperature == pytest.approx(2.0, rel=0.15)
    calibrated = calibration.apply(sharp)
    assert calibrated.sum(axis=1) == pytest.approx(np.ones(4000))
    log_loss = METRICS["log_loss"]
    assert log_loss.loss(y, calibrated) < log_loss.loss(y, sharp)


def test_calibration_keeps_every_class_possible():
    y = np.array([0, 1] * 20)
    p = np.tile([1.0, 0.0], (40, 1))
    calibration = fit_calibration(y, p, prior=np.array([0.5, 0.5]))
    assert calibration.temperature == 1.0
    assert (calibration.apply(p) > 0.01).all()
