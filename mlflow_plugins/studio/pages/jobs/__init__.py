"""Jobs: what was asked for, where it stands, what it says."""

from dash import dcc, html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.jobs._compare import ComparePage
from mlflow_plugins.studio.pages.jobs._detail import DetailPage
from mlflow_plugins.studio.pages.jobs._list import DETAIL, LIST, NEW, ListPage, job_rows
from mlflow_plugins.studio.pages.jobs._new import NewPage

__all__ = ["LIST", "NEW", "job_rows", "register"]


def register(studio: Studio) -> None:
    """Add the pages."""
    ListPage(studio)
    DetailPage(studio)
    ComparePage(studio)
    NewPage(studio)
    studio.add_page("/runs/<run_id>", lambda run_id: _find(studio, run_id), title="Run")


def _find(studio: Studio, run_id: str) -> Component:
    """Go to the page that shows most about a run."""
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
