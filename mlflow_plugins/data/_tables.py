"""Reading tables from CSV and Parquet files, with errors that name the line.

Figures about a whole file (rows, column types) are computed by streaming over it, so memory stays
flat however long it is.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data._bounded import bounded_connection

Format = Literal["csv", "parquet"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}

_DELIMITERS = ",;\t|"
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_COLUMNS_FOUND = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


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
        return _query_csv(
            path, "SELECT * FROM {} LIMIT $n_rows OFFSET $offset", n_rows=n_rows, offset=offset
        )
    query = (
        "SELECT * FROM read_parquet($path, hive_partitioning = false) LIMIT $n_rows OFFSET $offset"
    )
    params = {"path": str(path), "n_rows": n_rows, "offset": offset}
    with duckdb.connect() as connection:
        return connection.sql(query, params=params).to_arrow_table()


# ---------------------------------------------------------------- CSV


def _csv_summary(path: Path) -> tuple[int, pa.Schema]:
    check_utf8(path)
    check_columns(path.name, header_of(path, delimiter_of(path)))
    schema = _query_csv(path, "SELECT * FROM {} LIMIT 0").schema
    count = _query_csv(path, "SELECT count(*) FROM {}").column(0)[0].as_py()
    return int(count), schema


def _query_csv(path: Path, query: str, **params: int) -> pa.Table:
    """Run a query in which ``{}`` stands for the file.

    The separator comes from the header line, not from DuckDB's own guess: for a file with a broken
    quote that guess is "one column of text", which would hide the damage.
    """
    delimiter = delimiter_of(path)
    dialect = "delim = $delim, quote = '\"', escape = '\"', comment = '', header = true, skip = 0"
    dialect += ", sample_size = -1, strict_mode = true, hive_partitioning = false"
    source = f"read_csv($path, {dialect})"
    try:
        n_columns = len(header_of(path, delimiter))
        with bounded_connection(n_columns) as connection:
            relation = connection.sql(
                query.format(source), params={"path": str(path), "delim": delimiter, **params}
            )
            return relation.to_arrow_table()
    except duckdb.Error as error:
        raise InvalidInput(_diagnosis(path, delimiter, error)) from error


def _diagnosis(path: Path, delimiter: str, error: duckdb.Error) -> str:
    names = header_of(path, delimiter)
    return diagnose(path, delimiter, names, has_header=True, shown=path.name, error=error)


def diagnose(
    path: Path,
    delimiter: str,
    names: Sequence[str],
    *,
    has_header: bool,
    shown: str,
    error: Exception,
) -> str:
    """Say which line breaks a file: read again as text, where DuckDB reports it exactly.

    Args:
        path: The file.
        delimiter: What separates its values.
        names: Of its columns.
        has_header: Whether its first line has the names.
        shown: What people call the file.
        error: What DuckDB said when it read the file with types.
    """
    advice = "Fix that line, or write the file again with every text in quotes, and try once more."
    try:
        with duckdb.connect() as connection:
            connection.sql(
                "SELECT count(*) FROM read_csv($path, delim = $delim, quote = '\"', escape = '\"', "
                "comment = '', header = $header, auto_detect = false, strict_mode = true, "
                "columns = $columns, hive_partitioning = false)",
                params={
                    "path": str(path),
                    "delim": delimiter,
                    "header": has_header,
                    "columns": dict.fromkeys(names, "VARCHAR"),
                },
            ).fetchall()
    except duckdb.Error as found:
        text = str(found)
        line = _LINE.search(text)
        where = f"{shown!r}, line {line[1]}: " if line else f"{shown!r}: "
        counts = _COLUMNS_FOUND.search(text)
        if "quote" in text.split("Possible", 1)[0].lower():
            return (
                f"{where}a quoted text is not closed, or goes on after its closing quote. {advice}"
            )
        if counts:
            return f"{where}{counts[2]} values where the header has {counts[1]} columns. {advice}"
        return f"{where}{_first_sentence(text)} {advice}"
    if has_header is False or "convert" in str(error):
        return f"{shown!r}: {_first_sentence(str(error))} {advice}"
    return (
        f"{shown!r} cannot be read as a table with the separator {delimiter!r}. "
        "Write it as plain CSV: one header line, the same number of values on every line."
    )


def _first_sentence(text: str) -> str:
    lines = [line for line in text.splitlines() if line and "CSV Error on Line" not in line]
    return (lines[0] if lines else "it cannot be parsed").rstrip(".") + "."


def delimiter_of(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        line = re.sub(r'"[^"]*"', "", file.readline())
    counts = Counter(character for character in line if character in _DELIMITERS)
    return counts.most_common(1)[0][0] if counts else ","


def header_of(path: Path, delimiter: str) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return next(csv.reader(file, delimiter=delimiter), [])


def check_utf8(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    n_lines = 1
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                line = n_lines + block[: error.start].count(b"\n")
                raise InvalidInput(
                    f"{path.name!r}, line {line}: the text is not UTF-8. "
                    "Save the file with the encoding UTF-8 and try again."
                ) from error
            if b"\0" in block:
                raise InvalidInput(f"{path.name!r} is not a text file, so it is not CSV.")
            n_lines += block.count(b"\n")


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
