"""What a job was given and what it left: inputs, outputs, code, definition."""

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from dash import html
from dash.development.base_component import Component
from mlflow import MlflowClient
from mlflow.entities import FileInfo, Run

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.jobs._draft import to_text
from mlflow_plugins.studio.pages.jobs._list import DETAIL, NEW

_N_CODE_FILES = 500
_CODE_BYTES = 200_000


class Files:
    """The parts of a job's page that show files and what was asked for."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.outputs = studio.live("job-outputs", self._list_outputs, seconds=5.0)

    def inputs(self, run_id: str) -> Component:
        document = self._document(run_id)
        rows = [[name, self._input(one)] for name, one in document.get("inputs", {}).items()]
        if not rows:
            return ui.card("Inputs", html.P("None.", className="studio-dim"))
        return ui.card("Inputs", ui.table(["Name", "Value"], rows, label="Inputs"))

    def _input(self, document: Mapping[str, Any]) -> Any:
        studio = self._studio
        if asset := document.get("asset"):
            data, _, version = asset.rpartition(":")
            address = studio.link("/data/asset/<name>", name=data, version=version)
            return ui.link(f"azureml:{asset}", address)
        if uri := document.get("uri"):
            return html.Code(uri)
        if file := document.get("file"):
            return f"{file} (a copy is kept with the run)"
        value = document.get("value")
        return html.Code(value) if value is not None else "no value"

    def _list_outputs(self, run_id: str) -> Any:
        studio = self._studio
        is_final = studio.job(run_id).status.is_final
        client = studio.client()
        files = client.list_artifacts(run_id, "outputs")
        rows = [
            [PurePosixPath(one.path).name + ("/" if one.is_dir else ""), _size(one)]
            for one in files
        ]
        run = client.get_run(run_id)
        everything = ui.outside("All artifacts of the run", self._run_address(run, "/artifacts"))
        if not rows:
            words = "None." if is_final else "None yet: outputs are stored when the command ends."
            table: Component = html.P(words, className="studio-dim")
        else:
            table = ui.table(["Name", "Size"], rows, label="Outputs")
        content = ui.card("Outputs", table, html.P(everything))
        return studio.Final(content) if is_final else content

    def code(self, run_id: str, file: str | None) -> Component:
        studio = self._studio
        client = studio.client()
        files = _walk(client, run_id, "code")
        if not files:
            return ui.empty("No code", "The job's file names no code folder; its command is all.")
        paths = [one.path for one in files]
        chosen = f"code/{file}" if file else paths[0]
        rows = [
            [
                html.Strong(one.path.removeprefix("code/"))
                if one.path == chosen
                else ui.link(
                    one.path.removeprefix("code/"),
                    studio.link(
                        DETAIL, run_id=run_id, tab="code", file=one.path.removeprefix("code/")
                    ),
                ),
                _size(one),
            ]
            for one in files
        ]
        size = next((one.file_size or 0 for one in files if one.path == chosen), None)
        return ui.columns(
            ui.card("Files", ui.table(["File", "Size"], rows, label="Files of the code")),
            _source(client, run_id, chosen, size),
        )

    def definition(self, run_id: str) -> Component:
        document = self._document(run_id)
        text = to_text(document.get("job", {}))
        edit = self._studio.link(NEW, clone=run_id)
        return ui.card(
            "Definition",
            ui.code(text, label="The job as it was submitted, without its code"),
            actions=[ui.button_link("Clone and edit", edit, is_primary=False)],
        )

    def _document(self, run_id: str) -> Mapping[str, Any]:
        from mlflow_plugins.jobs import read_document

        return read_document(self._studio.client(), run_id)

    def _run_address(self, run: Run, part: str) -> str:
        path = f"experiments/{run.info.experiment_id}/runs/{run.info.run_id}{part}"
        return self._studio.mlflow_link(path)


def _size(file: FileInfo) -> str:
    return "" if file.is_dir else ui.size(file.file_size or 0)


def _walk(client: MlflowClient, run_id: str, folder: str) -> list[FileInfo]:
    """List the files below a folder of artifacts, a bounded number of them."""
    found: list[FileInfo] = []
    folders = [folder]
    while folders and len(found) < _N_CODE_FILES:
        for one in client.list_artifacts(run_id, folders.pop(0)):
            if one.is_dir:
                folders.append(one.path)
            else:
                found.append(one)
    return found


def _source(client: MlflowClient, run_id: str, path: str, size: int | None) -> Component:
    """Return the text of one file."""
    name = path.removeprefix("code/")
    if size is None:
        return ui.note(f"The code has no file {name!r}. Choose one from the list.", color="orange")
    if size > _CODE_BYTES:
        return ui.note(f"{name} has {ui.size(size)}, too much to show here.")
    with tempfile.TemporaryDirectory() as folder:
        content = Path(client.download_artifacts(run_id, path, folder)).read_bytes()
    try:
        return ui.code(content.decode(), label=name)
    except UnicodeDecodeError:
        return ui.note(f"{name} is not a text.")
