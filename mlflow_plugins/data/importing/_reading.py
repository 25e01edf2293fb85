"""A file on this machine, read to its last row: a table, or an archive or a folder of tables."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.data._tables import summarize
from mlflow_plugins.data.importing._archives import ARCHIVES, is_archive, unpack
from mlflow_plugins.data.importing._csv import csv_to_parquet
from mlflow_plugins.data.importing._entities import ImportOptions, Look
from mlflow_plugins.data.importing._readers import (
    Converted,
    Progress,
    excel_to_parquet,
    json_to_parquet,
    parquet_files_to_one,
)
from mlflow_plugins.data.importing._sniff import Dialect, sniff

FORMATS: Mapping[str, str] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".dat": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".xlsx": "excel",
    ".xlsm": "excel",
}


def nobody(n_rows: int) -> None:
    """Take note of nothing: nobody waits for the rows."""
    del n_rows


def read_table(
    path: Path, shown: str, options: ImportOptions, work: Path, progress: Progress = nobody
) -> tuple[Look, Path]:
    """Read a file on this machine; return what it is and the file that would be stored.

    Args:
        path: A table or an archive of tables.
        shown: What people call it.
        options: What is known about it.
        work: A folder for what is made.
        progress: Told the number of rows read so far.
    """
    if is_archive(path.name):
        return _read_archive(path, shown, options, work, progress)
    kind = format_of(path, shown)
    dialect = None
    if kind == "csv":
        dialect = sniff(
            path,
            encoding=options.encoding,
            delimiter=options.delimiter,
            has_header=options.has_header,
            quote=options.quote,
        )
    target = work / f"{path.stem[:100] or 'table'}.parquet"
    rejected = _rejected(path, options)
    done = _convert(path, kind, dialect, target, shown, rejected, options, progress)
    summary = summarize(target)
    look = Look(
        shown=shown,
        format=kind,
        dialect=dialect,
        columns=summary.columns,
        n_rows=summary.n_rows,
        n_rejected=done.n_rejected,
        rejected=rejected if done.n_rejected else None,
    )
    keeps = options.keep_original and kind in ("csv", "parquet")
    return look, path if keeps else target


def _convert(
    path: Path,
    kind: str,
    dialect: Dialect | None,
    target: Path,
    shown: str,
    rejected: Path | None,
    options: ImportOptions,
    progress: Progress,
) -> Converted:
    if dialect is not None:
        return csv_to_parquet(
            path,
            dialect,
            target,
            shown=shown,
            rejected=rejected,
            progress=progress,
            types=options.types,
        )
    if kind == "json":
        return json_to_parquet(path, target, shown=shown, rejected=rejected, progress=progress)
    if kind == "excel":
        return excel_to_parquet(path, target, shown=shown, sheet=options.sheet, progress=progress)
    summary = summarize(path)
    if path.resolve() != target.resolve():
        shutil.copyfile(path, target)
    return Converted(n_rows=summary.n_rows)


def _read_archive(
    path: Path, shown: str, options: ImportOptions, work: Path, progress: Progress
) -> tuple[Look, Path]:
    """Read the tables of an archive as one."""
    unpacked = work / "unpacked"
    unpacked.mkdir()
    return read_many(unpack(path, unpacked), unpacked, shown, options, work, progress)


def read_many(
    found: Sequence[Path],
    home: Path,
    shown: str,
    options: ImportOptions,
    work: Path,
    progress: Progress,
) -> tuple[Look, Path]:
    """Read the tables among files as one; `home` is the folder that they lie below."""
    files = [
        one
        for one in found
        if one.suffix.lower() in FORMATS and not one.name.startswith((".", "_"))
    ]
    if not files:
        raise InvalidInput(
            f"{shown!r} has no table in it. A table's name ends in one of: {', '.join(FORMATS)}."
        )
    looks, tables = [], []
    for number, file in enumerate(files):
        inner = work / str(number)
        inner.mkdir()
        look, table = read_table(
            file,
            f"{shown}/{file.relative_to(home).as_posix()}",
            replace(options, keep_original=False),
            inner,
            progress,
        )
        looks.append(look)
        tables.append(table)
    target = work / f"{Path(shown).stem[:100] or 'table'}.parquet"
    names = {table: look.shown for table, look in zip(tables, looks, strict=True)}
    n_rows = parquet_files_to_one(tables, target, names)
    look = replace(
        looks[0],
        shown=shown,
        n_rows=n_rows,
        columns=summarize(target).columns,
        n_rejected=sum(one.n_rejected for one in looks),
        rejected=next((one.rejected for one in looks if one.rejected), None),
    )
    return look, target


def format_of(path: Path, shown: str) -> str:
    """Tell by a file's first bytes and its name what it is.

    Raises:
        InvalidInput: It is nothing that can be imported.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PAR1":
        return "parquet"
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InvalidInput(
            f"{shown!r} is not a table that can be imported. Its name must end in one of: "
            f"{', '.join([*FORMATS, *ARCHIVES])}.{did_you_mean(suffix, FORMATS)}"
        )
    return FORMATS[suffix]


def _rejected(path: Path, options: ImportOptions) -> Path | None:
    if options.on_bad_lines == "refuse":
        return None
    return options.rejected_folder / f"{path.stem}.rejected.csv"
