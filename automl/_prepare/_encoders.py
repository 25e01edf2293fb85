"""One encoder for each kind of column: fitted once, applied in training and in serving."""

from typing import Any, Protocol

import numpy as np
import pandas as pd

from automl._prepare._columns import Kind, as_date, as_number, as_text
from automl._prepare._text import TextNumbers

_MAX_LEVELS = 1000
_HIGH_CARDINALITY = 100


class Encoder(Protocol):
    """Turns a raw column into numeric columns, category codes, or both.

    Attributes:
        cardinality: Number of codes; 0 where the column gives none.
    """

    cardinality: int

    def fit(self, series: pd.Series) -> "Encoder":
        """Learn from the training column."""

    def transform(self, series: pd.Series) -> tuple[Any, Any]:
        """Return numbers, shape (n, p), and codes, shape (n, 0 or 1)."""


def _no_codes(n_rows: int) -> Any:
    return np.empty((n_rows, 0), dtype=np.int32)


class NumberEncoder:
    """Numbers, booleans and text that reads as numbers."""

    cardinality = 0

    def fit(self, series: pd.Series) -> "NumberEncoder":  # noqa: ARG002 - the interface
        """Nothing to learn."""
        return self

    def transform(self, series: pd.Series) -> tuple[Any, Any]:
        """Return the values."""
        return as_number(series)[:, None], _no_codes(len(series))


class DurationEncoder:
    """Time spans, in seconds."""

    cardinality = 0

    def fit(self, series: pd.Series) -> "DurationEncoder":  # noqa: ARG002 - the interface
        """Nothing to learn."""
        return self

    def transform(self, series: pd.Series) -> tuple[Any, Any]:
        """Return seconds."""
        spans = pd.to_timedelta(series, errors="coerce").reset_index(drop=True)
        return spans.dt.total_seconds().to_numpy(np.float64)[:, None], _no_codes(len(series))


class DateEncoder:
    """Dates to elapsed days and those calendar parts that vary in training."""

    cardinality = 0

    def fit(self, series: pd.Series) -> "DateEncoder":
        """Keep the parts that take more than one value."""
        parts = _date_parts(as_date(series))
        self.kept_ = [
            j for j in range(parts.shape[1]) if len(np.unique(parts[~np.isnan(parts[:, j]), j])) > 1
        ] or [0]
        return self

    def transform(self, series: pd.Series) -> tuple[Any, Any]:
        """Return the kept parts."""
        return _date_parts(as_date(series))[:, self.kept_], _no_codes(len(series))


def _date_parts(dates: pd.Series) -> Any:
    days = (dates - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)
    at = dates.dt
    minute_of_day = at.hour * 60 + at.minute + at.second / 60
    parts = [
        days,
        at.year,
        at.month,
        at.day,
        at.day_of_week,
        at.day_of_year,
        minute_of_day,
        at.hour,
    ]
    return np.column_stack([p.to_numpy(np.float64, na_value=np.nan) for p in parts])


class CategoryEncoder:
    """Codes by falling frequency; for many levels their frequency as a number as well.

    Beyond a hundred levels those seen once share the code of a missing value: a level that occurs
    once can teach a model nothing but noise.
    """

    cardinality = 0

    def fit(self, series: pd.Series) -> "CategoryEncoder":
        """Learn the levels."""
        counts = as_text(series).value_counts()
        order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        self.has_frequency_ = len(order) > _HIGH_CARDINALITY
        self.frequency_ = dict(order) if self.has_frequency_ else {}
        if self.has_frequency_:
            order = [item for item in order if item[1] > 1][:_MAX_LEVELS]
        self.code_ = {level: code for code, (level, _) in enumerate(order)}
        self.cardinality = max(len(self.code_), 1)
        return self

    def transform(self, series: pd.Series) -> tuple[Any, Any]:
        """Return the frequency (where kept) and the code; -1 for missing or unknown."""
        words = as_text(series)
        codes = words.map(self.code_).fillna(-1).to_numpy(np.int32)[:, None]
        if not self.has_frequency_:
            return np.empty((len(words), 0)), codes
        seen = words.map(self.frequency_).fillna(0).to_numpy(np.float64)
        return np.log1p(seen)[:, None], codes


class TextEncoder:
    """Free text to lengths and directions of meaning."""

    cardinality = 0

    def fit(self, series: pd.Series) -> "TextEncoder":
        """Learn the directions."""
        self.numbers_ = TextNumbers().fit(as_text(series))
        return self

    def transform(self, series: pd.Series) -> tuple[Any, Any]:
        """Return the numbers."""
        return self.numbers_.transform(as_text(series)), _no_codes(len(series))


ENCODERS: dict[Kind, type[Encoder]] = {
    Kind.NUMBER: NumberEncoder,
    Kind.NUMBER_AS_TEXT: NumberEncoder,
    Kind.DATE: DateEncoder,
    Kind.DATE_AS_TEXT: DateEncoder,
    Kind.DURATION: DurationEncoder,
    Kind.CATEGORY: CategoryEncoder,
    Kind.TEXT: TextEncoder,
}
