"""Rules that need no fit: the floor that everything else has to beat."""

from typing import ClassVar

import numpy as np

from automl._forecast._models._base import LocalModel
from automl._forecast._panel import Array


class Naive(LocalModel):
    """The last value."""

    name = "naive"
    min_length = 1

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Repeat the last value."""
        del seasons
        return np.repeat(y[:, -1:], horizon, axis=1)


class SeasonalNaive(LocalModel):
    """The value one season ago."""

    name = "seasonal_naive"
    min_length = 1

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Repeat the last season; where it was not seen in full, the last value."""
        m = seasons[0] if seasons and seasons[0] <= y.shape[1] else 1
        is_whole = np.isfinite(y[:, -m])[:, None]
        source = np.where(is_whole, y[:, -m:], y[:, -1:])
        return np.asarray(source[:, np.arange(horizon) % m])


class Drift(LocalModel):
    """The line through the first and the last value."""

    name = "drift"
    max_length = 1_000_000

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Extend the line."""
        del seasons
        first = np.isfinite(y).argmax(axis=1)
        slope = (y[:, -1] - y[np.arange(len(y)), first]) / (y.shape[1] - 1 - first)
        return np.asarray(y[:, -1:] + slope[:, None] * np.arange(1, horizon + 1))


class WindowMean(LocalModel):
    """The mean of the last season, or of the last eight values where there is no season."""

    name = "window_mean"
    min_length = 1

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Repeat the mean."""
        m = max(seasons[0], 4) if seasons else 8
        return np.repeat(np.nanmean(y[:, -m:], axis=1)[:, None], horizon, axis=1)


class SeasonalMean(LocalModel):
    """The mean of the same step in the last three seasons."""

    name = "seasonal_mean"
    _n_seasons: ClassVar[int] = 3

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Average the seasons."""
        m = seasons[0] if seasons else 1
        n = min(self._n_seasons, y.shape[1] // m)
        if n == 0:
            return np.full((len(y), horizon), np.nan)
        cycles = y[:, y.shape[1] - n * m :].reshape(len(y), n, m)
        is_whole = np.isfinite(cycles[:, :, :1])
        is_whole[:, -1] = True
        counts = np.isfinite(np.where(is_whole, cycles, np.nan)).sum(axis=1)
        sums = np.nansum(np.where(is_whole, cycles, 0.0), axis=1)
        mean = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return np.asarray(mean[:, np.arange(horizon) % m])
