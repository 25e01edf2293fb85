import numpy as np
import pytest

from automl._forecast._blend import blend_weights, cross_blended
from automl._forecast._intervals import fit_intervals
from automl._forecast._measures import FORECAST_METRICS, Truth


def _truth(y, scale=1.0):
    return Truth(
        y=y, seen=np.ones(y.shape, bool), scale=np.full(len(y), scale), span=np.ones(len(y))
    )


@pytest.mark.parametrize("draw", ["normal", "skewed"])
def test_intervals_cover_what_they_promise(draw):
    rng = np.random.default_rng(0)

    def errors(n):
        e = rng.normal(0, 1, (n, 8)) if draw == "normal" else rng.exponential(1, (n, 8)) - 1
        return e * np.sqrt(np.arange(1, 9)) * 5.0

    intervals = fit_intervals(_truth(errors(300), 5.0), np.zeros((300, 8)))
    new = errors(4000)
    bounds = intervals.quantiles(np.zeros((4000, 8)), np.full(4000, 5.0), [0.025, 0.1, 0.9, 0.975])
    for low, high, level in ((1, 2, 0.8), (0, 3, 0.95)):
        inside = (new >= bounds[..., low]) & (new <= bounds[..., high])
        assert inside.mean() == pytest.approx(level, abs=0.02)
        # At each step, too; the skewed errors have a cliff at their lower bound.
        assert np.abs(inside.mean(axis=0) - level).max() < (0.06 if draw == "normal" else 0.12)


def test_few_windows_make_careful_intervals():
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(300):
        level = rng.normal(0, 1, (7, 1))  # what the steps of a window share
        e = level + rng.normal(0, 0.5, (7, 6))
        bounds = fit_intervals(_truth(e[:6]), np.zeros((6, 6))).quantiles(
            np.zeros((1, 6)), np.ones(1), [0.1, 0.9]
        )
        covered.append(((e[6:] >= bounds[..., 0]) & (e[6:] <= bounds[..., 1])).mean())
    assert 0.74 < np.mean(covered) < 0.92


def test_quantiles_rise_and_widen():
    rng = np.random.default_rng(2)
    errors = rng.normal(0, 1, (20, 5)) * np.arange(1, 6)
    intervals = fit_intervals(_truth(errors), np.zeros((20, 5)))
    levels = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]
    bounds = intervals.quantiles(np.zeros((1, 12)), np.ones(1), levels)[0]
    assert (np.diff(bounds, axis=1) >= 0).all()
    width = bounds[:, -1] - bounds[:, 0]
    assert (np.diff(width) >= -1e-9).all()
    assert width[-1] > width[4]


def test_a_perfect_past_gives_a_point():
    intervals = fit_intervals(_truth(np.ones((5, 3))), np.ones((5, 3)))
    assert np.ptp(intervals.quantiles(np.ones((1, 3)), np.ones(1), [0.1, 0.9])) == 0


def test_weights_find_the_mixture():
    rng = np.random.default_rng(3)
    y = rng.normal(0, 1, (60, 6))
    noise = rng.normal(0, 1, (60, 6))
    good = [y + noise, y - noise]  # each is bad, their mean is perfect
    weights = blend_weights(_truth(y), [*good, rng.normal(0, 9, y.shape)], FORECAST_METRICS["mase"])
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(weights[:2], 0.5, atol=0.03)
    assert weights[2] == 0


def test_a_window_does_not_choose_its_own_weights():
    rng = np.random.default_rng(4)
    truths = [_truth(rng.normal(0, 1, (5, 3))) for _ in range(3)]
    forecasts = [rng.normal(0, 1, (15, 3)) for _ in range(2)]
    asked = []

    def choose(truth, parts):
        asked.append(truth.y)
        return np.array([1.0, 0.0])

    blended = cross_blended(truths, forecasts, np.array([0.0, 1.0]), choose)
    np.testing.assert_array_equal(blended, forecasts[0])
    for i, y in enumerate(asked):
        np.testing.assert_array_equal(y, np.vstack([t.y for j, t in enumerate(truths) if j != i]))
    late = cross_blended(truths, forecasts, np.array([0.0, 1.0]), lambda *_: None)
    np.testing.assert_array_equal(late, forecasts[1])


def test_weights_do_not_fail_on_broken_forecasts():
    y = np.ones((3, 2))
    bad = np.full((3, 2), np.nan)
    assert blend_weights(_truth(y), [bad, y + 1], FORECAST_METRICS["rmse"]).tolist() == [0, 1]
    assert blend_weights(_truth(y), [bad, bad], FORECAST_METRICS["rmse"]).tolist() == [0.5, 0.5]
