"""CSV files as DuckDB reads them, and what is said of those that it cannot read."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data._sql import literal, quote

Ask = Callable[[str], Sequence[Sequence[Any]]]

_DELIMITERS = ",;\t|"
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_COLUMNS_FOUND = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


def csv_source(paths: Sequence[Path], delimiter: str, ask: Ask) -> str:
    """Write files as a table that DuckDB reads, for use after FROM.

    The types come from all rows. Only ``true`` and ``false`` are booleans: DuckDB also takes yes
    and no, t and f, y and n for such, which are labels that must come back as they were.

    Args:
        paths: Files with one header line each, in UTF-8.
        delimiter: What separates their values. DuckDB's own guess for a file with a broken quote is
            "one column of text", which would hide the damage.
        ask: Runs a query and returns its rows.
    """
    plain = _read_csv(paths, delimiter)
    kinds = ask(f"DESCRIBE SELECT * FROM {plain}")  # noqa: S608  (quoted)
    doubtful = [name for name, kind, *_ in kinds if kind == "BOOLEAN"]
    if not doubtful:
        return plain
    words = (f"bool_and(lower({quote(name)}) IN ('true', 'false'))" for name in doubtful)
    texts = _read_csv(paths, delimiter, texts=doubtful)
    found = ask(f"SELECT {', '.join(words)} FROM {texts}")[0]  # noqa: S608  (quoted)
    labels = [name for name, is_boolean in zip(doubtful, found, strict=True) if not is_boolean]
    return _read_csv(paths, delimiter, texts=labels) if labels else plain


def _read_csv(paths: Iterable[Path], delimiter: str, *, texts: Sequence[str] = ()) -> str:
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in texts)
    return (
        f"read_csv({file_list(paths)}, delim = {literal(delimiter)}, quote = '\"', escape = '\"', "
        "comment = '', header = true, skip = 0, sample_size = -1, strict_mode = true, "
        f"hive_partitioning = false{f', types = {{{types}}}' if types else ''})"
    )


def file_list(paths: Iterable[Path]) -> str:
    """Write paths as an SQL list."""
    return f"[{', '.join(literal(_escaped(path)) for path in paths)}]"


def _escaped(path: Path) -> str:
    """A file's name is no pattern: DuckDB would take ``*``, ``?`` and ``[`` for one."""
    return "".join(f"[{one}]" if one in "*?[" else one for one in str(path))


def delimiter_of(path: Path) -> str:
    """Tell by the header line what separates values; a comma if nothing does."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        line = re.sub(r'"[^"]*"', "", file.readline())
    counts = Counter(character for character in line if character in _DELIMITERS)
    return counts.most_common(1)[0][0] if counts else ","


def header_of(path: Path, delimiter: str) -> list[str]:
    """Return the names in the first line."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return next(csv.reader(file, delimiter=delimiter), [])


def check_utf8(path: Path) -> None:
    """Make sure that a file is text.

    Raises:
        InvalidInput: It is not UTF-8, or no text; the line is named.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    n_lines = 1
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                line = n_lines + block[: error.start].count(b"\n")
                raise InvalidInput(
                    f"{path.name!r}, line {line}: the text is not UTF-8. "
                    "Save the file with the encoding UTF-8 and try again."
                ) from error
            if b"\0" in block:
                raise InvalidInput(f"{path.name!r} is not a text file, so it is not CSV.")
            n_lines += block.count(b"\n")


def diagnose(
    path: Path,
    delimiter: str,
    names: Sequence[str],
    *,
    has_header: bool,
    shown: str,
    error: Exception,
) -> str:
    """Say which line breaks a file: read again as text, where DuckDB reports it exactly.

    Args:
        path: The file.
        delimiter: What separates its values.
        names: Of its columns.
        has_header: Whether its first line has the names.
        shown: What people call the file.
        error: What DuckDB said when it read the file with types.
    """
    advice = "Fix that line, or write the file again with every text in quotes, and try once more."
    try:
        with duckdb.connect() as connection:
            connection.sql(
                "SELECT count(*) FROM read_csv($path, delim = $delim, quote = '\"', escape = '\"', "
                "comment = '', header = $header, auto_detect = false, strict_mode = true, "
                "columns = $columns, hive_partitioning = false)",
                params={
                    "path": str(path),
                    "delim": delimiter,
                    "header": has_header,
                    "columns": dict.fromkeys(names, "VARCHAR"),
                },
            ).fetchall()
    except duckdb.Error as found:
        text = str(found)
        line = _LINE.search(text)
        where = f"{shown!r}, line {line[1]}: " if line else f"{shown!r}: "
        counts = _COLUMNS_FOUND.search(text)
        if "quote" in text.split("Possible", 1)[0].lower():
            return (
                f"{where}a quoted text is not closed, or goes on after its closing quote. {advice}"
            )
        if counts:
            return f"{where}{counts[2]} values where the header has {counts[1]} columns. {advice}"
        return f"{where}{_first_sentence(text)} {advice}"
    if has_header is False or "convert" in str(error):
        return f"{shown!r}: {_first_sentence(str(error))} {advice}"
    return (
        f"{shown!r} cannot be read as a table with the separator {delimiter!r}. "
        "Write it as plain CSV: one header line, the same number of values on every line."
    )


def _first_sentence(text: str) -> str:
    lines = [line for line in text.splitlines() if line and "CSV Error on Line" not in line]
    return (lines[0] if lines else "it cannot be parsed").rstrip(".") + "."
