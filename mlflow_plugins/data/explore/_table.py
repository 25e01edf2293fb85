"""A table file as one asks it questions: rows, counts, groups, samples.

A row's number is its place in the file. It breaks ties between equal sort keys, and rows are found
by their numbers first and read afterwards: to sort millions of rows needs one column, not all.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data._csv import file_list
from mlflow_plugins.data.explore._columns import (
    MOMENTS,
    NUMBERS,
    TableColumn,
    check_type,
    describe,
    find,
)
from mlflow_plugins.data.explore._engine import Engine, Limits
from mlflow_plugins.data.explore._filters import Condition, Params, SortKey, order_by, where
from mlflow_plugins.data.explore._source import as_parquet

Function = Literal["count", "sum", "mean", "min", "max", "median", "n_unique"]
FUNCTIONS: tuple[str, ...] = get_args(Function)

_FILE_STRIDE = 1 << 40  # row numbers of the second file start here


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What to compute for each group.

    Attributes:
        function: ``count`` without a column counts rows, with one its values that are not missing.
        column: Its name; only ``count`` may do without.
        name: Of the result's column; by default ``FUNCTION_COLUMN``.
    """

    function: Function
    column: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """Name of the result's column."""
        return self.name or "_".join(part for part in (self.function, self.column) if part)


