"""What would come of what is being written: shown when the writer pauses."""

from collections.abc import Callable, Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, dcc, html, no_update
from dash.development.base_component import Component


def outcome_section(
    app: Dash, name: str, fields: Sequence[Any], render: Callable[..., Any]
) -> Callable[[], Component]:
    """Return a maker of a section that calls ``render(*values)`` when nothing changes for a moment.

    The fields themselves are never late: whoever writes and clicks at once acts with what he wrote.

    Args:
        app: The Dash app.
        name: Unique among all such sections.
        fields: Ids of the fields, in the order of the values.
        render: Returns components.
    """
    content, settled = f"studio-{name}-outcome", f"studio-{name}-settled"

    def section() -> Component:
        return html.Div([html.Div(id=content, role="status"), dcc.Store(id=settled)])

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("studio", "settle"),
        Output(settled, "data"),
        *(Input(field, "value") for field in fields),
    )

    @app.callback(Output(content, "children"), Input(settled, "data"))
    def show(values: list[Any] | None) -> Any:
        return no_update if values is None else render(*values)

    return section
