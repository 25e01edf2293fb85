"""Quantiles from the errors of backtests: conformal prediction with rolling origins.

The errors of the blended forecast, divided by each series' scale and by how much errors grow with
the step, are taken as a sample of the errors to come. The k-th smallest of n errors bounds the
next with probability k / (n + 1); where n is too small for the level that is asked, the largest
error is stretched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automl._forecast._measures import Truth
from automl._forecast._panel import Array

_FEW = 60  # below so many errors their signs are pooled: the two sides mirror each other


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """What backtests say about errors.

    Attributes:
        errors: Errors over scale and growth, sorted, shape (n,).
        growth: Typical size of errors at each step over that of all, shape (h,).
        n_rows: Windows that the errors come from, all series together.
    """

    errors: Array
    growth: Array
    n_rows: int

    def quantiles(self, yhat: Array, scale: Array, levels: Sequence[float]) -> Array:
        """Return quantiles of what will come.

        Args:
            yhat: Forecasts, shape (N, k); steps beyond the horizon widen like a random walk.
            scale: Scale of each series, shape (N,).
            levels: Probabilities, ascending.

        Returns:
            Shape (N, k, len(levels)), ascending along the last axis.
        """
        h, k = len(self.growth), yhat.shape[1]
        beyond = np.sqrt(np.arange(1, k + 1) / h)
        growth = np.where(np.arange(k) < h, np.resize(self.growth, k), self.growth[-1] * beyond)
        offsets = np.array([self._quantile(p) * self._caution(p) for p in levels])
        out = yhat[..., None] + scale[:, None, None] * growth[None, :, None] * offsets
        return np.maximum.accumulate(out, axis=-1)

    def _caution(self, p: float) -> float:
        """Return Student's quantile over the normal one: errors of one window move together.

        R windows tell about as much of the spread as R draws do, however many steps they have.
        """
        from scipy.special import ndtri, stdtrit

        tail = max(p, 1.0 - p)
        return 1.0 if tail <= 0.5 else float(stdtrit(max(self.n_rows, 3), tail) / ndtri(tail))

    def _quantile(self, p: float) -> float:
        e = self.errors
        n = len(e)
        if n < _FEW:
            size = np.sort(np.abs(e))
            bound = _upper(size, abs(2.0 * p - 1.0))
            return bound if p > 0.5 else -bound if p < 0.5 else 0.0
        return _upper(e, p) if p >= 0.5 else -_upper(np.sort(-e), 1.0 - p)


def _upper(e: Array, p: float) -> float:
    """Return the value that the next error exceeds with probability 1 - p at most."""
    n = len(e)
    k = p * (n + 1)
    if k <= n:
        return float(e[max(int(np.ceil(k)), 1) - 1])
    missing = (1.0 / (n + 1)) / max(1.0 - p, 1e-6)
    top = float(e[-1])
    return top * (1.0 + 0.5 * np.log(missing)) if top > 0 else top


def fit_intervals(truth: Truth, blended: Array) -> Intervals:
    """Learn from backtests.

    Args:
        truth: What came, R rows.
        blended: What the blend said, shape (R, h).
    """
    relative = (truth.y - blended) / truth.scale[:, None]
    sizes = np.where(truth.seen, np.abs(relative), np.nan)
    growth = _growth(sizes)
    errors = (relative / growth)[truth.seen]
    return Intervals(errors=np.sort(errors), growth=growth, n_rows=len(truth.y))


def _growth(sizes: Array) -> Array:
    """Return how errors grow with the step: never falling, and 1 where all are zero."""
    counts = np.isfinite(sizes).sum(axis=0)
    mean = np.nansum(sizes, axis=0) / np.maximum(counts, 1)
    whole = float(np.nansum(sizes) / max(counts.sum(), 1))
    if whole <= 0:
        return np.ones(sizes.shape[1])
    mean = np.where(counts > 0, mean, whole)
    rising = isotonic(mean, np.maximum(counts, 1).astype(float)) / whole
    return np.asarray(np.maximum(rising, 0.05))


def isotonic(values: Array, weights: Array) -> Array:
    """Return the closest sequence that never falls: pooled adjacent violators.

    >>> isotonic(np.array([1.0, 3.0, 2.0]), np.ones(3))
    array([1. , 2.5, 2.5])
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, total, n = value, weight, 1
        while blocks and blocks[-1][0] >= mean:
            before, more, k = blocks.pop()
            mean = (before * more + mean * total) / (more + total)
            total, n = total + more, n + k
        blocks.append((mean, total, n))
    return np.repeat([b[0] for b in blocks], [b[2] for b in blocks])


def without_backtest(horizon: int) -> Intervals:
    """Return intervals for series without a backtest: as wide as their usual steps are high."""
    return Intervals(
        errors=np.linspace(-2.0, 2.0, 41),
        growth=np.sqrt(np.arange(1, horizon + 1) / horizon),
        n_rows=30,
    )
