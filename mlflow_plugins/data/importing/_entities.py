"""What an import is told, what a source is seen to be, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mlflow_plugins.core import Asset
from mlflow_plugins.data._tables import Column
from mlflow_plugins.data.importing._sniff import Dialect

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
