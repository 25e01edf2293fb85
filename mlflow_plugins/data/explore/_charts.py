"""What charts show, computed over all rows where the data is: bins, boxes, points, lines."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore._bins import (
    any_axis,
    bin_axis,
    bin_sql,
    check_bins,
    number_sql,
    shown_edges,
    tuples,
    value_counts,
)
from mlflow_plugins.data.explore._chart_entities import (
    Axis,
    Box,
    HeatMap,
    Histogram,
    Interval,
    Scatter,
    TimeLine,
    TimeSeries,
)
from mlflow_plugins.data.explore._columns import MOMENTS, NUMBERS, TableColumn, check_type
from mlflow_plugins.data.explore._filters import Condition, Filter, Params, where
from mlflow_plugins.data.explore._table import Function, Table, measure_sql

_SECONDS: dict[Interval, float] = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
    "week": 604_800.0,
    "month": 2_629_746.0,
    "quarter": 7_889_238.0,
    "year": 31_556_952.0,
}
_MAX_BUCKETS = 400


def histogram(
    table: Table, column: str, *, bins: int = 30, filters: Sequence[Condition] = ()
) -> Histogram:
    """Count the values of a number or date column in bins of equal width.

    Raises:
        InvalidInput: The column is unknown or of another type, or there are too many bins.
    """
    found = table.column(column)
    check_type(found, NUMBERS | MOMENTS, "A histogram")
    check_bins(bins)
    axis, n_rows, n_missing, n_infinite = bin_axis(table, found, bins, filters)
    counts = [0] * axis.size
    if counts:
        params = Params()
        condition = where(table.columns, filters, params)
        sql = (
            f"SELECT {bin_sql(found, axis, params)} AS b, count(*) FROM {table.source} "
            f"{condition} GROUP BY b HAVING b IS NOT NULL"
        )
        for place, count in tuples(table, sql, params):
            counts[place] = count
    return Histogram(
        column=column,
        edges=shown_edges(found, axis.edges),
        counts=tuple(counts),
        n_missing=n_missing,
        n_infinite=n_infinite,
        n_rows=n_rows,
    )


def boxes(
    table: Table,
    column: str,
    *,
    by: str | None = None,
    max_groups: int = 30,
    filters: Sequence[Condition] = (),
) -> tuple[Box, ...]:
    """Compute a box for a number column, or one for each of its largest groups.

    Raises:
        InvalidInput: A column is unknown or of another type.
    """
    found = table.column(column)
    check_type(found, NUMBERS, "A box plot")
    key = f"CAST({table.column(by).clean_sql} AS VARCHAR)" if by else "CAST(NULL AS VARCHAR)"
    params = Params()
    condition = where(table.columns, filters, params)
    sql = f"""
        WITH v AS (SELECT {key} AS k, {number_sql(found)} AS x FROM {table.source} {condition}),
        f AS (SELECT * FROM v WHERE isfinite(x)),
        g AS (SELECT k, count(*) AS n, min(x) AS lo, max(x) AS hi, avg(x) AS m,
                     quantile_cont(x, [0.25, 0.5, 0.75]) AS q
              FROM f GROUP BY k ORDER BY n DESC, k NULLS LAST LIMIT {int(max_groups)}),
        w AS (SELECT *, q[1] - 1.5 * (q[3] - q[1]) AS l, q[3] + 1.5 * (q[3] - q[1]) AS u FROM g)
        SELECT w.k, any_value(n), any_value(lo), min(x) FILTER (x >= l), any_value(q[1]),
               any_value(q[2]), any_value(q[3]), max(x) FILTER (x <= u), any_value(hi),
               any_value(m), count(*) FILTER (x < l OR x > u)
        FROM f JOIN w ON f.k IS NOT DISTINCT FROM w.k
        GROUP BY w.k ORDER BY any_value(n) DESC, w.k NULLS LAST
    """
    return tuple(_box(row) for row in tuples(table, sql, params))


def scatter(
    table: Table,
    x: str,
    y: str,
    *,
    colour: str | None = None,
    n: int = 5000,
    seed: int = 0,
    filters: Sequence[Condition] = (),
) -> Scatter:
    """Return points of two number or date columns, at most ``n``, drawn at random.

    Raises:
        InvalidInput: A column is unknown or of another type.
    """
    axes = [table.column(name) for name in (x, y)]
    for one in axes:
        check_type(one, NUMBERS | MOMENTS, "A scatter plot")
    present = [Filter(column=one.name, operator="is-not-null") for one in axes]
    conditions = [*filters, *present]
    names = list(dict.fromkeys([x, y, *([colour] if colour else [])]))
    rows = table.sample(n, seed=seed, filters=conditions, columns=names)

    def values(name: str) -> tuple[float | str | None, ...]:
        return tuple(_shown_value(value) for value in rows.column(name).to_pylist())

    return Scatter(
        x=values(x),  # type: ignore[arg-type] # filtered: none is missing
        y=values(y),  # type: ignore[arg-type]
        colour=values(colour) if colour else None,
        n_rows=table.count(filters=conditions),
    )


def heat_map(
    table: Table,
    x: str,
    y: str,
    *,
    bins: int = 30,
    filters: Sequence[Condition] = (),
) -> HeatMap:
    """Count rows in cells of two columns.

    Number and date columns have ``bins`` bins of equal width, others their ``bins`` most frequent
    values.

    Raises:
        InvalidInput: A column is unknown, or there are too many bins.
    """
    check_bins(bins)
    columns = table.column(x), table.column(y)
    axes = [any_axis(table, column, bins, filters) for column in columns]
    counts = [[0] * axes[0].size for _ in range(axes[1].size)]
    if counts and counts[0]:
        params = Params()
        condition = where(table.columns, filters, params)
        places = [bin_sql(one, axis, params) for one, axis in zip(columns, axes, strict=True)]
        sql = (
            f"SELECT {places[0]} AS i, {places[1]} AS j, count(*) FROM {table.source} {condition} "
            "GROUP BY i, j HAVING i IS NOT NULL AND j IS NOT NULL"
        )
        for i, j, count in tuples(table, sql, params):
            counts[j][i] = count
    shown = [
        Axis(column=axis.column, edges=shown_edges(column, axis.edges), labels=axis.labels)
        for column, axis in zip(columns, axes, strict=True)
    ]
    return HeatMap(
        x=shown[0],
        y=shown[1],
        counts=tuple(map(tuple, counts)),
        n_rows=table.count(filters=filters),
        n_shown=sum(map(sum, counts)),
    )


def time_series(
    table: Table,
    time: str,
    *,
    function: Function = "count",
    column: str | None = None,
    interval: Interval | None = None,
    by: str | None = None,
    max_lines: int = 8,
    filters: Sequence[Condition] = (),
) -> TimeSeries:
    """Compute a figure for each bucket of time.

    Args:
        table: The table.
        time: A date or datetime column.
        function: What to compute; without a column only ``count``, of rows.
        column: What to compute it of.
        interval: Width of a bucket; by default the finest that gives at most 400.
        by: One line for each of the ``max_lines`` most frequent values of this column.
        max_lines: Most lines.
        filters: Conditions on rows.

    Raises:
        InvalidInput: A column is unknown or of another type.
    """
    moment = table.column(time)
    check_type(moment, MOMENTS, "A time series")
    if column is None and function != "count":
        raise InvalidInput(f"The function {function!r} needs a column. Name one.")
    interval = interval or _choose_interval(table, moment, filters)
    if interval not in _SECONDS:
        raise InvalidInput(f"{interval!r} is not an interval. Choose from {', '.join(_SECONDS)}.")
    labels = value_counts(table, by, n=max_lines, filters=filters).values if by else ()
    params = Params()
    condition = where(table.columns, filters, params)
    key = f"CAST({table.column(by).clean_sql} AS VARCHAR)" if by else "NULL"
    figure = measure_sql(table.column(column), function) if column else "count(*)"
    kept = f"AND k IN (SELECT unnest({params.add(list(labels))}::VARCHAR[]))" if by else ""
    sql = (
        f"SELECT date_trunc('{interval}', CAST({moment.sql} AS TIMESTAMP)) AS b, {key} AS k, "
        f"CAST({figure} AS DOUBLE) FROM {table.source} {condition} GROUP BY b, k "
        f"HAVING b IS NOT NULL {kept} ORDER BY b"
    )
    found = {(when.isoformat(), label): value for when, label, value in tuples(table, sql, params)}
    times = tuple(sorted({when for when, _ in found}))
    return TimeSeries(
        interval=interval,
        times=times,
        lines=tuple(
            TimeLine(label=label, values=tuple(found.get((when, label)) for when in times))
            for label in (labels if by else (None,))
        ),
    )


def _box(row: Sequence[Any]) -> Box:
    label, count, low, lower, q1, median, q3, upper, high, mean, n_outliers = row
    return Box(
        label=label,
        count=count,
        minimum=low,
        lower_whisker=lower,
        q1=q1,
        median=median,
        q3=q3,
        upper_whisker=upper,
        maximum=high,
        mean=mean,
        n_outliers=n_outliers,
    )


def _shown_value(value: object) -> float | str | None:
    if isinstance(value, dt.date):
        return value.isoformat()
    if value is None or isinstance(value, int | float | str):
        return value
    return str(value)


def _choose_interval(table: Table, moment: TableColumn, filters: Sequence[Condition]) -> Interval:
    params = Params()
    condition = where(table.columns, filters, params)
    values = f"SELECT {number_sql(moment)} AS x FROM {table.source} {condition}"
    sql = f"SELECT max(x) - min(x) FROM ({values})"
    span = tuples(table, sql, params)[0][0]
    seconds = float(span or 0.0) / 1e6
    fitting = (name for name, width in _SECONDS.items() if seconds / width < _MAX_BUCKETS)
    return next(fitting, "year")
