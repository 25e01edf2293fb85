"""Axes of charts: where a value lies among bins of equal width or among frequent values."""

import datetime as dt
import sys
from collections.abc import Sequence
from typing import Any

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore._chart_entities import Axis, Edge, ValueCounts
from mlflow_plugins.data.explore._columns import MOMENTS, NUMBERS, TableColumn
from mlflow_plugins.data.explore._filters import Condition, Params, where
from mlflow_plugins.data.explore._table import Table

_MAX_BINS = 1000
_LARGEST = sys.float_info.max
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def value_counts(
    table: Table, column: str, *, n: int = 20, filters: Sequence[Condition] = ()
) -> ValueCounts:
    """Count the ``n`` most frequent values of any column; equal counts are in order of the values.

    Raises:
        InvalidInput: The column is unknown.
    """
    found = table.column(column)
    params = Params()
    condition = where(table.columns, filters, params)
    sql = (
        f"SELECT CAST({found.clean_sql} AS VARCHAR) AS v, count(*) AS n FROM {table.source} "
        f"{condition} GROUP BY v"
    )
    top = tuples(
        table,
        "SELECT v, n, CAST(sum(n) OVER () AS BIGINT), "
        "CAST(coalesce(sum(n) FILTER (v IS NULL) OVER (), 0) AS BIGINT) "
        f"FROM ({sql}) ORDER BY v IS NULL, n DESC, v LIMIT {int(n)}",
        params,
    )
    shown = [(value, count) for value, count, _, _ in top if value is not None]
    n_rows, n_missing = (top[0][2], top[0][3]) if top else (0, 0)
    return ValueCounts(
        column=column,
        values=tuple(value for value, _ in shown),
        counts=tuple(count for _, count in shown),
        n_other=n_rows - n_missing - sum(count for _, count in shown),
        n_missing=n_missing,
        n_rows=n_rows,
    )


def bin_axis(
    table: Table, column: TableColumn, bins: int, filters: Sequence[Condition]
) -> tuple[Axis, int, int, int]:
    params = Params()
    condition = where(table.columns, filters, params)
    sql = (
        f"SELECT min(x) FILTER (isfinite(x)), max(x) FILTER (isfinite(x)), count(*), "
        f"count(*) - count(x), count(*) FILTER (isinf(x)) "
        f"FROM (SELECT {number_sql(column)} AS x FROM {table.source} {condition})"
    )
    low, high, n_rows, n_missing, n_infinite = tuples(table, sql, params)[0]
    edges = () if low is None else tuple(equal_width(low, high, bins))
    return Axis(column=column.name, edges=edges), n_rows, n_missing, n_infinite


def equal_width(low: float, high: float, bins: int) -> list[float]:
    """Return the edges of bins of equal width; around a single value they are about 1 wide in all.

    Example:
        >>> equal_width(0.0, 1.0, 4)
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if low == high:
        half = max(0.5, abs(low) * 1e-9)
        low, high = max(low - half, -_LARGEST), min(high + half, _LARGEST)
    # By shares of both ends: the difference of two large numbers may overflow.
    edges = [low * (1 - i / bins) + high * (i / bins) for i in range(bins + 1)]
    return [low, *edges[1:-1], high]


def any_axis(table: Table, column: TableColumn, bins: int, filters: Sequence[Condition]) -> Axis:
    if column.type in NUMBERS | MOMENTS:
        return bin_axis(table, column, bins, filters)[0]
    return Axis(
        column=column.name,
        labels=value_counts(table, column.name, n=bins, filters=filters).values,
    )


def bin_sql(column: TableColumn, axis: Axis, params: Params) -> str:
    """Write the place of a value on an axis, from 0; NULL for values that are on none."""
    if axis.labels:
        labels = params.add(list(axis.labels))
        return f"list_position({labels}::VARCHAR[], CAST({column.clean_sql} AS VARCHAR)) - 1"
    x = number_sql(column)
    low, high = (params.add(float(axis.edges[i])) for i in (0, -1))
    n = axis.size
    # Halves, because the range of all doubles is no double.
    share = f"coalesce((({x}) / 2 - {low} / 2) / nullif({high} / 2 - {low} / 2, 0), 0)"
    return (
        f"CASE WHEN isfinite({x}) "
        f"THEN greatest(0, least({n - 1}, CAST(floor({share} * {n}) AS BIGINT))) END"
    )


def number_sql(column: TableColumn) -> str:
    if column.type in MOMENTS:
        return f"CAST(epoch_us(CAST({column.sql} AS TIMESTAMP)) AS DOUBLE)"
    return f"CAST({column.clean_sql} AS DOUBLE)"


def check_bins(bins: int) -> None:
    if not 1 <= bins <= _MAX_BINS:
        raise InvalidInput(f"A chart cannot have {bins} bins. Choose 1 to {_MAX_BINS}.")


def shown_edges(column: TableColumn, edges: Sequence[Edge]) -> tuple[Edge, ...]:
    if column.type not in MOMENTS:
        return tuple(edges)
    return tuple(iso_moment(float(edge)) for edge in edges)


def iso_moment(microseconds: float) -> str:
    """Write microseconds since 1970 as an ISO text.

    Example:
        >>> iso_moment(86_400e6)
        '1970-01-02T00:00:00'
    """
    moment = _EPOCH + dt.timedelta(microseconds=round(microseconds))
    return moment.replace(tzinfo=None).isoformat()


def tuples(table: Table, sql: str, params: Params) -> list[tuple[Any, ...]]:
    result = table.engine.run(sql, params.values)
    return list(zip(*(column.to_pylist() for column in result.columns), strict=True))
