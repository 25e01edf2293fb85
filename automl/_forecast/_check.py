"""A raw table becomes a panel, or the reason why it cannot is said."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from automl._errors import DataError, OptionError
from automl._forecast._columns import sort_columns
from automl._forecast._frequency import (
    infer_frequency,
    lie_on_grid,
    make_grid,
    natural_seasons,
    parse_frequency,
    siblings,
)
from automl._forecast._options import Settings
from automl._forecast._panel import Array, Panel, Spec
from automl._forecast._short import handle_short
from automl._guardrails import Finding, done

_MIN_SEASONS = 2  # a season that was not seen twice is no season


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A table that can be learned from.

    Attributes:
        panel: The series.
        settings: The options, the horizon chosen.
        findings: What was found and what was done about it.
    """

    panel: Panel
    settings: Settings
    findings: tuple[Finding, ...]


def check_frame(frame: Any, settings: Settings, *, freq: Any, season: Any) -> Checked:
    """Turn a table into a panel.

    Raises:
        DataError: The table cannot be learned from.
        OptionError: An option has an unknown value.
    """
    rows, columns, notes = sort_columns(frame, settings)
    chosen, rows, more = _regular(rows, settings, freq)
    notes += more
    if not settings.horizon:
        settings = replace(settings, horizon=_auto_horizon(chosen, rows))
        notes.append(done("horizon", f"{settings.horizon} steps are forecast."))
    stamps_grid = make_grid(
        rows[settings.time_column].min(),
        rows[settings.time_column].max(),
        chosen,
        extra=settings.horizon,
    )
    spec = Spec(
        id_columns=columns.ids,
        time_column=settings.time_column,
        target=settings.target,
        freq=chosen,
        season=1,
        seasons=(),
        known=columns.known,
        past=columns.past,
        static=columns.static,
        levels=columns.levels,
        timezone=columns.timezone,
        holidays=settings.holidays,
        is_non_negative=_is_non_negative(rows[settings.target], settings),
    )
    panel, more = build_panel(rows, spec, stamps_grid)
    notes += more
    panel, more = handle_short(panel, settings)
    notes += more
    seasons = _seasons(season, chosen, panel)
    spec = replace(spec, season=seasons[0] if seasons else 1, seasons=seasons)
    notes.append(_season_note(spec, panel, is_given=season != "auto"))
    return Checked(panel=replace(panel, spec=spec), settings=settings, findings=tuple(notes))


# ------------------------------------------------------------------ one row for each step


def _regular(
    rows: pd.DataFrame, settings: Settings, freq: Any
) -> tuple[str, pd.DataFrame, list[Finding]]:
    """Return the frequency and rows that lie on its grid, one for each series and step."""
    time = settings.time_column
    if freq == "auto":
        unique = rows.drop_duplicates(["_series", time])
        chosen = infer_frequency([pd.DatetimeIndex(s) for _, s in unique.groupby("_series")[time]])
        notes = [done("frequency", f"The rows are one step of {chosen!r} apart.", state="passed")]
    else:
        chosen, notes = parse_frequency(freq), []
        unique_stamps = pd.DatetimeIndex(rows[time].unique()).sort_values()
        matching = next((f for f in siblings(chosen) if lie_on_grid(unique_stamps, f)), chosen)
        if matching != chosen:
            notes.append(
                done("frequency", f"freq={chosen!r} was read as {matching!r}: the rows lie there.")
            )
            chosen = matching
    if settings.aggregate is not None:
        rows, more = _aggregated(rows, settings, chosen)
        return chosen, rows, notes + more
    _refuse_duplicates(rows, settings)
    _refuse_off_grid(rows, settings, chosen)
    return chosen, rows, notes


