"""What a grid asks, in the words of AG Grid's filters, turned into the terms of `explore`.

Columns come by their place in the table, ``c0``, ``c1``, ...: AG Grid takes a dot in a name for a
path, and a name may be anything.
"""

import csv
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore import (
    AnyOf,
    Condition,
    Filter,
    Search,
    SortKey,
    TableColumn,
)

_MOST_CONDITIONS = 100

_TEXT = {"equals": "=", "notEqual": "!=", "contains": "contains"} | {
    "startsWith": "starts",
    "endsWith": "ends",
}
_ORDER = {
    "equals": "=",
    "notEqual": "!=",
    "lessThan": "<",
    "lessThanOrEqual": "<=",
    "greaterThan": ">",
    "greaterThanOrEqual": ">=",
}
_WITHOUT_VALUE: dict[str, tuple[str, object]] = {
    "blank": ("is-null", None),
    "notBlank": ("is-not-null", None),
    "isTrue": ("=", True),
    "isFalse": ("=", False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GridQuery:
    """Which rows, in which order.

    Attributes:
        conditions: All must hold.
        sort: Most important key first.
    """

    conditions: tuple[Condition, ...] = ()
    sort: tuple[SortKey, ...] = ()

    @property
    def is_whole_file(self) -> bool:
        """Whether these are all rows in the order of the file."""
        return not self.conditions and not self.sort


def read_query(
    columns: Sequence[TableColumn],
    *,
    filters: object = None,
    sort: object = None,
    search: object = None,
) -> GridQuery:
    """Read what the browser sent.

    Args:
        columns: Of the table.
        filters: AG Grid's filter model: by column, a condition or several joined by AND or OR.
        sort: Pairs of a column and whether it descends.
        search: A text to be found in any column.

    Raises:
        InvalidInput: It is not what a grid sends, or a value does not fit.
    """
    model = filters or {}
    if not isinstance(model, Mapping) or len(model) > _MOST_CONDITIONS:
        raise InvalidInput(
            f"The filter must be an object of at most {_MOST_CONDITIONS} columns. Clear it."
        )
    conditions: list[Condition] = []
    for key, one in model.items():
        conditions += _conditions(column_at(columns, key), one)
    if search:
        conditions.append(Search(text=str(search)))
    return GridQuery(conditions=tuple(conditions), sort=tuple(_sort(columns, sort)))


def column_at(columns: Sequence[TableColumn], key: object) -> TableColumn:
    """Return the column of a key such as ``c5``.

    Raises:
        InvalidInput: The table has no such column.
    """
    place = str(key).removeprefix("c")
    if not place.isascii() or not place.isdigit() or int(place) >= len(columns):
        raise InvalidInput(
            f"The table has no column at {key!r}. It has {len(columns)}, from c0 on. "
            "Open the page again from the list of data assets."
        )
    return columns[int(place)]


def _sort(columns: Sequence[TableColumn], sort: object) -> list[SortKey]:
    try:
        pairs = [(str(key), bool(descends)) for key, descends in sort or ()]  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"The order {sort!r} is not a list of pairs of a column and true if it descends."
        ) from error
    return [
        SortKey(column=column_at(columns, key).name, descending=descends) for key, descends in pairs
    ]


def _conditions(column: TableColumn, model: object) -> list[Condition]:
    if not isinstance(model, Mapping):
        raise _unreadable(column, model)
    parts = model.get("conditions")
    if parts is None:
        return list(_one(column, model))
    if not isinstance(parts, list) or not parts or len(parts) > _MOST_CONDITIONS:
        raise _unreadable(column, model)
    found = [_one(column, part) for part in parts]
    if model.get("operator") != "OR":
        return [one for several in found for one in several]
    if any(len(several) != 1 for several in found):
        raise InvalidInput(
            f"The filter of {column.name!r} joins a whole day with another condition by OR, which "
            "cannot be asked. Use 'between' for the day."
        )
    return [AnyOf(filters=tuple(several[0] for several in found))]


def _one(column: TableColumn, model: object) -> list[Filter]:
    if not isinstance(model, Mapping):
        raise _unreadable(column, model)
    kind = model.get("type")
    if kind in _WITHOUT_VALUE:
        operator, value = _WITHOUT_VALUE[str(kind)]
        return [Filter(column=column.name, operator=operator, value=value)]  # type: ignore[arg-type]
    read = _READERS.get(column.type)
    if read is None:
        raise _unreadable(column, model)
    try:
        return read(column, model)
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(column, model) from error


def _text(column: TableColumn, model: Mapping[str, Any]) -> list[Filter]:
    kind, value = model["type"], str(model["filter"])
    if kind == "in":
        return [Filter(column=column.name, operator="in", value=tuple(_listed(value)))]
    operator = _TEXT[kind]
    ignore_case = operator not in ("=", "!=")
    return [
        Filter(column=column.name, operator=operator, value=value, ignore_case=ignore_case)  # type: ignore[arg-type]
    ]


def _listed(text: str) -> list[str]:
    """Read values with commas between them; one that has a comma itself is in quotes."""
    row = next(csv.reader([text.replace("\n", " ")], skipinitialspace=True), [])
    return [value.strip() for value in row if value.strip()]


def _number(column: TableColumn, model: Mapping[str, Any]) -> list[Filter]:
    kind = model["type"]
    if kind == "inRange":
        pair = [float(model["filter"]), float(model["filterTo"])]
        return [Filter(column=column.name, operator="between", value=tuple(sorted(pair)))]
    value = model["filter"]
    if not isinstance(value, int):
        value = float(value)
    return [Filter(column=column.name, operator=_ORDER[kind], value=value)]  # type: ignore[arg-type]


def _moment(column: TableColumn, model: Mapping[str, Any]) -> list[Filter]:
    """Read a filter of days: AG Grid's pickers have no time, so a day is all of its moments."""
    kind = model["type"]
    day = dt.datetime.fromisoformat(model["dateFrom"])
    next_day = day + dt.timedelta(days=1)

    def is_(operator: str, value: dt.datetime) -> Filter:
        return Filter(column=column.name, operator=operator, value=value)  # type: ignore[arg-type]

    if kind == "inRange":
        last = dt.datetime.fromisoformat(model["dateTo"])
        return [is_(">=", min(day, last)), is_("<", max(day, last) + dt.timedelta(days=1))]
    if kind == "equals":
        return [is_(">=", day), is_("<", next_day)]
    return {
        "lessThan": [is_("<", day)],
        "greaterThan": [is_(">=", next_day)],
    }[kind]


_READERS: Mapping[str, Callable[[TableColumn, Mapping[str, Any]], list[Filter]]] = {
    "text": _text,
    "integer": _number,
    "number": _number,
    "date": _moment,
    "datetime": _moment,
}


def _unreadable(column: TableColumn, model: object) -> InvalidInput:
    return InvalidInput(
        f"The filter of {column.name!r}, a column of type {column.type}, cannot be read: "
        f"{str(model)[:200]}. Clear it and set it again."
    )
