"""The design of the global models: one row for each series, origin and step ahead.

A row stands for an origin with t seen values and the step k = 1, 2, … after it. Everything in it
is known at the origin, or known in advance (calendar, known covariates). Values are divided by the
series' own scale and counted from a base, the seasonal naive forecast moved to the present level,
so that series of any size are alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automl._forecast._calendar import calendar
from automl._forecast._panel import Array, Panel

_MAX_LAGS = 14
_N_SEASONAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How features are made; the same for training and forecasting.

    Attributes:
        lags: Lags of the target.
        windows: Steps of the rolling means.
        seasons: Seasons whose earlier values are looked up.
        has_past: Whether past covariates are used.
        calendar_names: Calendar features that vary in training; () leaves the calendar out.
    """

    lags: tuple[int, ...]
    windows: tuple[int, ...]
    seasons: tuple[int, ...]
    has_past: bool
    calendar_names: tuple[str, ...]

    def names(self, panel: Panel) -> list[str]:
        """Return the names of the columns of `rows`."""
        spec = panel.spec
        names = [f"lag {lag}" for lag in self.lags]
        names += [f"mean of {w}" for w in self.windows]
        names += ["spread", "slope"]
        names += [f"season {m}, {j} ago" for m in self.seasons for j in range(1, _N_SEASONAL + 1)]
        names += ["step", "log scale", *self.calendar_names, *spec.static, *spec.known]
        if self.has_past:
            names += [f"{name}, {word}" for name in spec.past for word in ("last", "season ago")]
        return names


def make_design(
    panel: Panel,
    *,
    lags: tuple[int, ...] | None,
    window: int | None,
    has_feature_lags: bool,
) -> Design:
    """Choose lags and windows by the season; what the caller names is taken as it is."""
    m = panel.spec.season
    if lags is None:
        lags = tuple(range(1, min(max(m, 4), _MAX_LAGS) + 1))
    windows = (window,) if window is not None else tuple({4, max(m, 8), 4 * max(m, 4)})
    seasons = tuple(s for s in panel.spec.seasons if (panel.lengths > 2 * s).any())
    stamps = panel.stamps(0)[int(panel.starts.min()) : int(panel.ends.max())]
    names, _ = calendar(stamps, panel.spec.holidays)
    return Design(
        lags=lags,
        windows=tuple(sorted(windows)),
        seasons=seasons,
        has_past=has_feature_lags and bool(panel.spec.past),
        calendar_names=names,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Features and what is needed to turn a prediction back into a value.

    Attributes:
        X: Features, shape (R, f); NaN where the history does not reach.
        base: What predictions are counted from, shape (R,).
        scale: What they are divided by, shape (R,).
    """

    X: Array
    base: Array
    scale: Array


class FeatureMaker:
    """Makes rows for the series of one panel."""

    def __init__(self, design: Design, panel: Panel, *, n_more: int) -> None:
        self._design, self._panel = design, panel
        self._scales = panel.scales()
        self._first = int(panel.starts.min())
        stamps = panel.stamps(n_more)[self._first : int(panel.ends.max()) + n_more]
        names, values = calendar(stamps, panel.spec.holidays)
        self._calendar = np.full((len(stamps), len(design.calendar_names)), 0.0)
        for j, name in enumerate(design.calendar_names):
            if name in names:
                self._calendar[:, j] = values[:, names.index(name)]

    def rows(self, i: int, t: Array, k: Array, known: Array) -> Rows:
        """Return the rows of series `i`.

        Args:
            i: Number of the series.
            t: Number of seen values of each row, shape (R,), at least 1.
            k: Step ahead of each row, shape (R,).
            known: Covariates known in advance of all steps, seen and to come, shape (T + more, p).
        """
        panel, design = self._panel, self._design
        y, m = panel.y[i], panel.spec.season
        look = _Lookup(y)
        scale = float(self._scales[i])
        base = seasonal_base(look, t, k, m)
        columns = [look.at(t - lag) for lag in design.lags]
        columns += [look.mean(t, w) for w in design.windows]
        relative = [(c - base) / scale for c in columns]
        earlier = look.mean(t - max(m, 4), max(m, 4))
        relative += [look.spread(t, max(m, 8)) / scale, (look.mean(t, max(m, 4)) - earlier) / scale]
        for s in design.seasons:
            full = -(-k // s)
            relative += [
                (look.at(t + k - 1 - (full + j) * s) - base) / scale for j in range(_N_SEASONAL)
            ]
        target = t + k - 1
        ones = np.ones(len(t))
        parts = [
            *relative,
            k.astype(float),
            ones * np.log(scale),
            *self._calendar[panel.starts[i] - self._first + target].T,
            *(ones * value for value in panel.static[i]),
            *known[target].T,
        ]
        if design.has_past:
            for series in panel.past[i].T:
                past = _Lookup(series)
                parts += [past.at(t - 1), past.at(t + k - 1 - (-(-k // m)) * m)]
        return Rows(X=np.column_stack(parts), base=base, scale=ones * scale)


class _Lookup:
    """Values and running means of a series by position; NaN before its start."""

    def __init__(self, y: Array) -> None:
        self._y = y
        self._sums = np.concatenate([[0.0], np.cumsum(y)])
        self._squares = np.concatenate([[0.0], np.cumsum((y - y.mean()) ** 2)])
        self._centred = np.concatenate([[0.0], np.cumsum(y - y.mean())])

    def at(self, position: Array) -> Array:
        """Return the values at the positions."""
        is_in = (position >= 0) & (position < len(self._y))
        return np.where(is_in, self._y[np.clip(position, 0, len(self._y) - 1)], np.nan)

    def mean(self, t: Array, width: int) -> Array:
        """Return the mean of up to `width` values before position t; NaN if there is none."""
        low, high = np.maximum(t - width, 0), np.maximum(t, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            out: Array = (self._sums[high] - self._sums[low]) / (high - low)
        return out

    def spread(self, t: Array, width: int) -> Array:
        """Return the standard deviation of up to `width` values before position t."""
        low, high = np.maximum(t - width, 0), np.maximum(t, 1)
        n = high - low
        mean = (self._centred[high] - self._centred[low]) / n
        square = (self._squares[high] - self._squares[low]) / n
        return np.asarray(np.sqrt(np.maximum(square - mean**2, 0.0)))


def seasonal_base(look: _Lookup, t: Array, k: Array, m: int) -> Array:
    """Return the value one season before the target, moved by how the level changed since.

    Without a season, or where the history does not reach, it is the last value.
    """
    last = look.at(t - 1)
    if m == 1:
        return last
    back = (-(-k // m)) * m
    seasonal = look.at(t + k - 1 - back)
    moved = look.mean(t, m) - look.mean(t - back, m)
    moved = np.where(np.isfinite(moved) & (t - back >= m), moved, 0.0)
    return np.where(np.isfinite(seasonal), seasonal + moved, last)


def known_of(panel: Panel, i: int, future: Sequence[Array] | None) -> Array:
    """Return the known covariates of a series, the steps to come appended."""
    return panel.known[i] if future is None else np.vstack([panel.known[i], future[i]])
