"""The list of all jobs."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio

LIST = "/jobs"
_PAGE_SIZE = 50


class ListPage:
    """Everything that was asked to run."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._rows = studio.live("jobs-list", self._list)
        studio.add_page(LIST, self.page, title="Jobs", icon="jobs", section="Assets", order=20)

    def page(self, page_token: str | None = None) -> Component:
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


def job_rows(studio: Studio, jobs: Any) -> Component:
    """Return a table of jobs."""
    rows = [
        [
            ui.link(
                job.display_name or job.run_id[:8], studio.link("/jobs/<run_id>", run_id=job.run_id)
            ),
            ui.badge(str(job.status)),
            ui.tag(job.type),
            ui.ago(job.created_at),
            length_of(job),
            job.created_by,
        ]
        for job in jobs
    ]
    return ui.table(
        ["Name", "Status", "Type", "Created", "Duration", "Created by"], rows, label="Jobs"
    )


def length_of(job: Any) -> str:
    """Return how long a job's command took."""
    if job.started_at is None or job.ended_at is None:
        return "-"
    text: str = ui.duration(job.ended_at - job.started_at)
    return text