class Table(AbstractContextManager["Table"]):
    """Rows and columns of one or several files. Make it with `open_table`.

    Safe to use from several threads. `close` frees its memory.
    """

    def __init__(self, files: Sequence[Path], engine: Engine) -> None:
        self.files = tuple(files)
        self._engine = engine
        found = engine.run(
            f"DESCRIBE SELECT * FROM read_parquet({file_list(files)}, hive_partitioning = false)"
        )
        names = pa.parquet.read_schema(files[0]).names
        self.columns = describe(names, found.column("column_type").to_pylist())
        self.source = _source(files, self.columns)
        single = len(self.files) == 1
        self.row_number = (
            "file_row_number"
            if single
            else f"(file_index::BIGINT * {_FILE_STRIDE} + file_row_number)"
        )
        self.n_rows: int = sum(pa.parquet.read_metadata(path).num_rows for path in files)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free what the table holds in memory; its files stay."""
        self._engine.close()

    @property
    def engine(self) -> Engine:
        """The DuckDB that answers; for the modules of this package."""
        return self._engine

    def column(self, name: str) -> TableColumn:
        """Return a column by name.

        Raises:
            InvalidInput: There is none.
        """
        return find(self.columns, name)

    # ------------------------------------------------------------ rows

    def rows(
        self,
        *,
        filters: Sequence[Condition] = (),
        search: str = "",
        sort: Sequence[SortKey] = (),
        offset: int = 0,
        limit: int = 100,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Return some rows, in the order of the file or sorted; ties stay in the file's order.

        Args:
            filters: Conditions that must all hold.
            search: A text that some text column has, whatever the case; a number is also found in
                number columns as a whole value.
            sort: Most important key first; missing values come last.
            offset: Rows to skip.
            limit: Most rows to return.
            columns: Names, in the order wanted; all by default.

        Raises:
            InvalidInput: A name is unknown or a value does not fit.
        """
        _check_page(offset, limit)
        wanted = self.columns if columns is None else [self.column(name) for name in columns]
        page = f"LIMIT {limit} OFFSET {offset}"
        if sort:
            return self.take(self._numbers(filters, search, sort, page), wanted)
        params = Params()
        condition = where(self.columns, filters, params, search=search)
        select = ", ".join(column.sql for column in wanted)
        sql = f"SELECT {select or '1'} FROM {self.source} {condition} {page}"
        return _named(self._engine.run(sql, params.values), wanted)

    def row_numbers(
        self,
        *,
        filters: Sequence[Condition] = (),
        search: str = "",
        sort: Sequence[SortKey] = (),
    ) -> np.ndarray:
        """Return the numbers of all rows that `rows` would return, in its order; see `take`.

        Eight bytes a row: whoever turns pages keeps them, and sorts once.

        Raises:
            InvalidInput: A name is unknown or a value does not fit.
        """
        return self._numbers(filters, search, sort, "")

    def _numbers(
        self, filters: Sequence[Condition], search: str, sort: Sequence[SortKey], page: str
    ) -> np.ndarray:
        params = Params()
        condition = where(self.columns, filters, params, search=search)
        order = order_by(self.columns, sort, self.row_number)
        sql = f"SELECT {self.row_number} AS n FROM {self.source} {condition} {order} {page}"
        numbers: np.ndarray = self._engine.run(sql, params.values).column(0).to_numpy()
        return numbers

    def take(self, numbers: np.ndarray, columns: Sequence[TableColumn]) -> pa.Table:
        """Return the rows with these numbers, in the order given."""
        select = ", ".join([*(column.sql for column in columns), f"{self.row_number} AS n"])
        found = self._engine.run(
            f"SELECT {select} FROM {self.source} "
            f"WHERE {self.row_number} IN (SELECT unnest($numbers::BIGINT[]))",
            {"numbers": numbers.tolist()},
        )
        places = pc.index_in(pa.array(numbers, pa.int64()), found.column("n").combine_chunks())
        return _named(found.take(places).drop_columns(["n"]), columns)

    def count(self, *, filters: Sequence[Condition] = (), search: str = "") -> int:
        """Count the rows that meet all conditions.

        Raises:
            InvalidInput: A name is unknown or a value does not fit.
        """
        if not filters and not search:
            return self.n_rows
        params = Params()
        condition = where(self.columns, filters, params, search=search)
        result = self._engine.run(f"SELECT count(*) FROM {self.source} {condition}", params.values)
        n_rows: int = result.column(0)[0].as_py()
        return n_rows

    def sample(
        self,
        n: int,
        *,
        seed: int = 0,
        filters: Sequence[Condition] = (),
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Draw rows without replacement, all equally likely; the same seed gives the same rows.

        They come in the order of the file. Rows are ranked by a hash of their number and the seed
        (bottom-k sampling), so a sample does not depend on how many threads there are.

        Raises:
            InvalidInput: A name is unknown or a value does not fit.
        """
        wanted = self.columns if columns is None else [self.column(name) for name in columns]
        return self.take(self.sample_numbers(n, seed=seed, filters=filters), wanted)

    def sample_numbers(
        self, n: int, *, seed: int = 0, filters: Sequence[Condition] = ()
    ) -> np.ndarray:
        """Draw the numbers of rows as `sample` does, in ascending order."""
        _check_page(0, n)
        params = Params()
        condition = where(self.columns, filters, params)
        rank = f"hash({self.row_number}, {params.add(seed)})"
        if self.n_rows > 4 * n and not condition:
            # Almost surely enough, and far fewer rows to rank.
            share = (1.5 * n + 200) / self.n_rows
            condition = f"WHERE {rank} < {int(min(share, 1.0) * (2**64 - 1))}::UBIGINT"
        sql = f"SELECT {self.row_number} AS n FROM {self.source} {condition} ORDER BY {rank}, n"
        numbers = self._engine.run(f"{sql} LIMIT {n}", params.values).column(0)
        return np.sort(numbers.to_numpy())

    # ------------------------------------------------------------ groups

    def aggregate(
        self,
        *,
        by: Sequence[str] = (),
        measures: Sequence[Measure],
        filters: Sequence[Condition] = (),
        limit: int = 10_000,
    ) -> pa.Table:
        """Compute figures for each group of rows with equal values in the columns ``by``.

        Groups are sorted by their values; a missing value makes a group of its own, the last one.
        ``sum`` of integers is an integer, ``mean`` and ``median`` are numbers.

        Raises:
            InvalidInput: A name is unknown, or a function does not fit its column.
        """
        _check_page(0, limit)
        keys = [self.column(name) for name in by]
        params = Params()
        condition = where(self.columns, filters, params)
        select = [f"{key.clean_sql} AS k{i}" for i, key in enumerate(keys)]
        select += [f"{self._measure(one)} AS m{i}" for i, one in enumerate(measures)]
        if not measures:
            raise InvalidInput(f"There is nothing to compute. Choose from {', '.join(FUNCTIONS)}.")
        sql = f"SELECT {', '.join(select)} FROM {self.source} {condition}"
        if keys:
            names = ", ".join(f"k{i}" for i in range(len(keys)))
            order = ", ".join(f"k{i} NULLS LAST" for i in range(len(keys)))
            sql = f"{sql} GROUP BY {names} ORDER BY {order}"
        result = self._engine.run(f"{sql} LIMIT {limit}", params.values)
        return result.rename_columns([*by, *(one.label for one in measures)])

    def _measure(self, one: Measure) -> str:
        if one.function not in FUNCTIONS:
            raise InvalidInput(
                f"{one.function!r} is not computed. Choose from {', '.join(FUNCTIONS)}."
            )
        if one.column is None:
            if one.function == "count":
                return "count(*)"
            raise InvalidInput(f"The function {one.function!r} needs a column. Name one.")
        return measure_sql(self.column(one.column), one.function)


def measure_sql(column: TableColumn, function: Function) -> str:
    """Write an aggregate over a column.

    Raises:
        InvalidInput: The function does not fit the column.
    """
    value = column.clean_sql
    if function == "count":
        return f"count({value})"
    if function == "n_unique":
        return f"count(DISTINCT {value})"
    if function in {"min", "max"}:
        check_type(column, NUMBERS | MOMENTS | {"text", "boolean"}, f"The function {function!r}")
        return f"{function}({value})"
    check_type(column, NUMBERS | {"boolean"}, f"The function {function!r}")
    if function == "sum":
        kind = "DOUBLE" if column.type == "number" else "BIGINT"
        return f"CAST(sum(CAST({value} AS {kind})) AS {kind})"
    return f"{'avg' if function == 'mean' else 'median'}(CAST({value} AS DOUBLE))"


def open_table(paths: Path | Sequence[Path], *, cache: Path, limits: Limits | None = None) -> Table:
    """Open a table of one file or several with the same columns.

    Args:
        paths: Parquet (``.parquet``, ``.pq``), CSV (``.csv``, ``.tsv``, ``.txt``) or JSON lines
            (``.jsonl``, ``.ndjson``).
        cache: Folder in which CSV and JSON lines are kept as Parquet, converted the first time.
        limits: Memory, threads and time; DuckDB spills to ``cache/spill`` unless they say where.

    Raises:
        InvalidInput: A file is missing, broken, or not a table.
    """
    limits = limits or Limits(temp_folder=cache / "spill")
    cache.mkdir(parents=True, exist_ok=True)
    engine = Engine(limits)
    try:
        given = [paths] if isinstance(paths, Path) else list(paths)
        return Table(as_parquet(given, cache, engine), engine)
    except BaseException:
        engine.close()
        raise


def _source(files: Sequence[Path], columns: Sequence[TableColumn]) -> str:
    names = ", ".join(column.sql for column in columns)
    return f"read_parquet({file_list(files)}, hive_partitioning = false) AS t({names})"


def _named(table: pa.Table, columns: Sequence[TableColumn]) -> pa.Table:
    if not columns:
        return table.drop_columns(table.column_names)
    return table.rename_columns([column.name for column in columns])


def _check_page(offset: int, limit: int) -> None:
    if offset < 0 or limit < 0:
        raise InvalidInput(
            f"A page has the offset {offset} and the limit {limit}. Neither may be below 0."
        )
