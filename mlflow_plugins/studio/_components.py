"""The parts that pages are made of (``studio.ui``): plain functions from values to components."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from mlflow_plugins.studio._failures import Failure

_TONES = {
    "good": {
        "dealtwith",
        "completed",
        "finished",
        "running",
        "ready",
        "healthy",
        "passed",
        "succeeded",
    },
    "bad": {"failed", "unreachable", "error"},
    "warn": {"lookatthis", "canceled", "killed", "stopped", "pruned", "unserved"},
    "busy": {
        *("queued", "preparing", "finalizing", "cancelrequested", "scheduled"),
        *("creating", "deleting", "updating", "starting", "pending_registration"),
    },
}


def page(
    title: str,
    *children: Any,
    subtitle: Any = None,
    actions: Sequence[Any] = (),
    back: tuple[str, str] | None = None,
) -> Component:
    """Return a page: heading, buttons beside it, content.

    Args:
        title: The heading.
        children: The content.
        subtitle: A sentence below the heading.
        actions: Buttons to the right of the heading.
        back: Name and address of the page above this one.
    """
    crumb = [dcc.Link(back[0], href=back[1], className="studio-back")] if back else []
    heading = html.Div(
        [
            html.Div([html.H1(title), html.P(subtitle, className="studio-dim")]),
            html.Div(list(actions), className="studio-actions"),
        ],
        className="studio-heading",
    )
    return html.Div([*crumb, heading, *children], className="studio-page")


def card(title: str | None, *children: Any, actions: Sequence[Any] = ()) -> Component:
    """Return a framed part of a page with a heading of its own."""
    head = [html.Div([html.H2(title), *actions], className="studio-card-head")] if title else []
    return html.Section([*head, *children], className="studio-card")


def stack(parts: Iterable[Any]) -> Component:
    """Put parts below one another."""
    return html.Div(list(parts), className="studio-stack")


def tabs(addresses: Mapping[str, str], *, current: str, label: str) -> Component:
    """Return links to the parts of a page; each part has an address and loads only what it shows.

    Args:
        addresses: By the words on the tabs.
        current: The words on the tab of this page.
        label: What the parts are parts of.
    """
    links = [
        dcc.Link(text, href=address, className="current" if text == current else "")
        for text, address in addresses.items()
    ]
    return html.Nav(links, className="studio-tabs", **attributes(aria_label=label))


def columns(*children: Any) -> Component:
    """Put parts beside one another where there is room."""
    return html.Div(list(children), className="studio-columns")


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, label: str) -> Component:
    """Return a table; it scrolls sideways where the window is narrow.

    Args:
        headings: One for each column.
        rows: Texts or components.
        label: What the table lists, for those who cannot see it.
    """
    head = html.Thead(html.Tr([html.Th(text, scope="col") for text in headings]))
    body = html.Tbody([html.Tr([html.Td(cell) for cell in row]) for row in rows])
    whole = html.Table([html.Caption(label), head, body], className="studio-table")
    return html.Div(
        whole, className="studio-scroll", tabIndex=0, role="region", **attributes(aria_label=label)
    )


def grid(rows: Sequence[Mapping[str, Any]], *, label: str, height: int = 420, **more: Any) -> Any:
    """Return a grid for many rows: sorts, filters, resizes.

    Args:
        rows: One mapping for each row; the first one's keys are the columns.
        label: What it lists.
        height: In pixels.
        more: Further arguments of ``dash_ag_grid.AgGrid``; ``columnDefs`` replaces the columns.
    """
    names = list(rows[0]) if rows else []
    default_columns = [
        {"headerName": name, "valueGetter": {"function": f"params.data[{name!r}]"}}
        for name in names
    ]
    options = {
        "animateRows": False,
        "enableCellTextSelection": True,
        "rowHeight": 32,
        "headerHeight": 34,
    }
    return html.Div(
        dag.AgGrid(
            rowData=list(rows),
            columnDefs=more.pop("columnDefs", default_columns),
            defaultColDef={
                "sortable": True,
                "resizable": True,
                "filter": True,
                "minWidth": 110,
                "flex": 1,
            },
            dashGridOptions={**options, **more.pop("dashGridOptions", {})},
            style={"height": f"{height}px"},
            className="studio-grid",
            **more,
        ),
        role="region",
        **attributes(aria_label=label),
    )


def empty(title: str, text: str, *actions: Any) -> Component:
    """Return what stands where there is nothing yet: why, and how to change that."""
    return html.Div(
        [
            html.Span(className="studio-empty-mark", **attributes(aria_hidden="true")),
            html.H2(title),
            html.P(text, className="studio-dim"),
            html.Div(list(actions), className="studio-actions"),
        ],
        className="studio-empty",
    )


def failure(problem: Failure) -> Component:
    """Return an error as it is shown in the place where content was expected."""
    color = "orange" if problem.is_refusal else "red"
    return note(problem.message, title=problem.title, color=color)


def note(text: Any, *, title: str | None = None, color: str = "blue") -> Component:
    """Return a box with something to know. Colours: blue, green, orange, red."""
    role = "alert" if color in ("red", "orange") else "note"
    heading = [html.Strong(title)] if title else []
    return html.Div([*heading, html.Div(text)], className=f"studio-note {color}", role=role)


def badge(status: str) -> Component:
    """Return a status as a coloured word."""
    word = status.lower().replace(" ", "")
    tone = next((tone for tone, words in _TONES.items() if word in words), "plain")
    is_moving = word in _TONES["busy"] or word == "running"
    classes = ["studio-badge", tone, *(["moving"] if is_moving else [])]
    return html.Span(
        [html.I(**attributes(aria_hidden="true")), status], className=" ".join(classes)
    )


def tag(text: str) -> Component:
    """Return a small grey word, such as a version."""
    return html.Span(text, className="studio-tag")


def tiles(values: Mapping[str, Any]) -> Component:
    """Return figures in large print, each with its name."""
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value)]) for name, value in values.items()],
        className="studio-tiles",
    )


def bar(share: float, *, label: str) -> Component:
    """Return a bar that is filled to a share between 0 and 1.

    Args:
        share: How much of it.
        label: What it measures, for those who cannot see it.
    """
    percent = f"{100 * min(1.0, max(0.0, share)):.0f}%"
    return html.Span(
        html.Span(style={"width": percent}),
        className="studio-bar",
        role="img",
        **attributes(aria_label=f"{label}: {percent}"),
    )


def key_values(pairs: Mapping[str, Any]) -> Component:
    """Return names and values, one pair a line; pairs without a value are left out."""
    shown = {name: value for name, value in pairs.items() if value not in (None, "")}
    lines = [html.Div([html.Dt(name), html.Dd(value)]) for name, value in shown.items()]
    return html.Dl(lines, className="studio-pairs")


def link(text: Any, href: str) -> Component:
    """Return a link within the studio."""
    return dcc.Link(text, href=href, className="studio-link")


def outside(text: str, href: str) -> Component:
    """Return a link to a page that is not the studio's, such as one of the MLflow UI."""
    return html.A(text, href=href, className="studio-link outside")


