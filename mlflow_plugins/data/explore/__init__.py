"""Exploring table files of millions of rows: pages, charts, SQL, profile, comparison.

`open_table` opens Parquet, CSV or JSON lines; a `Table` answers questions through DuckDB without
reading all of it into memory; `profile` and `compare` say what is in it and what has changed. Read
``tests/mlflow_plugins/data/explore/test_table.py`` first.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow_plugins.data.explore._charts import (
        Axis,
        Box,
        HeatMap,
        Histogram,
        Scatter,
        TimeLine,
        TimeSeries,
        ValueCounts,
        boxes,
        heat_map,
        histogram,
        scatter,
        time_series,
        value_counts,
    )
    from mlflow_plugins.data.explore._columns import TableColumn
    from mlflow_plugins.data.explore._engine import Limits, QueryTimeout
    from mlflow_plugins.data.explore._filters import OPERATORS, AnyOf, Filter, SortKey
    from mlflow_plugins.data.explore._join import join
    from mlflow_plugins.data.explore._query import QueryResult, query
    from mlflow_plugins.data.explore._table import FUNCTIONS, Measure, Table, open_table

_HOMES = {
    "FUNCTIONS": "_table",
    "OPERATORS": "_filters",
    "AnyOf": "_filters",
    "Axis": "_charts",
    "Box": "_charts",
    "Filter": "_filters",
    "HeatMap": "_charts",
    "Histogram": "_charts",
    "Limits": "_engine",
    "Measure": "_table",
    "QueryResult": "_query",
    "QueryTimeout": "_engine",
    "Scatter": "_charts",
    "SortKey": "_filters",
    "Table": "_table",
    "TableColumn": "_columns",
    "TimeLine": "_charts",
    "TimeSeries": "_charts",
    "ValueCounts": "_charts",
    "boxes": "_charts",
    "heat_map": "_charts",
    "histogram": "_charts",
    "join": "_join",
    "open_table": "_table",
    "query": "_query",
    "scatter": "_charts",
    "time_series": "_charts",
    "value_counts": "_charts",
}

__all__ = [
    "FUNCTIONS",
    "OPERATORS",
    "AnyOf",
    "Axis",
    "Box",
    "Filter",
    "HeatMap",
    "Histogram",
    "Limits",
    "Measure",
    "QueryResult",
    "QueryTimeout",
    "Scatter",
    "SortKey",
    "Table",
    "TableColumn",
    "TimeLine",
    "TimeSeries",
    "ValueCounts",
    "boxes",
    "heat_map",
    "histogram",
    "join",
    "open_table",
    "query",
    "scatter",
    "time_series",
    "value_counts",
]


def __getattr__(name: str) -> Any:
    """Load on first use: DuckDB and SciPy are not for every process that imports this room."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
