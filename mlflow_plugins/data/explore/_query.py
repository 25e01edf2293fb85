"""A user's own SQL over named tables: one SELECT, read only, within limits.

Three walls, each of which would do. The statement is parsed and everything it names is checked:
tables must be ours, table functions one of a few that only make rows. It runs in a DuckDB of its
own that may open the tables' files for reading and nothing else, and whose settings are locked.
And time, memory and rows have limits.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.data._sql import literal, quote
from mlflow_plugins.data.explore._columns import TableColumn
from mlflow_plugins.data.explore._engine import Limits, interrupted_after
from mlflow_plugins.data.explore._table import Table

_ROW_MAKERS = frozenset({"range", "generate_series", "unnest"})
_SELECTS = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE", "STATEMENT_NODE"}
)
_RULE = "Only one SELECT is answered here: nothing is written, set, loaded or attached."


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """What a query gave.

    Attributes:
        rows: At most as many as were asked for.
        is_complete: Whether these are all.
    """

    rows: pa.Table
    is_complete: bool


def query(
    sql: str,
    tables: Mapping[str, Table],
    *,
    max_rows: int = 10_000,
    limits: Limits | None = None,
) -> QueryResult:
    """Answer one SELECT over named tables.

    Args:
        sql: In DuckDB's dialect. Columns have their own names; of names that differ in case only
            the later ones get ``_2``, ``_3``.
        tables: By the names that the query uses.
        max_rows: Most rows to return.
        limits: Of memory, threads and time; by default 512 MB, two threads and 30 seconds.

    Raises:
        QueryTimeout: It took longer than the limit.
        InvalidInput: It is not a single SELECT, names something that is not there, is wrong, or
            needs more memory than the limit.
    """
    limits = limits or Limits(memory="512MB", timeout_s=30.0)
    check_read_only(sql, tables)
    connection = _locked_connection(tables, limits)
    try:
        with interrupted_after(connection, limits.timeout_s):
            rows = connection.sql(without_end(sql)).limit(max_rows + 1).to_arrow_table()
    finally:
        connection.close()
    return QueryResult(rows=rows.slice(0, max_rows), is_complete=rows.num_rows <= max_rows)


def without_end(sql: str) -> str:
    """Leave out the semicolon that ends a statement, and comments after it.

    Example:
        >>> without_end("SELECT ';' /* a; b */ ; -- the end")
        "SELECT ';' /* a; b */ "
    """
    text = sql.encode()
    end = len(text)
    for start, kind in reversed(duckdb.tokenize(sql)):
        if text[start : start + 1] == b";":
            end = start
        elif kind != duckdb.token_type.comment:
            break
    return text[:end].decode()


def check_read_only(sql: str, tables: Mapping[str, object]) -> None:
    """Refuse what is not a single SELECT over the tables.

    Raises:
        InvalidInput: Says what is wrong with it.
    """
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise InvalidInput(f"The query cannot be read: {_first_line(error)}.") from error
    if len(statements) != 1:
        raise InvalidInput(f"There are {len(statements)} statements. {_RULE}")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        raise InvalidInput(f"A statement of the kind {kind.name} is refused. {_RULE}")
    tree = _parse(sql)
    known = {name.lower() for name in tables}
    _check_tree(tree, known | set(_names_within(tree)), tables)


def _parse(sql: str) -> Any:
    with duckdb.connect() as connection:
        found = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    tree: Any = json.loads(found[0]) if found else {"error": True}
    if tree.get("error") or len(tree["statements"]) != 1:
        raise InvalidInput(f"The query is refused: it is not a plain SELECT. {_RULE}")
    return tree["statements"][0]


def _check_tree(tree: object, known: set[str], tables: Mapping[str, object]) -> None:
    for node in _nodes(tree):
        kind = str(node.get("type", ""))
        if kind.endswith("_NODE") and kind not in _SELECTS:
            raise InvalidInput(f"The query has a part of the kind {kind}. {_RULE}")
        if kind == "TABLE_FUNCTION":
            name = str(node["function"]["function_name"]).lower()
            if name not in _ROW_MAKERS:
                raise InvalidInput(
                    f"The table function {name!r} is refused. {_RULE} "
                    f"Read from the tables {_listed(tables)}."
                )
        if kind == "BASE_TABLE":
            _check_table(node, known, tables)
        if kind == "SHOW_REF":
            raise InvalidInput(f"DESCRIBE, SHOW and SUMMARIZE are refused. {_RULE}")


def _check_table(node: Mapping[str, Any], known: set[str], tables: Mapping[str, object]) -> None:
    name = str(node["table_name"])
    parts = [str(node.get(key) or "") for key in ("catalog_name", "schema_name")]
    if any(parts) or name.lower() not in known:
        full = ".".join([*filter(None, parts), name])
        raise InvalidInput(
            f"There is no table {full!r} here. The tables are {_listed(tables)}."
            f"{did_you_mean(name, tables)}"
        )


def _names_within(tree: object) -> Iterator[str]:
    """Names that the query itself gives to subqueries by WITH."""
    for node in _nodes(tree):
        for entry in (node.get("cte_map") or {}).get("map", []):
            yield str(entry["key"]).lower()
        if str(node.get("type")) in {"CTE_NODE", "RECURSIVE_CTE_NODE"}:
            yield str(node.get("cte_name", node.get("ctename", ""))).lower()


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _listed(tables: Mapping[str, object]) -> str:
    return ", ".join(map(repr, tables)) or "none"


# ---------------------------------------------------------------- the locked database


def _locked_connection(tables: Mapping[str, Table], limits: Limits) -> duckdb.DuckDBPyConnection:
    files = sorted({str(path) for table in tables.values() for path in table.files})
    connection = duckdb.connect(
        config={
            "memory_limit": limits.memory,
            "threads": str(limits.threads),
            "max_temp_directory_size": "0B",
            "python_enable_replacements": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET allowed_paths = [{', '.join(map(literal, files))}]")
        for name, table in tables.items():
            connection.execute(f"CREATE VIEW {quote(name)} AS {_view(table)}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        connection.close()
        raise InvalidInput(
            f"The tables {_listed(tables)} cannot be queried: {_first_line(error)}. "
            "Give each a name of its own."
        ) from error
    return connection


def _view(table: Table) -> str:
    names = sql_names(table.columns)
    select = ", ".join(
        f"{column.sql} AS {quote(name)}" for column, name in zip(table.columns, names, strict=True)
    )
    return f"SELECT {select} FROM {table.source}"


def sql_names(columns: tuple[TableColumn, ...]) -> list[str]:
    """Return the columns' names, changed where SQL would take two for one."""
    taken: set[str] = set()
    names = []
    for column in columns:
        name, n = column.name, 1
        while name.lower() in taken:
            n += 1
            name = f"{column.name}_{n}"
        taken.add(name.lower())
        names.append(name)
    return names


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
