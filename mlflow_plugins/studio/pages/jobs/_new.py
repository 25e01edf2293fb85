"""A new job: a form, or a job file that is pasted or uploaded, with what would come of it."""

import json
from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from mlflow.exceptions import MlflowException

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._code_files import forget, laid_out, read_tokens
from mlflow_plugins.studio._failures import failure_of
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.jobs._draft import form_document, read_text, to_text
from mlflow_plugins.studio.pages.jobs._form import job_form
from mlflow_plugins.studio.pages.jobs._list import DETAIL, LIST, NEW
from mlflow_plugins.studio.pages.jobs._preview import job_preview

_AS_FILE = "studio-job-as-file"
_FORM, _FILE = "form", "file"
_FIELDS = (
    *("mode", "text", "code", "name", "command", "data", "inputs", "environment", "compute"),
    "experiment",
)
_EXAMPLE = """type: command
command: python train.py --rate ${{inputs.rate}}
code: src
inputs:
  rate: 0.1
environment: azureml:trees@latest
compute: azureml:local
experiment_name: trees
"""


class NewPage:
    """The page on which a job is written."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._submit = studio.action("job-new", self._on_submit)
        field = self._submit.field
        fields = [field(name) for name in _FIELDS]
        self._outcome = studio.outcome("job-new", fields, self._preview)
        studio.callback(
            Output(field("text"), "value"),
            Output(field("mode"), "value"),
            Input(_AS_FILE, "n_clicks"),
            *(State(field(name), "value") for name in _FIELDS),
            prevent_initial_call=True,
        )(self._to_file)
        studio.add_page(NEW, self.page, title="New job")

    def page(
        self,
        clone: str | None = None,
        mode: str | None = None,
        environment: str | None = None,
        data: str | None = None,
    ) -> Component:
        studio = self._studio
        text = self._text_of(clone) if clone else ""
        shown = _FILE if clone or mode == _FILE else _FORM
        back = ("Jobs", studio.link(LIST))
        if clone:
            back = ("Job", studio.link(DETAIL, run_id=clone))
        words = "It is checked while you write. Nothing is stored before you submit it."
        if clone:
            words = f"A copy of the job {clone[:8]}. Change what you like; the job itself stays."
        return ui.page(
            "Clone and edit" if clone else "New job",
            html.Div(
                [
                    self._writing(shown, text, environment, data),
                    self._outcome(),
                ],
                className="studio-editor-columns",
            ),
            subtitle=words,
            back=back,
        )

    def _text_of(self, run_id: str) -> str:
        from mlflow_plugins.jobs import rewrite_document

        return to_text(rewrite_document(self._studio.client(), run_id))

    # ------------------------------------------------------------ what is written

    def _writing(
        self, shown: str, text: str, environment: str | None, data: str | None
    ) -> Component:
        field = self._submit.field
        tabs = dmc.Tabs(
            [
                dmc.TabsList([dmc.TabsTab("Form", value=_FORM), dmc.TabsTab("File", value=_FILE)]),
                dmc.TabsPanel(
                    job_form(self._studio, field, environment=environment, data=data), value=_FORM
                ),
                dmc.TabsPanel(
                    ui.editor(
                        field("text"),
                        label="Job file",
                        value=text,
                        placeholder=_EXAMPLE,
                        accept=".yml,.yaml",
                    ),
                    value=_FILE,
                ),
            ],
            id=field("mode"),
            value=shown,
            keepMounted=True,
            className="studio-modes",
        )
        return ui.stack(
            [tabs, self._code(), self._submit.result(), html.Div(self._submit.button("Submit"))]
        )

    def _code(self) -> Component:
        studio, field = self._studio, self._submit.field
        limit = f"{studio.settings.code_mib:g} MiB"
        return ui.card(
            "Code",
            html.Div(
                className="studio-code-upload",
                **ui.attributes(
                    data_address=studio.link("/_upload").split("?")[0],
                    data_target=json.dumps(field("code")),
                ),
            ),
            html.P(
                "The folder in which the command runs, and from which the paths of a job file "
                f"count. At most {limit}; data belongs into data assets.",
                className="studio-dim",
            ),
            dmc.TextInput(id=field("code"), value="", style={"display": "none"}),
        )

    # ------------------------------------------------------------ what would come of it

    def _preview(self, *values: Any) -> Any:
        from mlflow_plugins.jobs import check_received

        given = dict(zip(_FIELDS, values, strict=True))
        if not _is_begun(given):
            words = "What will run is shown here, together with what this machine does not give."
            return ui.card("What will run", html.P(words, className="studio-dim"))
        document: dict[str, Any] = {}
        try:
            document = self._document(given)
            with laid_out(self._studio, read_tokens(given["code"])) as folder:
                checked = check_received(self._studio.client(), document, folder=folder)
            parts = [job_preview(checked)]
        except MlflowException as error:
            parts = [ui.card("What will run", _obstacle(error))]
        if document and given["mode"] == _FORM:
            go_on = html.Button("Go on with this file", id=_AS_FILE, className="studio-as-file")
            parts += [ui.code(to_text(document), label="The same as a job file"), go_on]
        return ui.stack(parts)

    def _document(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if given["mode"] == _FILE:
            return read_text(given["text"])
        names = ("command", "name", "inputs", "environment", "compute", "experiment")
        data = given["data"] or []
        return form_document(
            **{name: given[name] for name in names}, data=data, types=self._types(data)
        )

    def _types(self, references: list[str]) -> dict[str, str]:
        """Return the types of data assets: tables are files, others say what they are."""
        store = self._studio.assets()
        found = {}
        for one in references:
            name, _, version = one.rpartition(":")
            spec = store.get("data", name, version).spec
            found[name] = str(spec.get("type") or "uri_file")
        return found

    def _to_file(self, n_clicks: int | None, *values: Any) -> tuple[str, str]:
        given = dict(zip(_FIELDS, values, strict=True))
        if not n_clicks or given["mode"] != _FORM:
            raise PreventUpdate
        return to_text(self._document(given)), _FILE

    # ------------------------------------------------------------ submitting

    def _on_submit(self, **given: Any) -> Any:
        from mlflow_plugins.jobs import submit_received

        studio = self._studio
        document = self._document(given)
        tokens = read_tokens(given["code"])
        with laid_out(studio, tokens) as folder:
            job = submit_received(studio.client(), document, folder=folder)
        forget(studio, tokens)
        return studio.Done(
            message="The job was submitted.", go_to=studio.link(DETAIL, run_id=job.run_id)
        )


def _obstacle(error: MlflowException) -> Component:
    problem = failure_of(error)
    if problem.is_refusal:
        return ui.failure(problem)
    return ui.note(problem.message, title="It cannot be submitted yet", color="red")


def _is_begun(given: Mapping[str, Any]) -> bool:
    return bool((given["text"] if given["mode"] == _FILE else given["command"] or "").strip())
