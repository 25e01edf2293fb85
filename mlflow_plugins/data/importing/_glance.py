"""A glance at a table file: how it would be read, told by its beginning, however long it is."""

import codecs
import csv
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data._tables import Column, read_rows, summarize
from mlflow_plugins.data.importing._archives import check_archive, is_archive
from mlflow_plugins.data.importing._entities import ImportOptions
from mlflow_plugins.data.importing._reading import FORMATS, format_of, read_table
from mlflow_plugins.data.importing._sniff import Dialect, sniff

HEAD_BYTES = 4 << 20
_MOST_EXAMPLES = 5
_MOST_SHEET_BYTES = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that is no row: its number in the file, why, and what stands there."""

    line: int
    reason: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What the beginning of a table file is seen to be.

    Attributes:
        format: ``csv``, ``parquet``, ``json`` or ``excel``.
        dialect: How a CSV file is written; None for other formats.
        columns: Names and types as they would be stored.
        rows: The first ones.
        n_rows: How many were looked at.
        n_bad_lines: Lines among them that are no rows.
        bad_lines: The first of those.
        is_whole: Whether all of the file was looked at.
        file: Which file of an archive was looked at; an empty text if it is none.
        sheets: Of a workbook.
    """

    format: str
    dialect: Dialect | None
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Any], ...]
    n_rows: int
    n_bad_lines: int = 0
    bad_lines: tuple[BadLine, ...] = ()
    is_whole: bool = True
    file: str = ""
    sheets: tuple[str, ...] = ()


def glance(path: Path, *, options: ImportOptions | None = None, n_rows: int = 50) -> Glance:
    """Look at the beginning of a table file, or of the first table in an archive.

    Lines that are no rows are counted, not refused: they are to be seen.

    Args:
        path: The file.
        options: What is known about it.
        n_rows: Rows to return.

    Raises:
        InvalidInput: It is no table, or not even its beginning can be read as one.
        NotAllowed: It is an archive that cannot be unpacked without harm.
    """
    options = options or ImportOptions()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if is_archive(path.name):
            inner, name = _first_table(path, work)
            return replace(_glance(inner, options, n_rows, work), file=name, is_whole=False)
        return _glance(path, options, n_rows, work)


def _glance(path: Path, options: ImportOptions, n_rows: int, work: Path) -> Glance:
    kind = format_of(path, path.name)
    if kind == "parquet":
        summary = summarize(path)
        rows = read_rows(path, n_rows=n_rows).to_pylist()
        return Glance(
            format=kind,
            dialect=None,
            columns=summary.columns,
            rows=tuple(rows),
            n_rows=summary.n_rows,
        )
    sheets = _sheets(path) if kind == "excel" else ()
    if kind == "excel" and options.sheet is None:
        options = replace(options, sheet=sheets[0])
    dialect = _sniffed(path, options, work) if kind == "csv" else None
    head, is_whole = _head(path, kind, dialect, work)
    if dialect is not None:
        options = _as_found(options, dialect, is_head=not is_whole)
    options = replace(options, on_bad_lines="keep-aside", rejected_folder=work, keep_original=False)
    look, table = read_table(head, path.name, options, work)
    bad_lines = _bad_lines(look.rejected, None if is_whole else head)
    return Glance(
        format=kind,
        dialect=dialect,
        columns=look.columns,
        rows=tuple(read_rows(table, n_rows=n_rows).to_pylist()),
        n_rows=look.n_rows,
        n_bad_lines=len(bad_lines),
        bad_lines=tuple(bad_lines[:_MOST_EXAMPLES]),
        is_whole=is_whole,
        sheets=sheets,
    )


def _sniffed(path: Path, options: ImportOptions, work: Path) -> Dialect:
    """Sniff the beginning alone: `sniff` reads all of a file for its encoding."""
    sample = work / f"sniffed{path.suffix}"
    _copy_head(path, sample)
    if path.stat().st_size > HEAD_BYTES:
        _cut_to_letters(sample)
    try:
        return sniff(
            sample,
            encoding=options.encoding,
            delimiter=options.delimiter,
            has_header=options.has_header,
            quote=options.quote,
        )
    except InvalidInput as error:
        raise type(error)(error.message.replace(sample.name, path.name)) from None


