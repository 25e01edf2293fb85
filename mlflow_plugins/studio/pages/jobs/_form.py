"""The form of a new command job: what there is to choose from, and its fields."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio

_N_CHOICES = 200

Field = Callable[[str], dict[str, str]]


def job_form(
    studio: Studio, field: Field, *, environment: str | None = None, data: str | None = None
) -> Component:
    """Return the fields ``name``, ``command``, ``data``, ``inputs`` and those of the place.

    Args:
        studio: The studio.
        field: Returns the id of a field.
        environment: A reference to begin with.
        data: A data asset to begin with, as ``NAME:VERSION``.
    """
    choices = _choices(studio)
    if environment:
        choices["environment"] = sorted({environment, *choices["environment"]})
    chosen = [data] if data in choices["data"] else []
    name = dmc.TextInput(id=field("name"), label="Name", placeholder="Made up by MLflow")
    return ui.stack(
        [
            name,
            _command(field),
            _data(field, choices["data"], chosen),
            _inputs(field),
            _place(field, choices, environment),
        ]
    )


def _choices(studio: Studio) -> dict[str, list[str]]:
    from mlflow_plugins.jobs import list_computes
    from mlflow_plugins.jobs.environments import list_environments

    client = studio.client()
    data = studio.assets().search("data", max_results=_N_CHOICES).items
    experiments = client.search_experiments(max_results=_N_CHOICES)
    names = {one.name for one in experiments if not one.name.startswith(".studio/")}
    return {
        "data": [f"{one.name}:{one.version}" for one in data],
        "environment": [one.reference for one in list_environments(client)],
        "compute": [one.name for one in list_computes(client)],
        "experiment": sorted(names),
    }


def _command(field: Field) -> Component:
    return _text(
        field("command"),
        label="Command",
        description="Runs in bash, in the folder of the code. ${{inputs.NAME}} stands for the "
        "value or the local path of an input.",
        placeholder="python train.py --data ${{inputs.people}} --rate ${{inputs.rate}}",
        required=True,
        minRows=3,
    )


def _inputs(field: Field) -> Component:
    return _text(
        field("inputs"),
        label="Further inputs",
        description="One a line, such as rate: 0.1 or table: azureml:people:2",
        minRows=2,
    )


def _text(own_id: Any, **more: Any) -> Component:
    text: Component = dmc.Textarea(
        id=own_id,
        autosize=True,
        maxRows=14,
        spellCheck=False,
        className="studio-editor",
        **more,
    )
    return text


def _data(field: Field, names: Sequence[str], chosen: Sequence[str]) -> Component:
    select: Component = dmc.MultiSelect(
        id=field("data"),
        label="Data assets",
        description="Each becomes an input of its name.",
        data=list(names),
        value=list(chosen),
        searchable=True,
        clearable=True,
        placeholder=None if chosen else "None",
        nothingFoundMessage="There is no such data asset.",
    )
    return select


def _place(
    field: Field, choices: Mapping[str, Sequence[str]], environment: str | None
) -> Component:
    return html.Div(
        [
            dmc.Select(
                id=field("environment"),
                label="Environment",
                data=list(choices["environment"]),
                value=environment,
                placeholder="Workspace's own",
                searchable=True,
                clearable=True,
            ),
            dmc.Select(
                id=field("compute"),
                label="Compute",
                data=list(choices["compute"]),
                value="local",
                searchable=True,
                allowDeselect=False,
            ),
            dmc.Autocomplete(
                id=field("experiment"),
                label="Experiment",
                data=list(choices["experiment"]),
                placeholder="Default",
            ),
        ],
        className="studio-fields",
    )
