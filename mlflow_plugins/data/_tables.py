"""Reading tables from CSV and Parquet files, with errors that name the line.

Figures about a whole file (rows, column types) are computed by streaming over it, so memory stays
flat however long it is.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data._bounded import bounded_connection
from mlflow_plugins.data._csv import check_utf8, csv_source, delimiter_of, diagnose, header_of

Format = Literal["csv", "parquet"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its name and one of integer, number, boolean, date, datetime, text, other."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSummary:
    """What a table file holds.

    Attributes:
        format: How the file is written.
        n_rows: Rows without the header.
        columns: In the order of the file.
    """

    format: Format
    n_rows: int
    columns: tuple[Column, ...]


def table_fields(summary: TableSummary) -> dict[str, Any]:
    """Return what is stored about a table, as JSON types."""
    return {
        "format": summary.format,
        "n_rows": summary.n_rows,
        "schema": [asdict(column) for column in summary.columns],
    }


def format_of(path: Path) -> Format:
    """Tell by a file's name how it is written.

    Raises:
        InvalidInput: The ending is not one that we read.
    """
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError:
        raise InvalidInput(
            f"{path.name!r} is not a table that can be read. "
            f"The file's name must end in one of: {', '.join(SUFFIXES)}."
        ) from None


def summarize(path: Path) -> TableSummary:
    """Read a whole file once and say what it holds.

    Raises:
        InvalidInput: The file is empty, broken, without rows, or of an unknown format.
    """
    check_not_empty(path)
    kind = format_of(path)
    n_rows, schema = parquet_summary(path) if kind == "parquet" else _csv_summary(path)
    check_columns(path.name, schema.names)
    if n_rows == 0:
        raise InvalidInput(
            f"{path.name!r} has the columns {', '.join(schema.names[:8])} but no rows. "
            "A data asset needs at least one row."
        )
    columns = tuple(Column(name=field.name, type=type_name(field.type)) for field in schema)
    return TableSummary(format=kind, n_rows=n_rows, columns=columns)


def read_rows(path: Path, *, n_rows: int, offset: int = 0) -> pa.Table:
    """Read some rows of a file.

    Raises:
        InvalidInput: The file is broken or of an unknown format.
    """
    if format_of(path) == "csv":
        with _csv_rows(path) as rows:
            return rows.limit(n_rows, offset).to_arrow_table()
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(path), hive_partitioning=False)
        return rows.limit(n_rows, offset).to_arrow_table()


# ---------------------------------------------------------------- CSV


def _csv_summary(path: Path) -> tuple[int, pa.Schema]:
    check_utf8(path)
    check_columns(path.name, header_of(path, delimiter_of(path)))
    with _csv_rows(path) as rows:
        n_rows = rows.aggregate("count(*)").fetchall()[0][0]
        return int(n_rows), rows.limit(0).to_arrow_table().schema


@contextmanager
def _csv_rows(path: Path) -> Iterator[duckdb.DuckDBPyRelation]:
    """Lend a file's rows; errors name the line."""
    delimiter = delimiter_of(path)
    try:
        with bounded_connection(len(header_of(path, delimiter))) as connection:

            def ask(sql: str) -> list[Any]:
                return connection.execute(sql).fetchall()

            source = csv_source([path], delimiter, ask)
            yield connection.sql(f"SELECT * FROM {source}")  # noqa: S608  (quoted)
    except duckdb.Error as error:
        names = header_of(path, delimiter)
        raise InvalidInput(
            diagnose(path, delimiter, names, has_header=True, shown=path.name, error=error)
        ) from error


# ---------------------------------------------------------------- Parquet


def parquet_summary(path: Path) -> tuple[int, pa.Schema]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            return file.metadata.num_rows, file.schema_arrow
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInput(
            f"{path.name!r} is not a Parquet file, or it is damaged ({error}). "
            "Write it again and try once more."
        ) from error


# ---------------------------------------------------------------- both


def check_not_empty(path: Path) -> None:
    if not path.is_file():
        raise InvalidInput(f"There is no file {str(path)!r}.")
    with path.open("rb") as file:
        if not file.read(4096).strip():
            raise InvalidInput(
                f"{path.name!r} is empty. A data asset needs a header line and at least one row."
            )


def check_columns(shown: str, names: Sequence[str]) -> None:
    """Make sure that every column has a name of its own.

    Raises:
        InvalidInput: One has none, or two have the same.
    """
    unnamed = [position for position, name in enumerate(names, 1) if not name.strip()]
    if unnamed:
        raise InvalidInput(
            f"{shown!r}: column {unnamed[0]} has no name. Name every column in the header line."
        )
    doubles = [name for name, count in Counter(names).items() if count > 1]
    if doubles:
        raise InvalidInput(
            f"{shown!r}: the column name {doubles[0]!r} occurs more than once. "
            "Give every column a name of its own."
        )


def type_name(kind: pa.DataType) -> str:
    """Return the word for a type: see `Column`."""
    tests = [
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "integer"),
        (lambda t: pa.types.is_floating(t) or pa.types.is_decimal(t), "number"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "datetime"),
        (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t), "text"),
    ]
    if pa.types.is_dictionary(kind):
        return type_name(kind.value_type)
    return next((name for test, name in tests if test(kind)), "other")
