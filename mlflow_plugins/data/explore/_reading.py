"""Columns of a table as arrays: few at a time, so that memory stays flat however wide it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mlflow_plugins.data.explore._columns import MOMENTS, NUMBERS, TableColumn
from mlflow_plugins.data.explore._table import Table

_BLOCK_BYTES = 64 << 20  # of numbers that are read at once
_MAX_BLOCK = 500  # columns in one statement
_WIDE = frozenset({"HUGEINT", "UHUGEINT", "UBIGINT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows drawn at random, or all; for each column an array over the same rows.

    Attributes:
        size: How many rows.
        is_all: Whether the table has no more.
        numbers: By name, as doubles with NaN for missing; dates as microseconds since 1970.
        texts: By name, all other columns written as text, None for missing.
    """

    size: int
    is_all: bool
    numbers: dict[str, npt.NDArray[np.float64]]
    texts: dict[str, pa.ChunkedArray]


def is_ordered(column: TableColumn) -> bool:
    """Whether a column is a number or a moment."""
    return column.type in NUMBERS | MOMENTS


def draw(table: Table, n: int, seed: int) -> Sample:
    """Draw ``n`` rows, all columns."""
    is_all = table.n_rows <= n
    rows = None if is_all else table.sample_numbers(n, seed=seed)
    numbers: dict[str, npt.NDArray[np.float64]] = {}
    texts: dict[str, pa.ChunkedArray] = {}
    for block in _blocks(table.columns, _MAX_BLOCK):
        found = _read_sample(table, block, rows)
        for i, column in enumerate(block):
            if is_ordered(column):
                values = found.column(i).fill_null(np.nan).to_numpy()
                numbers[column.name] = values
            else:
                texts[column.name] = found.column(i)
    size = table.n_rows if rows is None else len(rows)
    return Sample(size=size, is_all=is_all, numbers=numbers, texts=texts)


def _read_sample(
    table: Table, block: Sequence[TableColumn], rows: npt.NDArray[np.int64] | None
) -> pa.Table:
    select = ", ".join(
        f"CAST({_whole_sql(column)} AS DOUBLE)" if is_ordered(column) else text_sql(column)
        for column in block
    )
    if rows is None:
        return table.engine.run(f"SELECT {select} FROM {table.source}")
    return table.engine.run(
        f"SELECT {select} FROM {table.source} WHERE {table.row_number} IN "
        f"(SELECT unnest($rows::BIGINT[])) ORDER BY {table.row_number}",
        {"rows": rows.tolist()},
    )


def number_blocks(
    table: Table, columns: Sequence[TableColumn], share: float
) -> Iterator[Sequence[TableColumn]]:
    """Part number and date columns into groups whose values fit into little memory."""
    size = max(1, min(_MAX_BLOCK, int(_BLOCK_BYTES / (8 * table.n_rows * share + 1))))
    return _blocks(columns, size)


def sorted_block(
    table: Table, block: Sequence[TableColumn], share: float = 1.0
) -> Iterator[tuple[TableColumn, npt.NDArray[np.int64] | npt.NDArray[np.float64], int]]:
    """Read number and date columns: each with its finite values, sorted, and how many are infinite.

    Args:
        table: The table.
        block: Number and date columns; whole numbers and dates come as int64.
        share: Read a part of the rows only, drawn by a hash of their numbers.
    """
    arrays = _read_block(table, block, share)
    for column in block:
        values, n = arrays.pop(0)
        values = values[:n]
        n_infinite = 0
        if values.dtype == np.float64:
            is_finite = np.isfinite(values)
            n_infinite = int(len(values) - np.count_nonzero(is_finite))
            values = values[is_finite] if n_infinite else values
        values.sort()
        yield column, values, n_infinite


def _read_block(
    table: Table, block: Sequence[TableColumn], share: float
) -> list[tuple[npt.NDArray[Any], int]]:
    """Copy batch by batch into arrays as long as the table; missing values are left out."""
    arrays: list[npt.NDArray[Any]] = [
        np.empty(table.n_rows, np.int64 if _is_whole(column) else np.float64) for column in block
    ]
    lengths = [0] * len(block)
    select = ", ".join(_whole_sql(column) for column in block)
    with table.engine.relation(
        f"SELECT {select} FROM {table.source} {row_share(table, share)}"
    ) as relation:
        for batch in pa.RecordBatchReader.from_stream(relation):
            for i, column in enumerate(batch.columns):
                kept = column.drop_null() if column.null_count else column
                values = kept.to_numpy(zero_copy_only=False)
                arrays[i][lengths[i] : lengths[i] + len(values)] = values
                lengths[i] += len(values)
    return list(zip(arrays, lengths, strict=True))


def row_share(table: Table, share: float) -> str:
    """Write the condition that keeps a share of the rows, drawn by a hash of their numbers."""
    if share >= 1.0:
        return ""
    return f"WHERE hash({table.row_number}, 0) < {int(share * (2**64 - 1))}::UBIGINT"


def hashes(table: Table, expression: str, condition: str = "") -> npt.NDArray[np.uint64]:
    """Read a 64-bit hash of every row that meets a condition, in no certain order."""
    array = np.empty(table.n_rows, np.uint64)
    n = 0
    with table.engine.relation(f"SELECT {expression} FROM {table.source} {condition}") as relation:
        for batch in pa.RecordBatchReader.from_stream(relation):
            values = batch.column(0).to_numpy(zero_copy_only=False)
            array[n : n + len(values)] = values
            n += len(values)
    return array[:n]


def row_hash(columns: Sequence[TableColumn]) -> str:
    """Write a hash of whole rows; missing values are equal to one another."""
    parts = [
        f"hash({', '.join(column.clean_sql for column in block)})"
        for block in _blocks(columns, _MAX_BLOCK)
    ]
    return parts[0] if len(parts) == 1 else f"hash({', '.join(parts)})"


def text_sql(column: TableColumn) -> str:
    """Write any value as text."""
    return column.sql if column.dtype == "VARCHAR" else f"CAST({column.clean_sql} AS VARCHAR)"


def _whole_sql(column: TableColumn) -> str:
    if column.type in MOMENTS:
        moment = f"CAST({column.sql} AS TIMESTAMP)"
        return f"CASE WHEN isfinite({moment}) THEN epoch_us({moment}) END"
    return f"CAST({column.clean_sql} AS {'BIGINT' if _is_whole(column) else 'DOUBLE'})"


def _is_whole(column: TableColumn) -> bool:
    return column.type in MOMENTS or (column.type == "integer" and column.dtype not in _WIDE)


def _blocks(columns: Sequence[TableColumn], size: int) -> Iterator[Sequence[TableColumn]]:
    for i in range(0, len(columns), size):
        yield columns[i : i + size]
