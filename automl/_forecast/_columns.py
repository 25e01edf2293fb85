"""The columns of a raw table: stamps, values, names of series and covariates."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from automl._errors import DataError, OptionError, suggestion
from automl._forecast._options import Settings
from automl._forecast._panel import Array
from automl._guardrails import Finding

DEFAULT_ID = "unique_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column is what; see `Spec`."""

    ids: tuple[str, ...]
    known: tuple[str, ...]
    past: tuple[str, ...]
    static: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    timezone: str | None


def sort_columns(frame: Any, settings: Settings) -> tuple[pd.DataFrame, Columns, list[Finding]]:
    """Check the columns; return sorted rows of numbers, each with its series' number in `_series`.

    Raises:
        DataError: A column is missing or holds what it cannot.
        OptionError: `known` or `holidays` names nothing that exists.
    """
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"The table must be a pandas DataFrame, not {type(frame).__name__}.")
    if frame.columns.duplicated().any():
        name = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"The table has more than one column named {name!r}. Rename or drop them.")
    if len(frame) == 0:
        raise DataError("The table has no rows.")
    if "_series" in frame:
        raise DataError("The table has a column named '_series', a name used here. Rename it.")
    ids = _id_columns(frame, settings)
    for name, role in ((settings.time_column, "time"), (settings.target, "target")):
        _check_present(frame, name, role=role)
    for name in settings.known:
        _check_present(frame, name, role="known")
    check_country(settings.holidays)
    rows = frame.reset_index(drop=True).copy()
    rows[settings.time_column] = read_stamps(rows[settings.time_column], settings.time_column)
    rows[settings.target], notes = _read_target(rows[settings.target], settings.target)
    for name in ids:
        if rows[name].isna().any():
            raise DataError(
                f"The id column {name!r} has {int(rows[name].isna().sum())} missing values. "
                "Fill or drop those rows."
            )
    rows["_series"] = number_of_series(rows, ids)
    rows = rows.sort_values(["_series", settings.time_column], kind="stable", ignore_index=True)
    others = [c for c in rows if c not in {*ids, settings.time_column, settings.target, "_series"}]
    levels = _encode_all(rows, others)
    static = _static(rows, [c for c in others if c not in settings.known]) if ids else ()
    columns = Columns(
        ids=ids,
        known=settings.known,
        past=tuple(c for c in others if c not in {*settings.known, *static}),
        static=static,
        levels=levels,
        timezone=_timezone(rows[settings.time_column]),
    )
    return rows, columns, notes + _covariate_notes(columns)


def _check_present(frame: pd.DataFrame, name: str, *, role: str) -> None:
    if name not in frame:
        raise DataError(
            f"No column named {name!r} ({role}) in the table. {suggestion(name, frame.columns)}"
        )


def _id_columns(frame: pd.DataFrame, settings: Settings) -> tuple[str, ...]:
    if settings.id_columns is None:
        return (DEFAULT_ID,) if DEFAULT_ID in frame else ()
    for name in settings.id_columns:
        _check_present(frame, name, role="id")
    return settings.id_columns


def number_of_series(rows: pd.DataFrame, ids: tuple[str, ...]) -> Array:
    """Return the number of each row's series, in the sorted order of the ids, shape (n,)."""
    if not ids:
        return np.zeros(len(rows), dtype=np.int64)
    groups = rows.groupby(list(ids), sort=True, observed=True)
    return np.asarray(groups.ngroup())


def read_stamps(column: pd.Series, name: str) -> pd.Series:
    """Return dates and times.

    Raises:
        DataError: They are numbers, cannot be read, or some are missing.
    """
    if pd.api.types.is_numeric_dtype(column):
        raise DataError(
            f"{name!r} holds numbers, not dates. Convert it first, such as "
            f"pd.to_datetime(frame[{name!r}].astype(str), format='%Y')."
        )
    if not pd.api.types.is_datetime64_any_dtype(column):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # that each stamp is read by itself
                column = pd.to_datetime(column)
        except (ValueError, TypeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"{name!r} cannot be read as dates: {reason}") from error
        if not pd.api.types.is_datetime64_any_dtype(column):
            raise DataError(
                f"{name!r} mixes time zones. Convert it with pd.to_datetime(…, utc=True)."
            )
    if column.isna().any():
        raise DataError(f"{name!r} has {int(column.isna().sum())} missing stamps. Drop those rows.")
    return column.dt.as_unit("us")  # nanoseconds reach no further than 292 years


def _read_target(column: pd.Series, name: str) -> tuple[pd.Series, list[Finding]]:
    values = pd.to_numeric(column, errors="coerce")
    lost = values.isna() & column.notna()
    if lost.any():
        raise DataError(
            f"The target {name!r} must hold numbers; {int(lost.sum())} values do not, such as "
            f"{column[lost].iloc[0]!r}."
        )
    values = values.astype(np.float64)
    is_infinite = np.isinf(values)
    if not is_infinite.any():
        return values, []
    note = Finding(
        check="infinite_target",
        state="alerted",
        message=f"{int(is_infinite.sum())} infinite values of {name!r} count as missing.",
    )
    return values.mask(is_infinite), [note]


def check_country(code: str | None) -> None:
    """Refuse a country whose holidays are not known.

    Raises:
        OptionError: The country is unknown, or the library is not installed.
    """
    if code is None:
        return
    try:
        import holidays
    except ImportError as error:
        raise OptionError(
            "holidays needs the package holidays: pip install 'mlflow-studio[forecasting]'."
        ) from error
    known = holidays.list_supported_countries()
    if str(code).upper() not in known:
        raise OptionError(
            f"holidays must be the ISO code of a country such as 'US' or 'DE', not {code!r}."
        )


# ------------------------------------------------------------------ covariates


def _encode_all(rows: pd.DataFrame, names: list[str]) -> dict[str, tuple[str, ...]]:
    """Turn covariates into numbers in place; return the texts of text columns."""
    levels: dict[str, tuple[str, ...]] = {}
    for name in names:
        if not pd.api.types.is_numeric_dtype(rows[name]):
            levels[name] = tuple(sorted(rows[name].dropna().astype(str).unique()))
        rows[name] = encode(rows[name], levels.get(name))
    return levels


def encode(column: pd.Series, levels: tuple[str, ...] | None) -> pd.Series:
    """Return numbers: values as they are, texts as their places among `levels`; NaN if unknown."""
    if levels is None:
        values = pd.to_numeric(column, errors="coerce").astype(np.float64)
        return values.mask(np.isinf(values))
    codes = pd.Index(levels).get_indexer(column.astype(str).where(column.notna(), None))
    return pd.Series(np.where(codes < 0, np.nan, codes), index=column.index, dtype=np.float64)


def _static(rows: pd.DataFrame, names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    counts = rows.groupby("_series")[names].nunique(dropna=False)
    return tuple(c for c in names if (counts[c] == 1).all())


def _timezone(stamps: pd.Series) -> str | None:
    zone = stamps.dt.tz
    return None if zone is None else str(zone)


def _covariate_notes(columns: Columns) -> list[Finding]:
    notes = []
    for check, names, text in (
        ("known_covariates", columns.known, "must be given for the future, too"),
        (
            "past_covariates",
            columns.past,
            "are used as far as they were seen; name those known in advance in known=[…]",
        ),
        ("static_covariates", columns.static, "never change within a series and describe it"),
    ):
        if names:
            notes.append(
                Finding(
                    check=check,
                    state="passed",
                    message=f"{len(names)} columns {text}.",
                    columns=names,
                )
            )
    return notes
