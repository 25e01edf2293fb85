"""Exploring table files of millions of rows: pages, charts, SQL, profile, comparison.

`open_table` opens Parquet, CSV or JSON lines; a `Table` answers questions through DuckDB without
reading all of it into memory; `profile` and `compare` say what is in it and what has changed. Read
``tests/mlflow_plugins/data/explore/test_table.py`` first.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow_plugins.data.explore._bins import value_counts
    from mlflow_plugins.data.explore._chart_entities import (
        Axis,
        Box,
        HeatMap,
        Histogram,
        Scatter,
        TimeLine,
        TimeSeries,
        ValueCounts,
    )
    from mlflow_plugins.data.explore._charts import (
        boxes,
        heat_map,
        histogram,
        scatter,
        time_series,
    )
    from mlflow_plugins.data.explore._columns import TableColumn
    from mlflow_plugins.data.explore._compare import (
        ColumnDrift,
        Retyped,
        TableComparison,
        compare,
    )
    from mlflow_plugins.data.explore._engine import Limits, QueryTimeout
    from mlflow_plugins.data.explore._filters import (
        OPERATORS,
        AnyOf,
        Condition,
        Filter,
        Search,
        SortKey,
    )
    from mlflow_plugins.data.explore._join import join
    from mlflow_plugins.data.explore._profile import (
        ProfileOptions,
        profile,
    )
    from mlflow_plugins.data.explore._profile_entities import (
        Association,
        Bins,
        ColumnProfile,
        MissingMap,
        MissingPattern,
        NumberFigures,
        Quantile,
        Suspicion,
        TableProfile,
        TargetAssociation,
        TextFigures,
        TypeCount,
        ValueCount,
    )
    from mlflow_plugins.data.explore._query import QueryResult, query
    from mlflow_plugins.data.explore._table import FUNCTIONS, Measure, Table, open_table

__all__ = [
    "FUNCTIONS",
    "OPERATORS",
    "AnyOf",
    "Association",
    "Axis",
    "Bins",
    "Box",
    "ColumnDrift",
    "ColumnProfile",
    "Condition",
    "Filter",
    "HeatMap",
    "Histogram",
    "Limits",
    "Measure",
    "MissingMap",
    "MissingPattern",
    "NumberFigures",
    "ProfileOptions",
    "Quantile",
    "QueryResult",
    "QueryTimeout",
    "Retyped",
    "Scatter",
    "Search",
    "SortKey",
    "Suspicion",
    "Table",
    "TableColumn",
    "TableComparison",
    "TableProfile",
    "TargetAssociation",
    "TextFigures",
    "TimeLine",
    "TimeSeries",
    "TypeCount",
    "ValueCount",
    "ValueCounts",
    "boxes",
    "compare",
    "heat_map",
    "histogram",
    "join",
    "open_table",
    "profile",
    "query",
    "scatter",
    "time_series",
    "value_counts",
]

_HOMES = {
    "FUNCTIONS": "_table",
    "OPERATORS": "_filters",
    "AnyOf": "_filters",
    "Association": "_profile_entities",
    "Axis": "_chart_entities",
    "Bins": "_profile_entities",
    "Box": "_chart_entities",
    "ColumnDrift": "_compare",
    "ColumnProfile": "_profile_entities",
    "Condition": "_filters",
    "Filter": "_filters",
    "HeatMap": "_chart_entities",
    "Histogram": "_chart_entities",
    "Limits": "_engine",
    "Measure": "_table",
    "MissingMap": "_profile_entities",
    "MissingPattern": "_profile_entities",
    "NumberFigures": "_profile_entities",
    "ProfileOptions": "_profile",
    "Quantile": "_profile_entities",
    "QueryResult": "_query",
    "QueryTimeout": "_engine",
    "Retyped": "_compare",
    "Scatter": "_chart_entities",
    "Search": "_filters",
    "SortKey": "_filters",
    "Suspicion": "_profile_entities",
    "Table": "_table",
    "TableColumn": "_columns",
    "TableComparison": "_compare",
    "TableProfile": "_profile_entities",
    "TargetAssociation": "_profile_entities",
    "TextFigures": "_profile_entities",
    "TimeLine": "_chart_entities",
    "TimeSeries": "_chart_entities",
    "TypeCount": "_profile_entities",
    "ValueCount": "_profile_entities",
    "ValueCounts": "_chart_entities",
    "boxes": "_charts",
    "compare": "_compare",
    "heat_map": "_charts",
    "histogram": "_charts",
    "join": "_join",
    "open_table": "_table",
    "profile": "_profile",
    "query": "_query",
    "scatter": "_charts",
    "time_series": "_charts",
    "value_counts": "_bins",
}


def __getattr__(name: str) -> Any:
    """Load on first use: DuckDB and SciPy are not for every process that imports this room."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
