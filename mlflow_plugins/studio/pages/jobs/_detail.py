"""One job: overview with its log, metrics, inputs and outputs, code, definition."""

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import dash_mantine_components as dmc
import yaml
from dash import html
from dash.development.base_component import Component
from mlflow import MlflowClient
from mlflow.entities import FileInfo, Metric, Run

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._charts import Line, line_chart
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.jobs._list import LIST, length_of
from mlflow_plugins.studio.pages.jobs._trials import Trials

DETAIL = "/jobs/<run_id>"

_OVERVIEW, _TRIALS, _METRICS, _FILES, _CODE, _DEFINITION = (
    "Overview",
    "Trials",
    "Metrics",
    "Inputs and outputs",
    "Code",
    "Definition",
)
_TABS = {
    _OVERVIEW: None,
    _TRIALS: "trials",
    _METRICS: "metrics",
    _FILES: "files",
    _CODE: "code",
    _DEFINITION: "definition",
}
_N_CHARTS = 24
_N_CODE_FILES = 500
_CODE_BYTES = 200_000
_ADDRESSES = ("azureml:", "http://", "https://", "runs:/", "models:/")

# Where a run's results are shown, by a tag of the run.
_RESULTS = (
    ("automl.kind", "Leaderboard", "/automl/<run_id>"),
    ("rai.kind", "Evaluation", "/rai/<run_id>"),
)


