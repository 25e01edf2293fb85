"""The list of all jobs."""

from importlib.metadata import entry_points
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, ctx, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._actions import LOCATION
from mlflow_plugins.studio._studio import Studio

LIST, COMPARE, NEW, DETAIL = "/jobs", "/jobs/compare", "/jobs/new", "/jobs/<run_id>"
_PAGE_SIZE = 50


class ListPage:
    """Everything that was asked to run."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._rows = studio.live("jobs-list", self._list)
        choose = studio.callback(
            Output(LOCATION, "href", allow_duplicate=True),
            Input({"jobs-filter": ALL}, "value"),
            Input({"jobs-switch": ALL}, "checked"),
            prevent_initial_call=True,
        )
        choose(self._on_filter)
        studio.add_page(LIST, self.page, title="Jobs", icon="jobs", section="Assets", order=20)

    def page(
        self,
        page_token: str | None = None,
        text: str | None = None,
        status: str | None = None,
        type: str | None = None,  # noqa: A002  (the word of the address)
        compute: str | None = None,
        trials: str | None = None,
    ) -> Component:
        given = {"text": text, "status": status, "type": type, "compute": compute, "trials": trials}
        chosen = {name: value for name, value in given.items() if value}
        return ui.page(
            "Jobs",
            self._filters(chosen),
            self._rows(page_token=page_token, **chosen),
            subtitle="Everything that was asked to run, newest first.",
            actions=[
                ui.button_link("Compare", self._studio.link(COMPARE), is_primary=False),
                ui.button_link("New job", self._studio.link(NEW)),
            ],
        )

    def _list(self, page_token: str | None = None, trials: str | None = None, **chosen: str) -> Any:
        from mlflow_plugins.jobs import list_jobs

        studio = self._studio
        page = list_jobs(
            studio.client(),
            parents_only=not trials,
            max_results=_PAGE_SIZE,
            page_token=page_token,
            **chosen,
        )
        chosen |= {"trials": trials} if trials else {}
        if not page.items and (chosen or page.next_token):
            return self._with_more(
                html.P("No job here fits.", className="studio-dim"), page, chosen
            )
        if not page.items:
            return ui.empty(
                "No job yet",
                "A job is a command, an AutoML search or an evaluation that an agent runs for you. "
                "Start one here, or from a terminal with: mlflow run job.yml -b studio",
                ui.button_link("Start AutoML", studio.link("/automl"), is_primary=False),
            )
        return self._with_more(job_rows(studio, page.items), page, chosen)

    def _with_more(self, content: Component, page: Any, chosen: dict[str, str]) -> Any:
        if page.next_token is None:
            return content
        older = self._studio.link(LIST, page_token=page.next_token, **chosen)
        return [content, html.P(ui.link("Older jobs", older))]

    def _filters(self, chosen: dict[str, str]) -> Component:
        from mlflow_plugins.jobs import JobStatus, list_computes

        computes = [one.name for one in list_computes(self._studio.client())]
        choices = {"status": list(map(str, JobStatus)), "type": _types(), "compute": computes}
        selects = [
            dmc.Select(
                id={"jobs-filter": name},
                placeholder=f"Any {name}",
                data=data,
                value=chosen.get(name),
                clearable=True,
                searchable=True,
                **ui.attributes(aria_label=name.capitalize()),
            )
            for name, data in choices.items()
        ]
        text = dmc.TextInput(
            id={"jobs-filter": "text"},
            placeholder="Search by name",
            value=chosen.get("text", ""),
            debounce=500,
            **ui.attributes(aria_label="Search by name"),
        )
        switch = dmc.Switch(
            id={"jobs-switch": "trials"},
            label="Show trials",
            checked="trials" in chosen,
            size="sm",
        )
        return html.Div([text, *selects, switch], className="studio-filters", role="search")

    def _on_filter(self, values: list[str | None], switches: list[bool]) -> str:
        if not values:  # the page was left, and its filters with it
            raise PreventUpdate
        names = [one["id"]["jobs-filter"] for one in ctx.inputs_list[0]]
        chosen = dict(zip(names, values, strict=True)) | {"trials": "1" if any(switches) else None}
        return self._studio.link(LIST, **{name: value or None for name, value in chosen.items()})


def _types() -> list[str]:
    """Return the types of job that are installed."""
    return ["command", *sorted(entry_points(group="mlflow_studio.job_types").names)]


def job_rows(studio: Studio, jobs: Any) -> Component:
    """Return a table of jobs."""
    rows = [
        [
            _name(studio, job),
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


def _name(studio: Studio, job: Any) -> Component:
    """Return a job's name; a trial's with the way to its sweep."""
    own = ui.link(job.display_name or job.run_id[:8], studio.link(DETAIL, run_id=job.run_id))
    if not job.parent_run_id:
        return own
    parent = studio.link(DETAIL, run_id=job.parent_run_id)
    part_of = html.Span([" of ", ui.link(job.parent_run_id[:8], parent)], className="studio-dim")
    return html.Span([own, part_of])


def length_of(job: Any) -> str:
    """Return how long a job's command took."""
    if job.started_at is None or job.ended_at is None:
        return "-"
    text: str = ui.duration(job.ended_at - job.started_at)
    return text
