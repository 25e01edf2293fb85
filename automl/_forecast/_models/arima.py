"""ARIMA with orders chosen by tests and AICc."""

from typing import ClassVar

import numpy as np

from automl._forecast._models._arma import choose_arma
from automl._forecast._models._base import LocalModel
from automl._forecast._models._seasonal import grows_with_level, seasonal_strength
from automl._forecast._panel import Array

_KPSS_5_PERCENT = 0.463
_STRONG_SEASON = 0.64
MAX_SEASON = 52


class ARIMA(LocalModel):
    """Seasonal ARIMA; logs are taken where the spread grows with the level."""

    name = "arima"
    min_length = 8
    max_length = 1000
    chunk_size = 4
    _many_series: ClassVar[int] = 40

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Fit and forecast each series."""
        m = seasons[0] if seasons and seasons[0] <= MAX_SEASON else 1
        return np.array([arima_forecast(row[np.isfinite(row)], m, horizon) for row in y])


def arima_forecast(y: Array, m: int, horizon: int, *, max_models: int = 24) -> Array:
    """Forecast one series.

    Args:
        y: The series, shape (T,).
        m: Season; 1 for none.
        horizon: Number of steps.
        max_models: Upper bound of fits.
    """
    is_log = grows_with_level(y, m)
    x = np.log(y) if is_log else y
    lags: list[int] = []
    if m > 1 and len(x) > 2 * m + 2 and seasonal_strength(x, m) > _STRONG_SEASON:
        lags.append(m)
        x = x[m:] - x[:-m]
    while len(lags) < 2 and len(x) > 6 and kpss(x) > _KPSS_5_PERCENT:
        lags.append(1)
        x = np.diff(x)
    if np.ptp(x) == 0:
        ahead = np.full(horizon, x[-1] if len(x) else 0.0)
    else:
        ahead = choose_arma(x, m, has_mean=len(lags) <= 1, max_models=max_models).forecast(
            x, horizon
        )
    out = undo_differences(np.log(y) if is_log else y, ahead, lags)
    return np.exp(np.minimum(out, 700.0)) if is_log else out


def kpss(x: Array) -> float:
    """Return the statistic of the KPSS test for stationarity around a level."""
    n = len(x)
    e = x - x.mean()
    n_lags = int(4 * (n / 100) ** 0.25) + 1
    variance = float(e @ e) / n
    for k in range(1, min(n_lags, n - 1) + 1):
        variance += 2.0 * (1.0 - k / (n_lags + 1)) * float(e[k:] @ e[:-k]) / n
    if variance <= 0:
        return 0.0
    return float(np.sum(np.cumsum(e) ** 2) / (n * n * variance))


def undo_differences(y: Array, ahead: Array, lags: list[int]) -> Array:
    """Turn forecasts of differences into forecasts of the series.

    >>> undo_differences(np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0]), [1])
    array([5., 6.])
    """
    levels = [y]
    for lag in lags:
        levels.append(levels[-1][lag:] - levels[-1][:-lag])
    for series, lag in zip(reversed(levels[:-1]), reversed(lags), strict=True):
        path = np.concatenate([series[-lag:], np.zeros(len(ahead))])
        for k, value in enumerate(ahead):
            path[lag + k] = path[k] + value
        ahead = path[lag:]
    return ahead
