"""Columns out of the names of folders: ``/{year}/{month}`` or ``/{when:yyyy/MM/dd}``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data._sql import literal, quote

_FIELD = re.compile(r"\{([^{}:]+)(?::([^{}]+))?\}")
_UNITS = {"yyyy": 4, "MM": 2, "dd": 2, "HH": 2, "mm": 2, "ss": 2}
_UNIT = re.compile("|".join(_UNITS))
_ORDER = ("yyyy", "MM", "dd", "HH", "mm", "ss")
_NOUGHT = {"yyyy": "1970", "MM": "1", "dd": "1", "HH": "0", "mm": "0", "ss": "0"}


@dataclass(frozen=True, slots=True)
class PartitionFormat:
    """A format as a regular expression, and what its groups are.

    Attributes:
        pattern: Matches a path from the first partition on; RE2's and Python's syntax.
        columns: For each column its groups: ``{"": 1}`` for a text, by unit for a moment.
    """

    pattern: str
    columns: Mapping[str, Mapping[str, int]]

    def to_sql(self, path: str) -> dict[str, str]:
        """Return each column as an SQL expression of the SQL expression of a path."""
        return {name: self._column(path, groups) for name, groups in self.columns.items()}

    def _column(self, path: str, groups: Mapping[str, int]) -> str:
        def part(group: int) -> str:
            return f"regexp_extract({path}, {literal(self.pattern)}, {group})"

        if "" in groups:
            return part(groups[""])
        parts = [
            f"CAST({part(groups[unit])} AS BIGINT)" if unit in groups else _NOUGHT[unit]
            for unit in _ORDER
        ]
        return f"make_timestamp({', '.join(parts)})"


def parse_partition_format(given: Any) -> PartitionFormat:
    """Read a partition format.

    YAML takes ``{when:yyyy/MM/dd}`` without quotes for a mapping with one key; that is read too.

    Example:
        >>> sorted(parse_partition_format("/{dept}/{when:yyyy/MM}").columns)
        ['dept', 'when']

    Raises:
        InvalidInput: It has no ``{column}``, or one that cannot be read.
    """
    text = _text(given)
    columns: dict[str, dict[str, int]] = {}
    pattern, n_groups, end = "", 0, 0
    for found in _FIELD.finditer(text):
        pattern += _literal(text[end : found.start()])
        name, units = found[1].strip(), found[2]
        if name in columns:
            raise InvalidInput(f"The partition format {text!r} has the column {name!r} twice.")
        own, groups = ("([^/]+)", {"": 1}) if units is None else _units(units, text)
        columns[name] = {unit: n_groups + group for unit, group in groups.items()}
        pattern, n_groups, end = pattern + own, n_groups + len(groups), found.end()
    if not columns:
        raise InvalidInput(
            f"The partition format {text!r} has no column. Write one such as "
            "/{year}/{month} or /{when:yyyy/MM/dd}."
        )
    pattern += _literal(text[end:].rstrip("/"))
    # A format goes to the end of the path, or leaves out the file's name.
    return PartitionFormat(f"{pattern}(?:/[^/]*)?$", columns)


def check_matches(partition: PartitionFormat, shown: str) -> None:
    """Make sure that a file's path has the partitions.

    Raises:
        InvalidInput: It has not.
    """
    if re.search(partition.pattern, shown) is None:
        raise InvalidInput(
            f"The file {shown!r} does not match the partition format (as a pattern: "
            f"{partition.pattern!r}). Correct the format or the paths."
        )


def _text(given: Any) -> str:
    if isinstance(given, Mapping) and len(given) == 1:
        key, value = next(iter(given.items()))
        return "{" + (str(key) if value is None else f"{key}:{value}") + "}"
    if not isinstance(given, str):
        raise InvalidInput(f"The partition format is {given!r}. It must be a text in quotes.")
    return given


def _literal(text: str) -> str:
    return re.escape(text).replace(r"\*", "[^/]*").replace(r"\-", "-").replace(r"\ ", " ")


def _units(units: str, whole: str) -> tuple[str, dict[str, int]]:
    groups: dict[str, int] = {}
    pattern, end = "", 0
    for found in _UNIT.finditer(units):
        pattern += _literal(units[end : found.start()])
        if found[0] in groups:
            raise InvalidInput(f"The partition format {whole!r} has {found[0]!r} twice.")
        groups[found[0]] = len(groups) + 1
        pattern, end = pattern + rf"(\d{{{_UNITS[found[0]]}}})", found.end()
    if "yyyy" not in groups:
        raise InvalidInput(
            f"The partition format {whole!r} has the moment {units!r} without 'yyyy'. "
            f"Its parts are: {', '.join(_ORDER)}."
        )
    return pattern + _literal(units[end:]), groups


def columns_sql(partition: PartitionFormat, path: str) -> str:
    """Return the columns as they stand in a SELECT."""
    return ", ".join(f"{sql} AS {quote(name)}" for name, sql in partition.to_sql(path).items())