def _cut_to_letters(sample: Path) -> None:
    """Take the last line away: it may end within a letter of several bytes."""
    content = sample.read_bytes()
    end = content.rfind(b"\n") + 1
    if end:
        sample.write_bytes(content[:end])


def _as_found(options: ImportOptions, dialect: Dialect, *, is_head: bool) -> ImportOptions:
    return replace(
        options,
        # The head of a longer file has been written as UTF-8.
        encoding="utf-8" if is_head else dialect.encoding,
        delimiter=dialect.delimiter,
        has_header=dialect.has_header,
        quote=dialect.quote,
    )


def _head(path: Path, kind: str, dialect: Dialect | None, work: Path) -> tuple[Path, bool]:
    """Return a file with the beginning of a text file, up to the end of a line."""
    size_bytes = path.stat().st_size
    if size_bytes <= HEAD_BYTES:
        return path, True
    if kind == "excel":
        if size_bytes > _MOST_SHEET_BYTES:
            raise InvalidInput(
                f"{path.name!r} is a workbook of {size_bytes / 2**20:.0f} MiB, which has no "
                "beginning that could be looked at. It is read when it is created."
            )
        return path, True
    encoding = dialect.encoding if dialect else "utf-8-sig"
    with path.open("rb") as file:
        content = file.read(HEAD_BYTES)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(content)
    if kind == "json" and text.lstrip().startswith("["):
        raise InvalidInput(
            f"{path.name!r} is one list of {size_bytes / 2**20:.0f} MiB, of which no beginning can "
            "be looked at. It is read when it is created; a file with one object a line shows here."
        )
    end = text.rfind("\n") + 1
    if not end:
        raise InvalidInput(
            f"The first line of {path.name!r} is longer than {HEAD_BYTES >> 20} MiB. Is it a table?"
        )
    (work / "head").mkdir()
    head = work / "head" / path.name
    head.write_text(text[:end], encoding="utf-8", newline="")
    return head, False


def _copy_head(path: Path, target: Path) -> None:
    with path.open("rb") as source, target.open("wb") as copy:
        copy.write(source.read(HEAD_BYTES))


def _bad_lines(rejected: Path | None, head: Path | None) -> list[BadLine]:
    """Read the lines that were kept aside; the last of a head may only be one that was cut."""
    if rejected is None:
        return []
    with rejected.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    found = [BadLine(line=int(line), reason=why, content=text) for line, why, text in rows]
    if head is not None and found and _ends_with(head, found[-1].content):
        found.pop()
    return found


def _ends_with(head: Path, content: str) -> bool:
    text = head.read_text(encoding="utf-8", errors="replace")
    return text.rstrip("\r\n").endswith(content.rstrip("\r\n"))


def _sheets(path: Path) -> tuple[str, ...]:
    from mlflow_plugins.data.importing._readers import sheet_names

    return sheet_names(path, shown=path.name)


def _first_table(path: Path, work: Path) -> tuple[Path, str]:
    """Bring the beginning of the first table in an archive to a file; return it and its name."""
    if path.suffix.lower() != ".zip":
        raise InvalidInput(
            f"{path.name!r} is a TAR file, whose tables are looked at when it is created."
        )
    names = sorted(
        one.filename for one in check_archive(path) if is_table(one.filename.rsplit("/", 1)[-1])
    )
    if not names:
        raise InvalidInput(
            f"{path.name!r} has no table in it. "
            f"A table's name ends in one of: {', '.join(FORMATS)}."
        )
    target = work / names[0].rsplit("/", 1)[-1]
    with (
        zipfile.ZipFile(path) as archive,
        archive.open(names[0]) as source,
        target.open("wb") as copy,
    ):
        is_text = target.suffix.lower() in (".csv", ".tsv", ".txt", ".dat", ".jsonl", ".ndjson")
        if is_text:
            copy.write(source.read(HEAD_BYTES))
        else:
            shutil.copyfileobj(source, copy, 1 << 20)
    if is_text and target.stat().st_size == HEAD_BYTES:
        _cut_to_letters(target)
    return target, names[0]


def is_table(name: str) -> bool:
    """Tell by its name whether a file is a table that can be imported."""
    return Path(name).suffix.lower() in FORMATS and not name.startswith((".", "_"))
