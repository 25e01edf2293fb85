"""A new environment, from a text that is pasted or read from a file of the browser's machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import StudioError
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._failures import failure_of
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.environments._detail import definition
from mlflow_plugins.studio.pages.environments._parts import (
    DETAIL,
    KIND,
    LIST,
    NEW,
    packages_table,
    python_of,
    source_of,
    warnings_note,
)
from mlflow_plugins.studio.pages.environments._text import read_environment

_EXAMPLE = """name: trees
channels: [conda-forge]
dependencies:
  - python=3.11
  - scikit-learn=1.5
  - pip:
      - mlflow-skinny
"""


class NewPage:
    """The form, with what would come of it beside it."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._create = studio.action("environment-create", self._on_create)
        field = self._create.field
        fields = [field("text"), field("name")]
        self._outcome = studio.outcome("environment-create", fields, self._preview)
        studio.add_page(NEW, self.page, title="New environment")

    def page(self, name: str = "", version: str = "") -> Component:
        studio = self._studio
        text = ""
        if name and version:
            text = definition(studio.assets().get(KIND, name, version))
            text = "".join(
                line
                for line in text.splitlines(keepends=True)
                if not line.startswith(("name:", "version:"))
            )
        return ui.page(
            "New environment",
            html.Div(
                [self._form(name, text), self._outcome()],
                className="studio-editor-columns",
            ),
            subtitle="A name that exists gets its next version, unless the latest says the same.",
            back=("Environments", studio.link(LIST)),
        )

    def _form(self, name: str, text: str) -> Component:
        field = self._create.field
        return ui.stack(
            [
                dmc.TextInput(
                    id=field("name"),
                    label="Name",
                    description="Jobs refer to azureml:NAME:VERSION. Left empty: what the text "
                    "says.",
                    value=name,
                ),
                dmc.TextInput(id=field("description"), label="Description"),
                ui.editor(
                    field("text"),
                    label="Conda file, requirements or environment file",
                    value=text,
                    placeholder=_EXAMPLE,
                    accept=".yml,.yaml,.txt,.in",
                ),
                self._create.result(),
                html.Div(self._create.button("Create")),
            ]
        )

    def _preview(self, text: str | None, name: str | None) -> Any:
        from mlflow_plugins.jobs.environments import check_environment

        if not (text or "").strip():
            return ui.card(
                "What it asks for",
                html.P("It is shown here as soon as there is a text.", className="studio-dim"),
            )
        try:
            document = read_environment(text or "", name=name or "")
            with _no_files() as folder:
                pinned = check_environment(
                    {"name": "preview", **document}, base_folder=folder, root=folder
                )
        except StudioError as error:
            return ui.card("What it asks for", ui.failure(failure_of(error)))
        facts = {
            "Name": document.get("name") or "not given yet",
            "Read as": {"conda": "a conda file", "pip": "requirements", "image": "an image"}[
                source_of(pinned)
            ],
            "Python": python_of(pinned),
        }
        packages = pinned.recipe.requirements if pinned.recipe else ()
        return ui.card(
            "What it asks for",
            *warnings_note(pinned.not_applied),
            ui.key_values(facts),
            packages_table(packages, label="Packages asked for"),
        )

    def _on_create(self, name: str | None, description: str | None, text: str | None) -> Any:
        from mlflow_plugins.jobs.environments import apply

        studio = self._studio
        document = read_environment(text or "", name=name or "", description=description or "")
        studio.check_edit(KIND)
        with _no_files() as folder:
            asset = apply(studio.client(), document, base_folder=folder, root=folder)
        address = studio.link(DETAIL, name=asset.name, version=asset.version)
        return studio.Done(message=f"{asset.reference} is there.", go_to=address)


@contextmanager
def _no_files() -> Iterator[Path]:
    """Let a text name no files: there are none beside it, and the server's own are not meant."""
    with TemporaryDirectory() as folder:
        try:
            yield Path(folder)
        except StudioError as error:
            words = error.message.replace(f"{folder}/", "")
            hint = " Paste the content of the file instead." if words != error.message else ""
            raise type(error)(words + hint) from None
