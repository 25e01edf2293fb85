"""What charts show, computed over all rows where the data is: bins, boxes, points, buckets of time.

Every record has few values however long the table is, so that a page can draw it as it is.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore._columns import MOMENTS, NUMBERS, TableColumn, check_type
from mlflow_plugins.data.explore._filters import Condition, Filter, Params, where
from mlflow_plugins.data.explore._table import Function, Table, measure_sql

Edge = float | str
Interval = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year"]

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
_MAX_BINS = 1000
_MAX_BUCKETS = 400
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts in bins of equal width; all bins but the last are open on the right.

    ``sum(counts) + n_missing + n_infinite == n_rows``.

    Attributes:
        edges: One more than bins; ISO texts for dates. Empty if there is no finite value.
        counts: Rows in each bin.
        n_missing: Rows without a value.
        n_infinite: Rows with an infinite value, which no bin can hold.
        n_rows: Rows that meet the filters.
    """

    column: str
    edges: tuple[Edge, ...]
    counts: tuple[int, ...]
    n_missing: int
    n_infinite: int
    n_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCounts:
    """The most frequent values; ``sum(counts) + n_other + n_missing == n_rows``."""

    column: str
    values: tuple[str, ...]
    counts: tuple[int, ...]
    n_other: int
    n_missing: int
    n_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Tukey's box of one group: whiskers end at the last value within 1.5 IQR of the box.

    Attributes:
        label: The group's value; None without groups, or for rows that miss one.
        count: Finite values.
        n_outliers: Values beyond the whiskers.
    """

    label: str | None
    count: int
    minimum: float
    lower_whisker: float
    q1: float
    median: float
    q3: float
    upper_whisker: float
    maximum: float
    mean: float
    n_outliers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """Points, all or a sample of them.

    Attributes:
        x, y: Coordinates; dates as ISO texts.
        colour: A value for each point, if a column for it was named.
        n_rows: Rows with both coordinates; more than there are points if this is a sample.
    """

    x: tuple[Edge, ...]
    y: tuple[Edge, ...]
    colour: tuple[float | str | None, ...] | None
    n_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of a heat map: ``edges`` of bins, or ``labels`` of the most frequent values."""

    column: str
    edges: tuple[Edge, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many cells the axis has."""
        return len(self.labels) or max(len(self.edges) - 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Counts in cells; row by row along ``y``.

    Attributes:
        n_rows: Rows that meet the filters.
        n_shown: Rows in some cell: not missing, not infinite, not of a rare label.
    """

    x: Axis
    y: Axis
    counts: tuple[tuple[int, ...], ...]
    n_rows: int
    n_shown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLine:
    """One line of a time series; ``values`` are at the times of the series."""

    label: str | None
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    """A figure for each bucket of time that has rows.

    Attributes:
        interval: Width of a bucket.
        times: Starts of the buckets, ISO texts in ascending order.
        lines: One, or one for each of the most frequent groups.
    """

    interval: Interval
    times: tuple[str, ...]
    lines: tuple[TimeLine, ...]


def histogram(
    table: Table, column: str, *, bins: int = 30, filters: Sequence[Condition] = ()
) -> Histogram:
    """Count the values of a number or date column in bins of equal width.

    Raises:
        InvalidInput: The column is unknown or of another type, or there are too many bins.
    """
    found = table.column(column)
    check_type(found, NUMBERS | MOMENTS, "A histogram")
    _check_bins(bins)
    axis, n_rows, n_missing, n_infinite = _bin_axis(table, found, bins, filters)
    counts = [0] * axis.size
    if counts:
        params = Params()
        condition = where(table.columns, filters, params)
        sql = (
            f"SELECT {_bin_sql(found, axis, params)} AS b, count(*) FROM {table.source} "
            f"{condition} GROUP BY b HAVING b IS NOT NULL"
        )
        for place, count in _tuples(table, sql, params):
            counts[place] = count
    return Histogram(
        column=column,
        edges=_shown_edges(found, axis.edges),
        counts=tuple(counts),
        n_missing=n_missing,
        n_infinite=n_infinite,
        n_rows=n_rows,
    )


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
    top = _tuples(
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
        WITH v AS (SELECT {key} AS k, {_number_sql(found)} AS x FROM {table.source} {condition}),
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
    return tuple(_box(row) for row in _tuples(table, sql, params))


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
    _check_bins(bins)
    columns = table.column(x), table.column(y)
    axes = [_any_axis(table, column, bins, filters) for column in columns]
    counts = [[0] * axes[0].size for _ in range(axes[1].size)]
    if counts and counts[0]:
        params = Params()
        condition = where(table.columns, filters, params)
        places = [_bin_sql(one, axis, params) for one, axis in zip(columns, axes, strict=True)]
        sql = (
            f"SELECT {places[0]} AS i, {places[1]} AS j, count(*) FROM {table.source} {condition} "
            "GROUP BY i, j HAVING i IS NOT NULL AND j IS NOT NULL"
        )
        for i, j, count in _tuples(table, sql, params):
            counts[j][i] = count
    shown = [
        Axis(column=axis.column, edges=_shown_edges(column, axis.edges), labels=axis.labels)
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
    found = {(when.isoformat(), label): value for when, label, value in _tuples(table, sql, params)}
    times = tuple(sorted({when for when, _ in found}))
    return TimeSeries(
        interval=interval,
        times=times,
        lines=tuple(
            TimeLine(label=label, values=tuple(found.get((when, label)) for when in times))
            for label in (labels if by else (None,))
        ),
    )


# ---------------------------------------------------------------- bins


def _bin_axis(
    table: Table, column: TableColumn, bins: int, filters: Sequence[Condition]
) -> tuple[Axis, int, int, int]:
    params = Params()
    condition = where(table.columns, filters, params)
    sql = (
        f"SELECT min(x) FILTER (isfinite(x)), max(x) FILTER (isfinite(x)), count(*), "
        f"count(*) - count(x), count(*) FILTER (isinf(x)) "
        f"FROM (SELECT {_number_sql(column)} AS x FROM {table.source} {condition})"
    )
    low, high, n_rows, n_missing, n_infinite = _tuples(table, sql, params)[0]
    edges = () if low is None else tuple(equal_width(low, high, bins))
    return Axis(column=column.name, edges=edges), n_rows, n_missing, n_infinite


def equal_width(low: float, high: float, bins: int) -> list[float]:
    """Return the edges of bins of equal width; around a single value they are 1 wide in all.

    Example:
        >>> equal_width(0.0, 1.0, 4)
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if low == high:
        low, high = low - 0.5, high + 0.5
    # By shares of both ends: the difference of two large numbers may overflow.
    edges = [low * (1 - i / bins) + high * (i / bins) for i in range(bins + 1)]
    return [low, *edges[1:-1], high]


def _any_axis(table: Table, column: TableColumn, bins: int, filters: Sequence[Condition]) -> Axis:
    if column.type in NUMBERS | MOMENTS:
        return _bin_axis(table, column, bins, filters)[0]
    return Axis(
        column=column.name,
        labels=value_counts(table, column.name, n=bins, filters=filters).values,
    )


def _bin_sql(column: TableColumn, axis: Axis, params: Params) -> str:
    """Write the place of a value on an axis, from 0; NULL for values that are on none."""
    if axis.labels:
        labels = params.add(list(axis.labels))
        return f"list_position({labels}::VARCHAR[], CAST({column.clean_sql} AS VARCHAR)) - 1"
    x = _number_sql(column)
    low, high = (params.add(float(axis.edges[i])) for i in (0, -1))
    n = axis.size
    # Halves, because the range of all doubles is no double.
    share = f"(({x}) / 2 - {low} / 2) / ({high} / 2 - {low} / 2)"
    return (
        f"CASE WHEN isfinite({x}) "
        f"THEN greatest(0, least({n - 1}, CAST(floor({share} * {n}) AS BIGINT))) END"
    )


def _number_sql(column: TableColumn) -> str:
    if column.type in MOMENTS:
        return f"CAST(epoch_us(CAST({column.sql} AS TIMESTAMP)) AS DOUBLE)"
    return f"CAST({column.clean_sql} AS DOUBLE)"


def _check_bins(bins: int) -> None:
    if not 1 <= bins <= _MAX_BINS:
        raise InvalidInput(f"A chart cannot have {bins} bins. Choose 1 to {_MAX_BINS}.")


def _shown_edges(column: TableColumn, edges: Sequence[Edge]) -> tuple[Edge, ...]:
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


# ---------------------------------------------------------------- rows of answers


def _tuples(table: Table, sql: str, params: Params) -> list[tuple[object, ...]]:
    result = table.engine.run(sql, params.values)
    return list(zip(*(column.to_pylist() for column in result.columns), strict=True))


def _box(row: Sequence[object]) -> Box:
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
    values = f"SELECT {_number_sql(moment)} AS x FROM {table.source} {condition}"
    sql = f"SELECT max(x) - min(x) FROM ({values})"
    span = _tuples(table, sql, params)[0][0]
    seconds = float(span or 0.0) / 1e6  # type: ignore[arg-type]
    fitting = (name for name, width in _SECONDS.items() if seconds / width < _MAX_BUCKETS)
    return next(fitting, "year")
