"""Several jobs beside one another: what they were given, and what came of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from mlflow.entities import Run

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs import own_metrics
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._actions import LOCATION
from mlflow_plugins.studio._charts import Axis, Line, line_chart, parallel_coordinates
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.jobs._list import COMPARE, DETAIL, LIST
from mlflow_plugins.studio.pages.jobs._metrics import metric_line

_CHOICE = "studio-jobs-compare"
_N_RUNS = 12
_N_CHARTS = 8
_N_AXES = 12


class ComparePage:
    """The comparison of the runs that the address names."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        studio.add_page(COMPARE, self.page, title="Compare jobs")
        choose = studio.callback(
            Output(LOCATION, "href", allow_duplicate=True),
            Input(_CHOICE, "value"),
            prevent_initial_call=True,
        )
        choose(self._on_choice)

    def page(self, runs: str = "") -> Component:
        chosen = [one for one in runs.split(",") if one]
        if len(chosen) > _N_RUNS:
            raise InvalidInput(
                f"{len(chosen)} jobs were chosen; at most {_N_RUNS} are compared. Leave some out."
            )
        client = self._studio.client()
        found = [client.get_run(run_id) for run_id in chosen]
        return ui.page(
            "Compare jobs",
            self._choice(found),
            *(self._comparison(found) if len(found) > 1 else [_hint()]),
            subtitle="What they were given, and what came of it.",
            back=("Jobs", self._studio.link(LIST)),
        )

    def _choice(self, runs: Sequence[Run]) -> Component:
        from mlflow_plugins.jobs import list_jobs

        recent = list_jobs(self._studio.client(), max_results=100).items
        options = {job.run_id: f"{job.display_name} ({job.run_id[:8]})" for job in recent}
        options |= {run.info.run_id: f"{_name(run)} ({run.info.run_id[:8]})" for run in runs}
        choice: Component = dmc.MultiSelect(
            id=_CHOICE,
            label="Jobs",
            data=[{"value": key, "label": text} for key, text in options.items()],
            value=[run.info.run_id for run in runs],
            searchable=True,
            maxValues=_N_RUNS,
            debounce=400,
        )
        return choice

    def _on_choice(self, value: list[str]) -> str:
        if not value:
            raise PreventUpdate
        return self._studio.link(COMPARE, runs=",".join(value))

    def _comparison(self, runs: Sequence[Run]) -> list[Component]:
        names = _names(runs)
        headings = ["", *names]
        facts: list[list[Any]] = [
            ["Job", *(self._link(run) for run in runs)],
            ["Status", *(ui.badge(run.info.status.capitalize()) for run in runs)],
            ["Duration", *(_length(run) for run in runs)],
        ]
        params = _table([run.data.params for run in runs], str)
        metrics = _table([own_metrics(run) for run in runs], ui.number)
        parts = [ui.card("Jobs", ui.table(headings, facts, label="Jobs"))]
        if params:
            parts.append(ui.card("Parameters", ui.table(headings, params, label="Parameters")))
        if metrics:
            parts.append(ui.card("Metrics", ui.table(headings, metrics, label="Metrics")))
        axes = comparable_axes(runs)
        if len(axes) > 1:
            chart = parallel_coordinates(
                axes,
                names=names,
                links=[self._studio.link(DETAIL, run_id=run.info.run_id) for run in runs],
                label="Parameters and metrics of the jobs",
            )
            parts.append(ui.card("Parallel coordinates", chart))
        charts = self._charts(runs)
        if charts:
            parts.append(ui.card("Over time", html.Div(charts, className="studio-charts")))
        return parts

    def _link(self, run: Run) -> Component:
        return ui.link(run.info.run_id[:8], self._studio.link(DETAIL, run_id=run.info.run_id))

    def _charts(self, runs: Sequence[Run]) -> list[Component]:
        """Draw the metrics that have a history, those that most jobs share first."""
        client = self._studio.client()
        charts: list[Component] = []
        for name in _by_frequency(own_metrics(run) for run in runs):
            lines: list[Line] = []
            x_title = "step"
            for label, run in zip(_names(runs), runs, strict=True):
                if name not in run.data.metrics:
                    continue
                history = client.get_metric_history(run.info.run_id, name)
                if len(history) > 1:
                    line, x_title = metric_line(label, history)
                    lines.append(line)
            if lines:
                charts.append(line_chart(lines, title=name, x_title=x_title))
            if len(charts) == _N_CHARTS:
                break
        return charts


def comparable_axes(runs: Sequence[Run]) -> list[Axis]:
    """Return what the runs differ in, params first: numbers where all values are numbers."""
    axes = [
        Axis(name=name, values=_as_numbers([run.data.params.get(name) for run in runs]))
        for name in _by_frequency(run.data.params for run in runs)
    ]
    axes += [
        Axis(name=name, values=[run.data.metrics.get(name) for run in runs])
        for name in _by_frequency(own_metrics(run) for run in runs)
    ]
    return [axis for axis in axes if len(set(axis.values)) > 1][:_N_AXES]


def _as_numbers(values: Sequence[str | None]) -> Sequence[float | str | None]:
    try:
        return [None if value is None else float(value) for value in values]
    except ValueError:
        return values


def _by_frequency(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    counts: dict[str, int] = {}
    for mapping in mappings:
        for name in mapping:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def _table(values: Sequence[Mapping[str, Any]], show: Any) -> list[list[Any]]:
    """Return a row for each name; what differs between the jobs stands out and comes first."""
    rows = []
    for name in _by_frequency(values):
        cells = [one.get(name) for one in values]
        differs = len(set(cells)) > 1
        shown = ["-" if cell is None else show(cell)[:120] for cell in cells]
        rows.append((differs, [name, *(html.Strong(text) if differs else text for text in shown)]))
    return [row for _, row in sorted(rows, key=lambda item: not item[0])]


def _hint() -> Component:
    return ui.empty("Choose two jobs or more", "They are compared as soon as two are chosen.")


def _name(run: Run) -> str:
    return run.info.run_name or str(run.info.run_id[:8])


def _names(runs: Sequence[Run]) -> list[str]:
    """Return a name for each run that no other has."""
    names = [_name(run) for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} {run.info.run_id[:5]}"
        for name, run in zip(names, runs, strict=True)
    ]


def _length(run: Run) -> str:
    if run.info.end_time is None:
        return "-"
    return ui.duration((run.info.end_time - run.info.start_time) / 1000)
