"""What kind of thing a column holds."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

_DATE = re.compile(r"^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T\s].*)?$")
_SAMPLE = 500
_SHARE = 0.95  # of the values that must read as numbers or dates for the column to be one


class Kind(StrEnum):
    """Kinds of columns."""

    NUMBER = "number"
    NUMBER_AS_TEXT = "number as text"
    DATE = "date"
    DATE_AS_TEXT = "date as text"
    DURATION = "duration"
    CATEGORY = "category"
    TEXT = "text"
    EMPTY = "empty"
    CONSTANT = "constant"
    ROW_ID = "row id"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"


DROPPED = frozenset({Kind.EMPTY, Kind.CONSTANT, Kind.ROW_ID, Kind.DUPLICATE, Kind.IGNORED})

# What a caller may say of a column.
SAYABLE: dict[str, Kind] = {
    "number": Kind.NUMBER,
    "category": Kind.CATEGORY,
    "date": Kind.DATE_AS_TEXT,
    "text": Kind.TEXT,
    "ignore": Kind.IGNORED,
}


def plain_kind(series: pd.Series) -> Kind:
    """Return what a column holds by its type alone: words are categories, whatever they say."""
    dtype = series.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return Kind.DATE
    if pd.api.types.is_timedelta64_dtype(dtype):
        return Kind.DURATION
    is_number = pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
    return Kind.NUMBER if is_number else Kind.CATEGORY


@dataclass(frozen=True, slots=True)
class Column:
    """A column by position (names may be anything) and what it holds."""

    position: int
    name: str
    kind: Kind


def as_text(values: Any) -> pd.Series:
    """Return the values as an object series of str, with None where missing.

    Whole numbers read the same whether they came as 1 or as 1.0, so that a category survives a
    round trip through JSON or a column that gained a missing value.
    """
    series = pd.Series(values).astype(object).reset_index(drop=True)
    missing = series.isna().to_numpy(dtype=bool)
    out = np.empty(len(series), dtype=object)
    for i, value in enumerate(series.to_numpy()):
        out[i] = None if missing[i] else _word(value)
    return pd.Series(out, dtype=object)


def _word(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def as_number(values: Any) -> Any:
    """Return float64 values; text that reads as a number counts, anything else is NaN."""
    series = pd.Series(values)
    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_numeric_dtype(series.dtype):
        if pd.api.types.is_complex_dtype(series.dtype):
            series = series.map(abs)
        out = series.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        text = series.astype(object).map(lambda v: v.strip() if isinstance(v, str) else v)
        text = text.map(lambda v: float(v) if isinstance(v, bool | np.bool_) else v)
        text = text.where(text.map(lambda v: isinstance(v, str | int | float | np.number)), None)
        out = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(out), out, np.nan)


def as_date(values: Any) -> pd.Series:
    """Return naive UTC timestamps, NaT where the value is no date."""
    series = pd.Series(values).reset_index(drop=True)
    if not pd.api.types.is_datetime64_any_dtype(series.dtype):
        series = pd.to_datetime(
            series.astype(object).map(lambda v: v if v is None else str(v)),
            errors="coerce",
            format="mixed",
            utc=True,
        )
    if getattr(series.dt, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    return series


def guess_kind(series: pd.Series) -> Kind:
    """Return what a raw column holds; see `docs/automl.md` for the rules."""
    present = series.dropna()
    if present.empty:
        return Kind.EMPTY
    dtype = series.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return Kind.CONSTANT if present.nunique() < 2 and len(present) == len(series) else Kind.DATE
    if isinstance(dtype, pd.CategoricalDtype):
        is_constant = present.nunique() == 1 and len(present) == len(series)
        return Kind.CONSTANT if is_constant else Kind.CATEGORY
    if pd.api.types.is_timedelta64_dtype(dtype):
        return Kind.DURATION
    if pd.api.types.is_numeric_dtype(dtype):
        return _guess_number(series, present)
    return _guess_words(as_text(present), n_rows=len(series))


def _guess_number(series: pd.Series, present: pd.Series) -> Kind:
    values = as_number(present)
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return Kind.EMPTY
    if np.ptp(finite) == 0 and len(finite) == len(series):
        return Kind.CONSTANT
    return Kind.ROW_ID if len(finite) == len(series) and _counts_rows(finite) else Kind.NUMBER


def _counts_rows(values: Any) -> bool:
    """Tell whether values are distinct whole numbers that fill a third of their range or more."""
    if len(values) < 50 or np.ptp(values) >= 3 * len(values):
        return False
    return bool(np.all(values == np.round(values))) and len(np.unique(values)) == len(values)


def _guess_words(words: pd.Series, *, n_rows: int) -> Kind:
    n_unique = words.nunique()
    if n_unique == 1 and len(words) == n_rows:
        return Kind.CONSTANT
    sample = words if len(words) <= _SAMPLE else words.sample(_SAMPLE, random_state=0)
    stripped = sample.str.strip()
    filled = stripped[stripped != ""]
    if len(filled) and np.isfinite(as_number(filled)).mean() >= _SHARE and n_unique > 2:
        return Kind.NUMBER_AS_TEXT
    if len(filled) and filled.str.match(_DATE).mean() >= _SHARE:
        return Kind.DATE_AS_TEXT
    share_unique = n_unique / len(words)
    n_words = filled.str.count(r"\s+").mean() + 1 if len(filled) else 0.0
    if n_words >= 3 and share_unique > 0.2 and n_unique > 50:
        return Kind.TEXT
    if share_unique > 0.95 and n_unique > 50 and n_words < 1.5:
        return Kind.ROW_ID
    return Kind.CATEGORY
