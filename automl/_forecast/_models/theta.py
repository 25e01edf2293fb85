"""The Theta method with an optimised theta.

References:
    Assimakopoulos & Nikolopoulos, International Journal of Forecasting, 2000.
    Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler, the same journal, 2016 (optimised theta).
"""

import numpy as np

from automl._forecast._models._base import LocalModel, seasonal_naive
from automl._forecast._models._seasonal import has_season
from automl._forecast._panel import Array

_ALPHAS = np.linspace(0.02, 0.99, 40)
_THETAS = np.array([1.0, 1.25, 1.5, 2.0, 3.0, 5.0])


class Theta(LocalModel):
    """A line and exponential smoothing of the series with its curvature amplified.

    Seasons are taken out by classical decomposition where a test finds one: by ratios for positive
    series, else by differences.
    """

    name = "theta"
    min_length = 4
    max_length = 1500

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Adjust, fit alpha and theta, put the season back."""
        m = seasons[0] if seasons else 1
        parts = [deseasonalise(row[np.isfinite(row)], m, horizon) for row in y]
        rest = np.full_like(y, np.nan)
        for row, part in zip(rest, parts, strict=True):
            row[len(row) - len(part[0]) :] = part[0]
        out = optimised_theta(rest, horizon)
        for i, (_, factor, is_ratio) in enumerate(parts):
            out[i] = out[i] * factor if is_ratio else out[i] + factor
        return out


def deseasonalise(y: Array, m: int, horizon: int) -> tuple[Array, Array, bool]:
    """Return the series without season, the season to come, and whether it is a ratio."""
    is_ratio = bool(y.min() > 0)
    if not has_season(y, m):
        return y, np.full(horizon, float(is_ratio)), is_ratio
    n = len(y)
    weights = np.ones(m + 1) if m % 2 == 0 else np.ones(m)
    if m % 2 == 0:
        weights[[0, -1]] = 0.5
    trend = np.full(n, np.nan)
    half = len(weights) // 2
    trend[half : n - half] = np.convolve(y, weights / weights.sum(), mode="valid")
    detrended = y / trend if is_ratio else y - trend
    phases = np.arange(n) % m
    pattern = np.array([np.nanmean(detrended[phases == j]) for j in range(m)])
    pattern = pattern / pattern.mean() if is_ratio else pattern - pattern.mean()
    if is_ratio:
        pattern = np.maximum(pattern, 1e-3)
    season = pattern[phases]
    return (y / season if is_ratio else y - season), seasonal_naive(season, m, horizon), is_ratio


def optimised_theta(y: Array, horizon: int) -> Array:
    """Choose alpha and theta by the squared one-step errors; forecast.

    Args:
        y: Series that end together, NaN in front, shape (n, T).
        horizon: Number of steps.

    Returns:
        Shape (n, horizon).
    """
    n, T = y.shape
    first = np.isfinite(y).argmax(axis=1)
    t = np.maximum(np.arange(T) - first[:, None] + 1, 1).astype(float)  # 1, 2, … in each series
    is_in = np.isfinite(y)
    length = is_in.sum(axis=1)
    t_mean = (length + 1) / 2
    y_mean = np.nansum(y, axis=1) / length
    cross = np.nansum(np.where(is_in, (t - t_mean[:, None]) * (y - y_mean[:, None]), 0.0), axis=1)
    slope = cross / np.maximum(length * (length**2 - 1) / 12, 1e-12)
    line = y_mean - slope * t_mean
    alpha = _ALPHAS
    level = np.repeat((y[np.arange(n), first] / 2)[:, None], len(alpha), axis=1)
    share = 1.0 - 1.0 / _THETAS
    squares = np.zeros((n, len(alpha), len(_THETAS)))
    for column in range(T):
        begun = column > first
        mean = level[..., None] + share * _drift(line, slope, alpha, t[:, column] - 1)[..., None]
        error = np.where(begun[:, None, None], y[:, column, None, None] - mean, 0.0)
        squares += error**2
        seen = np.where(is_in[:, column], y[:, column], 0.0)[:, None]
        level = np.where(is_in[:, column, None], level + alpha * (seen - level), level)
    best = squares.reshape(n, -1).argmin(axis=1)
    a, b = np.unravel_index(best, squares.shape[1:])
    rows = np.arange(n)
    steps = np.arange(horizon)
    weight = alpha[a][:, None]
    decay = (1.0 - weight) ** length[:, None]
    ahead = (
        decay * line[:, None] + (steps + (1.0 - decay * (1.0 - weight)) / weight) * slope[:, None]
    )
    out: Array = level[rows, a][:, None] + share[b][:, None] * ahead
    return out


def _drift(line: Array, slope: Array, alpha: Array, t: Array) -> Array:
    """Return what the line adds to the one-step forecast made at step `t`, shape (n, K)."""
    decay = (1.0 - alpha) ** t[:, None]
    return decay * line[:, None] + (1.0 - decay * (1.0 - alpha)) / alpha * slope[:, None]
