"""``convert_column_types``: a column's values as another type, or an error that shows one."""

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.data._sql import literal, quote

_TYPES = ("int", "float", "string", "boolean", "datetime", "stream_info")
_SYNONYMS = {"bool": "boolean", "str": "string", "integer": "int", "double": "float"}
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "datetime": ("formats", "date_constant"),
    "boolean": ("true_values", "false_values", "mismatch_as"),
}
_TRUE, _FALSE = ("true", "1", "yes", "t", "y"), ("false", "0", "no", "f", "n")
_DIRECTIVES = "YymbBdHIMSfpz%"


def conversions(given: Any) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Read what ``convert_column_types`` was given: type and options by column.

    Raises:
        InvalidInput: It breaks a rule.
    """
    if isinstance(given, Mapping) and "columns" not in given:
        given = [{"columns": name, "column_type": kind} for name, kind in given.items()]
    entries = given if isinstance(given, list) else [given]
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for one in entries:
        if not isinstance(one, Mapping) or set(one) != {"columns", "column_type"}:
            raise InvalidInput(
                f"convert_column_types has {one!r}. Each entry has 'columns' and 'column_type'."
            )
        columns = one["columns"] if isinstance(one["columns"], list) else [one["columns"]]
        for column in columns:
            found[str(column)] = _type(one["column_type"])
    return found


def _type(given: Any) -> tuple[str, Mapping[str, Any]]:
    name: Any = given
    options: Any = {}
    if isinstance(given, Mapping) and len(given) == 1:
        name, options = next(iter(given.items()))
        options = options or {}
    name = _SYNONYMS.get(str(name).lower(), str(name).lower())
    if name not in _TYPES:
        raise InvalidInput(
            f"The column type {name!r} is unknown. There are: {', '.join(_TYPES)}."
            f"{did_you_mean(name, _TYPES)}"
        )
    known = _OPTIONS.get(name, ())
    if not isinstance(options, Mapping):
        raise InvalidInput(f"The column type {name!r} takes a mapping of options.")
    for option in options:
        if option not in known:
            raise InvalidInput(
                f"The option {option!r} of the column type {name!r} is unknown. There are: "
                f"{', '.join(known) or 'none'}.{did_you_mean(str(option), known)}"
            )
    return name, options


def to_sql(column: str, kind: str, options: Mapping[str, Any], *, standing: str) -> str:
    """Return a column as another type, as an SQL expression.

    Values that do not fit are refused when they are met, with one of them in the message.

    Args:
        column: Its name.
        kind: The type it becomes.
        options: Of that type.
        standing: DuckDB's name of the type that it has.
    """
    return _CONVERSIONS[kind](column, options, standing)


def _or_error(column: str, converted: str, kind: str) -> str:
    name = quote(column)
    words = literal(f"The column {column!r} cannot become {kind}: it has the value ")
    say = f"error({words} || '''' || left(CAST({name} AS VARCHAR), 100) || '''')"
    return f"CASE WHEN {name} IS NULL THEN NULL ELSE coalesce({converted}, {say}) END"


def _int(column: str, options: Mapping[str, Any], standing: str) -> str:
    del options
    name = quote(column)
    if standing in ("BIGINT", "BOOLEAN"):
        return f"CAST({name} AS BIGINT)"
    text = f"trim(CAST({name} AS VARCHAR))"
    number = f"TRY_CAST({text} AS DOUBLE)"
    whole = (
        f"CASE WHEN regexp_full_match({text}, '[+-]?[0-9]+') THEN TRY_CAST({text} AS BIGINT) "
        f"WHEN {number} = floor({number}) THEN TRY_CAST({number} AS BIGINT) END"
    )
    return _or_error(column, whole, "int")


def _float(column: str, options: Mapping[str, Any], standing: str) -> str:
    del options
    name = quote(column)
    if standing == "VARCHAR":
        return _or_error(column, f"TRY_CAST(trim({name}) AS DOUBLE)", "float")
    return _or_error(column, f"TRY_CAST({name} AS DOUBLE)", "float")


def _string(column: str, options: Mapping[str, Any], standing: str) -> str:
    del options, standing
    return f"CAST({quote(column)} AS VARCHAR)"


def _boolean(column: str, options: Mapping[str, Any], standing: str) -> str:
    name = quote(column)
    given = [options.get("true_values"), options.get("false_values")]
    if [bool(one) for one in given] not in ([True, True], [False, False]):
        raise InvalidInput(
            f"The column {column!r}: give both 'true_values' and 'false_values', or neither."
        )
    mismatch = str(options.get("mismatch_as") or "error").lower()
    if mismatch not in ("error", "true", "false"):
        raise InvalidInput(
            f"The option 'mismatch_as' is {mismatch!r}. It must be error, true or false."
        )
    if standing == "BOOLEAN" and given[0] is None:
        return name
    yes, no = (_words(one) for one in given) if given[0] else (_TRUE, _FALSE)
    if both := sorted(set(yes) & set(no)):
        raise InvalidInput(f"The column {column!r}: {both[0]!r} is both a true and a false value.")
    text = f"lower(trim(CAST({name} AS VARCHAR)))"
    other = "" if mismatch == "error" else f" ELSE {mismatch.upper()}"
    found = f"CASE WHEN {text} IN ({_list(yes)}) THEN TRUE WHEN {text} IN ({_list(no)}) THEN FALSE"
    return _or_error(column, f"{found}{other} END", "boolean")


def _words(given: Any) -> Sequence[str]:
    every = given if isinstance(given, list) else [given]
    return [str(one).lower().strip() for one in every]


def _list(words: Sequence[str]) -> str:
    return ", ".join(literal(word) for word in words)


def _datetime(column: str, options: Mapping[str, Any], standing: str) -> str:
    name = quote(column)
    if standing.startswith(("TIMESTAMP", "DATE")):
        return f"CAST({name} AS TIMESTAMP)"
    formats = options.get("formats") or []
    formats = [formats] if isinstance(formats, str) else list(formats)
    for one in formats:
        _check_format(column, one)
    text = f"trim(CAST({name} AS VARCHAR))"
    if formats:
        listed = "[" + ", ".join(literal(one) for one in formats) + "]"
        moment = f"CAST(try_strptime({text}, {listed}) AS TIMESTAMP)"
    else:
        moment = f"CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP)"
    if (day := options.get("date_constant")) is not None:
        start = literal(_day(column, day))
        moment = f"TIMESTAMP {start} + ({moment} - date_trunc('day', {moment}))"
    return _or_error(column, moment, "datetime")


def _check_format(column: str, given: Any) -> None:
    unknown = [one for one in re.findall("%(.)", str(given)) if one not in _DIRECTIVES]
    if not isinstance(given, str) or "%" not in given or unknown:
        directives = ", ".join(f"%{one}" for one in _DIRECTIVES)
        raise InvalidInput(
            f"The column {column!r} has the datetime format {given!r}. A format is made of: "
            f"{directives}."
        )


def _day(column: str, given: Any) -> str:
    text = str(given).replace("/", "-")
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise InvalidInput(
            f"The column {column!r} has the date_constant {given!r}. It must be a date such as "
            "2024-01-31."
        ) from None


_CONVERSIONS: Mapping[str, Callable[[str, Mapping[str, Any], str], str]] = {
    "int": _int,
    "float": _float,
    "string": _string,
    "boolean": _boolean,
    "datetime": _datetime,
    "stream_info": _string,
}
