"""Buttons and forms that do something on the server.

One callback serves all of an action's buttons. What a button carries and what the form's fields
hold become the keyword arguments of the handler; what the handler raises is shown beside the form
if it has a place for that, else as a passing notice.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import dash_mantine_components as dmc
from dash import (
    ALL,
    MATCH,
    ClientsideFunction,
    Dash,
    Input,
    Output,
    State,
    ctx,
    html,
    set_props,
)
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._failures import Failure, failure_of
from mlflow_plugins.studio._keys import pack, unpack
from mlflow_plugins.studio._live import CHANGED

Look = Literal["primary", "plain", "danger"]

LOCATION = "studio-location"
NOTICES = "studio-notices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What happens in the browser after an action.

    Attributes:
        message: Shown for some seconds.
        go_to: Address of the page to go to.
        show: Components for the action's place on the page (`Action.result`).
    """

    message: str = ""
    go_to: str | None = None
    show: Any = None


class Action:
    """Something that a user can do; made by `Studio.action`."""

    def __init__(self, app: Dash, name: str, handler: Callable[..., Done | None]) -> None:
        self._name = name
        self._handler = handler
        self._register(app)

    def field(self, name: str) -> dict[str, str]:
        """Return the id for an input component; its value becomes the handler's argument `name`."""
        return {"action": self._name, "part": "field", "field": name}

    def result(self) -> Component:
        """Return the place where the action's errors and results appear."""
        return html.Div(id=self._id("result", "place"), className="studio-result")

    def button(
        self, label: str, *, confirm: str | None = None, look: Look = "primary", **values: Any
    ) -> Component:
        """Return a button that acts, after a question if there is one.

        Args:
            label: What it says.
            confirm: The question to be answered first.
            look: ``primary``, ``plain``, or ``danger`` where something is lost.
            values: Arguments for the handler.
        """
        key = pack(values)
        if confirm is None:
            return _button(label, self._id("run", key), look)
        return self._dialog(label, title=label, body=[html.P(confirm)], key=key, look=look)

    def dialog(
        self, label: str, *, title: str, submit: str, body: Sequence[Any], **values: Any
    ) -> Component:
        """Return a button that opens a form; the form's button acts.

        Args:
            label: What the button on the page says.
            title: Heading of the form.
            submit: What the form's button says.
            body: The form's inputs, with ids from `field`.
            values: Further arguments for the handler.
        """
        return self._dialog(
            label, title=title, body=[*body, self.result()], key=pack(values), submit=submit
        )

    def _dialog(
        self,
        label: str,
        *,
        title: str,
        body: Sequence[Any],
        key: str,
        look: Look = "primary",
        submit: str | None = None,
    ) -> Component:
        close = _button("Back", self._id("close", key), "plain")
        run = _button(
            submit or label, self._id("run", key), "danger" if look == "danger" else "primary"
        )
        return html.Span(
            [
                _button(label, self._id("open", key), look),
                dmc.Modal(
                    [*body, dmc.Group([close, run], justify="flex-end", mt="md")],
                    id=self._id("dialog", key),
                    title=title,
                    closeButtonProps={"aria-label": "Close"},
                ),
            ]
        )

    def _id(self, part: str, key: Any) -> dict[str, Any]:
        return {"action": self._name, "part": part, "key": key}

    def _register(self, app: Dash) -> None:
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("studio", "toggle"),
            Output(self._id("dialog", MATCH), "opened"),
            Input(self._id("open", MATCH), "n_clicks"),
            Input(self._id("close", MATCH), "n_clicks"),
            State(self._id("open", MATCH), "id"),
            prevent_initial_call=True,
        )
        app.callback(
            Input(self._id("run", ALL), "n_clicks"),
            State(self.field(ALL), "value"),  # type: ignore[arg-type]
            State(self.field(ALL), "id"),  # type: ignore[arg-type]
            State(self._id("result", ALL), "id"),
            running=[(Output(self._id("run", ALL), "loading"), True, False)],
            prevent_initial_call=True,
        )(self._run)

    def _run(
        self,
        _clicks: list[int | None],
        values: list[Any],
        fields: list[dict[str, str]],
        places: list[dict[str, str]],
    ) -> None:
        if not ctx.triggered or not ctx.triggered[0]["value"]:
            raise PreventUpdate  # the button was drawn, not clicked
        key = ctx.triggered_id["key"]
        arguments = {one["field"]: value for one, value in zip(fields, values, strict=True)}
        try:
            done = self._handler(**(arguments | unpack(key))) or Done()
        except PreventUpdate:
            raise
        except Exception as error:  # noqa: BLE001 - shown to the user, logged if unexpected
            self._show_failure(failure_of(error), places)
            return
        self._show(done, places, key)

    def _show_failure(self, failure: Failure, places: list[dict[str, str]]) -> None:
        if places:
            set_props(places[0], {"children": ui.failure(failure)})
        else:
            notify(failure.message, title=failure.title, is_error=True)

    def _show(self, done: Done, places: list[dict[str, str]], key: str) -> None:
        if places:
            set_props(places[0], {"children": done.show})
        if done.message:
            notify(done.message)
        if done.go_to is not None:
            set_props(LOCATION, {"href": done.go_to})
            return
        if done.show is None:
            set_props(self._id("dialog", key), {"opened": False})
        set_props(CHANGED, {"data": time.time()})


def _button(label: str, own_id: dict[str, Any], look: Look) -> Component:
    variant = {"primary": "filled", "plain": "default", "danger": "outline"}[look]
    color = "red" if look == "danger" else None
    button: Component = dmc.Button(label, id=own_id, variant=variant, color=color)
    return button


def notify(message: str, *, title: str | None = None, is_error: bool = False) -> None:
    """Show a notice in the corner of the page; inside a callback only."""
    notice = {
        "action": "show",
        "id": uuid.uuid4().hex,
        "title": title,
        "message": message,
        "color": "red" if is_error else "green",
        "autoClose": 12000 if is_error else 5000,
        "withBorder": True,
        "closeButtonProps": {"aria-label": "Close"},
        "role": "alert" if is_error else "status",
    }
    set_props(NOTICES, {"sendNotifications": [notice]})


def notify_failure(error: Exception) -> None:
    """Show an error that a callback raised."""
    failure = failure_of(error)
    notify(failure.message, title=failure.title, is_error=True)
