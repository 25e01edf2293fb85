"""Parts of a page that renew themselves until nothing can change any more."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash import MATCH, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from plotly.utils import PlotlyJSONEncoder

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._failures import failure_of
from mlflow_plugins.studio._keys import pack, unpack

CHANGED = "studio-changed"


@dataclass(frozen=True, slots=True)
class Final:
    """Content after which nothing changes, so that the page stops asking."""

    children: Any


def live_section(
    app: Dash, name: str, render: Callable[..., Any], *, seconds: float
) -> Callable[..., Component]:
    """Return a maker of sections that call ``render(**arguments)`` again and again.

    A section is sent with its content, so there is nothing to wait for; later the browser asks
    every few seconds and after every action, and what did not change is not touched.

    Args:
        app: The Dash app.
        name: Unique among all sections.
        render: Returns components, or `Final` of them. Its arguments travel through the browser:
            texts and numbers, to be trusted as little as an address.
        seconds: How often the browser asks.
    """

    def ids(part: str, key: Any) -> dict[str, Any]:
        return {"live": name, "part": part, "key": key}

    def section(**arguments: Any) -> Component:
        key = pack(arguments)
        children, is_final = _rendered(render, arguments)
        return html.Div(
            [
                html.Div(children, id=ids("content", key)),
                dcc.Interval(id=ids("clock", key), interval=seconds * 1000, disabled=is_final),
                dcc.Store(id=ids("digest", key), data=_digest(children)),
            ]
        )

    @app.callback(
        Output(ids("content", MATCH), "children"),
        Output(ids("clock", MATCH), "disabled"),
        Output(ids("digest", MATCH), "data"),
        Input(ids("clock", MATCH), "n_intervals"),
        Input(CHANGED, "data"),
        State(ids("digest", MATCH), "data"),
        State(ids("content", MATCH), "id"),
        prevent_initial_call=True,
    )
    def renew(_ticks: int, _changed: float, digest: str, own_id: dict[str, str]) -> Any:
        children, is_final = _rendered(render, unpack(own_id["key"]))
        new_digest = _digest(children)
        if new_digest == digest:
            return no_update, is_final, no_update
        return children, is_final, new_digest

    return section


def _rendered(render: Callable[..., Any], arguments: dict[str, Any]) -> tuple[Any, bool]:
    try:
        content = render(**arguments)
    except Exception as error:  # noqa: BLE001 - one broken section must not take the page with it
        return ui.failure(failure_of(error)), False
    return (content.children, True) if isinstance(content, Final) else (content, False)


def _digest(children: Any) -> str:
    text = json.dumps(children, cls=PlotlyJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
