"""A set of regular time series: what every model receives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What the columns mean; the same for training and for scoring.

    Attributes:
        id_columns: Columns that name a series; empty for a single series.
        time_column: Column of the stamps.
        target: Column of the values.
        freq: Step between stamps, in pandas' spelling.
        season: Main season in steps; 1 for none.
        seasons: All seasons in steps, the shortest first.
        known: Covariates that are known in advance.
        past: Covariates whose future is unknown.
        static: Covariates that never change within a series.
        levels: Texts of each text column, in the order of their codes.
        timezone: Time zone of the stamps; None for plain local times.
        holidays: ISO code of a country, or None.
        is_non_negative: Whether forecasts below zero are impossible.
    """

    id_columns: tuple[str, ...]
    time_column: str
    target: str
    freq: str
    season: int
    seasons: tuple[int, ...]
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    levels: dict[str, tuple[str, ...]]
    timezone: str | None = None
    holidays: str | None = None
    is_non_negative: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Regular series of any lengths on one grid of stamps.

    Attributes:
        spec: What the columns mean.
        grid: Stamps that cover all series.
        keys: Values of the id columns of each series, N in all.
        starts: Position of each series' first value on the grid, shape (N,).
        y: Values of each series without gaps, shapes (T_i,).
        observed: Whether a value was in the table rather than filled in, shapes (T_i,).
        known: Covariates known in advance, shapes (T_i, p).
        past: Covariates of the past, shapes (T_i, q).
        static: What never changes, shape (N, s); texts as codes.
    """

    spec: Spec
    grid: pd.DatetimeIndex
    keys: tuple[tuple[Any, ...], ...]
    starts: Array
    y: tuple[Array, ...]
    observed: tuple[Array, ...]
    known: tuple[Array, ...]
    past: tuple[Array, ...]
    static: Array

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def lengths(self) -> Array:
        """Number of values of each series, shape (N,)."""
        return np.array([len(v) for v in self.y], dtype=np.int64)

    @property
    def ends(self) -> Array:
        """Position on the grid of the step after each series' last, shape (N,)."""
        return self.starts + self.lengths

    def select(self, index: Sequence[int] | Array) -> "Panel":
        """Return the chosen series."""
        chosen = [int(i) for i in index]
        return replace(
            self,
            keys=tuple(self.keys[i] for i in chosen),
            starts=self.starts[chosen],
            y=tuple(self.y[i] for i in chosen),
            observed=tuple(self.observed[i] for i in chosen),
            known=tuple(self.known[i] for i in chosen),
            past=tuple(self.past[i] for i in chosen),
            static=self.static[chosen],
        )

    def until(self, lengths: Array) -> "Panel":
        """Return the first values of each series; nothing after them can be seen.

        Args:
            lengths: How many values of each to keep, shape (N,).
        """
        return replace(
            self,
            y=tuple(v[:n] for v, n in zip(self.y, lengths, strict=True)),
            observed=tuple(v[:n] for v, n in zip(self.observed, lengths, strict=True)),
            known=tuple(v[:n] for v, n in zip(self.known, lengths, strict=True)),
            past=tuple(v[:n] for v, n in zip(self.past, lengths, strict=True)),
        )

    def last(self, n: int) -> "Panel":
        """Return the last `n` values of each series, all of those that are shorter."""
        lost = np.maximum(self.lengths - n, 0)
        if not lost.any():
            return self
        return replace(
            self,
            starts=self.starts + lost,
            y=tuple(v[-n:] for v in self.y),
            observed=tuple(v[-n:] for v in self.observed),
            known=tuple(v[-n:] for v in self.known),
            past=tuple(v[-n:] for v in self.past),
        )

    def extended(self, values: Array, known: Sequence[Array]) -> "Panel":
        """Return the series with values appended, as if they had been seen.

        Args:
            values: Shape (N, k).
            known: Covariates of these steps, shapes (k, p).
        """
        k = values.shape[1]
        unseen = np.zeros(k, dtype=bool)
        return replace(
            self,
            y=tuple(np.append(v, more) for v, more in zip(self.y, values, strict=True)),
            observed=tuple(np.append(v, unseen) for v in self.observed),
            known=tuple(np.vstack([a, b]) for a, b in zip(self.known, known, strict=True)),
            past=tuple(np.vstack([p, np.repeat(p[-1:], k, axis=0)]) for p in self.past),
        )

    def stamps(self, n_more: int) -> pd.DatetimeIndex:
        """Return the grid, long enough for `n_more` steps after the last end."""
        needed = int(self.ends.max()) + n_more
        if needed <= len(self.grid):
            return self.grid
        return pd.date_range(self.grid[0], periods=needed, freq=self.spec.freq)

    def scales(self) -> Array:
        """Return the mean absolute seasonal difference of each series, shape (N,).

        It is what MASE divides by. Where it is zero or there is too little to compute it from,
        the non-seasonal difference, the mean absolute value and 1 stand in, in this order.
        """
        m = self.spec.season
        return np.array([_scale(v, m) for v in self.y])


def _scale(y: Array, season: int) -> float:
    for lag in (season, 1):
        if len(y) > lag:
            value = float(np.mean(np.abs(y[lag:] - y[:-lag])))
            if value > 0:
                return value
    return float(np.mean(np.abs(y))) or 1.0


def right_aligned(series: Sequence[Array]) -> Array:
    """Return series of different lengths as rows that end together, NaN in front.

    >>> right_aligned([np.array([1.0]), np.array([2.0, 3.0])])
    array([[nan,  1.],
           [ 2.,  3.]])
    """
    width = max(len(v) for v in series)
    out = np.full((len(series), width), np.nan)
    for row, v in zip(out, series, strict=True):
        row[width - len(v) :] = v
    return out
