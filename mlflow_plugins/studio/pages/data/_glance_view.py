"""How a table would be read: what was found out, its first rows, its bad lines, its columns."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui

if TYPE_CHECKING:
    from mlflow_plugins.data.importing import Glance

TYPES_GRID = "data-import-types"

_MOST_COLUMNS = 200
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}


def glance_view(found: "Glance", types: Mapping[str, str], choices: Sequence[str]) -> Component:
    """Return what is seen of a table.

    Args:
        found: What its beginning is seen to be.
        types: Those that the user has chosen, by column.
        choices: The types that can be chosen; none if they are the file's own.
    """
    return ui.stack(
        [
            _summary(found),
            *_bad_lines(found),
            _rows(found),
            _columns(found, types, choices if found.dialect is not None else ()),
        ]
    )


def _summary(found: "Glance") -> Component:
    facts: dict[str, Any] = {"File": found.file or None}
    if found.dialect is not None:
        dialect = found.dialect
        facts |= {
            "Encoding": dialect.encoding,
            "Separator": _DELIMITERS.get(dialect.delimiter, dialect.delimiter),
            "Header": "the first line" if dialect.has_header else "none",
            "Quotes": {'"': 'double (")', "'": "single (')"}.get(dialect.quote, "none"),
        }
    facts["Columns"] = ui.number(len(found.columns))
    rows = f"{ui.number(found.n_rows)} rows"
    facts["Rows"] = rows if found.is_whole else f"more than the {rows} of its beginning"
    return ui.card("As it is read", ui.key_values(facts))


def _bad_lines(found: "Glance") -> list[Component]:
    if not found.n_bad_lines:
        return []
    lines = [[str(one.line), one.reason, html.Code(one.content[:200])] for one in found.bad_lines]
    where = "" if found.is_whole else " in the beginning of the file"
    one = "1 line is no row" if found.n_bad_lines == 1 else f"{found.n_bad_lines} lines are no rows"
    return [
        ui.note(
            [
                (
                    "Choose in the form whether the file is refused for them or they are kept "
                    "aside. The first ones:"
                ),
                ui.table(["Line", "Reason", "Content"], lines, label="Lines that are no rows"),
            ],
            title=f"{one}{where}",
            color="orange",
        )
    ]


def _rows(found: "Glance") -> Component:
    names = [column.name for column in found.columns[:_MOST_COLUMNS]]
    rows = [{name: _plain(row.get(name)) for name in names} for row in found.rows]
    caption = f"The first {len(rows)} rows"
    if len(found.columns) > len(names):
        caption += f", {len(names)} of {ui.number(len(found.columns))} columns; all are stored"
    return html.Div(
        [
            ui.grid(rows, label=caption, height=min(320, 66 + 32 * max(len(rows), 1))),
            html.P(caption, className="studio-dim"),
        ]
    )


def _columns(found: "Glance", types: Mapping[str, str], choices: Sequence[str]) -> Component:
    rows = [
        {
            "name": column.name,
            "type": types.get(column.name, column.type),
            "example": _example(found, column.name),
        }
        for column in found.columns
    ]
    type_column = {
        "field": "type",
        "headerName": "Type",
        "editable": bool(choices),
        "cellEditor": "agSelectCellEditor",
        "cellEditorParams": {"values": list(choices)},
        "cellClass": "studio-editable" if choices else "",
    }
    grid = ui.grid(
        rows,
        label="Columns",
        height=min(360, 60 + 32 * len(rows)),
        id=TYPES_GRID,
        columnDefs=[
            {"field": "name", "headerName": "Column"},
            type_column,
            {"field": "example", "headerName": "Example"},
        ],
        dashGridOptions={"singleClickEdit": True, "stopEditingWhenCellsLoseFocus": True},
    )
    hint = (
        "Click a type to change it. A value that does not fit makes its line one that is no row."
        if choices
        else "The types are the file's own."
    )
    return ui.card("Columns", html.P(hint, className="studio-dim"), grid)


def _example(found: "Glance", name: str) -> str:
    values = (row.get(name) for row in found.rows)
    return next((str(value)[:80] for value in values if value is not None), "")


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool | int | float | None):
        return value
    return str(value)[:500]


def schema_diff(
    old: Sequence[Mapping[str, Any]], new: Sequence[tuple[str, str]]
) -> dict[str, list[str]]:
    """Return what changes between two schemas: columns that come, go, and change their type.

    Example:
        >>> schema_diff([{"name": "a", "type": "text"}], [("a", "number"), ("b", "text")])
        {'Added': ['b (text)'], 'Removed': [], 'Other type': ['a: text, now number']}
    """
    was = {str(one["name"]): str(one["type"]) for one in old}
    now = dict(new)
    return {
        "Added": [f"{name} ({kind})" for name, kind in now.items() if name not in was],
        "Removed": [f"{name} ({kind})" for name, kind in was.items() if name not in now],
        "Other type": [
            f"{name}: {was[name]}, now {kind}"
            for name, kind in now.items()
            if name in was and was[name] != kind
        ],
    }


def diff_note(title: str, diff: Mapping[str, Sequence[str]]) -> Component:
    """Return what changes between two schemas, or that nothing does."""
    changes = {words: names for words, names in diff.items() if names}
    if not changes:
        return ui.note("The columns and their types are the same.", title=title, color="green")
    lines = [html.Li(f"{words}: {_listed(names)}") for words, names in changes.items()]
    return ui.note(html.Ul(lines), title=title, color="orange")


def _listed(names: Sequence[str], most: int = 30) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
