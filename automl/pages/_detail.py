"""One search."""

from typing import Any

from mlflow import MlflowClient

from automl._forecast._page import ForecastCards, read_json
from automl.pages._board import board_grid, board_rows, findings_table
from automl.pages._list import STATUS
from automl.pages._register import register_best_model
from automl.pages._run import (
    best_model,
    has_ended,
    horizon,
    is_finished,
    is_forecast,
    is_job,
    model_name,
    seconds,
)
from automl.pages._studio import DETAIL, LIST, Studio


class OneSearch:
    """The page of one search: progress, leaderboard, guardrails, and what can be done with it."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._progress = studio.live("automl-progress", self._show_progress)
        self._board = studio.live("automl-board", self._show_board, seconds=3)
        self._buttons = studio.live("automl-buttons", self._offer)
        self._register = studio.action("automl-register", self._on_register)
        self._deploy = studio.action("automl-deploy", self._on_deploy)
        self._cancel = studio.action("automl-cancel", self._on_cancel)
        self._forecast = ForecastCards(studio)
        studio.add_page(DETAIL, self.page, title="AutoML search")

    def page(self, run_id: str) -> Any:
        studio, ui = self._studio, self._studio.ui
        run = studio.client().get_run(run_id)
        log = [ui.card("Log", studio.job_log(run_id))] if is_job(run) else []
        return ui.page(
            run.info.run_name,
            self._progress(run_id=run_id),
            self._board(run_id=run_id),
            *log,
            actions=[self._buttons(run_id=run_id)],
            back=("AutoML", studio.link(LIST)),
        )

    def _show_progress(self, run_id: str) -> Any:
        from dash import html

        studio, ui = self._studio, self._studio.ui
        run = studio.client().get_run(run_id)
        tags, metrics, params = run.data.tags, run.data.metrics, run.data.params
        job = studio.job(run_id) if is_job(run) else None
        status = str(job.status) if job else STATUS[run.info.status]
        problem = (
            [ui.note(job.error, title="Why it ended", color="red")] if job and job.error else []
        )
        metric = tags.get("automl.primary_metric", "score")
        figures = {
            "Status": ui.badge(status),
            f"Best {metric}": ui.number(metrics.get("automl_best_score")),
            "On new rows": _estimate(ui, metrics),
            "Models tried": ui.number(metrics.get("automl_n_trials")),
            "Seconds": ui.number(metrics.get("automl_fit_seconds"), 3),
            **{
                f"On test rows: {key.removeprefix('test_')}": ui.number(value)
                for key, value in metrics.items()
                if key == f"test_{metric}"
            },
        }
        facts = {
            "Data": ", ".join(
                f"{one.dataset.name} {one.dataset.digest.split('-')[0]}"
                for one in (run.inputs.dataset_inputs if run.inputs else [])
            ),
            "Target": tags.get("automl.target"),
            "Task": tags.get("automl.task"),
            "Best model": best_model(tags),
            "Time budget": seconds(ui, params.get("automl.time_budget_seconds")),
            "Rows": params.get("automl.n_rows"),
            "Series": params.get("automl.n_series"),
            "Horizon": horizon(params),
            "Run": ui.outside(
                run_id,
                studio.mlflow_link(f"experiments/{run.info.experiment_id}/runs/{run_id}"),
            ),
        }
        content = html.Div(
            [
                *problem,
                ui.tiles({key: value for key, value in figures.items() if value != "-"}),
                ui.card(None, ui.key_values(facts)),
            ],
            className="studio-stack",
        )
        return studio.Final(content) if has_ended(run) else content

    def _show_board(self, run_id: str) -> Any:
        from dash import html

        studio, ui = self._studio, self._studio.ui
        client = studio.client()
        run = client.get_run(run_id)
        rows = board_rows(client, run)
        if rows:
            board = board_grid(ui, rows)
        else:
            text = "The first models appear after some seconds." if not has_ended(run) else "None."
            board = html.P(text, className="studio-dim")
        parts = [ui.card("Leaderboard", board)]
        if is_forecast(run) and is_finished(run):
            parts = [*self._forecast.cards(client, run), *parts]
        findings = read_json(client, run_id, "guardrails.json") if is_finished(run) else None
        if findings:
            parts.append(ui.card("Guardrails", findings_table(ui, findings)))
        content = html.Div(parts, className="studio-stack")
        return studio.Final(content) if has_ended(run) else content

    # -------------------------------------------------------------- what can be done with it

    def _offer(self, run_id: str) -> Any:
        studio = self._studio
        client = studio.client()
        run = client.get_run(run_id)
        if not has_ended(run):
            if not is_job(run):
                return []
            return self._cancel.button(
                "Cancel",
                confirm="The search ends now. Models that were logged stay.",
                look="danger",
                run_id=run_id,
            )
        if "automl.best_model_uri" not in run.data.tags:
            return studio.Final([])
        return studio.Final(self._model_buttons(client, run))

    def _model_buttons(self, client: MlflowClient, run: Any) -> Any:
        from dash import html

        studio, ui = self._studio, self._studio.ui
        run_id = run.info.run_id
        model_uri = run.data.tags["automl.best_model_uri"]
        versions = client.search_model_versions(f"run_id = '{run_id}'", max_results=1)
        target = run.data.tags.get("automl.target")
        if versions:
            one = versions[0]
            place = {"model": one.name, "version": one.version}
            buttons = [ui.button_link("Deploy", studio.link("/endpoints/new", **place))]
            if not is_forecast(run):  # rows of a forecast are no independent examples
                evaluate = studio.link("/rai/new", **place, target=target)
                buttons.insert(0, ui.button_link("Evaluate", evaluate, is_primary=False))
            name = ui.link(
                f"{one.name}, version {one.version}", studio.link("/models/<name>", name=one.name)
            )
            return html.Div([name, *buttons], className="studio-actions")
        evaluate = studio.link("/rai/new", model_uri=model_uri, target=target)
        can_evaluate = [] if is_forecast(run) else [evaluate]
        return html.Div(
            [
                *(ui.button_link("Evaluate", one, is_primary=False) for one in can_evaluate),
                self._dialog(self._register, run, "Register", "Register the best model"),
                self._dialog(self._deploy, run, "Deploy", "Register and deploy the best model"),
            ],
            className="studio-actions",
        )

    def _dialog(self, action: Any, run: Any, label: str, title: str) -> Any:
        import dash_mantine_components as dmc

        name = dmc.TextInput(
            id=action.field("name"),
            label="Name of the registered model",
            description="A name that exists gets its next version.",
            value=model_name(run),
        )
        return action.dialog(label, title=title, submit=label, body=[name], run_id=run.info.run_id)

    def _on_register(self, run_id: str, name: str | None) -> Any:
        studio = self._studio
        version = register_best_model(studio.client(), run_id, name or "")
        return studio.Done(
            message=f"{version.name}, version {version.version} is registered.",
            go_to=studio.link("/models/<name>", name=version.name),
        )

    def _on_deploy(self, run_id: str, name: str | None) -> Any:
        studio = self._studio
        version = register_best_model(studio.client(), run_id, name or "")
        return studio.Done(
            go_to=studio.link("/endpoints/new", model=version.name, version=version.version)
        )

    def _on_cancel(self, run_id: str) -> Any:
        self._studio.cancel_job(run_id)
        return self._studio.Done(message="The search was asked to stop.")


def _estimate(ui: Any, metrics: dict[str, float]) -> Any:
    """Show the score to expect on new rows, with its interval."""
    names = ("automl_estimate_low", "automl_estimate_high")
    if not all(name in metrics for name in names):
        return "-"
    return " to ".join(str(ui.number(metrics[name])) for name in names)
