"""The readers of Parquet, JSON lines and Delta Lake, each a stream of Arrow batches."""

import codecs
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet

from mlflow_plugins.core import InvalidInput, MissingExtra
from mlflow_plugins.data.mltable._document import ENCODINGS
from mlflow_plugins.data.mltable._files import TableFile

_ROWS_AT_ONCE = 20_000


def unify(schemas: Sequence[pa.Schema], files: Sequence[TableFile]) -> pa.Schema:
    """Return the schema that holds the rows of all files.

    Raises:
        InvalidInput: A column has types that do not go together.
    """
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").remove_metadata()
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise InvalidInput(
            f"The files {files[0].shown!r} and others have columns of one name and different "
            f"types: {error}. Write them with the same types."
        ) from error


def fit(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with exactly the columns of a schema; missing ones have no values."""
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


class ParquetReader:
    """Reads Parquet files."""

    def __init__(self, files: Sequence[TableFile]) -> None:
        self._files = files
        self.schema = unify([self._schema(file) for file in files], files)

    @staticmethod
    def _schema(file: TableFile) -> pa.Schema:
        try:
            return _without_dictionaries(pyarrow.parquet.read_schema(file.path))
        except (pa.ArrowInvalid, OSError) as error:
            raise InvalidInput(
                f"{file.shown!r} is not a Parquet file, or it is damaged ({error})."
            ) from error

    def batches(self, index: int) -> Iterator[pa.RecordBatch]:
        """Read one file."""
        with pyarrow.parquet.ParquetFile(self._files[index].path) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                yield fit(batch, self.schema)


class JsonLinesReader:
    """Reads files with one JSON object on each line."""

    def __init__(
        self, files: Sequence[TableFile], options: Mapping[str, Any], work_folder: Path
    ) -> None:
        encoding = ENCODINGS[str(options.get("encoding") or "utf8").lower()]
        drops = options.get("invalid_lines") == "drop"
        self._files = [_clean(file, encoding, work_folder, drops=drops) for file in files]
        self.schema = unify([self._schema(file) for file in self._files], files)

    def _schema(self, file: TableFile) -> pa.Schema:
        with duckdb.connect() as connection:
            return self._relation(connection, file, "LIMIT 0").to_arrow_table().schema

    @staticmethod
    def _relation(connection: duckdb.DuckDBPyConnection, file: TableFile, end: str) -> Any:
        options = "format = 'newline_delimited', sample_size = -1, hive_partitioning = false"
        query = f"SELECT * FROM read_json($path, {options}) {end}"  # noqa: S608  (constants)
        return connection.sql(query, params={"path": str(file.path)})

    def batches(self, index: int) -> Iterator[pa.RecordBatch]:
        """Read one file."""
        with duckdb.connect() as connection:
            reader = self._relation(connection, self._files[index], "").to_arrow_reader(
                _ROWS_AT_ONCE
            )
            for batch in reader:
                yield fit(batch, self.schema)


class DeltaReader:
    """Reads folders that are Delta Lake tables, as they were at a version or a moment."""

    def __init__(self, files: Sequence[TableFile], options: Mapping[str, Any]) -> None:
        try:
            import deltalake
        except ImportError as error:
            raise MissingExtra("deltalake", extra="delta", purpose="read_delta_lake") from error
        self._tables = []
        for file in files:
            try:
                table = deltalake.DeltaTable(str(file.path), version=options.get("version_as_of"))
                if moment := options.get("timestamp_as_of"):
                    table.load_as_version(_moment(str(moment)))
            except (deltalake.exceptions.DeltaError, OSError) as error:
                raise InvalidInput(
                    f"{file.shown!r} cannot be read as a Delta Lake table: {error}"
                ) from error
            self._tables.append(table.to_pyarrow_dataset())
        self.schema = unify([_without_dictionaries(one.schema) for one in self._tables], files)

    def batches(self, index: int) -> Iterator[pa.RecordBatch]:
        """Read one table."""
        for batch in self._tables[index].to_batches(batch_size=_ROWS_AT_ONCE):
            yield fit(batch, self.schema)


class ListReader:
    """Reads nothing: the table has a row for each file."""

    schema = pa.schema([])

    def batches(self, index: int) -> Iterator[pa.RecordBatch]:
        """Return one row without columns."""
        del index
        yield pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([])))


def _without_dictionaries(schema: pa.Schema) -> pa.Schema:
    return pa.schema(
        [
            field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
            for field in schema
        ]
    )


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"The option 'timestamp_as_of' is {text!r}. It must be a moment such as "
            "2024-01-31T00:00:00Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _clean(file: TableFile, encoding: str, work_folder: Path, *, drops: bool) -> TableFile:
    """Check each line, and write a copy in UTF-8 that has the good ones."""
    target = work_folder / f"json-{len(list(work_folder.iterdir()))}.jsonl"
    n_kept = 0
    try:
        with (
            codecs.open(str(file.path), "r", _with_mark(encoding)) as lines,
            target.open("w", encoding="utf-8") as copy,
        ):
            for number, line in enumerate(lines, 1):
                if line.strip() and _is_object(line, number, file, drops=drops):
                    copy.write(line.strip() + "\n")
                    n_kept += 1
    except UnicodeError as error:
        raise InvalidInput(
            f"{file.shown!r} is not text in the encoding {encoding!r}. "
            "Correct the option 'encoding'."
        ) from error
    if n_kept == 0:
        raise InvalidInput(f"{file.shown!r} has no line that is a JSON object.")
    return TableFile(target, file.shown)


def _with_mark(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _is_object(line: str, number: int, file: TableFile, *, drops: bool) -> bool:
    try:
        is_object = isinstance(json.loads(line), dict)
        why = "it is not an object"
    except (ValueError, RecursionError) as error:
        is_object, why = False, str(error)
    if not is_object and not drops:
        raise InvalidInput(
            f"{file.shown!r}, line {number} is not a JSON object: {why}. Correct it, or leave "
            "such lines out with 'invalid_lines: drop'."
        )
    return is_object
