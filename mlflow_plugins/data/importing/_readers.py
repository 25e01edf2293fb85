"""Files of every format, turned into Parquet as a stream; bad lines are refused or kept aside."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet

from mlflow_plugins.core import InvalidInput, MissingExtra
from mlflow_plugins.data._tables import check_columns
from mlflow_plugins.data.datastores import write_rows
from mlflow_plugins.data.importing._archives import check_archive

_ROWS_AT_ONCE = 20_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A table as a Parquet file.

    Attributes:
        n_rows: Its rows.
        n_rejected: Lines that were kept aside.
    """

    n_rows: int
    n_rejected: int = 0


# ---------------------------------------------------------------- JSON lines


def json_to_parquet(
    path: Path, target: Path, *, shown: str, rejected: Path | None, progress: Progress
) -> Converted:
    """Read a file with one JSON object on each line, or with one list of objects."""
    lines = target.parent / "lines.jsonl"
    n_rejected = _clean_lines(_json_lines(path, shown), lines, shown, rejected)
    try:
        with duckdb.connect() as connection:
            reader = connection.sql(
                "SELECT * FROM read_json($path, format = 'newline_delimited', sample_size = -1, "
                "hive_partitioning = false, maximum_object_size = 67108864)",
                params={"path": str(lines)},
            )
            check_columns(shown, reader.columns)
            stream = reader.to_arrow_reader(_ROWS_AT_ONCE)
            n_rows = write_batches(stream.schema, stream, target, progress)
    except duckdb.Error as error:
        raise InvalidInput(f"{shown!r}: {str(error).splitlines()[0]}") from error
    return Converted(n_rows=n_rows, n_rejected=n_rejected)


def _json_lines(path: Path, shown: str) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            start = file.read(1 << 12).lstrip()[:1]
            file.seek(0)
            if start != "[":
                yield from file
                return
            rows = json.load(file)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{shown!r}: the text is not UTF-8. Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{shown!r} is not JSON: {error}.") from error
    yield from (json.dumps(row) for row in rows)


def _clean_lines(lines: Iterator[str], target: Path, shown: str, rejected: Path | None) -> int:
    bad: list[tuple[int, str, str]] = []
    n_good = 0
    with target.open("w", encoding="utf-8") as copy:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            reason = _why_no_object(line)
            if reason is None:
                copy.write(line.strip() + "\n")
                n_good += 1
            elif rejected is None:
                raise InvalidInput(
                    f"{shown!r}, line {number} is not a JSON object: {reason}. Correct it, or keep "
                    "such lines aside with: --on-bad-lines keep-aside"
                )
            else:
                bad.append((number, reason, line.rstrip("\r\n")))
    if n_good == 0:
        raise InvalidInput(f"{shown!r} has no line that is a JSON object.")
    if bad and rejected is not None:
        with rejected.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("line", "reason", "content"), *bad])
    return len(bad)


def _why_no_object(line: str) -> str | None:
    try:
        return None if isinstance(json.loads(line), dict) else "it is not an object"
    except (ValueError, RecursionError) as error:
        return str(error)


# ---------------------------------------------------------------- Excel, Parquet


def excel_to_parquet(
    path: Path, target: Path, *, shown: str, sheet: str | None, progress: Progress
) -> Converted:
    """Read one sheet of a workbook; its first row has the columns' names.

    Raises:
        MissingExtra: openpyxl is not installed.
        InvalidInput: It is no workbook, has no such sheet, or several and none is named.
    """
    book = _workbook(path, shown)
    try:
        rows = _sheet(book, shown, sheet).iter_rows(values_only=True)
        header = _trimmed(next(rows, ()))
        names = ["" if one is None else str(one) for one in header]
        if not names:
            raise InvalidInput(f"{shown!r}: the sheet is empty. Its first row has the names.")
        check_columns(shown, names)
        n_rows = write_rows(names, _parts(rows, names, shown, progress), target)
    finally:
        book.close()
    return Converted(n_rows=n_rows)


def sheet_names(path: Path, *, shown: str) -> tuple[str, ...]:
    """Return the names of a workbook's sheets. See `excel_to_parquet`."""
    book = _workbook(path, shown)
    try:
        return tuple(book.sheetnames)
    finally:
        book.close()


def _workbook(path: Path, shown: str) -> Any:
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtra("openpyxl", extra="excel", purpose="An Excel file") from error
    check_archive(path)
    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises what its parsers raise
        raise InvalidInput(f"{shown!r} cannot be read as an Excel workbook: {error}.") from error


def _sheet(book: Any, shown: str, sheet: str | None) -> Any:
    if sheet is None and len(book.sheetnames) == 1:
        return book[book.sheetnames[0]]
    if sheet not in book.sheetnames:
        came = f"no sheet {sheet!r}" if sheet else f"{len(book.sheetnames)} sheets"
        raise InvalidInput(
            f"{shown!r} has {came}. Choose one with --sheet: {', '.join(book.sheetnames[:20])}."
        )
    return book[sheet]


def _trimmed(row: Sequence[Any]) -> Sequence[Any]:
    """Leave out the empty cells at the end, which Excel keeps where something was once."""
    end = max((n for n, cell in enumerate(row, 1) if cell not in (None, "")), default=0)
    return row[:end]


def _parts(
    rows: Iterator[Sequence[Any]], names: Sequence[str], shown: str, progress: Progress
) -> Iterator[list[Sequence[Any]]]:
    part: list[Sequence[Any]] = []
    n_rows = 0
    for number, row in enumerate(rows, 2):
        filled = _trimmed(row)
        if not filled:
            continue
        if len(filled) > len(names):
            raise InvalidInput(
                f"{shown!r}, row {number}: {len(filled)} values where the first row has "
                f"{len(names)} names."
            )
        part.append([*filled, *[None] * (len(names) - len(filled))])
        if len(part) == _ROWS_AT_ONCE:
            n_rows += len(part)
            progress(n_rows)
            yield part
            part = []
    if part:
        yield part


def parquet_files_to_one(paths: Sequence[Path], target: Path, shown: Mapping[Path, str]) -> int:
    """Write the rows of several Parquet files to one; return how many.

    Raises:
        InvalidInput: Their columns differ.
    """
    schemas = [pyarrow.parquet.read_schema(path) for path in paths]
    for path, schema in zip(paths, schemas, strict=True):
        if schema.names != schemas[0].names:
            raise InvalidInput(
                f"{shown[path]!r} has the columns {', '.join(schema.names[:10])}, and "
                f"{shown[paths[0]]!r} has {', '.join(schemas[0].names[:10])}. Tables of one "
                "archive become one table, so they must have the same columns."
            )
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive").remove_metadata()
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise InvalidInput(f"The tables of the archive have different types: {error}.") from error
    n_rows = 0
    with pyarrow.parquet.ParquetWriter(target, schema) as writer:
        for path in paths:
            with pyarrow.parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS_AT_ONCE):
                    writer.write_table(pa.Table.from_batches([batch]).cast(schema))
                    n_rows += batch.num_rows
    return n_rows


def write_batches(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], target: Path, progress: Progress
) -> int:
    """Write rows to a Parquet file as they come; return how many."""
    n_rows = 0
    with pyarrow.parquet.ParquetWriter(target, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            n_rows += batch.num_rows
            progress(n_rows)
    return n_rows
