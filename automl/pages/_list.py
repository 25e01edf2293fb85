"""All searches."""

from typing import Any

from mlflow import MlflowClient

from automl.pages._studio import DETAIL, LIST, NEW, Studio

STATUS = {
    "SCHEDULED": "Queued",
    "RUNNING": "Running",
    "FINISHED": "Completed",
    "FAILED": "Failed",
    "KILLED": "Canceled",
}

_N_RUNS = 50


class Searches:
    """The page of all searches."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._rows = studio.live("automl-list", self._list)
        studio.add_page(
            LIST, self.page, title="AutoML", icon="automl", section="Authoring", order=5
        )

    def page(self) -> Any:
        studio, ui = self._studio, self._studio.ui
        return ui.page(
            "AutoML",
            self._rows(),
            subtitle="Searches for the model that predicts one column of a table best.",
            actions=[ui.button_link("New search", studio.link(NEW))],
        )

    def _list(self) -> Any:
        studio, ui = self._studio, self._studio.ui
        runs = _search_runs(studio.client())
        if not runs:
            return ui.empty(
                "No search yet",
                "Choose a table and the column to predict. AutoML checks the table, tries learners "
                "and settings for as long as you allow, and combines the best of them.",
                ui.button_link("New search", studio.link(NEW)),
            )
        rows = [
            [
                ui.link(run.info.run_name, studio.link(DETAIL, run_id=run.info.run_id)),
                ui.badge(STATUS.get(run.info.status, run.info.status)),
                run.data.tags.get("automl.target", "-"),
                run.data.tags.get("automl.primary_metric", "-"),
                ui.number(run.data.metrics.get("automl_best_score")),
                ui.ago(run.info.start_time / 1000),
            ]
            for run in runs
        ]
        headings = ["Name", "Status", "Target", "Metric", "Best score", "Started"]
        return ui.table(headings, rows, label="AutoML searches")


def _search_runs(client: MlflowClient) -> list[Any]:
    """Find queued and started searches of all experiments by three queries."""
    experiments = [one.experiment_id for one in client.search_experiments(max_results=1000)]
    if not experiments:
        return []
    found: dict[str, Any] = {}
    for condition in ("tags.`studio.job_type` = 'automl'", "tags.`automl.kind` = 'search'"):
        runs = client.search_runs(
            experiments, condition, max_results=_N_RUNS, order_by=["attributes.start_time DESC"]
        )
        found |= {run.info.run_id: run for run in runs}
    newest_first = sorted(found.values(), key=lambda run: run.info.start_time, reverse=True)
    return newest_first[:_N_RUNS]
