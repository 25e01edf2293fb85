"""Profiles of single columns: numbers and dates from sorted arrays, texts from counted values."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from mlflow_plugins.data.explore._bins import iso_moment
from mlflow_plugins.data.explore._columns import MOMENTS, NUMBERS, TableColumn
from mlflow_plugins.data.explore._figures import (
    Array,
    number_figures,
    ordered_figures,
)
from mlflow_plugins.data.explore._profile_entities import (
    Bins,
    ColumnProfile,
    ValueCount,
)
from mlflow_plugins.data.explore._profile_texts import all_of, text_profile
from mlflow_plugins.data.explore._reading import (
    Sample,
    is_ordered,
    number_blocks,
    sorted_block,
)
from mlflow_plugins.data.explore._table import Table

_AT_A_TIME = 2  # columns in memory: NumPy works while DuckDB reads
_ORDERED_ESTIMATES = ("n_distinct", "quantiles", "histogram", "top_values")
_NUMBER_ESTIMATES = ("std", "variance", "skewness", "kurtosis", "fences", "n_outliers")


def profile_columns(table: Table, sample: Sample, *, exact_rows: int) -> Iterator[ColumnProfile]:
    """Profile all columns, numbers and dates first; two at a time.

    Args:
        table: The table.
        sample: Rows for what needs few: types of texts.
        exact_rows: Tables with more rows have some figures estimated from as many rows.
    """
    share = min(1.0, exact_rows / max(table.n_rows, 1))
    ordered = [column for column in table.columns if is_ordered(column)]
    tasks = [
        *(
            partial(_ordered_profiles, table, b, share)
            for b in number_blocks(table, ordered, share)
        ),
        *(
            partial(_text_profiles, table, column, sample, exact_rows)
            for column in table.columns
            if not is_ordered(column)
        ),
    ]
    with ThreadPoolExecutor(min(_AT_A_TIME, table.engine.limits.threads)) as pool:
        try:
            for found in pool.map(lambda task: task(), tasks):
                yield from found
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _ordered_profiles(
    table: Table, block: Sequence[TableColumn], share: float
) -> list[ColumnProfile]:
    found = []
    for column, values, n_infinite in sorted_block(table, block, share):
        whole = _ordered_profile(table.n_rows, column, values, n_infinite)
        found.append(whole if share >= 1.0 else _corrected(table, column, whole))
    return found


def _text_profiles(
    table: Table, column: TableColumn, sample: Sample, exact_rows: int
) -> list[ColumnProfile]:
    return [text_profile(table, column, sample, exact_rows)]


# ---------------------------------------------------------------- numbers and dates


def _ordered_profile(
    n_rows: int, column: TableColumn, values: Array, n_infinite: int
) -> ColumnProfile:
    is_moment = column.type in MOMENTS
    figures = ordered_figures(values, _write(column))
    n_not_missing = len(values) + n_infinite
    return ColumnProfile(
        name=column.name,
        type=column.type,
        count=n_rows,
        n_missing=n_rows - n_not_missing,
        n_not_missing=n_not_missing,
        n_distinct=figures.n_distinct,
        minimum=figures.minimum,
        maximum=figures.maximum,
        type_distribution=all_of(column.type, n_not_missing),
        quantiles=figures.quantiles,
        histogram=figures.histogram,
        top_values=figures.top_values,
        numbers=None if is_moment else number_figures(values, n_infinite),
    )


def _write(column: TableColumn) -> Callable[[float | int], float | int | str]:
    if column.type == "date":
        return lambda value: iso_moment(value).removesuffix("T00:00:00")
    return iso_moment if column.type == "datetime" else lambda value: value


def _corrected(table: Table, column: TableColumn, seen: ColumnProfile) -> ColumnProfile:
    """Replace what a part of the rows cannot tell by figures of all rows; scale up the counts."""
    if column.type in MOMENTS:
        x = f"CAST(epoch_us(CAST({column.sql} AS TIMESTAMP)) AS DOUBLE)"
    else:
        x = f"CAST({column.clean_sql} AS DOUBLE)"
    sql = (
        "SELECT count(x) AS n, min(x) FILTER (isfinite(x)) AS low, max(x) FILTER (isfinite(x)) "
        "AS high, avg(x) FILTER (isfinite(x)) AS mean, approx_count_distinct(x) AS n_distinct, "
        "count(*) FILTER (x = 0) AS n_zeros, count(*) FILTER (x < 0) AS n_negative, "
        f"count(*) FILTER (isinf(x)) AS n_infinite FROM (SELECT {x} AS x FROM {table.source})"
    )
    row: dict[str, Any] = table.engine.run(sql).to_pylist()[0]
    factor = row["n"] / max(seen.n_not_missing, 1)
    write = _write(column)
    numbers = seen.numbers and replace(
        seen.numbers,
        mean=row["mean"],
        n_outliers=round(seen.numbers.n_outliers * factor),
        n_zeros=row["n_zeros"],
        n_negative=row["n_negative"],
        n_infinite=row["n_infinite"],
    )
    return replace(
        seen,
        n_missing=table.n_rows - row["n"],
        n_not_missing=row["n"],
        n_distinct=row["n_distinct"],
        minimum=None if row["low"] is None else write(row["low"]),
        maximum=None if row["high"] is None else write(row["high"]),
        type_distribution=all_of(column.type, row["n"]),
        histogram=seen.histogram and _scaled(seen.histogram, factor),
        top_values=tuple(
            ValueCount(value=one.value, count=round(one.count * factor)) for one in seen.top_values
        ),
        numbers=numbers,
        approximate=_ORDERED_ESTIMATES + (_NUMBER_ESTIMATES if column.type in NUMBERS else ()),
    )


def _scaled(bins: Bins, factor: float) -> Bins:
    return Bins(edges=bins.edges, counts=tuple(round(count * factor) for count in bins.counts))


def in_order(
    columns: Sequence[TableColumn], profiles: Sequence[ColumnProfile]
) -> tuple[ColumnProfile, ...]:
    """Put profiles into the order of the table's columns."""
    known = {profile.name: profile for profile in profiles}
    return tuple(known[column.name] for column in columns)
