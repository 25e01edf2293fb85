"""Files of separated values, turned into Parquet as a stream; bad lines refused or kept aside."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.data._bounded import bounded_connection
from mlflow_plugins.data._tables import check_columns
from mlflow_plugins.data.importing._readers import Converted, Progress, write_batches
from mlflow_plugins.data.importing._sniff import Dialect, read_lines
from mlflow_plugins.data.mltable import DelimitedReader, TableFile

MOST_COLUMNS = 20_000
MOST_BAD_LINES = 100_000


def csv_to_parquet(
    path: Path,
    dialect: Dialect,
    target: Path,
    *,
    shown: str,
    rejected: Path | None,
    progress: Progress,
    types: Mapping[str, str] | None = None,
) -> Converted:
    """Read a file of separated values.

    Args:
        path: The file.
        dialect: How it is written.
        target: The Parquet file to write.
        shown: What people call the file.
        rejected: Where lines go that are no rows; None refuses the file for the first of them.
        progress: Told the number of rows so far.
        types: Types that columns must have (`TYPES`); those of the others are found. A value that
            does not fit makes its line one that is no row.

    Raises:
        InvalidInput: It is broken, or its columns break a rule.
    """
    if dialect.encoding != "utf-8":
        path = _as_utf8(path, dialect.encoding, target.parent / "utf8.csv", shown)
    names = _names(path, dialect, shown)
    chosen = _checked_types(types or {}, names, shown)
    n_rejected = 0
    is_copied = rejected is not None or bool(chosen) or dialect.quote != '"'
    if is_copied:
        path, n_rejected = _good_lines(path, dialect, names, target.parent, rejected, shown, chosen)
    options = {
        "delimiter": dialect.delimiter,
        "header": "all_files_same_headers" if is_copied or dialect.has_header else "no_header",
        "infer_column_types": {"column_type_overrides": {n: TYPES[t] for n, t in chosen.items()}},
    }
    try:
        reader = DelimitedReader([TableFile(path, shown)], options, target.parent)
        n_rows = write_batches(reader.schema, reader.batches(0), target, progress)
    except InvalidInput as error:
        raise InvalidInput(
            f"{error.message} Or keep such lines aside with: --on-bad-lines keep-aside"
        ) from error
    return Converted(n_rows=n_rows, n_rejected=n_rejected)


# Our words for types that a caller may choose, as `DelimitedReader` calls them.
TYPES: Mapping[str, str] = {
    "text": "string",
    "integer": "int",
    "number": "float",
    "boolean": "boolean",
    "datetime": "datetime",
}
_SQL_TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "datetime": "TIMESTAMP",
}
_DIALECT = (
    "delim = $delim, header = $header, quote = $quote, escape = $quote, comment = '', "
    "strict_mode = true, hive_partitioning = false, max_line_size = 33554432"
)


def _checked_types(types: Mapping[str, str], names: Sequence[str], shown: str) -> dict[str, str]:
    for name, kind in types.items():
        if kind not in TYPES:
            raise InvalidInput(
                f"The type of the column {name!r} is {kind!r}. It must be one of: "
                f"{', '.join(TYPES)}."
            )
        if name not in names:
            raise InvalidInput(
                f"{shown!r} has no column {name!r}, whose type is chosen."
                f"{did_you_mean(name, names)}"
            )
    return dict(types)


def _good_lines(
    path: Path,
    dialect: Dialect,
    names: Sequence[str],
    work: Path,
    rejected: Path | None,
    shown: str,
    types: Mapping[str, str],
) -> tuple[Path, int]:
    """Write the lines that are rows to a file, whose types can be found, and the others aside."""
    target = work / "good.csv"
    options = (
        "columns = $columns, auto_detect = false, store_rejects = true, "
        f"rejects_limit = {MOST_BAD_LINES + 1}, {_DIALECT}"
    )
    query = f"SELECT * FROM read_csv($path, {options})"  # noqa: S608  (constants)
    params = {
        "path": str(path),
        "delim": dialect.delimiter,
        "header": dialect.has_header,
        "quote": dialect.quote,
        "columns": {name: _SQL_TYPES[types.get(name, "text")] for name in names},
    }
    try:
        with bounded_connection(len(names), work) as connection:
            rows = connection.sql(query, params=params)
            rows.to_csv(
                str(target), sep=dialect.delimiter, header=True, quotechar='"', escapechar='"'
            )
            n_bad = _count_rejected(connection, shown)
            if n_bad and rejected is None:
                raise _refusal_of_first(connection, n_bad, shown)
            return target, _keep_rejected(connection, rejected) if n_bad and rejected else 0
    except duckdb.Error as error:
        raise InvalidInput(f"{shown!r} cannot be read: {str(error).splitlines()[0]}") from error


def _names(path: Path, dialect: Dialect, shown: str) -> list[str]:
    csv.field_size_limit(1 << 24)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            lines = read_lines(file, delimiter=dialect.delimiter, quote=dialect.quote)
            first = next(lines, [])
        except csv.Error as error:
            raise InvalidInput(f"{shown!r}, line 1: {error}.") from error
    if len(first) > MOST_COLUMNS:
        raise InvalidInput(
            f"{shown!r} has {len(first):,} columns. At most {MOST_COLUMNS:,} are read: is "
            f"{dialect.delimiter!r} its separator? Say which it is with --delimiter."
        )
    names = first if dialect.has_header else [f"Column{n}" for n in range(1, len(first) + 1)]
    check_columns(shown, names)
    return names


def _count_rejected(connection: duckdb.DuckDBPyConnection, shown: str) -> int:
    row = connection.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone()
    n_bad = int(row[0]) if row else 0
    if n_bad > MOST_BAD_LINES:
        raise InvalidInput(
            f"{shown!r}: more than {MOST_BAD_LINES:,} lines are no rows. So many are not kept "
            "aside: look whether the separator, the quotes and the types are right."
        )
    return n_bad


def _refusal_of_first(
    connection: duckdb.DuckDBPyConnection, n_bad: int, shown: str
) -> InvalidInput:
    row = connection.execute(
        "SELECT line, error_message FROM reject_errors ORDER BY line LIMIT 1"
    ).fetchone() or (0, "")
    others = f" (and {n_bad - 1:,} more lines)" if n_bad > 1 else ""
    return InvalidInput(f"{shown!r}, line {row[0]}{others}: {_reason(row[1])}.")


def _reason(message: str) -> str:
    """Return what DuckDB says of a line, in one sentence about the line."""
    return str(message).splitlines()[0].removesuffix(".")


def _keep_rejected(connection: duckdb.DuckDBPyConnection, rejected: Path) -> int:
    rows = connection.execute(
        "SELECT line, any_value(csv_line), any_value(error_message) FROM reject_errors "
        "GROUP BY line ORDER BY line"
    ).fetchall()
    with rejected.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "reason", "content"])
        for line, content, reason in rows:
            writer.writerow([line, _reason(reason), (content or "").rstrip("\r\n")])
    return len(rows)


def _as_utf8(path: Path, encoding: str, target: Path, shown: str) -> Path:
    try:
        with (
            path.open(encoding=encoding, newline="") as source,
            target.open("w", encoding="utf-8", newline="") as copy,
        ):
            shutil.copyfileobj(source, copy, 1 << 20)
    except UnicodeError as error:
        raise InvalidInput(
            f"{shown!r} is not text in the encoding {encoding!r} ({error}). "
            "Give another with --encoding, or leave it out to have it found."
        ) from error
    return target
