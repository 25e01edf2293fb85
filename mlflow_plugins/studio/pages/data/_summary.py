"""What stands in the head of a column: its distribution, missing and different values."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet

from mlflow_plugins.data.explore import (
    Condition,
    Measure,
    Table,
    TableColumn,
    histogram,
    open_table,
    value_counts,
)
from mlflow_plugins.studio.pages.data._cells import CELL_CHARACTERS

MOST_COLUMNS = 8
_N_BINS = 20
_N_VALUES = 3
_MOST_ROWS = 2_000_000  # a longer table's heads come from a sample
_SAMPLE_ROWS = 20_000
_WITH_BINS = frozenset({"integer", "number", "date", "datetime"})


def summarize_columns(
    table: Table, columns: Sequence[TableColumn], conditions: Sequence[Condition]
) -> list[dict[str, Any]]:
    """Summarise columns over the rows that meet the conditions.

    Args:
        table: The table.
        columns: Which of its columns.
        conditions: All must hold.

    Returns:
        For each column ``n_rows``, ``n_missing``, ``n_distinct``, and ``bins`` with ``low`` and
        ``high``, or ``values`` with counts. In a long table they are those of a sample:
        ``is_sample`` says so, and different values are not counted.
    """
    if table.n_rows > _MOST_ROWS:
        with _sample(table, columns, conditions) as few:
            is_sample = few.n_rows == _SAMPLE_ROWS
            return [
                {
                    **_distribution(few, few.column(column.name), ()),
                    "n_distinct": None,
                    "is_sample": is_sample,
                }
                for column in columns
            ]
    distinct = _distinct(table, columns, conditions)
    return [
        {**_distribution(table, column, conditions), "n_distinct": n, "is_sample": False}
        for column, n in zip(columns, distinct, strict=True)
    ]


@contextmanager
def _sample(
    table: Table, columns: Sequence[TableColumn], conditions: Sequence[Condition]
) -> Iterator[Table]:
    rows = table.sample(
        _SAMPLE_ROWS, filters=conditions, columns=[column.name for column in columns]
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.parquet"
        pyarrow.parquet.write_table(rows, path)
        with open_table(path, cache=Path(folder)) as few:
            yield few


def _distribution(
    table: Table, column: TableColumn, conditions: Sequence[Condition]
) -> dict[str, Any]:
    if column.type in _WITH_BINS:
        bins = histogram(table, column.name, bins=_N_BINS, filters=conditions)
        return {
            "n_rows": bins.n_rows,
            "n_missing": bins.n_missing,
            "bins": bins.counts,
            "low": bins.edges[0] if bins.edges else None,
            "high": bins.edges[-1] if bins.edges else None,
        }
    counts = value_counts(table, column.name, n=_N_VALUES, filters=conditions)
    return {
        "n_rows": counts.n_rows,
        "n_missing": counts.n_missing,
        "values": [
            [value[:CELL_CHARACTERS], count]
            for value, count in zip(counts.values, counts.counts, strict=True)
        ],
    }


def _distinct(
    table: Table, columns: Sequence[TableColumn], conditions: Sequence[Condition]
) -> list[int]:
    if not columns:
        return []
    measures = [
        Measure(function="n_unique", column=column.name, name=column.sql) for column in columns
    ]
    found = table.aggregate(measures=measures, filters=conditions)
    return [int(value.as_py()) for value in (column[0] for column in found.columns)]
