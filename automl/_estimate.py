"""What the ensemble will score on new rows, and how sure that is.

The ensemble's own score on the held-out rows is flattering: its members and weights were chosen by
those rows. Here each part of the rows is predicted with weights that the other parts chose, and
the bootstrap says how much the result would change with other rows.

References:
    Varma & Simon, "Bias in error estimation when using cross-validation for model selection", 2006.
    Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentiles).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl._ensemble import greedy_weights
from automl._metrics import Metric

Array = NDArray[Any]

_N_PARTS = 4
_N_STEPS = 12
_MAX_ROWS = 5_000
_N_RESAMPLES = 200
_LEVEL = 0.95
_MIN_ROWS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimated score with its interval.

    Attributes:
        score: Of the metric that was optimised.
        low: Lower end of the interval.
        high: Upper end.
        level: How often such intervals hold the score on new rows of the same kind.
    """

    score: float
    low: float
    high: float
    level: float = _LEVEL


def estimate(
    y: Array,
    predictions: Sequence[Array],
    *,
    metric: Metric,
    ensemble: Array | None = None,
    row_weights: Array | None = None,
    finish: Callable[[Array], Array] = lambda p: p,
    may_go_on: Callable[[], bool] = lambda: True,
    seed: int = 0,
) -> Estimate | None:
    """Estimate the score of the greedy ensemble of some predictions on new rows.

    Args:
        y: Truth, shape (n,).
        predictions: Out-of-fold predictions to choose from, each of shape (n, K) or (n,).
        metric: What is optimised.
        ensemble: What the ensemble that was chosen by all rows predicts for them, finished. Of many
            rows only a sample is cross-fitted: how flattering the ensemble's score is there is
            taken from its score on all of them.
        row_weights: What each row counts.
        finish: Calibrates and decides, as it will be done for new rows.
        may_go_on: Asked now and then; when it turns false there is no estimate.
        seed: Seed of everything random.

    Returns:
        The estimate; None where there are too few rows, no time, or no finite score.
    """
    rng = np.random.default_rng(seed)
    n_rows = len(y)
    if n_rows < _MIN_ROWS or not predictions:
        return None
    rows = np.sort(rng.permutation(n_rows)[:_MAX_ROWS])
    truth, parts = y[rows], [p[rows] for p in predictions]
    w = None if row_weights is None else row_weights[rows]
    mixed = _cross_fitted(truth, parts, metric, w, may_go_on)
    if mixed is None:
        return None
    mixed = finish(mixed)
    center = score = metric.score(truth, mixed, w)
    if ensemble is not None and len(rows) < n_rows:
        flattery = metric.score(truth, ensemble[rows], w) - center
        score = metric.score(y, ensemble, row_weights) - flattery
    draws = _resampled(truth, mixed, metric, w, rng, may_go_on)
    if draws is None or not np.isfinite(score):
        return None
    low, high = np.quantile(draws, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    shrink = np.sqrt(len(rows) / n_rows)  # the sample's interval is wider than that of all rows
    return Estimate(
        score=score,
        low=float(score + shrink * (low - center)),
        high=float(score + shrink * (high - center)),
    )


def _cross_fitted(
    y: Array,
    predictions: Sequence[Array],
    metric: Metric,
    w: Array | None,
    may_go_on: Callable[[], bool],
) -> Array | None:
    mixed: Array = np.empty_like(predictions[0], dtype=np.float64)
    part = np.arange(len(y)) % _N_PARTS
    for k in range(_N_PARTS):
        judged = part == k
        weights = greedy_weights(
            y[~judged],
            [p[~judged] for p in predictions],
            metric=metric,
            row_weights=None if w is None else w[~judged],
            max_steps=_N_STEPS,
            may_go_on=may_go_on,
        )
        if not may_go_on():
            return None
        mixed[judged] = sum(
            weight * p[judged] for weight, p in zip(weights, predictions, strict=True)
        )
    return mixed


def _resampled(
    y: Array,
    p: Array,
    metric: Metric,
    w: Array | None,
    rng: np.random.Generator,
    may_go_on: Callable[[], bool],
) -> Array | None:
    """Return the score of resampled rows: how often a row was drawn is its weight."""
    shares = np.full(len(y), 1.0 / len(y))
    draws = []
    for _ in range(_N_RESAMPLES):
        if not may_go_on():
            return None
        times = rng.multinomial(len(y), shares).astype(np.float64)
        draws.append(metric.score(y, p, times if w is None else times * w))
    found = np.array(draws)
    found = found[np.isfinite(found)]
    return found if len(found) > _N_RESAMPLES / 2 else None
