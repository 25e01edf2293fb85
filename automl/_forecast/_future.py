"""The rows that a forecast is asked for, and what has been seen since training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from automl._errors import DataError, suggestion
from automl._forecast._columns import encode, read_stamps
from automl._forecast._panel import Array, Panel, Spec


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be forecast.

    Attributes:
        panel: The series that are asked for, newer values appended.
        known: Covariates known in advance of all steps up to the last that is asked for, shapes
            (k, p).
        horizon: k.
        is_extended: Whether newer values than in training were given.
        series: Numbers of the series in the training panel.
        rows: Positions in the given table of the rows to answer; None for all steps of all series.
        row_series: Number within `panel` of each of these rows.
        row_steps: Its step ahead, from 1.
    """

    panel: Panel
    known: Sequence[Array]
    horizon: int
    is_extended: bool
    series: Array
    rows: Array | None = None
    row_series: Array | None = None
    row_steps: Array | None = None


def read_future(future: Any, panel: Panel, *, holds_covariates: bool = False) -> Request:
    """Read the rows of a table that are to be forecast.

    Rows whose target is given count as seen: they extend the history of their series.

    Args:
        future: The rows.
        panel: The training data.
        holds_covariates: Whether covariates of steps without a row stay as they were, rather than
            being missed.

    Raises:
        DataError: A column or a step is missing, a series is unknown, or a stamp lies in the past.
    """
    spec = panel.spec
    frame = _checked(future, spec)
    numbers = _series_numbers(frame, panel)
    chosen, series = np.unique(numbers, return_inverse=True)
    part = panel.select(chosen)
    steps = _steps(frame, part, series)
    values = _targets(frame, spec)
    is_seen = np.isfinite(values)
    known = _matrix(frame, spec.known, spec)
    newest = np.zeros(len(part), dtype=np.int64)
    np.maximum.at(newest, series[is_seen], steps[is_seen])
    _refuse_past(frame, steps, spec)
    is_asked = steps > newest[series]
    ahead = np.zeros(len(part), dtype=np.int64)
    np.maximum.at(ahead, series, steps - newest[series])
    horizon = max(int(ahead.max()), 1)
    table = _Table(series=series, steps=steps, values=values, known=known)
    part = _appended(part, table, newest, frame, spec)
    if not holds_covariates:
        _refuse_holes(part, table, newest, ahead)
    coming = _coming(part, table, newest, horizon)
    return Request(
        panel=part,
        known=coming,
        horizon=horizon,
        is_extended=bool(newest.any()),
        series=chosen,
        rows=np.flatnonzero(is_asked),
        row_series=series[is_asked],
        row_steps=(steps - newest[series])[is_asked],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    series: Array
    steps: Array
    values: Array
    known: Array


def _checked(future: Any, spec: Spec) -> pd.DataFrame:
    if not isinstance(future, pd.DataFrame):
        raise DataError(
            f"future must be a pandas DataFrame with the columns of the rows to forecast, not "
            f"{type(future).__name__}."
        )
    if len(future) == 0:
        raise DataError("future has no rows. Leave it out to forecast the whole horizon.")
    for name in (*spec.id_columns, spec.time_column, *spec.known):
        if name not in future:
            known = " It is known in advance, so the future needs it." if name in spec.known else ""
            raise DataError(
                f"future has no column {name!r}.{known} {suggestion(name, future.columns)}"
            )
    frame = future.reset_index(drop=True).copy()
    stamps = read_stamps(frame[spec.time_column], spec.time_column)
    zone = None if stamps.dt.tz is None else str(stamps.dt.tz)
    if (zone is None) != (spec.timezone is None):
        raise DataError(
            f"The stamps of future have the time zone {zone}, those of training "
            f"{spec.timezone}. Use "
            f"tz_localize or drop the zone."
        )
    if spec.timezone is not None:
        stamps = stamps.dt.tz_convert(spec.timezone)
    frame[spec.time_column] = stamps
    return frame


def _series_numbers(frame: pd.DataFrame, panel: Panel) -> Array:
    """Return the number of each row's series.

    Raises:
        DataError: A series was not in training.
    """
    columns = panel.spec.id_columns
    if not columns:
        return np.zeros(len(frame), dtype=np.int64)
    places = {tuple(map(_plain, key)): i for i, key in enumerate(panel.keys)}
    keys = list(zip(*(map(_plain, frame[c]) for c in columns), strict=True))
    unknown = next((key for key in keys if key not in places), None)
    if unknown is not None:
        shown = ", ".join(f"{c}={v!r}" for c, v in zip(columns, unknown, strict=True))
        n = len({key for key in keys if key not in places})
        raise DataError(
            f"{n} series of future were not in training, such as {shown}. A forecast needs "
            "their history: "
            "train with it."
        )
    return np.array([places[key] for key in keys], dtype=np.int64)


def _plain(value: Any) -> Any:
    """Make 1, 1.0 and numpy's 1 the same key."""
    if isinstance(value, np.generic):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _steps(frame: pd.DataFrame, panel: Panel, series: Array) -> Array:
    """Return how many steps after the end of its series each row lies; 1 is the next step.

    Raises:
        DataError: A stamp lies between two steps.
    """
    spec = panel.spec
    stamps = pd.DatetimeIndex(frame[spec.time_column])
    grid = panel.stamps(1)
    if stamps.max() > grid[-1]:
        more = pd.date_range(grid[-1], stamps.max(), freq=spec.freq)
        grid = grid.append(more[1:]) if len(more) > 1 else grid
    position = grid.get_indexer(stamps)
    lost = (position < 0) & (stamps >= grid[0])
    if lost.any():
        raise DataError(
            f"{int(lost.sum())} stamps of future do not lie on the grid of freq={spec.freq!r}, "
            "such as "
            f"{stamps[lost][0]}. The next step is {grid[int(panel.ends.max())]}."
        )
    return np.asarray(position - panel.ends[series] + 1)


def _refuse_past(frame: pd.DataFrame, steps: Array, spec: Spec) -> None:
    is_past = steps < 1
    if is_past.any():
        stamp = frame[spec.time_column][is_past].iloc[0]
        raise DataError(
            f"{int(is_past.sum())} rows of future lie in the history, such as "
            f"{spec.time_column}={stamp}. "
            "A forecast starts after each series' last value."
        )


def _targets(frame: pd.DataFrame, spec: Spec) -> Array:
    if spec.target not in frame:
        return np.full(len(frame), np.nan)
    values = pd.to_numeric(frame[spec.target], errors="coerce").to_numpy(dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _matrix(frame: pd.DataFrame, names: tuple[str, ...], spec: Spec) -> Array:
    if not names:
        return np.empty((len(frame), 0))
    columns = [encode(frame[n], spec.levels.get(n)).to_numpy(dtype=np.float64) for n in names]
    return np.column_stack(columns)


def _appended(panel: Panel, table: _Table, newest: Array, frame: pd.DataFrame, spec: Spec) -> Panel:
    """Append what was seen since training; straight lines cross the gaps."""
    if not newest.any():
        return panel
    past = _matrix(frame, tuple(c for c in spec.past if c in frame), spec)
    has_past = past.shape[1] == len(spec.past)
    y, observed, known, seen_past = [], [], [], []
    for i in range(len(panel)):
        n = int(newest[i])
        rows = np.flatnonzero((table.series == i) & (table.steps <= n))
        at = table.steps[rows] - 1
        values = np.full(n, np.nan)
        values[at] = table.values[rows]
        is_seen = np.isfinite(values)
        whole = np.append(panel.y[i], values)
        finite = np.flatnonzero(np.isfinite(whole))
        y.append(np.interp(np.arange(len(whole)), finite, whole[finite]))
        observed.append(np.append(panel.observed[i], is_seen))
        known.append(_held(panel.known[i], table.known[rows], at, n))
        seen_past.append(_held(panel.past[i], past[rows] if has_past else None, at, n))
    return replace(
        panel, y=tuple(y), observed=tuple(observed), known=tuple(known), past=tuple(seen_past)
    )


def _held(before: Array, values: Array | None, at: Array, n: int) -> Array:
    """Append n steps of covariates; where one is missing the last one holds."""
    out = np.full((n, before.shape[1]), np.nan)
    if values is not None:
        out[at] = values
    whole = np.vstack([before, out])
    return np.asarray(pd.DataFrame(whole).ffill()) if before.shape[1] else whole


def _refuse_holes(panel: Panel, table: _Table, newest: Array, ahead: Array) -> None:
    """Refuse to forecast where a covariate that is known in advance is needed and not there."""
    if not panel.spec.known:
        return
    for i in range(len(panel)):
        rows = (table.series == i) & (table.steps > newest[i])
        missing = np.setdiff1d(np.arange(1, ahead[i] + 1), table.steps[rows] - newest[i])
        if len(missing):
            stamp = panel.stamps(int(ahead[i]))[int(panel.ends[i]) + int(missing[0]) - 1]
            raise DataError(
                f"future has no row for {len(missing)} steps before the last one asked for, "
                f"such as {stamp}: the "
                f"covariates known in advance ({', '.join(panel.spec.known[:5])}) are needed "
                "for each step."
            )


def _coming(panel: Panel, table: _Table, newest: Array, horizon: int) -> list[Array]:
    """Return known covariates of the steps to come; where one is missing the last one holds."""
    out = []
    for i in range(len(panel)):
        rows = np.flatnonzero((table.series == i) & (table.steps > newest[i]))
        at = table.steps[rows] - newest[i] - 1
        out.append(_held(panel.known[i][-1:], table.known[rows], at, horizon)[1:])
    return out


def whole_horizon(panel: Panel, horizon: int) -> Request:
    """Ask for the next steps of all series.

    Raises:
        DataError: There are covariates whose future is needed.
    """
    if panel.spec.known:
        raise DataError(
            "predict needs future: a row for each step to come with the columns "
            f"{', '.join((*panel.spec.id_columns, panel.spec.time_column, *panel.spec.known))}. "
            "future_frame() makes one to fill in."
        )
    return Request(
        panel=panel,
        known=[np.empty((horizon, 0))] * len(panel),
        horizon=horizon,
        is_extended=False,
        series=np.arange(len(panel)),
    )
