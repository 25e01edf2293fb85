"""Seasonal patterns of a series: whether there is one, and the series without it.

References:
    Cleveland, Cleveland, McRae & Terpenning, "STL", Journal of Official Statistics, 1990.
    Bandara, Hyndman & Bergmeir, "MSTL", 2021: several seasons, the shortest first.
"""

from functools import lru_cache

import numpy as np

from automl._forecast._panel import Array


def has_season(y: Array, m: int) -> bool:
    """Whether the autocorrelation at lag `m` is significant at 90 % (the Theta method's test)."""
    n = len(y)
    if m < 2 or n < 2 * m + 1:
        return False
    centred = y - y.mean()
    power = float(centred @ centred)
    if power <= 0:
        return False
    lags = np.array([centred[k:] @ centred[:-k] for k in range(1, m + 1)]) / power
    limit = 1.645 * np.sqrt((1.0 + 2.0 * np.sum(lags[:-1] ** 2)) / n)
    return bool(abs(lags[-1]) > limit)


def grows_with_level(y: Array, m: int) -> bool:
    """Whether the spread within a season grows with its mean, so that logs would steady it."""
    if y.min() <= 0:
        return False
    width = max(m, 4)
    n = len(y) // width
    if n < 4:
        return False
    blocks = y[len(y) - n * width :].reshape(n, width)
    mean, spread = blocks.mean(axis=1), blocks.std(axis=1)
    is_moving = spread > 0
    if is_moving.sum() < 4 or np.ptp(np.log(mean[is_moving])) < 0.1:
        return False
    slope = np.polyfit(np.log(mean[is_moving]), np.log(spread[is_moving]), 1)[0]
    return bool(slope > 0.5)


@lru_cache(maxsize=32)
def _loess_kernel(n: int, window: int) -> tuple[Array, Array]:
    """Return each position's first neighbour, (n,), and the weights of a local line, (n, q)."""
    q = min(window, n)
    at = np.arange(n)
    first = np.clip(at - q // 2, 0, n - q)
    distance = first[:, None] + np.arange(q) - at[:, None]
    reach = np.maximum(np.abs(distance).max(axis=1), 1)[:, None] * (1 + 1e-9)
    if window > n:
        reach = reach * (window / n)
    weight = (1.0 - np.abs(distance / reach) ** 3) ** 3
    weight /= weight.sum(axis=1, keepdims=True)
    centre = (weight * distance).sum(axis=1, keepdims=True)
    spread = (weight * (distance - centre) ** 2).sum(axis=1, keepdims=True)
    tilt = np.where(spread > 1e-12, -centre * (distance - centre) / np.maximum(spread, 1e-12), 0.0)
    return first, weight * (1.0 + tilt)


def loess(y: Array, window: int) -> Array:
    """Smooth the last axis by local lines with tricube weights over `window` neighbours."""
    first, weights = _loess_kernel(y.shape[-1], max(window, 2))
    neighbours = y[..., first[:, None] + np.arange(weights.shape[1])]
    out: Array = np.einsum("...iq,iq->...i", neighbours, weights)
    return out


def _moving_mean(y: Array, width: int) -> Array:
    sums = np.cumsum(np.concatenate([[0.0], y]))
    return np.asarray((sums[width:] - sums[:-width]) / width)


def stl_season(y: Array, m: int, *, window: int = 11, n_passes: int = 2) -> Array:
    """Return the seasonal part of a series of at least two seasons, shape (T,).

    Args:
        y: The series.
        m: Season.
        window: Seasons over which the pattern may change.
        n_passes: Passes of season and trend.
    """
    n = len(y)
    trend = np.zeros(n)
    season = np.zeros(n)
    n_cycles = -(-n // m)
    trend_window = int(np.ceil(1.5 * m / (1.0 - 1.5 / window))) | 1
    for _ in range(n_passes):
        rest = np.full(n_cycles * m, np.nan)
        rest[:n] = y - trend
        cycles = rest.reshape(n_cycles, m).T  # one row for each phase
        smooth = np.empty((m, n_cycles + 2))
        is_short = np.isnan(cycles[:, -1])
        for rows, used in ((~is_short, n_cycles), (is_short, n_cycles - 1)):
            if rows.any():
                part = loess(cycles[rows, :used], window)
                ends = (2 * part[:, :1] - part[:, 1:2], 2 * part[:, -1:] - part[:, -2:-1])
                wide = np.hstack([ends[0], part, ends[1]])
                smooth[rows, : used + 2] = wide
                smooth[rows, used + 2 :] = wide[:, -1:]
        raw = smooth.T.reshape(-1)[: n + 2 * m]
        low = loess(_moving_mean(_moving_mean(_moving_mean(raw, m), m), 3), m | 1)
        season = raw[m : m + n] - low[:n]
        trend = loess(y - season, trend_window)
    return season


def seasonal_strength(y: Array, m: int) -> float:
    """Return how much of the detrended variation is seasonal, from 0 to 1."""
    if len(y) < 2 * m + 1 or m < 2:
        return 0.0
    season = stl_season(y, m)
    rest = y - season
    rest = rest - loess(rest, int(1.5 * m) | 1)
    whole = float(np.var(season + rest))
    return max(0.0, 1.0 - float(np.var(rest)) / whole) if whole > 0 else 0.0
