"""Submitting a job again: with other inputs at once, or with anything else as a file."""

from collections.abc import Collection, Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.jobs._draft import ADDRESSES
from mlflow_plugins.studio.pages.jobs._list import DETAIL, NEW

_LITERAL_TYPES = ("string", "number", "integer", "boolean")


class Clone:
    """The button of a job's page that submits it again."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._clone = studio.action("job-clone", self._on_clone)

    def button(self, run_id: str) -> Component:
        from mlflow_plugins.jobs import list_computes

        field = self._clone.field
        job = self._studio.job(run_id)
        inputs = editable(self._document(run_id))
        edit = self._studio.link(NEW, clone=run_id)
        computes = [one.name for one in list_computes(self._studio.client())]
        return self._clone.dialog(
            "Clone",
            title="Submit it again",
            submit="Submit",
            body=[
                html.P(
                    [
                        "Code and all that is not changed here stay as they were. To change more, ",
                        ui.link("edit it as a file", edit),
                        ".",
                    ]
                ),
                dmc.TextInput(id=field("name"), label="Name", value=job.display_name),
                dmc.Textarea(
                    id=field("inputs"),
                    label="Inputs",
                    description="One a line, such as rate: 0.1 or table: azureml:people:2",
                    value="\n".join(f"{key}: {value}" for key, value in inputs.items()),
                    autosize=True,
                    minRows=2,
                ),
                dmc.Select(
                    id=field("compute"),
                    label="Compute",
                    data=sorted({*computes, job.compute}),
                    value=job.compute,
                    allowDeselect=False,
                ),
            ],
            run_id=run_id,
        )

    def _on_clone(self, run_id: str, name: str, inputs: str | None, compute: str) -> Any:
        from mlflow_plugins.jobs import resubmit

        studio = self._studio
        document = self._document(run_id)
        job = resubmit(
            studio.client(),
            run_id,
            inputs=changed_inputs(inputs or "", editable(document), data=data_inputs(document)),
            compute=compute,
            display_name=name or None,
        )
        return studio.Done(
            message="The job was submitted.", go_to=studio.link(DETAIL, run_id=job.run_id)
        )

    def _document(self, run_id: str) -> Mapping[str, Any]:
        from mlflow_plugins.jobs import read_document

        return read_document(self._studio.client(), run_id)


def editable(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the inputs that can be changed in a browser: values of one line, data by address."""
    inputs: dict[str, str] = {}
    for name, one in document.get("inputs", {}).items():
        if one.get("value") is not None:
            inputs[name] = one["value"]
        elif "asset" in one:
            inputs[name] = f"azureml:{one['asset']}"
        elif "uri" in one:
            inputs[name] = one["uri"]
    return {name: value for name, value in inputs.items() if "\n" not in value}


def data_inputs(document: Mapping[str, Any]) -> set[str]:
    """Return the inputs whose values are read as paths."""
    given = document.get("job", {}).get("inputs", {})
    return {
        name
        for name, one in given.items()
        if "path" in one or one.get("type", "string") not in _LITERAL_TYPES
    }


def changed_inputs(
    text: str, before: Mapping[str, str], *, data: Collection[str] = ()
) -> dict[str, str]:
    """Return what a user has changed.

    Args:
        text: One input a line.
        before: Values as they were.
        data: Inputs whose values are read as paths.

    Raises:
        InvalidInput: A line is not of that form, or data is named by a path: that would be a path
            of the server's disk.
    """
    given = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon:
            raise InvalidInput(f"{line!r} is not an input. Write lines such as 'rate: 0.1'.")
        given[name.strip()] = value.strip()
    changes = {name: value for name, value in given.items() if before.get(name) != value}
    for name, value in changes.items():
        is_data = name in data or before.get(name, "").startswith(ADDRESSES)
        if is_data and not value.startswith(ADDRESSES):
            raise InvalidInput(
                f"The input {name!r} is {value!r}. In the browser, data is named by "
                "azureml:NAME:VERSION or an address such as https://…."
            )
    return changes
