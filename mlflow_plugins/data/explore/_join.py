"""Joining two tables: the result is a table of its own in the caller's cache folder."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data._sql import quote
from mlflow_plugins.data.explore._columns import TableColumn
from mlflow_plugins.data.explore._engine import Engine, Limits
from mlflow_plugins.data.explore._query import sql_names
from mlflow_plugins.data.explore._source import copy_to_parquet, write_once
from mlflow_plugins.data.explore._table import Table, open_table

How = Literal["inner", "left"]


def join(
    left: Table,
    right: Table,
    *,
    on: Sequence[str | tuple[str, str]],
    cache: Path,
    how: How = "inner",
    max_rows: int = 100_000_000,
    limits: Limits | None = None,
) -> Table:
    """Join two tables where their keys are equal; a missing key equals nothing.

    Rows come in the order of ``left``, then of ``right``. Columns of ``right`` follow those of
    ``left``, without the keys; a name that is taken gets ``_right``, again if need be.

    Args:
        left: The table whose rows ``how="left"`` keeps.
        right: The other.
        on: Keys: names of columns that both have, or pairs (name in left, name in right).
        cache: Folder for the result.
        how: Rows of ``left`` without a partner are dropped, or kept with missing values.
        max_rows: A join of more rows is refused before it is made.
        limits: Memory, threads and time of the join and of the result.

    Raises:
        InvalidInput: A key is unknown, keys cannot be compared, or there are too many rows.
    """
    if not on:
        raise InvalidInput("A join needs at least one key. Name a column that both tables have.")
    pairs = [(name, name) if isinstance(name, str) else name for name in on]
    keys = [(left.column(one), right.column(other)) for one, other in pairs]
    for one, other in keys:
        _check_comparable(one, other)
    if how not in {"inner", "left"}:
        raise InvalidInput(f"A join {how!r} is not made. Choose 'inner' or 'left'.")
    limits = limits or Limits(temp_folder=cache / "spill")
    target = cache / f"join-{_key(left, right, pairs, how)}.parquet"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        engine = Engine(limits)
        try:
            source = _source(left, right, keys, how)
            _check_size(engine, source, max_rows)
            query = f"SELECT {_select(left, right, keys)} FROM {source} ORDER BY l.n, r.n"
            write_once(target, lambda path: copy_to_parquet(query, path, engine))
        finally:
            engine.close()
    return open_table(target, cache=cache, limits=limits)


def _source(
    left: Table, right: Table, keys: Sequence[tuple[TableColumn, TableColumn]], how: How
) -> str:
    sides = [
        f"(SELECT *, {table.row_number} AS n FROM {table.source}) AS {name}"
        for table, name in ((left, "l"), (right, "r"))
    ]
    equal = " AND ".join(
        f"l.{one.sql} = r.{other.sql}" + (f" AND NOT isnan(l.{one.sql})" if one.is_float else "")
        for one, other in keys
    )
    return f"{sides[0]} {how.upper()} JOIN {sides[1]} ON {equal}"


def _select(left: Table, right: Table, keys: Sequence[tuple[TableColumn, TableColumn]]) -> str:
    key_names = {other.name for _, other in keys}
    rest = [column for column in right.columns if column.name not in key_names]
    taken = {column.name.lower() for column in left.columns}
    names = sql_names(left.columns)
    parts = [
        f"l.{column.sql} AS {quote(name)}" for column, name in zip(left.columns, names, strict=True)
    ]
    taken |= {name.lower() for name in names}
    for column in rest:
        name = column.name
        while name.lower() in taken:
            name += "_right"
        taken.add(name.lower())
        parts.append(f"r.{column.sql} AS {quote(name)}")
    return ", ".join(parts)


def _check_comparable(one: TableColumn, other: TableColumn) -> None:
    groups = [{"integer", "number"}, {"date", "datetime"}, {"text"}, {"boolean"}]
    if not any({one.type, other.type} <= group for group in groups):
        raise InvalidInput(
            f"The keys {one.name!r} ({one.type}) and {other.name!r} ({other.type}) differ in type. "
            "Join on columns of the same type."
        )


def _check_size(engine: Engine, source: str, max_rows: int) -> None:
    n_rows = engine.run(f"SELECT count(*) FROM {source}").column(0)[0].as_py()
    if n_rows > max_rows:
        raise InvalidInput(
            f"The join has {n_rows:,} rows, more than {max_rows:,}. "
            "Its keys occur too often on both sides: join on more columns."
        )


def _key(left: Table, right: Table, pairs: Sequence[tuple[str, str]], how: str) -> str:
    files = [
        [str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns]
        for table in (left, right)
        for path in table.files
    ]
    facts = [len(left.files), files, [list(pair) for pair in pairs], how]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
