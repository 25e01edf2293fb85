"""Values as a page shows them: what JSON can hold, short, nothing rounded."""

import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

CELL_CHARACTERS = 200
LONGEST_CHARACTERS = 1_000_000
_EXACT = 1 << 53  # JavaScript's numbers are doubles

Cell = bool | int | float | str | None


def rows_of(table: "pa.Table", *, longest: int = CELL_CHARACTERS) -> dict[str, Any]:
    """Return a table's rows, and where a text was cut.

    Args:
        table: A page of it.
        longest: Most characters of a value.

    Returns:
        ``rows``: for each row its values; ``cut``: pairs of the places of a row and a column.
    """
    columns = [[cell_of(value) for value in _values(column)] for column in table.columns]
    cut = []
    for place, values in enumerate(columns):
        for row, value in enumerate(values):
            if isinstance(value, str) and len(value) > longest:
                values[row] = value[:longest]
                cut.append([row, place])
    rows = [list(row) for row in zip(*columns, strict=True)] if columns else []
    return {"rows": rows or [[] for _ in range(table.num_rows)], "cut": cut}


def cell_of(value: object) -> Cell:
    """Return what JSON holds for a value.

    Example:
        >>> cell_of(2**60), cell_of(float("inf")), cell_of({"a": [1, None]})
        ('1152921504606846976', '∞', '{"a": [1, null]}')
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dt.datetime):
        return None if value != value else value.isoformat(sep=" ")  # noqa: PLR0124 - NaT
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def _float(value: float) -> Cell:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else ("∞" if value > 0 else "-∞")


def _values(column: "pa.ChunkedArray") -> list[Any]:
    import pyarrow as pa

    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):  # a date beyond Python's years
        values = column.cast(pa.string()).to_pylist()
    return values
