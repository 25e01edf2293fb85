"""From files to Parquet: what is slow to read again is converted once, into the caller's cache."""

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data import _csv, _tables
from mlflow_plugins.data._csv import file_list
from mlflow_plugins.data._sql import literal
from mlflow_plugins.data.explore._engine import Engine

JSON_LINES = frozenset({".jsonl", ".ndjson"})

# Small row groups: rows are looked up by number, and a group is the least that is read for one.
_COPY = "(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 20480)"
_VERSION = 2  # of what the cache holds; a change makes old files unused


def as_parquet(paths: Sequence[Path], cache: Path, engine: Engine) -> tuple[Path, ...]:
    """Return Parquet files with the rows of ``paths``, in their order.

    Parquet files are taken as they are. CSV and JSON lines are converted into one file in
    ``cache`` whose name depends on path, size and time of change of the sources.

    Raises:
        InvalidInput: A file is missing, empty, broken or of an unknown format; or files differ in
            format or columns.
    """
    formats = {_format(path) for path in paths}
    if len(formats) != 1:
        raise InvalidInput(
            "A table of several files needs files of one format, at least one; "
            f"got {', '.join(path.name for path in paths[:8]) or 'none'}."
        )
    kind = formats.pop()
    if kind == "parquet":
        _check_parquet(paths)
        return tuple(paths)
    target = cache / f"{_key(paths)}.parquet"
    if not target.exists():
        convert = _csv_to_parquet if kind == "csv" else _json_to_parquet
        write_once(target, lambda temporary: convert(paths, temporary, engine))
    return (target,)


def write_once(target: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` make a file that appears under its name only when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}-{uuid.uuid4().hex}.parquet")
    try:
        write(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def copy_to_parquet(query: str, target: Path, engine: Engine) -> None:
    """Write a query's rows as Parquet in the layout of the cache."""
    engine.execute(f"COPY ({query}) TO {literal(str(target))} {_COPY}")


def _format(path: Path) -> str:
    if path.suffix.lower() in JSON_LINES:
        return "json"
    try:
        return _tables.format_of(path)
    except InvalidInput as error:
        raise InvalidInput(
            f"{error.message.rstrip('.')}, {', '.join(sorted(JSON_LINES))}."
        ) from None


def _key(paths: Sequence[Path]) -> str:
    stats = [(str(path.resolve()), path.stat()) for path in paths if _check_there(path)]
    facts = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    return hashlib.sha256(json.dumps([_VERSION, *facts]).encode()).hexdigest()[:32]


def _check_there(path: Path) -> bool:
    if not path.is_file():
        raise InvalidInput(f"There is no file {str(path)!r}.")
    if path.stat().st_size == 0:
        raise InvalidInput(f"{path.name!r} is empty. A table needs columns.")
    return True


# ---------------------------------------------------------------- each format


def _check_parquet(paths: Sequence[Path]) -> None:
    first: pa.Schema | None = None
    for path in paths:
        _check_there(path)
        _, schema = _tables.parquet_summary(path)
        if not schema.names:
            raise InvalidInput(f"{path.name!r} has no columns. A table needs at least one.")
        _tables.check_columns(path.name, schema.names)
        first = first or schema
        if schema.names != first.names:
            raise _differ(paths[0], path, first.names, schema.names)


def _differ(
    first: Path, other: Path, expected: Sequence[str], found: Sequence[str]
) -> InvalidInput:
    odd = sorted(set(expected) ^ set(found))[:8]
    what = f"only one of them has {', '.join(map(repr, odd))}" if odd else "the order differs"
    return InvalidInput(
        f"{other.name!r} has other columns than {first.name!r}: {what}. "
        "Files of one table need the same columns in the same order."
    )


def _csv_to_parquet(paths: Sequence[Path], target: Path, engine: Engine) -> None:
    headers = [_check_csv(path) for path in paths]
    for path, header in zip(paths, headers, strict=True):
        if header != headers[0]:
            raise _differ(paths[0], path, headers[0], header)
    delimiter = _csv.delimiter_of(paths[0])
    try:
        source = _csv.csv_source(paths, delimiter, engine.ask)
        copy_to_parquet(f"SELECT * FROM {source}", target, engine)
    except InvalidInput as error:
        messages = [
            _csv.diagnose(
                path, delimiter, headers[0], has_header=True, shown=path.name, error=error
            )
            for path in paths
        ]
        raise InvalidInput(next((m for m in messages if ", line" in m), messages[0])) from error


def _check_csv(path: Path) -> list[str]:
    _check_there(path)
    _tables.check_not_empty(path)
    _csv.check_utf8(path)
    header = _csv.header_of(path, _csv.delimiter_of(path))
    _tables.check_columns(path.name, header)
    return header


def _json_to_parquet(paths: Sequence[Path], target: Path, engine: Engine) -> None:
    for path in paths:
        _check_there(path)
    source = f"read_json({file_list(paths)}, format = 'newline_delimited', sample_size = -1)"
    try:
        copy_to_parquet(f"SELECT * FROM {source}", target, engine)
    except InvalidInput as error:
        names = ", ".join(path.name for path in paths[:8])
        raise InvalidInput(
            f"{names}: not JSON lines, that is one object on each line. ({error.message})"
        ) from error
