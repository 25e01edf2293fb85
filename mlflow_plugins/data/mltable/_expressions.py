"""The language of ``filter``: ``col("age") > 32 and (city == "Rome" or not col("x") == null)``.

A text becomes a tree by a small parser, and the tree becomes an SQL condition; nothing is evaluated
as a program. Names are checked against the table's columns, values become SQL literals.
"""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.data._sql import literal, quote

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>==|!=|<=|>=|&&|\|\||[<>!+\-*/%(),])
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
_COMPARISONS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_SAME = {"&&": "and", "||": "or", "!": "not"}
_CONSTANTS = {"true": "TRUE", "false": "FALSE", "null": "NULL", "none": "NULL"}
_DEEPEST = 100


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A parsed piece: its SQL, and whether it is the word ``null``."""

    sql: str
    is_null: bool = False


def to_sql(expression: str, columns: Sequence[str]) -> str:
    """Turn a filter's expression into an SQL condition for DuckDB.

    Understood are comparisons, ``and``, ``or``, ``not``, parentheses, arithmetic, ``x in (1, 2)``,
    ``isnull(x)``, ``datetime(2024, 1, 31)``, and columns as ``col("name")`` or by a bare name.

    Example:
        >>> print(to_sql('col("t") > 32 and not city == "UK"', ["t", "city"]))
        (("t" > 32) AND (NOT ("city" = 'UK')))

    Raises:
        InvalidInput: It is not an expression, or names a column that there is not.
    """
    return _Parser(expression, columns).parse()


def _tokens(text: str) -> Iterator[_Token]:
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise _broken(text, place, f"{text[place:].strip()[:10]!r} means nothing here")
        found = match[match.lastgroup]
        word = _SAME.get(found, found)
        kind = "word" if found in _SAME else match.lastgroup
        yield _Token(kind, word, match.start(match.lastgroup))
        place = match.end()
    yield _Token("end", "", len(text))


def _broken(text: str, place: int, why: str) -> InvalidInput:
    return InvalidInput(
        f"The filter {text!r} cannot be read at character {place + 1}: {why}. "
        'Write conditions such as: col("age") > 32 and col("city") == "Rome"'
    )


class _Parser:
    """Reads one expression, from the loosest binding (``or``) to the tightest."""

    def __init__(self, text: str, columns: Sequence[str]) -> None:
        self._text = text
        self._columns = columns
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def parse(self) -> str:
        found = self._either()
        if self._now.kind != "end":
            raise self._error(f"{self._now.text!r} means nothing here")
        return found.sql

    # ------------------------------------------------------------ tokens

    @property
    def _now(self) -> _Token:
        return self._tokens[self._next]

    def _is(self, *words: str) -> bool:
        token = self._now
        return token.kind in ("sign", "word") and token.text.lower() in words

    def _take(self) -> _Token:
        token = self._now
        self._next += 1
        return token

    def _expect(self, sign: str) -> None:
        if not self._is(sign):
            came = repr(self._now.text) if self._now.text else "the end"
            raise self._error(f"there is {came} where {sign!r} should be")
        self._take()

    def _error(self, why: str) -> InvalidInput:
        return _broken(self._text, self._now.place, why)

    # ------------------------------------------------------------ grammar

    def _either(self) -> _Part:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"it is nested more than {_DEEPEST} deep")
        left = self._both()
        while self._is("or"):
            self._take()
            left = _Part(f"({left.sql} OR {self._both().sql})")
        self._depth -= 1
        return left

    def _both(self) -> _Part:
        left = self._negated()
        while self._is("and"):
            self._take()
            left = _Part(f"({left.sql} AND {self._negated().sql})")
        return left

    def _negated(self) -> _Part:
        n_times = 0
        while self._is("not"):
            self._take()
            n_times += 1
        found = self._compared()
        return _Part(f"(NOT {found.sql})") if n_times % 2 else found

    def _compared(self) -> _Part:
        left = self._sum()
        if self._is("in"):
            self._take()
            self._expect("(")
            return _Part(f"({left.sql} IN ({', '.join(one.sql for one in self._list())}))")
        if not self._is(*_COMPARISONS):
            return left
        sign = self._take().text
        right = self._sum()
        if left.is_null or right.is_null:
            other = right if left.is_null else left
            if sign not in ("==", "!="):
                raise self._error("null can only be compared with == and !=")
            return _Part(f"({other.sql} IS {'NOT ' if sign == '!=' else ''}NULL)")
        if self._is(*_COMPARISONS):
            raise self._error("comparisons cannot be chained; join two with 'and'")
        return _Part(f"({left.sql} {_COMPARISONS[sign]} {right.sql})")

    def _sum(self) -> _Part:
        left = self._product()
        while self._is("+", "-"):
            sign = self._take().text
            left = _Part(f"({left.sql} {sign} {self._product().sql})")
        return left

    def _product(self) -> _Part:
        left = self._signed()
        while self._is("*", "/", "%"):
            sign = self._take().text
            left = _Part(f"({left.sql} {sign} {self._signed().sql})")
        return left

    def _signed(self) -> _Part:
        is_negative = False
        while self._is("-", "+"):
            is_negative ^= self._take().text == "-"
        found = self._value()
        return _Part(f"(-{found.sql})") if is_negative else found

    def _value(self) -> _Part:
        token = self._now
        if self._is("("):
            self._take()
            found = self._either()
            self._expect(")")
            return found
        if token.kind == "number":
            return _Part(self._take().text)
        if token.kind == "text":
            return _Part(literal(_unquoted(self._take().text)))
        if token.kind == "word":
            return self._named()
        raise self._error("a value is missing" if not token.text else f"{token.text!r} is no value")

    def _named(self) -> _Part:
        word = self._take().text
        lower = word.lower()
        if self._is("("):
            return self._called(lower)
        if lower in _CONSTANTS and word not in self._columns:
            return _Part(_CONSTANTS[lower], is_null=_CONSTANTS[lower] == "NULL")
        return self._column(word)

    def _called(self, function: str) -> _Part:
        self._expect("(")
        if function == "col":
            if self._now.kind != "text":
                raise self._error('col takes a name in quotes: col("age")')
            name = _unquoted(self._take().text)
            found = self._column(name)
            self._expect(")")
            return found
        if function in ("isnull", "is_null"):
            found = self._either()
            self._expect(")")
            return _Part(f"({found.sql} IS NULL)")
        if function == "datetime":
            return self._moment()
        known = ("col", "isnull", "datetime")
        raise self._error(
            f"there is no function {function!r}; there are: {', '.join(known)}."
            f"{did_you_mean(function, known)}".rstrip(".")
        )

    def _moment(self) -> _Part:
        numbers = [one.sql for one in self._list()]
        try:
            year, month, day, *rest = map(int, numbers)
            moment = dt.datetime(year, month, day, *rest)  # type: ignore[arg-type]  # noqa: DTZ001
        except (TypeError, ValueError):
            raise self._error(f"datetime({', '.join(numbers)}) is no moment") from None
        return _Part(f"TIMESTAMP {literal(moment.isoformat(sep=' '))}")

    def _list(self) -> list[_Part]:
        found = [self._sum()]
        while self._is(","):
            self._take()
            found.append(self._sum())
        self._expect(")")
        return found

    def _column(self, name: str) -> _Part:
        if name not in self._columns:
            raise self._error(
                f"there is no column {name!r}{did_you_mean(name, self._columns).rstrip('?')}"
            )
        return _Part(quote(name))


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(r"\1", text[1:-1])
