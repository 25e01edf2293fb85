"""Conditions on rows, and the parameterised SQL they become.

A missing value (NULL or NaN) meets no condition but ``is-null``, as in SQL.
"""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore._columns import NUMBERS, TableColumn, find

Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "between", "in",
    "contains", "starts", "ends", "is-null", "is-not-null",
]  # fmt: skip
OPERATORS: tuple[str, ...] = get_args(Operator)
TEXT_OPERATORS = frozenset({"contains", "starts", "ends"})

_ORDERS = frozenset({"<", "<=", ">", ">=", "between"})
_FUNCTIONS = {"contains": "contains", "starts": "starts_with", "ends": "ends_with"}
_CASTS = {"date": "TIMESTAMP", "datetime": "TIMESTAMP"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One condition on one column.

    Attributes:
        column: Its name.
        operator: One of `OPERATORS`.
        value: A number, text, truth value, date or ISO text of a date, as the column's type is;
            a pair for ``between`` (both ends included), a sequence for ``in``, nothing for
            ``is-null`` and ``is-not-null``.
        ignore_case: For texts: take ``A`` for ``a``.
    """

    column: str
    operator: Operator
    value: object = None
    ignore_case: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """Rows that meet at least one of several conditions."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Rows in which some text column has a text, whatever the case, or a number column a number."""

    text: str


Condition = Filter | AnyOf | Search


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """One column to sort by; missing values come last in both directions."""

    column: str
    descending: bool = False


class Params:
    """The values of a statement; its text has only their names."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def add(self, value: object) -> str:
        """Keep a value and return how the statement names it."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"


def where(
    columns: Sequence[TableColumn],
    conditions: Sequence[Condition],
    params: Params,
    *,
    search: str = "",
) -> str:
    """Compile conditions, all of which must hold, into a WHERE clause or an empty text.

    Raises:
        InvalidInput: A column is unknown, or a value does not fit its column or operator.
    """
    parts = [_condition(columns, one, params) for one in conditions]
    if search:
        parts.append(_search(columns, search, params))
    return f"WHERE {' AND '.join(parts)}" if parts else ""


def order_by(columns: Sequence[TableColumn], sort: Sequence[SortKey], *last: str) -> str:
    """Compile sort keys; ``last`` breaks ties, so that pages neither overlap nor leave gaps."""
    keys = [
        f"{find(columns, key.column).clean_sql} {'DESC' if key.descending else 'ASC'} NULLS LAST"
        for key in sort
    ]
    return f"ORDER BY {', '.join([*keys, *last])}"


def _condition(columns: Sequence[TableColumn], one: Condition, params: Params) -> str:
    if isinstance(one, Filter):
        return _filter(find(columns, one.column), one, params)
    if isinstance(one, Search):
        return _search(columns, one.text, params)
    if not one.filters:
        raise InvalidInput("AnyOf has no filters. Give at least one.")
    parts = [_filter(find(columns, part.column), part, params) for part in one.filters]
    return f"({' OR '.join(parts)})"


def _filter(column: TableColumn, one: Filter, params: Params) -> str:
    if one.operator not in OPERATORS:
        raise InvalidInput(
            f"{one.operator!r} is not an operator. The operators are {', '.join(OPERATORS)}."
        )
    if one.operator == "is-null":
        return column.missing_sql
    if one.operator == "is-not-null":
        return f"NOT ({column.missing_sql})"
    _check_operator(column, one.operator)
    names = [params.add(value) for value in _values(column, one)]
    if column.type in _CASTS:
        names = [f"CAST({name} AS {_CASTS[column.type]})" for name in names]
    left = column.clean_sql if column.type == "text" else column.sql
    if one.ignore_case and column.type == "text":
        left, names = f"lower({left})", [f"lower({name})" for name in names]
    return f"({_comparison(column, one.operator, left, names)})"


def _comparison(column: TableColumn, operator: Operator, left: str, names: Sequence[str]) -> str:
    if operator in TEXT_OPERATORS:
        return f"{_FUNCTIONS[operator]}({left}, {names[0]})"
    if operator == "in":
        return f"{left} IN ({', '.join(names)})" if names else "false"
    if operator == "between":
        return f"{left} BETWEEN {names[0]} AND {names[1]}"
    sql = f"{left} {operator} {names[0]}"
    # For DuckDB, NaN is above every number.
    return f"{sql} AND NOT isnan({column.sql})" if column.is_float and operator != "=" else sql


def _search(columns: Sequence[TableColumn], search: str, params: Params) -> str:
    """A text anywhere in a text column, whatever the case; a number is also found as such."""
    name = params.add(search.lower())
    parts = [
        f"contains(lower({column.clean_sql}), {name})"
        for column in columns
        if column.type == "text"
    ]
    number = _as_number(search)
    if number is not None:
        value = params.add(number)
        parts += [f"{column.sql} = {value}" for column in columns if column.type in NUMBERS]
    return f"({' OR '.join(parts)})" if parts else "false"


def _as_number(text: str) -> float | int | None:
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        is_fit = abs(number) < 2**63 if isinstance(number, int) else math.isfinite(number)
        return number if is_fit else None
    return None


# ---------------------------------------------------------------- values


def _check_operator(column: TableColumn, operator: str) -> None:
    if operator in TEXT_OPERATORS and column.type != "text":
        raise InvalidInput(
            f"The operator {operator!r} needs a text column; {column.name!r} is of type "
            f"{column.type}. Compare it with =, <, > or between."
        )
    if column.type == "other":
        raise InvalidInput(
            f"{column.name!r} has the type {column.dtype}, which can only be filtered with "
            "is-null and is-not-null."
        )
    if operator in _ORDERS and column.type == "boolean":
        raise InvalidInput(
            f"{column.name!r} is true or false and has no order. Compare it with = or !=."
        )


def _values(column: TableColumn, one: Filter) -> list[object]:
    if one.operator not in {"between", "in"}:
        return [_value(column, one, one.value)]
    if isinstance(one.value, str) or not isinstance(one.value, Sequence | set | frozenset):
        raise InvalidInput(
            f"The operator {one.operator!r} on {column.name!r} needs "
            f"{'a pair' if one.operator == 'between' else 'a list'} of values, got {one.value!r}."
        )
    values = [_value(column, one, value) for value in one.value]
    if one.operator == "between" and len(values) != 2:
        raise InvalidInput(
            f"The operator 'between' on {column.name!r} needs two values, got {len(values)}."
        )
    return values


def _value(column: TableColumn, one: Filter, value: object) -> object:
    fits = {
        "integer": _is_number,
        "number": _is_number,
        "boolean": lambda v: isinstance(v, bool),
        "text": lambda v: isinstance(v, str),
        "date": _is_moment,
        "datetime": _is_moment,
    }[column.type]
    if not fits(value):
        raise InvalidInput(
            f"{one.column!r} is of type {column.type}, but the filter {one.operator!r} compares it "
            f"with {value!r}. Give a value of that type; for missing values use is-null."
        )
    return value


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    return not math.isnan(value)


def _is_moment(value: object) -> bool:
    if isinstance(value, str):
        try:
            dt.datetime.fromisoformat(value)
        except ValueError:
            return False
        return True
    return isinstance(value, dt.date)
