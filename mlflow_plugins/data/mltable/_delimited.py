"""``read_delimited``: headers as Azure means them, types by all rows of all files."""

import codecs
import csv
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data._bounded import bounded_connection
from mlflow_plugins.data.mltable._document import ENCODINGS
from mlflow_plugins.data.mltable._expressions import name_to_sql
from mlflow_plugins.data.mltable._files import TableFile

ROWS_AT_ONCE = 20_000
_CELLS_AT_ONCE = 2_000_000

# The others are found by `_texts`: DuckDB would take yes and no, which are often labels, for
# booleans, and guess whether 01/02/2024 is in January.
_CANDIDATES = ["BIGINT", "DOUBLE", "VARCHAR"]
_NO_TYPE = "VARCHAR"
_SOURCE = (
    "read_csv($path, delim = $delim, header = $header, quote = '\"', escape = '\"', "
    "comment = '', auto_detect = false, columns = $columns, strict_mode = true, "
    "hive_partitioning = false)"
)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One file: as UTF-8, its columns, and whether its first line is a header."""

    path: Path
    shown: str
    columns: Mapping[str, str]
    has_header: bool


class DelimitedReader:
    """Reads files of separated values as a stream of Arrow batches.

    Args:
        files: In the order of the rows.
        options: Of ``read_delimited``.
        work_folder: Where files of other encodings are written as UTF-8.

    Attributes:
        schema: Of the batches.

    Raises:
        InvalidInput: A file is empty or broken.
    """

    def __init__(
        self, files: Sequence[TableFile], options: Mapping[str, Any], work_folder: Path
    ) -> None:
        self._delimiter = str(options.get("delimiter", ","))
        if len(self._delimiter) != 1:
            raise InvalidInput(
                f"The option 'delimiter' is {self._delimiter!r}. It must be one character."
            )
        self._keeps_empty = bool(options.get("empty_as_string", False))
        self._header = str(options.get("header") or "all_files_same_headers").lower()
        self._infers = options.get("infer_column_types", True)
        encoding = ENCODINGS[str(options.get("encoding") or "utf8").lower()]
        self._sheets = self._plan([_as_utf8(one, encoding, work_folder) for one in files])
        types = self._types()
        self.schema = pa.schema([(name, _ARROW[kind]) for name, kind in types.items()])
        self._column_types = types

    def batches(self, index: int) -> Iterator[pa.RecordBatch]:
        """Read the file at a place in the list of files."""
        sheet = self._sheets[index]
        columns = {name: _READ_AS[self._column_types[name]] for name in sheet.columns}
        chosen = [self._select(name, kind, sheet) for name, kind in self._column_types.items()]
        query = f"SELECT {', '.join(chosen)} FROM {_SOURCE}"  # noqa: S608  (quoted)
        params = self._params(sheet) | {"columns": columns}
        n_rows = max(1, min(ROWS_AT_ONCE, _CELLS_AT_ONCE // len(self._column_types)))
        try:
            with bounded_connection(len(sheet.columns)) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                reader = connection.sql(query, params=params).to_arrow_reader(n_rows)
                for batch in reader:
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)
        except duckdb.Error as error:
            raise self._explained(sheet, error) from error

    # ------------------------------------------------------------ columns

    def _plan(self, files: Sequence[TableFile]) -> list[_Sheet]:
        sheets: list[_Sheet] = []
        for index, file in enumerate(files):
            has_header = self._header.startswith("all_files") or (
                self._header == "from_first_file" and index == 0
            )
            names = self._names(file, has_header=has_header)
            if sheets and self._header != "all_files_different_headers":
                names = list(sheets[0].columns)
            sheets.append(_Sheet(file.path, file.shown, dict.fromkeys(names, ""), has_header))
        return sheets

    def _names(self, file: TableFile, *, has_header: bool) -> list[str]:
        """Return the names of a file's columns; those without one are called by their number."""
        csv.field_size_limit(1 << 24)
        with file.path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            try:
                first = next(csv.reader(text, delimiter=self._delimiter), [])
            except csv.Error as error:
                raise InvalidInput(f"{file.shown!r}, line 1: {error}.") from error
        if not first:
            raise InvalidInput(f"{file.shown!r} is empty. A table needs at least one line.")
        names = [name.strip() if has_header else "" for name in first]
        return _unique([name or f"Column{n}" for n, name in enumerate(names, 1)])

    # ------------------------------------------------------------ types

    def _types(self) -> dict[str, str]:
        overrides: Mapping[str, Any] = {}
        infers = self._infers
        if isinstance(infers, Mapping):
            overrides = infers.get("column_type_overrides") or {}
            infers = True
        names = list(dict.fromkeys(name for sheet in self._sheets for name in sheet.columns))
        found: dict[str, str] = dict.fromkeys(names, _NO_TYPE)
        if infers:
            seen = [self._sniff(sheet) for sheet in self._sheets]
            for name in names:
                found[name] = _common([one[name] for one in seen if one.get(name)])
        return found | {
            name: _OVERRIDES.get(str(kind), _NO_TYPE)
            for name, kind in overrides.items()
            if name in found
        }

    def _sniff(self, sheet: _Sheet) -> dict[str, str]:
        """Return the types that hold all values of a file; none where all are missing."""
        names = list(sheet.columns)
        query = (
            "DESCRIBE SELECT * FROM read_csv($path, delim = $delim, quote = '\"', escape = '\"', "
            "comment = '', header = $header, names = $names, sample_size = -1, strict_mode = true, "
            "auto_type_candidates = $candidates, hive_partitioning = false)"
        )
        params = self._params(sheet) | {"names": names, "candidates": _CANDIDATES}
        try:
            with bounded_connection(len(names)) as connection:
                kinds = [str(row[1]) for row in connection.execute(query, params).fetchall()]
        except duckdb.Error as error:
            raise self._explained(sheet, error) from error
        if len(kinds) != len(names):
            return dict.fromkeys(names, _NO_TYPE)
        found = dict(zip(names, kinds, strict=True))
        return found | self._texts(sheet, [one for one in names if found[one] == _NO_TYPE])

    def _texts(self, sheet: _Sheet, names: Sequence[str]) -> dict[str, str]:
        """Return which texts are all true or false, moments as ISO 8601 writes them, or missing."""
        if not names:
            return {}
        chosen = ", ".join(
            f"count({one}), count_if(lower({one}) IN ('true', 'false')), "
            f"count(TRY_CAST({one} AS TIMESTAMP))"
            for one in map(name_to_sql, names)
        )
        params = self._params(sheet) | {"columns": dict.fromkeys(sheet.columns, _NO_TYPE)}
        try:
            with bounded_connection(len(sheet.columns)) as connection:
                query = f"SELECT {chosen} FROM {_SOURCE}"  # noqa: S608  (names are quoted)
                row = connection.execute(query, params).fetchone() or ()
        except duckdb.Error as error:
            raise self._explained(sheet, error) from error
        counts = zip(names, row[::3], row[1::3], row[2::3], strict=True)
        return {name: _kind_of_texts(*one) for name, *one in counts}

    # ------------------------------------------------------------ SQL

    def _params(self, sheet: _Sheet) -> dict[str, Any]:
        return {"path": str(sheet.path), "delim": self._delimiter, "header": sheet.has_header}

    def _select(self, name: str, kind: str, sheet: _Sheet) -> str:
        quoted = name_to_sql(name)
        if name not in sheet.columns:
            return f"CAST(NULL AS {kind}) AS {quoted}"
        if kind == _NO_TYPE and self._keeps_empty:
            return f"coalesce({quoted}, '') AS {quoted}"
        return f"CAST({quoted} AS {kind}) AS {quoted}"

    def _explained(self, sheet: _Sheet, error: duckdb.Error) -> InvalidInput:
        from mlflow_plugins.data._tables import diagnose

        return InvalidInput(
            diagnose(
                sheet.path,
                self._delimiter,
                list(sheet.columns),
                has_header=sheet.has_header,
                shown=sheet.shown,
                error=error,
            )
        )