def _refuse_duplicates(rows: pd.DataFrame, settings: Settings) -> None:
    twice = rows.duplicated(["_series", settings.time_column])
    if twice.any():
        example = rows.loc[twice].iloc[0]
        names = [settings.time_column, *(c for c in settings.id_columns or () if c in rows)]
        where = ", ".join(f"{c}={example[c]}" for c in names)
        raise DataError(
            f"{int(twice.sum())} rows repeat a stamp of their series, such as {where}. "
            "Is an id column missing (id_columns=…)? Otherwise say with aggregate='sum' or 'mean' "
            "how they become one."
        )


def _refuse_off_grid(rows: pd.DataFrame, settings: Settings, freq: str) -> None:
    stamps = pd.DatetimeIndex(rows[settings.time_column].unique()).sort_values()
    grid = make_grid(stamps[0], stamps[-1], freq, extra=0)
    off = stamps[grid.get_indexer(stamps) < 0]
    if len(off) == 0:
        return
    raise DataError(
        f"{len(off)} of {len(stamps)} stamps do not lie on a grid of freq={freq!r} from "
        f"{grid[0]}, such as {off[0]}. Name the right freq, or say with aggregate='sum' or 'mean' "
        "how the rows of one step become one."
    )


def _aggregated(
    rows: pd.DataFrame, settings: Settings, freq: str
) -> tuple[pd.DataFrame, list[Finding]]:
    time, target = settings.time_column, settings.target
    how: dict[str, Any] = {
        c: "mean" if pd.api.types.is_float_dtype(rows[c]) else "first"
        for c in rows.columns
        if c not in (time, target, "_series")
    }
    how[target] = (
        (lambda v: v.sum(min_count=1)) if settings.aggregate == "sum" else settings.aggregate
    )
    grouper = pd.Grouper(key=time, freq=freq)
    try:
        out = rows.groupby(["_series", grouper], sort=True).agg(how).reset_index()
    except ValueError as error:  # pandas cannot cut business hours in every time zone into bins
        raise OptionError(
            f"aggregate={settings.aggregate!r} does not work with freq={freq!r} on these stamps. "
            "Choose a frequency of equal steps, such as 'h', or one row for each step."
        ) from error
    out = out.dropna(subset=[target])
    note = done(
        "aggregation",
        f"{len(rows)} rows became {len(out)} steps of {freq!r} by {settings.aggregate}.",
    )
    return out, [note] if len(out) != len(rows) else []


# ------------------------------------------------------------------ series


def build_panel(
    rows: pd.DataFrame, spec: Spec, grid: pd.DatetimeIndex
) -> tuple[Panel, list[Finding]]:
    """Cut sorted rows into series, fill their gaps and leave out those without any value."""
    position = grid.get_indexer(pd.DatetimeIndex(rows[spec.time_column]))
    target = rows[spec.target].to_numpy(dtype=np.float64)
    series = rows["_series"].to_numpy()
    known = _matrix(rows, spec.known)
    past = _matrix(rows, spec.past)
    static = _matrix(rows, spec.static)
    bounds = np.flatnonzero(np.append(True, series[1:] != series[:-1]))
    parts: list[tuple[Any, ...]] = []
    n_filled = n_empty = 0
    id_values = [rows[c].to_numpy() for c in spec.id_columns]
    for begin, end in zip(bounds, np.append(bounds[1:], len(series)), strict=True):
        present = np.flatnonzero(np.isfinite(target[begin:end]))
        if len(present) == 0:
            n_empty += 1
            continue
        begin, end = begin + present[0], begin + present[-1] + 1  # noqa: PLW2901
        at = position[begin:end] - position[begin]
        n = int(at[-1]) + 1
        y, seen = _filled(at, target[begin:end], n)
        n_filled += int(n - seen.sum())
        key = tuple(values[begin] for values in id_values)
        parts.append(
            (
                key,
                position[begin],
                y,
                seen,
                _spread(at, known[begin:end], n),
                _spread(at, past[begin:end], n),
                static[begin],
            )
        )
    if not parts:
        raise DataError(f"No series has a value: every row of {spec.target!r} is missing.")
    panel = Panel(
        spec=spec,
        grid=grid,
        keys=tuple(p[0] for p in parts),
        starts=np.array([p[1] for p in parts], dtype=np.int64),
        y=tuple(p[2] for p in parts),
        observed=tuple(p[3] for p in parts),
        known=tuple(p[4] for p in parts),
        past=tuple(p[5] for p in parts),
        static=np.array([p[6] for p in parts]).reshape(len(parts), len(spec.static)),
    )
    return panel, _filling_notes(n_filled, n_empty)