class DetailPage:
    """The page of one job."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._summary = studio.live("job-summary", self._summarize, seconds=1.5)
        self._buttons = studio.live("job-buttons", self._offer, seconds=1.5)
        self._metrics = studio.live("job-metrics", self._draw_metrics, seconds=3.0)
        self._trials = Trials(studio)
        self._outputs = studio.live("job-outputs", self._list_outputs, seconds=5.0)
        self._clone = studio.action("job-clone", self._on_clone)
        self._cancel = studio.action("job-cancel", self._on_cancel)
        studio.add_page(DETAIL, self.page, title="Job")

    def page(self, run_id: str, tab: str | None = None, file: str | None = None) -> Component:
        studio = self._studio
        job = studio.job(run_id)
        shown = next((name for name, word in _TABS.items() if word == tab), _OVERVIEW)
        addresses = {
            name: studio.link(DETAIL, run_id=run_id, tab=word)
            for name, word in _TABS.items()
            if name != _TRIALS or job.type == "sweep"
        }
        return ui.page(
            job.display_name or f"Job {run_id[:8]}",
            ui.tabs(addresses, current=shown, label="Parts of the job"),
            *self._body(shown, run_id, file),
            subtitle=f"A job of type {job.type}",
            actions=[self._buttons(run_id=run_id)],
            back=("Jobs", studio.link(LIST)),
        )

    def _body(self, shown: str, run_id: str, file: str | None) -> list[Component]:
        if shown == _TRIALS:
            return [self._trials.section(run_id=run_id)]
        if shown == _METRICS:
            return [self._metrics(run_id=run_id)]
        if shown == _FILES:
            return [self._inputs(run_id), self._outputs(run_id=run_id)]
        if shown == _CODE:
            return [self._code(run_id, file)]
        if shown == _DEFINITION:
            return [self._definition(run_id)]
        return [self._summary(run_id=run_id), ui.card("Log", self._studio.job_log(run_id))]

    # ------------------------------------------------------------ overview

    def _summarize(self, run_id: str) -> Any:
        studio = self._studio
        job = studio.job(run_id)
        run = studio.client().get_run(run_id)
        problem = [ui.note(job.error, title="Why it ended", color="red")] if job.error else []
        if warnings := run.data.tags.get("studio.warnings"):
            problem.append(ui.note(warnings, title="Not applied on this machine", color="orange"))
        facts = ui.key_values(
            {
                "Status": ui.badge(str(job.status)),
                "Created": ui.ago(job.created_at),
                "Created by": job.created_by,
                "Started": ui.ago(job.started_at) if job.started_at else None,
                "Duration": length_of(job) if job.ended_at else None,
                "Compute": job.compute,
                "Attempt": str(job.attempt) if job.attempt > 1 else None,
                "Git commit": run.data.tags.get("mlflow.source.git.commit"),
                "Parent": self._parent(run),
                "Run": ui.outside(run_id, self._run_address(run)),
            }
        )
        left = [ui.card("About", facts)]
        right = [ui.card("Parameters", _parameters(run.data.params))]
        if run.inputs and run.inputs.dataset_inputs:
            rows = [
                [one.dataset.name, ui.tag(one.dataset.digest)] for one in run.inputs.dataset_inputs
            ]
            left.append(ui.card("Inputs", ui.table(["Data", "Version"], rows, label="Inputs")))
        if run.data.metrics:
            figures = {key: ui.number(one) for key, one in sorted(run.data.metrics.items())[:12]}
            right.insert(0, ui.card("Metrics", ui.tiles(figures)))
        content = ui.stack([*problem, ui.columns(ui.stack(left), ui.stack(right))])
        return studio.Final(content) if job.status.is_final else content

    def _parent(self, run: Run) -> Any:
        parent = run.data.tags.get("mlflow.parentRunId")
        address = self._studio.link("/runs/<run_id>", run_id=parent) if parent else ""
        return ui.link(parent, address) if parent else None

    def _run_address(self, run: Run, part: str = "") -> str:
        path = f"experiments/{run.info.experiment_id}/runs/{run.info.run_id}{part}"
        return self._studio.mlflow_link(path)

    # ------------------------------------------------------------ metrics

    def _draw_metrics(self, run_id: str) -> Any:
        studio = self._studio
        is_final = studio.job(run_id).status.is_final
        client = studio.client()
        run = client.get_run(run_id)
        names = sorted(run.data.metrics, key=lambda name: (name.startswith("system/"), name))
        if not names:
            content = ui.empty(
                "No metric yet",
                "What the job logs with mlflow.log_metric appears here while it runs.",
            )
            return studio.Final(content) if is_final else content
        histories = {name: client.get_metric_history(run_id, name) for name in names[:_N_CHARTS]}
        single = {name: ui.number(one[-1].value) for name, one in histories.items() if len(one) < 2}
        charts = [_metric_chart(name, one) for name, one in histories.items() if len(one) > 1]
        parts = [ui.tiles(single)] if single else []
        parts += [html.Div(charts, className="studio-charts")] if charts else []
        if len(names) > _N_CHARTS:
            address = self._run_address(run, "/model-metrics")
            words = f"{len(names) - _N_CHARTS} more in the MLflow UI"
            parts.append(html.P(ui.outside(words, address)))
        content = ui.stack(parts)
        return studio.Final(content) if is_final else content

    # ------------------------------------------------------------ inputs and outputs

    def _inputs(self, run_id: str) -> Component:
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

    # ------------------------------------------------------------ code and definition

    def _code(self, run_id: str, file: str | None) -> Component:
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

    def _definition(self, run_id: str) -> Component:
        document = self._document(run_id)
        text = yaml.safe_dump(document.get("job", {}), sort_keys=False, allow_unicode=True)
        return ui.card(
            "Definition", ui.code(text, label="The job as it was submitted, without its code")
        )

    def _document(self, run_id: str) -> Mapping[str, Any]:
        from mlflow_plugins.jobs import read_document

        return read_document(self._studio.client(), run_id)

    # ------------------------------------------------------------ buttons

    def _offer(self, run_id: str) -> Any:
        studio = self._studio
        job = studio.job(run_id)
        tags = studio.client().get_run(run_id).data.tags
        links = [
            ui.button_link(text, studio.link(path, run_id=run_id))
            for tag, text, path in _RESULTS
            if tag in tags
        ]
        compare = studio.link("/jobs/compare", runs=run_id)
        links += [ui.button_link("Compare", compare, is_primary=False), self._clone_form(run_id)]
        if job.status.is_final:
            return studio.Final(links)
        cancel = self._cancel.button(
            "Cancel",
            confirm="The job's processes are ended. What it has logged so far stays.",
            look="danger",
            run_id=run_id,
        )
        return [*links, cancel]

    def _clone_form(self, run_id: str) -> Component:
        from mlflow_plugins.jobs import list_computes

        field = self._clone.field
        job = self._studio.job(run_id)
        inputs = _editable(self._document(run_id))
        computes = [one.name for one in list_computes(self._studio.client())]
        return self._clone.dialog(
            "Clone",
            title="Submit it again",
            submit="Submit",
            body=[
                html.P("Code and everything that is not changed here stay as they were."),
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
        before = _editable(self._document(run_id))
        job = resubmit(
            studio.client(),
            run_id,
            inputs=changed_inputs(inputs or "", before),
            compute=compute,
            display_name=name or None,
        )
        return studio.Done(
            message="The job was submitted.", go_to=studio.link(DETAIL, run_id=job.run_id)
        )

    def _on_cancel(self, run_id: str) -> Any:
        self._studio.cancel_job(run_id)
        return self._studio.Done(message="The job was asked to stop.")


def metric_line(name: str, history: list[Metric]) -> tuple[Line, str]:
    """Return a metric's history as a line, and what it runs over: steps, or seconds without any."""
    has_steps = len({one.step for one in history}) > 1
    start = history[0].timestamp
    x = [one.step if has_steps else (one.timestamp - start) / 1000 for one in history]
    line = Line(name=name, x=x, y=[one.value for one in history])
    return line, "step" if has_steps else "seconds"


def _editable(document: Mapping[str, Any]) -> dict[str, str]:
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


def changed_inputs(text: str, before: Mapping[str, str]) -> dict[str, str]:
    """Return what a user has changed.

    Args:
        text: One input a line.
        before: Values as they were.

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
        was_data = before.get(name, "").startswith(_ADDRESSES)
        if was_data and not value.startswith(_ADDRESSES):
            raise InvalidInput(
                f"The input {name!r} is {value!r}. In the browser, data is named by "
                "azureml:NAME:VERSION or an address such as https://…."
            )
    return changes


def _metric_chart(name: str, history: list[Metric]) -> Component:
    line, x_title = metric_line(name, history)
    return line_chart([line], title=name, x_title=x_title)


def _parameters(params: Mapping[str, str]) -> Any:
    if not params:
        return html.P("None.", className="studio-dim")
    return ui.key_values({key: value[:200] for key, value in sorted(params.items())[:40]})


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