_ARROW = {
    "BOOLEAN": pa.bool_(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "TIMESTAMP": pa.timestamp("us"),
    "VARCHAR": pa.string(),
}
_READ_AS = {kind: kind if kind in _CANDIDATES else _NO_TYPE for kind in _ARROW}
_OVERRIDES = {
    "int": "BIGINT",
    "float": "DOUBLE",
    "boolean": "BOOLEAN",
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "string": "VARCHAR",
}


def _kind_of_texts(n_values: int, n_booleans: int, n_moments: int) -> str:
    """Return the type of a column of texts; none if all are missing."""
    if n_values == 0:
        return ""
    if n_booleans == n_values:
        return "BOOLEAN"
    return "TIMESTAMP" if n_moments == n_values else _NO_TYPE


def _common(kinds: Sequence[str]) -> str:
    """Return the type that holds values of all types."""
    distinct = set(kinds)
    if len(distinct) == 1:
        return kinds[0]
    if distinct and distinct <= {"BIGINT", "DOUBLE"}:
        return "DOUBLE"
    return _NO_TYPE


def _unique(names: Sequence[str]) -> list[str]:
    """Number the names that occur more than once: ``a``, ``a_1``."""
    counts: Counter[str] = Counter()
    taken = set(names)
    found = []
    for name in names:
        unique = name
        while counts[name] and unique in taken:
            unique = f"{name}_{counts[name]}"
            counts[name] += 1
        counts[name] += 1
        taken.add(unique)
        found.append(unique)
    return found


def _as_utf8(file: TableFile, encoding: str, work_folder: Path) -> TableFile:
    """Return a file that DuckDB reads: itself, or a copy in UTF-8."""
    if encoding == "utf-8":
        return file
    target = work_folder / f"utf8-{len(list(work_folder.iterdir()))}{file.path.suffix}"
    try:
        with (
            codecs.open(str(file.path), "r", encoding) as source,
            target.open("w", encoding="utf-8", newline="") as copy,
        ):
            shutil.copyfileobj(source, copy, 1 << 20)
    except UnicodeError as error:
        raise InvalidInput(
            f"{file.shown!r} is not text in the encoding {encoding!r} ({error}). "
            "Correct the option 'encoding'."
        ) from error
    return TableFile(target, file.shown)
