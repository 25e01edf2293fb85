"""The columns of a table as questions see them, and how SQL names them.

SQL never sees a column's own name: a table is read as ``c0, c1, ...`` by position. So any name
works, also two that differ in case only, which DuckDB would take for one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlflow_plugins.core import InvalidInput, did_you_mean

NUMBERS = frozenset({"integer", "number"})
MOMENTS = frozenset({"date", "datetime"})

_INTEGERS = frozenset(
    {"tinyint", "smallint", "integer", "bigint", "hugeint"}
    | {"utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"}
)
_WORDS = {
    **dict.fromkeys(_INTEGERS, "integer"),
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    "boolean": "boolean",
    "date": "date",
    **dict.fromkeys(
        ("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"),
        "datetime",
    ),
    **dict.fromkeys(("varchar", "enum", "uuid"), "text"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """One column of a table.

    Attributes:
        name: As the file has it.
        type: One of integer, number, boolean, date, datetime, text, other.
        dtype: DuckDB's type, such as ``DECIMAL(10,2)``.
        position: Place in the table, from 0.
    """

    name: str
    type: str
    dtype: str
    position: int

    @property
    def sql(self) -> str:
        """What the column is called in SQL."""
        return f"c{self.position}"

    @property
    def is_float(self) -> bool:
        """Whether values may be NaN, which we take for missing."""
        return self.dtype in {"FLOAT", "DOUBLE"}

    @property
    def clean_sql(self) -> str:
        """The value with NULL for NaN, which DuckDB has above all numbers, and texts as such."""
        if self.is_float:
            return f"CASE WHEN isnan({self.sql}) THEN NULL ELSE {self.sql} END"
        if self.type == "text" and self.dtype != "VARCHAR":
            return f"CAST({self.sql} AS VARCHAR)"
        return self.sql

    @property
    def missing_sql(self) -> str:
        """The condition that a value is missing."""
        return (
            f"({self.sql} IS NULL OR isnan({self.sql}))" if self.is_float else f"{self.sql} IS NULL"
        )


def describe(names: Sequence[str], dtypes: Sequence[str]) -> tuple[TableColumn, ...]:
    """Describe columns as DuckDB found them."""
    return tuple(
        TableColumn(name=name, type=_word(dtype), dtype=dtype, position=position)
        for position, (name, dtype) in enumerate(zip(names, dtypes, strict=True))
    )


def find(columns: Iterable[TableColumn], name: str) -> TableColumn:
    """Return the column of that name.

    Raises:
        InvalidInput: There is none.
    """
    known = {column.name: column for column in columns}
    if name in known:
        return known[name]
    shown = ", ".join(map(repr, list(known)[:8])) + (", ..." if len(known) > 8 else "")
    hint = did_you_mean(name, list(known)[:1000])
    raise InvalidInput(f"The table has no column {name!r}. Its columns are {shown}.{hint}")


def check_type(column: TableColumn, allowed: Iterable[str], purpose: str) -> None:
    """Refuse a column of another type.

    Raises:
        InvalidInput: The column's type is not among those allowed.
    """
    allowed = sorted(allowed)
    if column.type not in allowed:
        raise InvalidInput(
            f"{purpose} needs a column of type {' or '.join(allowed)}; "
            f"{column.name!r} is of type {column.type}. Choose another column."
        )


def _word(dtype: str) -> str:
    return "other" if dtype.endswith("]") else _WORDS.get(dtype.partition("(")[0].lower(), "other")
