"""One job: overview with its log, metrics, inputs and outputs, code, definition."""

from collections.abc import Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component
from mlflow.entities import Run

from mlflow_plugins.jobs import own_metrics
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.environments import environment_link
from mlflow_plugins.studio.pages.jobs._clone import Clone
from mlflow_plugins.studio.pages.jobs._files import Files
from mlflow_plugins.studio.pages.jobs._list import DETAIL, LIST, length_of
from mlflow_plugins.studio.pages.jobs._metrics import Metrics
from mlflow_plugins.studio.pages.jobs._trials import Trials

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
_N_FIGURES = 12

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
        # Apart from the others, whose open forms must not go when the job ends.
        self._end = studio.live("job-end", self._offer_end, seconds=1.5)
        self._metrics = Metrics(studio)
        self._trials = Trials(studio)
        self._files = Files(studio)
        self._clone = Clone(studio)
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
            actions=[self._buttons(run_id=run_id), self._end(run_id=run_id)],
            back=("Jobs", studio.link(LIST)),
        )

    def _body(self, shown: str, run_id: str, file: str | None) -> list[Component]:
        if shown == _TRIALS:
            return [self._trials.section(run_id=run_id)]
        if shown == _METRICS:
            return [self._metrics.section(run_id=run_id)]
        if shown == _FILES:
            return [self._files.inputs(run_id), self._files.outputs(run_id=run_id)]
        if shown == _CODE:
            return [self._files.code(run_id, file)]
        if shown == _DEFINITION:
            return [self._files.definition(run_id)]
        return [self._summary(run_id=run_id), ui.card("Log", self._studio.job_log(run_id))]

    # ------------------------------------------------------------ overview

    def _summarize(self, run_id: str) -> Any:
        studio = self._studio
        job = studio.job(run_id)
        run = studio.client().get_run(run_id)
        problem = [ui.note(job.error, title="Why it ended", color="red")] if job.error else []
        if warnings := run.data.tags.get("studio.warnings"):
            problem.append(ui.note(warnings, title="Not applied on this machine", color="orange"))
        if differences := run.data.tags.get("studio.environment_differences"):
            title = "The environment differs from its file"
            problem.append(ui.note(differences, title=title, color="orange"))
        facts = ui.key_values(
            {
                "Status": ui.badge(str(job.status)),
                "Created": ui.ago(job.created_at),
                "Created by": job.created_by,
                "Started": ui.ago(job.started_at) if job.started_at else None,
                "Duration": length_of(job) if job.ended_at else None,
                "Compute": ui.link(job.compute, studio.link("/compute/<name>", name=job.compute)),
                "Environment": self._environment(run),
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
        metrics = list(own_metrics(run).items())
        if metrics:
            figures = {key: ui.number(value) for key, value in metrics[:_N_FIGURES]}
            right.insert(0, ui.card("Metrics", ui.tiles(figures)))
        content = ui.stack([*problem, ui.columns(ui.stack(left), ui.stack(right))])
        return studio.Final(content) if job.status.is_final else content

    def _environment(self, run: Run) -> Any:
        """Say what gave the command its Python: what was made, or before that what was asked."""
        from mlflow_plugins.jobs import read_document

        tags = run.data.tags
        title = tags.get("studio.environment")
        if title is None:
            document = read_document(self._studio.client(), run.info.run_id)
            title = (document.get("environment") or {}).get("title", "")
        if not title:
            return html.Span("the workspace's own", className="studio-dim")
        return environment_link(self._studio, title, tags.get("studio.environment_hash", ""))

    def _parent(self, run: Run) -> Any:
        parent = run.data.tags.get("mlflow.parentRunId")
        address = self._studio.link("/runs/<run_id>", run_id=parent) if parent else ""
        return ui.link(parent, address) if parent else None

    def _run_address(self, run: Run) -> str:
        path = f"experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
        return self._studio.mlflow_link(path)

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
        links += [ui.button_link("Compare", compare, is_primary=False), self._clone.button(run_id)]
        return studio.Final(links) if job.status.is_final else links

    def _offer_end(self, run_id: str) -> Any:
        studio = self._studio
        if studio.job(run_id).status.is_final:
            return studio.Final([])
        return self._cancel.button(
            "Cancel",
            confirm="The job's processes are ended. What it has logged so far stays.",
            look="danger",
            run_id=run_id,
        )

    def _on_cancel(self, run_id: str) -> Any:
        self._studio.cancel_job(run_id)
        return self._studio.Done(message="The job was asked to stop.")


def _parameters(params: Mapping[str, str]) -> Any:
    if not params:
        return html.P("None.", className="studio-dim")
    return ui.key_values({key: value[:200] for key, value in sorted(params.items())[:40]})
