"""Which columns miss values in the same rows."""

from collections.abc import Sequence

from mlflow_plugins.data.explore._profile_entities import (
    ColumnProfile,
    MissingMap,
    MissingPattern,
)
from mlflow_plugins.data.explore._table import Table

MOST_COLUMNS = 62  # bits of a positive BIGINT
_MOST_PATTERNS = 20


def missing_map(table: Table, columns: Sequence[ColumnProfile]) -> MissingMap:
    """Count every pattern of missing values, in one pass over the columns that have some."""
    incomplete = sorted((one for one in columns if one.n_missing), key=lambda one: -one.n_missing)
    names = [one.name for one in incomplete[:MOST_COLUMNS]]
    if not names:
        patterns = [(0, table.n_rows)] if table.n_rows else []
    else:
        bits = " + ".join(
            f"CASE WHEN {table.column(name).missing_sql} THEN {1 << i}::BIGINT ELSE 0 END"
            for i, name in enumerate(names)
        )
        found = table.engine.run(
            f"SELECT {bits} AS pattern, count(*) AS n FROM {table.source} GROUP BY pattern"
        )
        patterns = list(
            zip(found.column("pattern").to_pylist(), found.column("n").to_pylist(), strict=True)
        )
    return from_patterns(names, patterns)


def from_patterns(names: Sequence[str], patterns: Sequence[tuple[int, int]]) -> MissingMap:
    """Make the map of patterns: bit ``i`` says that column ``i`` is missing.

    Example:
        >>> found = from_patterns(["a", "b"], [(0, 5), (1, 2), (3, 1)])
        >>> found.together, found.n_complete_rows
        (((3, 1), (1, 1)), 5)
    """
    together = [[0] * len(names) for _ in names]
    for pattern, count in patterns:
        members = _members(pattern)
        for i in members:
            for j in members:
                together[i][j] += count
    ranked = sorted(patterns, key=lambda one: (-one[1], one[0]))
    return MissingMap(
        columns=tuple(names),
        together=tuple(map(tuple, together)),
        patterns=tuple(
            MissingPattern(columns=tuple(names[i] for i in _members(pattern)), count=count)
            for pattern, count in ranked[:_MOST_PATTERNS]
        ),
        n_patterns=len(patterns),
        n_complete_rows=sum(count for pattern, count in patterns if pattern == 0),
    )


def _members(pattern: int) -> list[int]:
    return [i for i in range(pattern.bit_length()) if pattern >> i & 1]
