"""A job's log as it grows: the browser asks for what comes after the byte that it has."""

from collections.abc import Callable
from typing import Any

import dash_mantine_components as dmc
from dash import MATCH, ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from mlflow import MlflowClient

from mlflow_plugins.studio import _components as ui

_POLL_SECONDS = 1.0


def log_view(app: Dash, client: Callable[[], MlflowClient]) -> Callable[[str], Component]:
    """Return a maker of log views by run id."""

    def ids(part: str, run_id: Any) -> dict[str, Any]:
        return {"log": part, "run": run_id}

    def view(run_id: str) -> Component:
        search = dcc.Input(
            id=ids("search", run_id),
            type="search",
            placeholder="Search in the log",
            n_submit=0,
            className="studio-log-search",
        )
        bar = [
            html.Label([html.Span("Search in the log", className="studio-hidden"), search]),
            html.Span(id=ids("found", run_id), className="studio-dim", role="status"),
            html.Span(className="studio-spring"),
            dmc.Checkbox(id=ids("follow", run_id), label="Follow", checked=True),
        ]
        return html.Div(
            [
                html.Div(bar, className="studio-log-bar"),
                html.Pre(
                    id=ids("text", run_id),
                    className="studio-log",
                    tabIndex=0,
                    role="log",
                    **ui.attributes(aria_label="Log of the job", data_empty="No output yet."),
                ),
                dcc.Store(id=ids("slice", run_id)),
                dcc.Store(id=ids("shown", run_id)),
                dcc.Interval(id=ids("clock", run_id), interval=_POLL_SECONDS * 1000),
            ]
        )

    @app.callback(
        Output(ids("slice", MATCH), "data"),
        Output(ids("clock", MATCH), "disabled"),
        Input(ids("clock", MATCH), "n_intervals"),
        State(ids("slice", MATCH), "data"),
        State(ids("slice", MATCH), "id"),
    )
    def more(_ticks: int, last: dict[str, Any] | None, own_id: dict[str, str]) -> Any:
        from mlflow_plugins.jobs import read_log

        offset = last["next"] if last else 0
        part = read_log(client(), own_id["run"], offset=offset)
        return {"at": offset, "next": part.next_offset, "text": part.text}, part.is_complete

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("studio", "append_log"),
        Output(ids("shown", MATCH), "data"),
        Input(ids("slice", MATCH), "data"),
        State(ids("text", MATCH), "id"),
        State(ids("shown", MATCH), "data"),
        State(ids("follow", MATCH), "checked"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("studio", "search_log"),
        Output(ids("found", MATCH), "children"),
        Input(ids("search", MATCH), "value"),
        Input(ids("search", MATCH), "n_submit"),
        Input(ids("shown", MATCH), "data"),
        State(ids("text", MATCH), "id"),
    )
    return view
