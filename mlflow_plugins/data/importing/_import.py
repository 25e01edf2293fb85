"""``import_data``: a table from anywhere becomes a version of a data asset."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from mlflow_plugins.core import Asset, AssetStore, InvalidInput, check_name, did_you_mean
from mlflow_plugins.data._addresses import masked, parse_azureml
from mlflow_plugins.data._assets import create_data_asset, local_path
from mlflow_plugins.data._places import fetch_place
from mlflow_plugins.data._references import is_address
from mlflow_plugins.data._remote import check_url
from mlflow_plugins.data._tables import Column, summarize
from mlflow_plugins.data.datastores import SqlDatastore, open_datastore
from mlflow_plugins.data.importing._archives import ARCHIVES, is_archive, unpack
from mlflow_plugins.data.importing._readers import (
    Converted,
    Progress,
    csv_to_parquet,
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
_WORDS = {"csv": "CSV", "parquet": "Parquet", "json": "JSON lines", "excel": "Excel"}

OnBadLines = Literal["refuse", "keep-aside"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What a caller may say about a source; the rest is found out.

    Attributes:
        encoding: Of a text file.
        delimiter: What separates the values of a CSV file.
        has_header: Whether the first line of a CSV file has the names.
        quote: What stands around values of a CSV file; an empty text if nothing does.
        types: Of columns of a CSV file: ``text``, ``integer``, ``number``, ``boolean`` or
            ``datetime``. Those of the others are found out.
        sheet: Of an Excel workbook.
        on_bad_lines: ``refuse`` the file, or ``keep-aside`` the lines that are no rows.
        rejected_folder: Where lines kept aside go, in a file ``NAME.rejected.csv``.
        keep_original: Store a CSV or Parquet file as it is instead of Parquet.
        shown: What people call the source, if it is not its name.
        join_folder: Read all tables of a folder as one; a folder is refused otherwise.
    """

    encoding: str | None = None
    delimiter: str | None = None
    has_header: bool | None = None
    quote: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None
    on_bad_lines: OnBadLines = "refuse"
    rejected_folder: Path = field(default_factory=Path.cwd)
    keep_original: bool = False
    join_folder: bool = False
    shown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlQuery:
    """Rows of a database as a source.

    Attributes:
        datastore: A datastore of type ``sql``.
        text: One SELECT.
    """

    datastore: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a source is seen to be before it is stored.

    Attributes:
        shown: What people call it.
        format: ``csv``, ``parquet``, ``json``, ``excel`` or ``sql``.
        dialect: How a CSV file is written; None for other formats.
        columns: Names and types.
        n_rows: Its rows.
        n_rejected: Lines that are no rows.
        rejected: Where they are kept, if there are any.
    """

    shown: str
    format: str
    dialect: Dialect | None
    columns: tuple[Column, ...]
    n_rows: int
    n_rejected: int = 0
    rejected: Path | None = None

    def sentence(self) -> str:
        """Say it in one line."""
        parts = [_WORDS.get(self.format, self.format.upper())]
        if self.dialect is not None:
            parts += [
                f"encoding {self.dialect.encoding}",
                f"separator {self.dialect.delimiter!r}",
                "a header" if self.dialect.has_header else "no header",
            ]
        parts.append(f"{self.n_rows:,} rows")
        return f"{self.shown}: {', '.join(parts)}, {len(self.columns)} columns."


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """An import that has been done."""

    asset: Asset
    look: Look


def _nobody(n_rows: int) -> None:
    del n_rows


def import_data(
    store: AssetStore,
    source: str | SqlQuery,
    *,
    name: str,
    version: str | None = None,
    tags: Mapping[str, str] | None = None,
    description: str = "",
    options: ImportOptions | None = None,
    progress: Progress = _nobody,
) -> Imported:
    """Read a table from anywhere and store it as a version of a data asset.

    Args:
        store: Where to create it.
        source: A path, an address (``azureml://datastores/...``, ``https:``, ``s3:``), or a query.
        name: Name of the asset.
        version: A word of the caller's choice; the next number if None.
        tags: The user's tags.
        description: For people.
        options: What is known about the source.
        progress: Told the number of rows read so far.

    Raises:
        InvalidInput: The source is broken; the message says where.
        NotAllowed: The query writes, or an archive has what leads out of it.
        NotFound: There is no such source.
        MissingExtra: What reads it is not installed.
    """
    check_name(name, what="name of a data asset")
    with look_at(store, source, options=options, progress=progress) as (look, path):
        noted: dict[str, Any] = {"imported_from": look.shown, "n_rejected": look.n_rejected}
        if isinstance(source, SqlQuery):
            noted["query"] = source.text
        is_as_it_was = options is not None and options.keep_original
        asset = create_data_asset(
            store,
            path if is_as_it_was else _named(path, name),
            name=name,
            version=version,
            tags=tags,
            description=description,
            noted=noted,
        )
        return Imported(asset=asset, look=look)


@contextlib.contextmanager
def look_at(
    store: AssetStore,
    source: str | SqlQuery,
    *,
    options: ImportOptions | None = None,
    progress: Progress = _nobody,
) -> Iterator[tuple[Look, Path]]:
    """Read a source without storing it: what it is, and the file that would be stored.

    The file is gone when the block ends. See `import_data` for what is given and raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if isinstance(source, SqlQuery):
            yield _look_at_query(store, source, work)
            return
        (work / "in").mkdir()
        path, shown = _bring(store, source, work / "in")
        options = options or ImportOptions()
        shown = options.shown or shown
        if path.is_dir() and options.join_folder:
            found = sorted(one for one in path.rglob("*") if one.is_file())
            yield _read_many(found, path, shown, options, work, progress)
            return
        if path.is_dir():
            raise InvalidInput(
                f"{shown!r} is a folder. Import its tables one by one, or keep it as a folder: "
                "mlflow-studio data create FOLDER --name NAME"
            )
        yield read_table(path, shown, options, work, progress)


def _look_at_query(store: AssetStore, query: SqlQuery, work: Path) -> tuple[Look, Path]:
    opened = open_datastore(store, query.datastore)
    if not isinstance(opened, SqlDatastore):
        raise InvalidInput(
            f"The datastore {opened.name!r} is of type {opened.kind!r}. A query needs one of type "
            "'sql'."
        )
    target = work / "query.parquet"
    opened.query(query.text, target)
    summary = summarize(target)
    look = Look(
        shown=f"a query to {opened.name}",
        format="sql",
        dialect=None,
        columns=summary.columns,
        n_rows=summary.n_rows,
    )
    return look, target


def _bring(store: AssetStore, source: str, work: Path) -> tuple[Path, str]:
    """Return the source on this machine, and what people call it."""
    if not source:
        raise InvalidInput("Nothing is named to import. Give a path or an address.")
    if not is_address(source):
        path = local_path(source, base_folder=Path.cwd())
        return path, path.name
    if parse_azureml(source) is None:
        check_url(source, is_folder=False)
    return fetch_place(store, source, work, is_folder=False), masked(source)


def read_table(
    path: Path, shown: str, options: ImportOptions, work: Path, progress: Progress = _nobody
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
    return _read_many(unpack(path, unpacked), unpacked, shown, options, work, progress)


def _read_many(
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


def _named(path: Path, name: str) -> Path:
    """Call the stored file like the asset."""
    named = path.with_name(f"{name.replace('/', '-')}.parquet")
    return path if named == path else path.rename(named)