def _matrix(rows: pd.DataFrame, names: tuple[str, ...]) -> Array:
    if not names:
        return np.empty((len(rows), 0))
    return np.asarray(rows.loc[:, list(names)], dtype=np.float64)


def _filled(at: Array, values: Array, n: int) -> tuple[Array, Array]:
    """Put values on the grid; straight lines cross the gaps."""
    finite = np.isfinite(values)
    seen = np.zeros(n, dtype=bool)
    seen[at[finite]] = True
    return np.interp(np.arange(n), at[finite], values[finite]), seen


def _spread(at: Array, values: Array, n: int) -> Array:
    """Put covariates on the grid; the last value before a gap holds, the first one before it."""
    out = np.full((n, values.shape[1]), np.nan)
    out[at] = values
    return pd.DataFrame(out).ffill().bfill().to_numpy() if values.shape[1] else out


def _filling_notes(n_filled: int, n_empty: int) -> list[Finding]:
    notes = []
    if n_filled:
        notes.append(
            done(
                "gaps",
                f"{n_filled} missing steps or values were filled by straight lines; they are not "
                "scored.",
            )
        )
    else:
        notes.append(done("gaps", "No step or value is missing.", state="passed"))
    if n_empty:
        notes.append(
            done(
                "empty_series",
                f"{n_empty} series have no value and were left out.",
                state="alerted",
            )
        )
    return notes


# ------------------------------------------------------------------ seasons and signs


def _auto_horizon(freq: str, rows: pd.DataFrame) -> int:
    """Return one season, or eight steps without one, but no more than a fifth of the rows."""
    natural = natural_seasons(freq)
    longest = int(rows["_series"].value_counts().max())
    return max(min(natural[0] if natural else 8, longest // 5), 1)


def _seasons(season: Any, freq: str, panel: Panel) -> tuple[int, ...]:
    """Return the seasons that the series are long enough to show."""
    longest = int(panel.lengths.max())
    natural = natural_seasons(freq)
    if season == "auto":
        return tuple(m for m in natural if longest >= _MIN_SEASONS * m)
    if isinstance(season, bool) or not isinstance(season, int | np.integer) or season < 1:
        raise OptionError(
            f"season must be 'auto' or a whole number of steps from 1, not {season!r}."
        )
    main = int(season)
    longer = [m for m in natural if m > main and m % main == 0 and longest >= _MIN_SEASONS * m]
    return (main, *longer) if main > 1 else ()


def _season_note(spec: Spec, panel: Panel, *, is_given: bool) -> Finding:
    longest = int(panel.lengths.max())
    if spec.season > 1 and longest < _MIN_SEASONS * spec.season:
        text = (
            f"The season of {spec.season} steps was not seen twice in {longest} steps; models "
            "without season are used."
        )
        return done("season", text, state="alerted")
    if spec.season == 1 and not is_given:
        return done(
            "season",
            f"No season is used at freq={spec.freq!r} with {longest} steps.",
            state="passed",
        )
    return done(
        "season", f"Seasons of {', '.join(map(str, spec.seasons or (1,)))} steps.", state="passed"
    )


def _is_non_negative(target: pd.Series, settings: Settings) -> bool:
    if settings.is_non_negative is not None:
        return settings.is_non_negative
    values = target.to_numpy(dtype=np.float64)
    return bool((values[np.isfinite(values)] >= 0).all())
