"""STL for one or several seasons, and exponential smoothing of what is left."""

from dataclasses import dataclass

import numpy as np

from automl._forecast._models._base import LocalModel, seasonal_naive
from automl._forecast._models._seasonal import grows_with_level, stl_season
from automl._forecast._models.ets import ETS
from automl._forecast._panel import Array


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A series without its seasons.

    Attributes:
        rest: The series without seasons, in logs if `is_log`.
        season: The seasonal part of the steps to come, shape (horizon,).
        is_log: Whether logs were taken.
    """

    rest: Array
    season: Array
    is_log: bool


def adjust(y: Array, seasons: tuple[int, ...], horizon: int) -> Adjusted:
    """Take the seasons out of a series, the shortest first, and carry their last cycles forward."""
    usable = [m for m in seasons if m > 1 and len(y) >= 2 * m + 1]
    is_log = bool(usable) and grows_with_level(y, usable[0])
    rest = np.log(y) if is_log else y
    parts = {m: np.zeros(len(y)) for m in usable}
    for _ in range(2 if len(usable) > 1 else 1):
        for m in usable:
            rest = rest + parts[m]
            parts[m] = stl_season(rest, m)
            rest = rest - parts[m]
    ahead = np.zeros(horizon)
    for m, part in parts.items():
        ahead += seasonal_naive(part, m, horizon)
    return Adjusted(rest=rest, season=ahead, is_log=is_log)


class MSTL(LocalModel):
    """Seasons by loess, the rest by exponential smoothing without season."""

    name = "mstl"
    min_length = 8
    max_length = 3000
    chunk_size = 64

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Adjust, smooth, and put the seasons back."""
        parts = [adjust(row[np.isfinite(row)], seasons, horizon) for row in y]
        rest = np.full_like(y, np.nan)
        for row, part in zip(rest, parts, strict=True):
            row[len(row) - len(part.rest) :] = part.rest
        level = ETS().forecast_rows(rest[:, -ETS.max_length :], (), horizon)
        out: Array = level + np.array([part.season for part in parts])
        is_log = np.array([part.is_log for part in parts])
        out[is_log] = np.exp(np.minimum(out[is_log], 700.0))
        return out
