"""Regression on waves with ARMA errors: for long seasons and for several of them."""

import numpy as np

from automl._forecast._models._arma import choose_arma
from automl._forecast._models._base import LocalModel
from automl._forecast._models._seasonal import grows_with_level
from automl._forecast._models.arima import undo_differences
from automl._forecast._panel import Array

_YEAR = 365.25
_MAX_WAVES = 12
_MIN_SEASON = 5
# Seasons in steps that are really a fraction longer: a year has 52.18 weeks.
_TRUE_PERIODS = {52: _YEAR / 7, 365: _YEAR}


class Harmonic(LocalModel):
    """Sines and cosines of each season, their number by AICc, on differences with ARMA errors."""

    name = "harmonic"
    min_length = 24
    max_length = 2000
    chunk_size = 4

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Fit and forecast each series."""
        usable = tuple(m for m in seasons if m >= _MIN_SEASON)
        if not usable:
            return np.full((len(y), horizon), np.nan)
        if usable == (7,) and y.shape[1] > 2 * 365:
            usable = (7, 365)
        return np.array([harmonic_forecast(row[np.isfinite(row)], usable, horizon) for row in y])


def harmonic_forecast(y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
    """Forecast one series; NaN where it is shorter than two seasons."""
    usable = [m for m in seasons if len(y) >= 2 * m + 2]
    if not usable:
        return np.full(horizon, np.nan)
    is_log = grows_with_level(y, usable[0])
    x = np.log(y) if is_log else y
    n = len(x)
    change = np.diff(x)
    design = np.empty((n + horizon, 0))
    for m in usable:
        design = _with_waves(design, change, m, n)
    steps = np.diff(design, axis=0)  # differences on both sides: the coefficients stay the same
    coefficients = _least_squares(steps[: n - 1], change)
    rest = change - steps[: n - 1] @ coefficients
    if np.ptp(rest) == 0:
        ahead = np.full(horizon, rest[-1])
    else:
        model = choose_arma(rest, 1, has_mean=True, max_models=20)
        ahead = model.forecast(rest, horizon)
    out = undo_differences(x, steps[n - 1 :] @ coefficients + ahead, [1])
    return np.exp(np.minimum(out, 700.0)) if is_log else out


def _with_waves(design: Array, change: Array, m: int, n: int) -> Array:
    """Append as many pairs of waves of season `m` as AICc allows."""
    t = np.arange(len(design))
    period = _TRUE_PERIODS.get(m, float(m))
    best, best_aicc = design, _aicc(np.diff(design, axis=0)[: n - 1], change)
    for k in range(1, min(m // 2, _MAX_WAVES) + 1):
        angle = 2.0 * np.pi * k * t / period
        waves = [np.sin(angle), np.cos(angle)]
        if 2 * k == m:
            waves = [np.cos(angle)]
        design = np.column_stack([design, *waves])
        aicc = _aicc(np.diff(design, axis=0)[: n - 1], change)
        if aicc < best_aicc:
            best, best_aicc = design, aicc
    return best


def _least_squares(X: Array, y: Array) -> Array:
    if X.shape[1] == 0:
        return np.zeros(0)
    return np.asarray(np.linalg.lstsq(X, y, rcond=None)[0])


def _aicc(X: Array, y: Array) -> float:
    rest = y - X @ _least_squares(X, y)
    n, k = len(y), X.shape[1] + 1
    room = n - k - 1
    if room <= 0:
        return float("inf")
    variance = max(float(rest @ rest) / n, 1e-300)
    return float(n * np.log(variance) + 2 * k + 2 * k * (k + 1) / room)
