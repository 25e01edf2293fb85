"""The trials of a sweep: the best one, what matters, every trial."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._charts import Axis, Line, line_chart, parallel_coordinates
from mlflow_plugins.studio._studio import Studio

if TYPE_CHECKING:
    from mlflow_plugins.jobs.sweep import Goal, Sweep, Trial

_N_ROWS = 500


class Trials:
    """The part of a sweep's page that renews itself while trials run."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.section = studio.live("job-trials", self._draw, seconds=3.0)

    def _draw(self, run_id: str) -> Any:
        from mlflow_plugins.jobs.sweep import read_sweep

        studio = self._studio
        is_final = studio.job(run_id).status.is_final
        sweep = read_sweep(studio.client(), run_id)
        parts = [ui.tiles(self._figures(sweep)), *self._charts(sweep)]
        if sweep.best is not None:
            parts.insert(1, self._best(sweep, sweep.best))
        parts.append(ui.card("All trials", self._table(sweep)))
        content = ui.stack(parts)
        return studio.Final(content) if is_final else content

    def _figures(self, sweep: "Sweep") -> dict[str, Any]:
        values = sweep.best.values if sweep.best and sweep.best.values else ()
        best = {
            f"Best {goal.metric}": ui.number(value)
            for goal, value in zip(sweep.goals, values, strict=False)
        }
        states = [trial.state for trial in sweep.trials]
        counts = {str(state): str(states.count(state)) for state in dict.fromkeys(sorted(states))}
        return {**best, "Trials": f"{len(states)} of {sweep.max_total_trials}", **counts}

    def _best(self, sweep: "Sweep", best: "Trial") -> Component:
        values = {name: _shown(value) for name, value in best.params.items()}
        left = ui.card(
            f"Best trial: {best.number}",
            ui.key_values(values),
            actions=[self._link(best)],
        )
        if not sweep.importances:
            return left
        rows = [
            [name, ui.bar(share, label=name), f"{share:.0%}"]
            for name, share in sweep.importances.items()
        ]
        headings = ["Hyperparameter", "Importance", ""]
        return ui.columns(
            left, ui.card("What matters", ui.table(headings, rows, label="Importances"))
        )

    def _charts(self, sweep: "Sweep") -> list[Component]:
        ranked = [trial for trial in sweep.trials if trial.values is not None]
        if not ranked:
            return []
        studio = self._studio
        chart = parallel_coordinates(
            trial_axes(ranked, sweep.goals),
            names=[f"Trial {trial.number}" for trial in ranked],
            links=[studio.link("/jobs/<run_id>", run_id=trial.run_id) for trial in ranked],
            label="Hyperparameters and objective of every trial",
        )
        progress = [
            line_chart(progress_lines(ranked, index, goal), title=goal.metric, x_title="trial")
            for index, goal in enumerate(sweep.goals)
        ]
        return [
            ui.card("Parallel coordinates", chart),
            ui.card("Progress", html.Div(progress, className="studio-charts")),
        ]

    def _table(self, sweep: "Sweep") -> Component:
        names = list(dict.fromkeys(name for trial in sweep.trials for name in trial.params))
        goals = [goal.metric for goal in sweep.goals]
        rows = [
            [
                self._link(trial),
                ui.badge(str(trial.state)),
                *(ui.number(value) for value in trial.values or [None] * len(goals)),
                *(_shown(trial.params.get(name)) for name in names),
                _length(trial),
                trial.reason,
            ]
            for trial in sweep.trials[-_N_ROWS:]
        ]
        headings = ["Trial", "Status", *goals, *names, "Duration", "Reason"]
        return ui.table(headings, rows, label="Trials")

    def _link(self, trial: "Trial") -> Component:
        address = self._studio.link("/jobs/<run_id>", run_id=trial.run_id)
        return ui.link(trial.name or f"Trial {trial.number}", address)


def trial_axes(trials: "Sequence[Trial]", goals: "Sequence[Goal]") -> list[Axis]:
    """Return an axis for each hyperparameter, then one for each objective."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    axes = [
        Axis(name=name, values=_alike([trial.params.get(name) for trial in trials]))
        for name in names
    ]
    return axes + [
        Axis(
            name=goal.metric,
            values=[trial.values[index] if trial.values else None for trial in trials],
        )
        for index, goal in enumerate(goals)
    ]


def progress_lines(trials: "Sequence[Trial]", index: int, goal: "Goal") -> list[Line]:
    """Return the objective of each trial, and the best until then."""
    points = [(trial.number, trial.values[index]) for trial in trials if trial.values]
    better = max if goal.maximize else min
    best: list[float] = []
    for _, value in points:
        best.append(better(best[-1], value) if best else value)
    numbers = [float(number) for number, _ in points]
    return [
        Line(name="each trial", x=numbers, y=[value for _, value in points]),
        Line(name="best so far", x=numbers, y=best),
    ]


def _alike(values: Sequence[Any]) -> list[float | str | None]:
    """Return numbers if all values are numbers, else texts."""
    if all(isinstance(value, int | float | None) and value is not True for value in values):
        return [None if value is None else float(value) for value in values]
    return [None if value is None else str(value) for value in values]


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return ui.number(value) if is_number else str(value)


def _length(trial: "Trial") -> str:
    return ui.duration(trial.ended_at - trial.started_at) if trial.ended_at else "-"
