"""Weights of the models in the forecast, chosen on backtests."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from automl._forecast._measures import ForecastMetric, Truth
from automl._forecast._panel import Array

_MAX_STEPS = 30
_MAX_CELLS = 40_000
_TOLERANCE = 1e-9
_CLOSE = 1.5
_MAX_POOL = 4


def joined(truths: Sequence[Truth]) -> Truth:
    """Put the windows of all backtests below one another."""
    return Truth(
        y=np.concatenate([t.y for t in truths]),
        seen=np.concatenate([t.seen for t in truths]),
        scale=np.concatenate([t.scale for t in truths]),
        span=np.concatenate([t.span for t in truths]),
    )


def blend_weights(
    truth: Truth,
    forecasts: Sequence[Array],
    metric: ForecastMetric,
    *,
    seed: int = 0,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Array:
    """Return weights that sum to 1: half greedy selection, half an even share of the good models.

    Greedy selection alone follows the luck of a few windows; an even share alone pays for weak
    models.

    Args:
        truth: What came, R rows.
        forecasts: One array (R, h) for each model.
        metric: What to optimise.
        seed: Seed of the rows that are looked at where there are very many.
        may_go_on: Asked before each trial addition.
    """
    most = max(_MAX_CELLS // truth.y.shape[1], 1)
    if len(truth.y) > most:
        rows = np.sort(np.random.default_rng(seed).choice(len(truth.y), most, replace=False))
        truth, forecasts = truth.rows(rows), [f[rows] for f in forecasts]
    losses = np.array([metric.loss(truth, f) for f in forecasts])
    losses[~np.isfinite(losses)] = np.inf
    if not np.isfinite(losses).any():
        return np.full(len(forecasts), 1.0 / len(forecasts))
    greedy = _greedy(truth, forecasts, metric, losses, may_go_on)
    return 0.5 * greedy + 0.5 * _even(losses)


def cross_blended(
    truths: Sequence[Truth],
    forecasts: Sequence[Array],
    weights: Array,
    choose: Callable[[Truth, Sequence[Array]], Array | None],
) -> Array:
    """Blend each window with weights that were chosen on the other windows, shape (R, h).

    What is computed from it knows nothing of the windows' own luck. With a single window, or when
    `choose` gives up, the final weights are used.

    Args:
        truths: What came in each window.
        forecasts: One array (R, h) for each model, the windows below one another.
        weights: The final weights.
        choose: Returns weights for some rows; None when there is no time.
    """
    bounds = np.cumsum([0, *(len(t.y) for t in truths)])
    whole = joined(truths)
    out: Array = np.tensordot(weights, np.array(forecasts), axes=1)
    if len(truths) < 2:
        return out
    for begin, end in pairwise(bounds):
        others = np.r_[0:begin, end : bounds[-1]]
        found = choose(whole.rows(others), [f[others] for f in forecasts])
        if found is None:
            break
        out[begin:end] = np.tensordot(found, np.array([f[begin:end] for f in forecasts]), axes=1)
    return out


def _greedy(
    truth: Truth,
    forecasts: Sequence[Array],
    metric: ForecastMetric,
    losses: Array,
    may_go_on: Callable[[], bool],
) -> Array:
    counts = np.zeros(len(forecasts))
    best = int(losses.argmin())
    counts[best] = 1
    total = forecasts[best].astype(np.float64)
    best_loss, best_counts = float(losses[best]), counts.copy()
    for step in range(2, _MAX_STEPS + 1):
        found = np.full(len(forecasts), np.inf)
        for j, forecast in enumerate(forecasts):
            if not may_go_on():
                return shares(best_counts)
            if np.isfinite(losses[j]):
                found[j] = metric.loss(truth, (total + forecast) / step)
        chosen = int(np.nanargmin(found))
        counts[chosen] += 1
        total = total + forecasts[chosen]
        if found[chosen] < best_loss - _TOLERANCE:
            best_loss, best_counts = float(found[chosen]), counts.copy()
    return shares(best_counts)


def shares(weights: Array) -> Array:
    """Return weights that sum to 1."""
    return np.asarray(weights / weights.sum())


def _even(losses: Array) -> Array:
    """Return even shares of the models within half as much again of the best, at most four."""
    low = float(losses.min())
    limit = low + (_CLOSE - 1.0) * abs(low)
    order = [int(j) for j in np.argsort(losses, kind="stable") if losses[j] <= limit][:_MAX_POOL]
    share = np.zeros(len(losses))
    share[order] = 1.0
    return shares(share)
