"""What a job would be if it were submitted now: shown beside what is being written."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui

if TYPE_CHECKING:
    from mlflow_plugins.jobs import CheckedJob

_DEFAULT_EXPERIMENT = "Default"


def job_preview(checked: "CheckedJob") -> Component:
    """Return a card with all that is known of a job before it is submitted."""
    facts = {
        "Type": ui.tag(checked.type),
        "Name": checked.display_name or _dim("made up by MLflow"),
        "Experiment": checked.experiment_name or _DEFAULT_EXPERIMENT,
        "Compute": checked.compute,
        "Environment": checked.environment or _dim("the workspace's own"),
        "Code": _code(checked),
    }
    return ui.stack(
        [
            ui.card(
                "What will run",
                html.Pre(checked.command, className="studio-command", tabIndex=0),
                ui.key_values(facts),
                *_table("Inputs", checked.inputs),
                *_table("Outputs", checked.outputs),
                actions=[ui.badge("Ready")],
            ),
            *_warnings(checked),
        ]
    )


def _code(checked: "CheckedJob") -> Any:
    if checked.code_of:
        return f"that of the job {checked.code_of[:8]}"
    if not checked.n_files:
        return _dim("none")
    files = "1 file" if checked.n_files == 1 else f"{checked.n_files} files"
    return f"{files}, {ui.size(checked.code_bytes)}"


def _table(title: str, values: Mapping[str, str]) -> list[Component]:
    if not values:
        return []
    pairs = {name: html.Code(value) for name, value in values.items()}
    return [html.H3(title, className="studio-small-head"), ui.key_values(pairs)]


def _warnings(checked: "CheckedJob") -> list[Component]:
    if not checked.warnings:
        return []
    items = html.Ul([html.Li(one) for one in checked.warnings], className="studio-list")
    return [ui.note(items, title="Not applied on this machine", color="orange")]


def _dim(text: str) -> Component:
    return html.Span(text, className="studio-dim")
