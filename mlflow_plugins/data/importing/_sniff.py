"""How a text file of values is written: its encoding, separator and header, before it is read."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlflow_plugins.core import InvalidInput

SAMPLE_BYTES = 1 << 18

_DELIMITERS = (",", ";", "\t", "|")
_N_LINES = 200
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What people's spreadsheets write when it is not UTF-8; more choices would make guesses worse.
_CODE_PAGES = [
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp932",
    "gb18030",
    "big5",
    "euc_kr",
]
_EUROPEAN = ("cp1252", "cp1250")
_SIGN_IN_WORD = re.compile(r"[^\W\d_][\u00a1-\u00bf\u2020-\u203a\u20ac\u2122][^\W\d_]")
_NUMBER = re.compile(r"\s*[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?%?\s*")
_MOMENT = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]\d{1,2}:\d{2}.*)?\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a text file of values is written.

    Attributes:
        encoding: Python's name of it.
        delimiter: What separates values.
        has_header: Whether the first line has the columns' names.
        quote: What stands around values that have a separator in them; empty if nothing does.
    """

    encoding: str
    delimiter: str
    has_header: bool
    quote: str = '"'


def sniff(
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    has_header: bool | None = None,
    quote: str | None = None,
) -> Dialect:
    """Find out how a file is written; what is given is not guessed.

    Raises:
        InvalidInput: It is empty, is no text, or its encoding cannot be told.
    """
    if encoding is not None:
        _check_encoding(encoding)
    _check_character("delimiter", delimiter)
    _check_character("quote", quote or None)
    found = encoding or sniff_encoding(path)
    lines = _sample_lines(path, found)
    separator = delimiter or sniff_delimiter(lines)
    mark = sniff_quote(lines, separator) if quote is None else quote
    rows = [row for row in read_lines(lines, delimiter=separator, quote=mark) if row]
    return Dialect(
        encoding=found,
        delimiter=separator,
        has_header=sniff_header(rows) if has_header is None else has_header,
        quote=mark,
    )


def read_lines(lines: Iterable[str], *, delimiter: str, quote: str) -> Iterator[list[str]]:
    """Take lines of separated values apart."""
    if quote:
        return csv.reader(lines, delimiter=delimiter, quotechar=quote)
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)


def sniff_encoding(path: Path) -> str:
    """Tell a file's encoding by its mark, by being UTF-8, or by its letters.

    Raises:
        InvalidInput: It is empty or no text, or its encoding cannot be told.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample.strip():
        raise InvalidInput(f"{path.name!r} is empty. Give a file with at least one row.")
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    if b"\0" in sample:
        return _sniff_wide(path, sample)
    offending = _not_utf8(path)
    return "utf-8" if offending is None else _sniff_code_page(path, offending)


def _sniff_wide(path: Path, sample: bytes) -> str:
    """Tell UTF-16 without a mark by where its zeros are."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) > 0.6 * len(sample) / 2 and min(even, odd) < 0.1 * len(sample) / 2:
        return "utf-16-le" if odd > even else "utf-16-be"
    raise InvalidInput(f"{path.name!r} is not a text file, so it is not CSV.")


def _not_utf8(path: Path) -> bytes | None:
    """Return what is around the first bytes that are not UTF-8; None if all of the file is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                start = max(error.start - SAMPLE_BYTES // 2, 0)
                whole = error.object  # with what was left of the block before
                return bytes(whole[start : start + SAMPLE_BYTES])
    return None


def _sniff_code_page(path: Path, sample: bytes) -> str:
    """Tell a code page by its letters.

    Western and Central European ones share so many that statistics of a short text decide nothing:
    it is Western unless that puts signs such as ``³`` inside of words.
    """
    from charset_normalizer import from_bytes

    letters = b"\n".join(line for line in sample.splitlines() if not line.isascii())
    best = from_bytes(letters, cp_isolation=_CODE_PAGES, enable_fallback=False).best()
    if best is not None and best.encoding not in _EUROPEAN:
        return str(best.encoding)
    for name in _EUROPEAN:
        try:
            text = letters.decode(name)
        except UnicodeDecodeError:
            continue
        if not _SIGN_IN_WORD.search(text):
            return name
    if best is not None:
        return str(best.encoding)
    raise InvalidInput(
        f"The encoding of {path.name!r} cannot be told: it is not UTF-8, and no usual code "
        "page fits. Say which it is with: --encoding NAME, or save the file as UTF-8."
    )


def sniff_delimiter(lines: Sequence[str]) -> str:
    """Tell what separates values: what gives most lines the same number of values, above one."""

    def score(delimiter: str) -> tuple[float, int]:
        try:
            counts = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
        except csv.Error:
            return 0.0, 0
        if not counts:
            return 0.0, 0
        n_values, n_lines = counts.most_common(1)[0]
        return (n_lines / counts.total() if n_values > 1 else 0.0), n_values

    best = max(_DELIMITERS, key=score)
    return best if score(best)[0] > 0 else ","


def sniff_quote(lines: Sequence[str], delimiter: str) -> str:
    """Tell what stands around values: ``'`` if it does where ``"`` never does, else ``"``."""
    ends = re.compile(rf"(?:^|{re.escape(delimiter)})'[^']*'(?={re.escape(delimiter)}|\r?\n|$)")
    n_single = sum(len(ends.findall(line)) for line in lines)
    return "'" if n_single and not any('"' in line for line in lines) else '"'


def sniff_header(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row has names: not if it looks like the rows below it.

    A row of texts above rows of texts counts as names, as it nearly always is.
    """
    if len(rows) < 2:
        return not (rows and any(_looks(cell) != "text" for cell in rows[0]))
    first, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    for place, cell in enumerate(first):
        kinds = {_looks(row[place]) for row in body if row[place].strip()}
        if kinds and _looks(cell) != "text" and kinds == {_looks(cell)}:
            return False
    return True


def _looks(cell: str) -> str:
    if _NUMBER.fullmatch(cell):
        return "number"
    return "moment" if _MOMENT.fullmatch(cell) else "text"


def _check_character(field: str, text: str | None) -> None:
    if text is not None and (len(text) != 1 or text in "\r\n"):
        raise InvalidInput(
            f"The {field} is {text!r}. It must be one character; a tab is written as a tab."
        )


def _check_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError:
        raise InvalidInput(
            f"The encoding {name!r} is not known. Usual ones are: utf-8, utf-16, cp1252, latin-1."
        ) from None


def _sample_lines(path: Path, encoding: str) -> list[str]:
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeError as error:
        raise InvalidInput(
            f"{path.name!r} is not text in the encoding {encoding!r} ({error}). "
            "Give another with --encoding, or leave it out to have it found."
        ) from error
    lines = io.StringIO(text, newline="").readlines()
    whole = lines[:-1] if len(sample) == SAMPLE_BYTES and len(lines) > 1 else lines
    return whole[:_N_LINES]