def button_link(text: str, href: str, *, is_primary: bool = True) -> Component:
    """Return a link that looks like a button."""
    look = "studio-button-link primary" if is_primary else "studio-button-link"
    return dcc.Link(text, href=href, className=look)


def code(text: str, *, label: str) -> Component:
    """Return text to be copied, with a button for that."""
    return html.Figure(
        [
            html.Figcaption(
                [label, dcc.Clipboard(content=text, title="Copy", className="studio-copy")]
            ),
            html.Pre(text, tabIndex=0),
        ],
        className="studio-code",
    )


def form(*children: Any) -> Component:
    """Return inputs below one another, at a width that is good to read."""
    stack: Component = dmc.Stack(list(children), className="studio-form", gap="sm")
    return stack


def editor(
    own_id: Any, *, label: str, value: str = "", placeholder: str = "", accept: str = ""
) -> Component:
    """Return a place for a text of many lines, such as YAML, and a way to fill it from a file.

    Args:
        own_id: Of the text; its value is the text.
        label: What the text is.
        value: The text to begin with.
        placeholder: An example.
        accept: Endings of the files that may be chosen, as HTML has them.
    """
    text = dmc.Textarea(
        id=own_id,
        label=label,
        value=value,
        placeholder=placeholder,
        autosize=True,
        minRows=14,
        maxRows=32,
        spellCheck=False,
        className="studio-editor",
    )
    target = json.dumps(own_id) if isinstance(own_id, dict) else own_id
    chooser = html.Div(
        className="studio-load", **attributes(data_target=target, data_accept=accept)
    )
    return html.Div([text, chooser])


def ago(seconds: float | None) -> Any:
    """Return a moment as people say it; hovering shows it exactly.

    Args:
        seconds: Since the epoch.
    """
    if seconds is None:
        return "-"
    moment = datetime.fromtimestamp(seconds, UTC)
    exact = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return html.Time(in_words(time.time() - seconds), dateTime=moment.isoformat(), title=exact)


def in_words(seconds: float) -> str:
    """Return how long ago something was.

    Example:
        >>> in_words(7300)
        '2 h ago'
    """
    steps = [(60, 1, ""), (3600, 60, "min"), (86400, 3600, "h"), (86400 * 30, 86400, "d")]
    for limit, unit_seconds, unit in steps:
        if seconds < limit:
            return f"{int(seconds // unit_seconds)} {unit} ago" if unit else "just now"
    return f"{int(seconds // (86400 * 30))} months ago"


def duration(seconds: float | None) -> str:
    """Return a length of time.

    Example:
        >>> duration(75.2), duration(0.4)
        ('1 min 15 s', '0.4 s')
    """
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest if not hours else 0, "s")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n)


def number(value: float | None, digits: int = 4) -> str:
    """Return a figure to so many significant digits; whole ones in full.

    Example:
        >>> number(0.912345), number(30000), number(None)
        ('0.9123', '30,000', '-')
    """
    if value is None:
        return "-"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.{digits}g}"


def size(n_bytes: float) -> str:
    """Return a size in memory.

    Example:
        >>> size(2_500_000)
        '2.4 MiB'
    """
    for unit in ("bytes", "KiB", "MiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} GiB"


def attributes(**values: str) -> dict[str, Any]:
    """Return HTML attributes with a dash in their names, for use as ``**attributes(...)``.

    Example:
        >>> attributes(aria_label="Jobs", data_name="x")
        {'aria-label': 'Jobs', 'data-name': 'x'}
    """
    return {name.replace("_", "-"): value for name, value in values.items()}
