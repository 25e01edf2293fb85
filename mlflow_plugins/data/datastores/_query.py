"""Queries that only read: one SELECT, checked before it is sent anywhere."""

from typing import Any

from mlflow_plugins.core import InvalidInput, MissingExtra, NotAllowed

_DIALECTS = {
    "postgresql": "postgres",
    "mssql": "tsql",
    "mariadb": "mysql",
    "cockroachdb": "postgres",
    "awsathena": "athena",
}
_READING = ("Select", "SetOperation", "Subquery", "Values")
_WRITING = (
    "Insert",
    "Update",
    "Delete",
    "Merge",
    "Create",
    "Drop",
    "Alter",
    "TruncateTable",
    "Copy",
    "Command",
    "Into",
    "Lock",
    "Grant",
    "Set",
    "Use",
    "Attach",
    "Detach",
    "Pragma",
    "Transaction",
    "LoadData",
    "Export",
)
_FUNCTIONS = (
    "lo_import",
    "lo_export",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_terminate_backend",
    "pg_sleep",
    "dblink",
    "dblink_exec",
    "load_file",
    "load_extension",
    "xp_cmdshell",
    "openrowset",
    "nextval",
    "setval",
    "sleep",
    "benchmark",
)


def check_reads_only(query: str, *, dialect: str) -> None:
    """Make sure that a text is one query that changes nothing and leaves the database alone.

    It is parsed in the database's own dialect. Whoever runs it does so in a read-only transaction
    as well, where the database has such: this check is the one that explains.

    Args:
        query: What the user wrote.
        dialect: SQLAlchemy's name of the database.

    Raises:
        InvalidInput: It cannot be parsed, or is not one query.
        NotAllowed: It writes, or calls something that reaches out of the database.
        MissingExtra: What parses queries is not installed.
    """
    try:
        import sqlglot
        from sqlglot import errors, expressions
    except ImportError as error:
        raise MissingExtra("sqlglot", extra="sql", purpose="A query") from error
    try:
        parsed: list[Any] = [
            one for one in sqlglot.parse(query, read=_dialect(dialect)) if one is not None
        ]
    except (errors.ParseError, errors.TokenError) as error:
        raise InvalidInput(f"The query cannot be read: {_first_line(error)}.") from None
    if len(parsed) != 1:
        raise InvalidInput(f"There are {len(parsed)} statements. Give one query: a SELECT.")
    tree = parsed[0]
    kinds = tuple(getattr(expressions, name) for name in _WRITING if hasattr(expressions, name))
    reading = tuple(getattr(expressions, name) for name in _READING if hasattr(expressions, name))
    if not isinstance(tree, reading) or isinstance(tree, kinds):
        raise NotAllowed(_refusal(type(tree).__name__))
    for node in tree.walk():
        if isinstance(node, kinds):
            raise NotAllowed(_refusal(type(node).__name__))
        if isinstance(node, expressions.Func) and _name_of(node) in _FUNCTIONS:
            raise NotAllowed(
                f"The query calls {_name_of(node)}, which does more than read tables. Leave it out."
            )


def _dialect(name: str) -> str | None:
    import sqlglot

    word = _DIALECTS.get(name, name)
    return word if word in sqlglot.Dialect.classes else None


def _name_of(node: Any) -> str:
    return str(node.name if type(node).__name__ == "Anonymous" else node.sql_name()).lower()


def _refusal(what: str) -> str:
    return (
        f"The query is not one that only reads (it has {what.upper()!r} in it). Import takes a "
        "SELECT, which changes nothing; change tables with the database's own tools."
    )


def _first_line(error: Exception) -> str:
    from re import sub

    return sub(r"\x1b\[[0-9;]*m", "", str(error).splitlines()[0]).rstrip(".")
