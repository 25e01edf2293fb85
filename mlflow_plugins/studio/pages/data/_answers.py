"""What the grid of a table asks the server: its columns, some rows, a count, heads of columns.

Every question names the asset; it is read anew with the rights of whoever asks.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._cells import (
    CELL_CHARACTERS,
    LONGEST_CHARACTERS,
    rows_of,
)
from mlflow_plugins.studio.pages.data._grid_query import GridQuery, column_at, read_query
from mlflow_plugins.studio.pages.data._open_tables import OpenTable, OpenTables
from mlflow_plugins.studio.pages.data._places import DATA

if TYPE_CHECKING:
    import pyarrow as pa

    from mlflow_plugins.data.explore import TableColumn

MOST_ROWS = 500
MOST_COLUMNS = 200


class Answers:
    """Answers questions about the rows of data assets."""

    def __init__(self, studio: Studio, tables: OpenTables) -> None:
        self._studio = studio
        self._tables = tables
        studio.answer("data-open", self.open)
        studio.answer("data-rows", self.rows)
        studio.answer("data-cell", self.cell)
        studio.answer("data-count", self.count)
        studio.answer("data-summary", self.summary)

    def open(self, name: str, version: str | None = None) -> dict[str, Any]:
        """Open a table: how many rows, and for each column its name and type."""
        with self._lend(name, version) as (_, open_table):
            table = open_table.table
            columns = [[column.name, column.type, column.dtype] for column in table.columns]
            return {"n_rows": table.n_rows, "columns": columns}

    def rows(
        self,
        name: str,
        version: str | None = None,
        *,
        columns: Sequence[str],
        filters: object = None,
        sort: object = None,
        search: object = None,
        offset: int = 0,
        limit: int = 100,
    ) -> dict[str, Any]:
        """Return some rows; ``n_rows`` is how many there are in all, if that is known by then."""
        _check_columns(columns)
        check_page(offset, limit, most=MOST_ROWS)
        with self._lend(name, version) as (_, open_table):
            known = open_table.table.columns
            wanted = [column_at(known, key) for key in columns]
            query = read_query(known, filters=filters, sort=sort, search=search)
            page, n_rows = _page(open_table, query, wanted, offset, limit)
        return {**rows_of(page, longest=CELL_CHARACTERS), "n_rows": n_rows}

    def cell(
        self,
        name: str,
        version: str | None = None,
        *,
        column: str,
        row: int,
        filters: object = None,
        sort: object = None,
        search: object = None,
    ) -> dict[str, Any]:
        """Return one value in full; ``is_cut`` says if even that is longer than a page shows."""
        check_page(row, 1, most=1)
        with self._lend(name, version) as (_, open_table):
            known = open_table.table.columns
            query = read_query(known, filters=filters, sort=sort, search=search)
            page, _ = _page(open_table, query, [column_at(known, column)], row, 1)
        found = rows_of(page, longest=LONGEST_CHARACTERS)
        if not found["rows"]:
            raise InvalidInput(f"The table has no row {row + 1} any more. Load the page again.")
        return {"value": found["rows"][0][0], "is_cut": bool(found["cut"])}

    def count(
        self,
        name: str,
        version: str | None = None,
        *,
        filters: object = None,
        search: object = None,
    ) -> dict[str, Any]:
        """Count the rows that a filter leaves."""
        with self._lend(name, version) as (_, open_table):
            table = open_table.table
            query = read_query(table.columns, filters=filters, search=search)
            return {"n_rows": table.count(filters=query.conditions)}

    def summary(
        self,
        name: str,
        version: str | None = None,
        *,
        columns: Sequence[str],
        filters: object = None,
        search: object = None,
    ) -> dict[str, Any]:
        """Summarise a few columns over the rows that a filter leaves."""
        from mlflow_plugins.studio.pages.data import _summary

        if not isinstance(columns, list) or len(columns) > _summary.MOST_COLUMNS:
            raise InvalidInput(f"At most {_summary.MOST_COLUMNS} columns are summarised at once.")
        with self._lend(name, version) as (_, open_table):
            table = open_table.table
            query = read_query(table.columns, filters=filters, search=search)
            wanted = [column_at(table.columns, key) for key in columns]
            found = _summary.summarize_columns(table, wanted, query.conditions)
        return {"columns": dict(zip(columns, found, strict=True))}

    @contextmanager
    def _lend(self, name: str, version: str | None) -> Iterator[tuple[Any, OpenTable]]:
        store = self._studio.assets()
        asset = store.get(DATA, name, version)
        with self._tables.lend(store, asset) as open_table:
            yield asset, open_table


def _page(
    open_table: OpenTable,
    query: GridQuery,
    columns: Sequence["TableColumn"],
    offset: int,
    limit: int,
) -> tuple["pa.Table", int | None]:
    table = open_table.table
    names = [column.name for column in columns]
    if query.is_whole_file:
        return table.rows(offset=offset, limit=limit, columns=names), table.n_rows
    # To find the first rows of an order takes less than to put all of them in order.
    is_beginning = not query.conditions and offset + limit <= MOST_ROWS
    order = None if is_beginning and not open_table.knows(query) else open_table.order(query)
    if order is not None:
        return table.take(order[offset : offset + limit], columns), len(order)
    rows = table.rows(
        filters=query.conditions, sort=query.sort, offset=offset, limit=limit, columns=names
    )
    return rows, None if query.conditions else table.n_rows


def _check_columns(columns: object) -> None:
    if not isinstance(columns, list) or not 0 < len(columns) <= MOST_COLUMNS:
        raise InvalidInput(f"A page has a list of 1 to {MOST_COLUMNS} columns.")


def check_page(offset: object, limit: object, *, most: int) -> None:
    """Check what says which part of a list is wanted.

    Raises:
        InvalidInput: It is no part of a list.
    """
    is_page = isinstance(offset, int) and isinstance(limit, int)
    if not is_page or offset < 0 or not 0 < limit <= most:  # type: ignore[operator]
        raise InvalidInput(
            f"A page begins at {offset!r} and has {limit!r} entries. Ask for 1 to {most} from 0 on."
        )
