"""Jobs: what was asked for, where it stands, what it says."""

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio

LIST, DETAIL = "/jobs", "/jobs/<run_id>"
_PAGE_SIZE = 50
# Where a run's results are shown, by a tag of the run.
_RESULTS = (
    ("automl.kind", "Leaderboard", "/automl/<run_id>"),
    ("rai.kind", "Evaluation", "/rai/<run_id>"),
)


def register(studio: Studio) -> None:
    """Add the pages."""
    _Jobs(studio)


def job_rows(studio: Studio, jobs: Any) -> Component:
    """Return a table of jobs."""
    rows = [
        [
            ui.link(job.display_name or job.run_id[:8], studio.link(DETAIL, run_id=job.run_id)),
            ui.badge(str(job.status)),
            ui.tag(job.type),
            ui.ago(job.created_at),
            _length(job),
            job.created_by,
        ]
        for job in jobs
    ]
    return ui.table(
        ["Name", "Status", "Type", "Created", "Duration", "Created by"], rows, label="Jobs"
    )


def _length(job: Any) -> str:
    if job.started_at is None or job.ended_at is None:
        return "-"
    text: str = ui.duration(job.ended_at - job.started_at)
    return text


class _Jobs:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._rows = studio.live("jobs-list", self._list)
        self._summary = studio.live("job-summary", self._summarize, seconds=1.5)
        self._buttons = studio.live("job-buttons", self._offer, seconds=1.5)
        self._cancel = studio.action("job-cancel", self._on_cancel)
        studio.add_page(LIST, self.overview, title="Jobs", icon="jobs", section="Assets", order=20)
        studio.add_page(DETAIL, self.detail, title="Job")
        studio.add_page("/runs/<run_id>", self.find, title="Run")

    # ------------------------------------------------------------ the list

    def overview(self, page_token: str | None = None) -> Component:
        return ui.page(
            "Jobs",
            self._rows(page_token=page_token),
            subtitle="Everything that was asked to run, newest first.",
        )

    def _list(self, page_token: str | None = None) -> Any:
        from mlflow_plugins.jobs import list_jobs

        studio = self._studio
        page = list_jobs(studio.client(), max_results=_PAGE_SIZE, page_token=page_token)
        if not page.items:
            return ui.empty(
                "No job yet",
                "A job is a command, an AutoML search or an evaluation that an agent runs for you. "
                "Start one here, or from a terminal with: mlflow run job.yml -b studio",
                ui.button_link("Start AutoML", studio.link("/automl")),
            )
        more = (
            [ui.link("Older jobs", studio.link(LIST, page_token=page.next_token))]
            if page.next_token
            else []
        )
        return [job_rows(studio, page.items), html.P(more)]

    # ------------------------------------------------------------ one job

    def detail(self, run_id: str) -> Component:
        studio = self._studio
        job = studio.job(run_id)
        return ui.page(
            job.display_name or f"Job {run_id[:8]}",
            self._summary(run_id=run_id),
            ui.card("Log", studio.job_log(run_id)),
            subtitle=f"A job of type {job.type}",
            actions=[self._buttons(run_id=run_id)],
            back=("Jobs", studio.link(LIST)),
        )

    def find(self, run_id: str) -> Component:
        """Go to the page that shows most about a run."""
        studio = self._studio
        run = studio.client().get_run(run_id)
        tags = run.data.tags
        if "automl.kind" in tags:
            address = studio.link("/automl/<run_id>", run_id=run_id)
        elif "studio.job" in tags:
            address = studio.link(DETAIL, run_id=run_id)
        else:
            path = f"experiments/{run.info.experiment_id}/runs/{run_id}"
            return ui.page(
                run.info.run_name or run_id,
                html.P(ui.outside("Open the run in the MLflow UI", studio.mlflow_link(path))),
                subtitle="This run was not started by the studio.",
            )
        return dcc.Location(id="studio-run-page", href=address, refresh="callback-nav")

    def _summarize(self, run_id: str) -> Any:
        studio = self._studio
        job = studio.job(run_id)
        run = studio.client().get_run(run_id)
        problem = [ui.note(job.error, title="Why it ended", color="red")] if job.error else []
        facts = ui.key_values(
            {
                "Status": ui.badge(str(job.status)),
                "Created": ui.ago(job.created_at),
                "Created by": job.created_by,
                "Started": ui.ago(job.started_at) if job.started_at else None,
                "Duration": _length(job) if job.ended_at else None,
                "Compute": job.compute,
                "Attempt": str(job.attempt) if job.attempt > 1 else None,
                "Run": ui.outside(
                    run_id, studio.mlflow_link(f"experiments/{job.experiment_id}/runs/{run_id}")
                ),
            }
        )
        left, right = (
            [ui.card("About", facts)],
            [ui.card("Parameters", _parameters(run.data.params))],
        )
        if run.inputs and run.inputs.dataset_inputs:
            rows = [
                [one.dataset.name, ui.tag(one.dataset.digest)] for one in run.inputs.dataset_inputs
            ]
            left.append(ui.card("Inputs", ui.table(["Data", "Version"], rows, label="Inputs")))
        if run.data.metrics:
            figures = {key: ui.number(one) for key, one in sorted(run.data.metrics.items())[:12]}
            right.insert(0, ui.card("Metrics", ui.tiles(figures)))
        columns = ui.columns(ui.stack(left), ui.stack(right))
        content = ui.stack([*problem, columns])
        return studio.Final(content) if job.status.is_final else content

    def _offer(self, run_id: str) -> Any:
        studio = self._studio
        job = studio.job(run_id)
        tags = studio.client().get_run(run_id).data.tags
        links = [
            ui.button_link(text, studio.link(path, run_id=run_id))
            for tag, text, path in _RESULTS
            if tag in tags
        ]
        if job.status.is_final:
            return studio.Final(links)
        cancel = self._cancel.button(
            "Cancel",
            confirm="The job's processes are ended. What it has logged so far stays.",
            look="danger",
            run_id=run_id,
        )
        return [*links, cancel]

    def _on_cancel(self, run_id: str) -> Any:
        self._studio.cancel_job(run_id)
        return self._studio.Done(message="The job was asked to stop.")


def _parameters(params: dict[str, str]) -> Any:
    if not params:
        return html.P("None.", className="studio-dim")
    return ui.key_values({key: value[:200] for key, value in sorted(params.items())[:40]})
