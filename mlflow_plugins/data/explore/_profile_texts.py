"""Profiles of texts, truth values and all other columns that have no order to compute with."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlflow_plugins.data.explore._columns import TableColumn
from mlflow_plugins.data.explore._figures import (
    N_TOP,
    frequent,
)
from mlflow_plugins.data.explore._profile_entities import (
    ColumnProfile,
    TextFigures,
    TypeCount,
    ValueCount,
)
from mlflow_plugins.data.explore._reading import (
    Sample,
    hashes,
    text_sql,
)
from mlflow_plugins.data.explore._table import Table

_FEW_IN_SAMPLE = 40_000
_FEW_VALUES = 200_000  # so many different ones can be kept in memory
_SHOWN_CHARACTERS = 200

_PATTERNS = {
    "integer": re.compile(r"[+-]?\d{1,18}"),
    "number": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?|nan"),
    "boolean": re.compile(r"true|false|yes|no", re.IGNORECASE),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}"),
    "datetime": re.compile(
        r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?"
    ),
}


def all_of(kind: str, n: int) -> tuple[TypeCount, ...]:
    """Say that all values are of one type."""
    return (TypeCount(type=kind, count=n),) if n else ()


def text_profile(
    table: Table, column: TableColumn, sample: Sample, exact_rows: int
) -> ColumnProfile:
    """Profile a column that is neither of numbers nor of dates.

    Few different values are counted as such, many by their hashes.
    """
    values = sample.texts[column.name]
    if sample.is_all:
        return _counted_profile(table.n_rows, column, _count_values(values))
    if _has_few_values(table, column, values):
        counted = table.engine.run(
            f"SELECT {text_sql(column)} AS v, count(*) AS n FROM {table.source} GROUP BY v"
        )
        return _counted_profile(table.n_rows, column, counted)
    return _hashed_profile(table, column, sample, exact_rows)


def _has_few_values(table: Table, column: TableColumn, values: pa.ChunkedArray) -> bool:
    if pc.count_distinct(values).as_py() > _FEW_IN_SAMPLE:
        return False
    sql = f"SELECT approx_count_distinct({text_sql(column)}) FROM {table.source}"
    return bool(table.engine.run(sql).column(0)[0].as_py() <= _FEW_VALUES)


def _count_values(values: pa.ChunkedArray) -> pa.Table:
    counted = pc.value_counts(values)
    return pa.table({"v": counted.field("values"), "n": counted.field("counts")})


def _counted_profile(n_rows: int, column: TableColumn, counted: pa.Table) -> ColumnProfile:
    """Profile from each different value and its count; a missing value counts as missing."""
    pairs = zip(counted.column("v").to_pylist(), counted.column("n").to_pylist(), strict=True)
    counts: dict[str, int] = {value: count for value, count in pairs if value is not None}
    n = sum(counts.values())
    top = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:N_TOP]
    bounds = (min(counts), max(counts)) if counts and column.type != "other" else (None, None)
    return ColumnProfile(
        name=column.name,
        type=column.type,
        count=n_rows,
        n_missing=n_rows - n,
        n_not_missing=n,
        n_distinct=len(counts),
        minimum=_bound(column, bounds[0]),
        maximum=_bound(column, bounds[1]),
        type_distribution=types_of(counts) if column.type == "text" else all_of(column.type, n),
        top_values=tuple(ValueCount(value=_short(value), count=count) for value, count in top),
        texts=text_figures(counts) if column.type == "text" and counts else None,
    )


def _bound(column: TableColumn, value: str | None) -> bool | str | None:
    if value is None:
        return None
    return value == "true" if column.type == "boolean" else _short(value)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def text_figures(counts: dict[str, int]) -> TextFigures:
    """Compute lengths from each different text and its count; there must be one."""
    lengths = np.array([len(value) for value in counts])
    return TextFigures(
        min_length=int(lengths.min()),
        mean_length=float(np.average(lengths, weights=list(counts.values()))),
        max_length=int(lengths.max()),
        n_empty=counts.get("", 0),
        n_blank=sum(
            count for value, count in counts.items() if value and not value.strip(" \t\r\n")
        ),
    )


def types_of(counts: dict[str, int]) -> tuple[TypeCount, ...]:
    """Say what texts would be if they were read as the narrowest type that fits each."""
    found: dict[str, int] = {}
    for value, count in counts.items():
        kind = type_of(value)
        found[kind] = found.get(kind, 0) + count
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(TypeCount(type=kind, count=count) for kind, count in ranked)


def type_of(text: str) -> str:
    """Name the narrowest type that a text fits.

    Example:
        >>> [type_of(text) for text in ("12", "1e3", "2024-01-31", "yes", "12 m")]
        ['integer', 'number', 'date', 'boolean', 'text']
    """
    for kind, pattern in _PATTERNS.items():
        if pattern.fullmatch(text):
            return kind
    return "text"


# ---------------------------------------------------------------- many different texts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    n_distinct: int
    top: tuple[ValueCount, ...]
    approximate: tuple[str, ...]


def _hashed_profile(
    table: Table, column: TableColumn, sample: Sample, exact_rows: int
) -> ColumnProfile:
    """Profile a column with too many different values to keep them.

    Values are counted by 64-bit hashes. That two of 10 million different values share one, which
    would be counted as one value, has a probability of 3 in a million.
    """
    text = text_sql(column)
    low, high = table.engine.run(f"SELECT min({text}), max({text}) FROM {table.source}").columns
    lengths = _lengths(table, text)
    n = sum(lengths.values())
    seen = _counted_profile(sample.size, column, _count_values(sample.texts[column.name]))
    counts = (
        _count_hashes(table, text) if table.n_rows <= exact_rows else _estimate(table, text, seen)
    )
    is_text = column.type == "text"
    return replace(
        seen,
        count=table.n_rows,
        n_missing=table.n_rows - n,
        n_not_missing=n,
        n_distinct=counts.n_distinct,
        minimum=_bound(column, low[0].as_py()) if is_text else None,
        maximum=_bound(column, high[0].as_py()) if is_text else None,
        type_distribution=_of_sample(seen, n) if is_text else all_of(column.type, n),
        top_values=counts.top,
        texts=_lengths_figures(lengths, _count_blank(table, text)) if is_text else None,
        approximate=(*(("type_distribution",) if is_text else ()), *counts.approximate),
    )


def _lengths(table: Table, text: str) -> dict[int, int]:
    """Count the values of each length."""
    found = table.engine.run(
        f"SELECT length({text}) AS l, count(*) AS n FROM {table.source} GROUP BY l"
    )
    pairs = zip(found.column("l").to_pylist(), found.column("n").to_pylist(), strict=True)
    return {length: count for length, count in pairs if length is not None}


def _lengths_figures(lengths: dict[int, int], n_blank: int) -> TextFigures:
    return TextFigures(
        min_length=min(lengths),
        mean_length=sum(length * n for length, n in lengths.items()) / sum(lengths.values()),
        max_length=max(lengths),
        n_empty=lengths.get(0, 0),
        n_blank=n_blank,
    )


def _count_blank(table: Table, text: str) -> int:
    """Count texts of white space only; the bounds spare to trim texts that begin with a letter."""
    sql = (
        f"SELECT count(*) FROM {table.source} WHERE {text} > '' AND {text} < '!' "
        rf"AND trim({text}, E' \t\r\n') = ''"
    )
    return int(table.engine.run(sql).column(0)[0].as_py())


def _of_sample(seen: ColumnProfile, n: int) -> tuple[TypeCount, ...]:
    return tuple(
        TypeCount(type=one.type, count=round(one.count * n / seen.n_not_missing))
        for one in seen.type_distribution
    )


def _count_hashes(table: Table, text: str) -> _Counts:
    codes = hashes(table, f"hash({text})", f"WHERE {text} IS NOT NULL")
    codes.sort()
    n_distinct, top = frequent(codes)
    del codes
    found = table.engine.run(
        f"SELECT hash({text}) AS h, any_value({text}) AS v FROM {table.source} "
        f"WHERE hash({text}) IN (SELECT unnest($codes::UBIGINT[])) GROUP BY h",
        {"codes": [int(code) for code, _ in top]},
    )
    pairs = zip(found.column("h").to_pylist(), found.column("v").to_pylist(), strict=True)
    names: dict[int, str] = dict(pairs)
    ranked = sorted(((count, names[int(code)]) for code, count in top), key=lambda p: (-p[0], p[1]))
    shown = tuple(ValueCount(value=_short(value), count=count) for count, value in ranked)
    return _Counts(n_distinct=n_distinct, top=shown, approximate=())


def _estimate(table: Table, text: str, seen: ColumnProfile) -> _Counts:
    """Count different values by HyperLogLog, and take frequent ones from the sample."""
    sql = f"SELECT approx_count_distinct({text}) FROM {table.source}"
    factor = table.n_rows / seen.count
    return _Counts(
        n_distinct=int(table.engine.run(sql).column(0)[0].as_py()),
        top=tuple(
            ValueCount(value=one.value, count=round(one.count * factor)) for one in seen.top_values
        ),
        approximate=("n_distinct", "top_values"),
    )
