"""Tables from files: CSV, Parquet, folders of them, and simple MLTable folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pandas as pd
import yaml

from automl._errors import DataError, suggestion

_DELIMITED = {".csv": ",", ".tsv": "\t", ".txt": None}
_PARQUET = {".parquet", ".pq"}
_MLTABLE = "MLTable"
_RESHAPING = ("convert_column_types", "keep_columns", "drop_columns")


def read_table(path: str, *, base: Path) -> pd.DataFrame:
    """Read a table.

    Args:
        path: A file, a folder of CSV or Parquet files, or an MLTable folder; a plain path or a
            `file://` address. Relative paths start at `base`.
        base: Folder of the job file.

    Raises:
        DataError: Nothing is there, it cannot be read, or it has no rows.
    """
    place = local_path(path, base=base)
    if not place.exists():
        raise DataError(f"No file or folder at {place}. Paths are relative to the job file.")
    if place.name == _MLTABLE:
        place = place.parent
    if place.is_dir() and (place / _MLTABLE).is_file():
        frame = _read_mltable(place)
    else:
        frame = _read_files([place] if place.is_file() else _data_files(place))
    if len(frame) == 0:
        raise DataError(f"{place} has 0 rows. Check what wrote it.")
    return frame


def local_path(path: str, *, base: Path) -> Path:
    """Return the local place that a path or `file://` address names.

    Raises:
        DataError: The address is not local.
    """
    parsed = urlparse(path)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    if parsed.scheme == "azureml" or "://" in path:
        raise DataError(
            f"{path!r} is not a local path. Submit the file as a job, which resolves data assets, "
            "or name a local file or folder."
        )
    return base / Path(path).expanduser()


def _data_files(folder: Path) -> list[Path]:
    known = set(_DELIMITED) | _PARQUET
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in known)
    if not files:
        raise DataError(f"{folder} holds no CSV or Parquet file and no MLTable file.")
    return files


def _read_files(files: list[Path], **options: Any) -> pd.DataFrame:
    frames = [_read_file(p, **options) for p in files]
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _read_file(path: Path, **options: Any) -> pd.DataFrame:
    suffix = path.suffix.lower()
    if suffix in _PARQUET:
        return _reading(path, "Parquet", lambda: pd.read_parquet(path))
    if suffix not in _DELIMITED:
        raise DataError(f"{path} is neither CSV nor Parquet: rename it or convert it.")
    separator = options.pop("sep", _DELIMITED[suffix])
    engine = "c" if separator else "python"
    return _reading(path, "CSV", lambda: pd.read_csv(path, sep=separator, engine=engine, **options))


def _reading(path: Path, kind: str, read: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Read, and turn whatever the reader raises into one sentence."""
    try:
        return read()
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path} is empty.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from error
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path} cannot be read as {kind}: {reason}") from error


def _read_mltable(folder: Path) -> pd.DataFrame:
    """Read the simple MLTable: `paths` of files, then read_delimited or read_parquet."""
    source = folder / _MLTABLE
    try:
        document = yaml.safe_load(source.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise DataError(f"{source} is not valid YAML: {' '.join(str(error).split())}") from error
    files = [f for entry in document.get("paths", []) for f in _entry_files(entry, folder)]
    if not files:
        raise DataError(f"{source} names no file under 'paths'.")
    options: dict[str, Any] = {}
    for step in document.get("transformations", []):
        options |= _step_options(step, source)
    frame = _read_files(files, **options)
    for step in document.get("transformations", []):
        frame = _reshaped(frame, step, source)
    return frame


def _entry_files(entry: dict[str, str], folder: Path) -> list[Path]:
    value = next(iter(entry.values()))
    if "pattern" in entry:
        return sorted(folder.glob(value.removeprefix("./")))
    place = local_path(value, base=folder)
    if not place.exists():
        raise DataError(f"{folder / _MLTABLE} names {value!r}, but there is nothing at {place}.")
    return _data_files(place) if place.is_dir() else [place]


def _step_options(step: Any, source: Path) -> dict[str, Any]:
    name, settings = next(iter(step.items())) if isinstance(step, dict) else (step, None)
    settings = settings or {}
    if name in {"read_parquet", *_RESHAPING}:
        return {}
    if name != "read_delimited":
        raise DataError(
            f"{source} asks for {name!r}; only read_delimited, read_parquet, "
            f"{', '.join(_RESHAPING)} are understood. "
            "Write the transformed table to a CSV or Parquet file instead."
        )
    options: dict[str, Any] = {"sep": settings.get("delimiter", ",")}
    if settings.get("encoding"):
        options["encoding"] = settings["encoding"]
    if settings.get("header") == "no_header":
        options["header"] = None
    return options


def _reshaped(frame: pd.DataFrame, step: Any, source: Path) -> pd.DataFrame:
    """Apply a step that changes columns."""
    name, settings = next(iter(step.items())) if isinstance(step, dict) else (step, None)
    if name not in _RESHAPING:
        return frame
    if name == "convert_column_types":
        for entry in settings or []:
            columns = entry.get("columns", [])
            for column in [columns] if isinstance(columns, str) else columns:
                _check_column(frame, column, source)
                frame[column] = _converted(frame[column], entry.get("column_type"), source)
        return frame
    columns = [settings] if isinstance(settings, str) else list(settings or [])
    for column in columns:
        _check_column(frame, column, source)
    return frame[columns] if name == "keep_columns" else frame.drop(columns=columns)


def _check_column(frame: pd.DataFrame, column: str, source: Path) -> None:
    if column not in frame:
        raise DataError(
            f"{source} names the column {column!r}, which is not in the table. "
            f"{suggestion(column, frame.columns)}"
        )


def _converted(column: pd.Series, kind: Any, source: Path) -> pd.Series:
    """Return a column as another type."""
    name = next(iter(kind)) if isinstance(kind, dict) else kind
    try:
        if name == "datetime":
            settings = kind.get("datetime") if isinstance(kind, dict) else None
            formats = (settings or {}).get("formats") or [None]
            return pd.to_datetime(column, format=formats[0])
        if name in ("float", "int"):
            numbers = pd.to_numeric(column)
            return numbers.astype("float64" if name == "float" else "Int64")
        if name in ("string", "boolean"):
            return column.astype("string" if name == "string" else "boolean")
    except (ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{source}: {column.name!r} cannot be read as {name}: {reason}") from error
    raise DataError(
        f"{source}: column_type must be one of float, int, string, boolean, datetime, not {kind!r}."
    )
