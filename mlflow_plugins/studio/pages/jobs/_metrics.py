"""A job's metrics while they are logged: single values, curves, and those of the machine."""

from typing import Any

from dash import html
from dash.development.base_component import Component
from mlflow import MlflowClient
from mlflow.entities import Metric, Run

from mlflow_plugins.jobs import own_metrics
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._charts import Line, line_chart
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.jobs._monitoring import panel_lines, panels

_N_CHARTS = 24


class Metrics:
    """The part of a job's page that draws its metrics."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.section = studio.live("job-metrics", self._draw, seconds=3.0)

    def _draw(self, run_id: str) -> Any:
        studio = self._studio
        is_final = studio.job(run_id).status.is_final
        client = studio.client()
        run = client.get_run(run_id)
        names = list(own_metrics(run))
        parts = self._own(client, run, names) if names else []
        parts += _monitoring(client, run)
        content: Component = ui.stack(parts)
        if not parts:
            content = ui.empty(
                "No metric yet",
                "What the job logs with mlflow.log_metric appears here while it runs.",
            )
        return studio.Final(content) if is_final else content

    def _own(self, client: MlflowClient, run: Run, names: list[str]) -> list[Component]:
        run_id = run.info.run_id
        histories = {name: client.get_metric_history(run_id, name) for name in names[:_N_CHARTS]}
        single = {name: ui.number(one[-1].value) for name, one in histories.items() if len(one) < 2}
        charts = [_metric_chart(name, one) for name, one in histories.items() if len(one) > 1]
        parts = [ui.tiles(single)] if single else []
        parts += [html.Div(charts, className="studio-charts")] if charts else []
        if len(names) > _N_CHARTS:
            path = f"experiments/{run.info.experiment_id}/runs/{run_id}/model-metrics"
            words = f"{len(names) - _N_CHARTS} more in the MLflow UI"
            parts.append(html.P(ui.outside(words, self._studio.mlflow_link(path))))
        return parts


def _monitoring(client: MlflowClient, run: Run) -> list[Component]:
    """Return a card with the machine's curves, if MLflow has measured any."""
    charts = []
    for panel in panels(run.data.metrics):
        histories = {
            name: sorted(
                client.get_metric_history(run.info.run_id, name), key=lambda one: one.timestamp
            )
            for name in panel.metrics.values()
        }
        lines = panel_lines(panel, histories)
        charts.append(
            line_chart(lines, title=panel.title, x_title="minutes", height=200, from_zero=True)
        )
    if not charts:
        return []
    return [ui.card("Monitoring", html.Div(charts, className="studio-charts"))]


def metric_line(name: str, history: list[Metric]) -> tuple[Line, str]:
    """Return a metric's history as a line, and what it runs over: steps, or seconds without any."""
    has_steps = len({one.step for one in history}) > 1
    start = history[0].timestamp
    x = [one.step if has_steps else (one.timestamp - start) / 1000 for one in history]
    line = Line(name=name, x=x, y=[one.value for one in history])
    return line, "step" if has_steps else "seconds"


def _metric_chart(name: str, history: list[Metric]) -> Component:
    line, x_title = metric_line(name, history)
    return line_chart([line], title=name, x_title=x_title)
