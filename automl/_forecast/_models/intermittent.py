"""Rules for demand that is zero most of the time.

References:
    Croston, Operational Research Quarterly, 1972.
    Syntetos & Boylan, International Journal of Forecasting, 2005 (the correction).
    Teunter, Syntetos & Babai, European Journal of Operational Research, 2011 (TSB).
    Nikolopoulos et al., Journal of the Operational Research Society, 2011 (ADIDA).
"""

import numpy as np

from automl._forecast._models._base import LocalModel
from automl._forecast._panel import Array, Panel

_ZERO_SHARE = 0.3
_ALPHA = 0.1


class _Intermittent(LocalModel):
    min_length = 4

    def suits(self, panel: Panel, horizon: int) -> bool:
        """Whether a tenth of the series is zero in at least three of ten steps."""
        del horizon
        if not all(v.min() >= 0 for v in panel.y):
            return False
        shares = np.array([np.mean(v == 0) for v in panel.y])
        return bool(np.mean(shares >= _ZERO_SHARE) >= 0.1)

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Repeat the expected demand of one step."""
        del seasons
        rates = [self._rate(row[np.isfinite(row)]) for row in y]
        return np.repeat(np.array(rates)[:, None], horizon, axis=1)

    def _rate(self, y: Array) -> float:
        raise NotImplementedError


class Croston(_Intermittent):
    """Size of demands over the time between them, with Syntetos' and Boylan's correction."""

    name = "croston"

    def _rate(self, y: Array) -> float:
        at = np.flatnonzero(y)
        if len(at) == 0:
            return 0.0
        size = smoothed(y[at], _ALPHA)
        interval = smoothed(np.diff(at, prepend=-1).astype(float), _ALPHA)
        return (1.0 - _ALPHA / 2.0) * size / interval


class TSB(_Intermittent):
    """Size of demands times their probability, which fades while there is none."""

    name = "tsb"

    def _rate(self, y: Array) -> float:
        demands = y[y > 0]
        if len(demands) == 0:
            return 0.0
        return smoothed(demands, _ALPHA) * smoothed((y > 0).astype(float), _ALPHA)


class ADIDA(_Intermittent):
    """Smoothing of sums over the mean interval between demands, spread evenly."""

    name = "adida"

    def _rate(self, y: Array) -> float:
        at = np.flatnonzero(y)
        if len(at) == 0:
            return 0.0
        width = min(max(round(len(y) / len(at)), 1), len(y))
        n = len(y) // width
        sums = y[len(y) - n * width :].reshape(n, width).sum(axis=1)
        return smoothed(sums, 0.2) / width


def smoothed(values: Array, alpha: float) -> float:
    """Return the level after simple exponential smoothing that starts at the first value.

    >>> smoothed(np.array([1.0, 3.0]), 0.5)
    2.0
    """
    level = float(values[0])
    for value in values[1:]:
        level += alpha * (float(value) - level)
    return level
