"""The studio's AutoML pages; any studio that offers the methods of `Studio` can show them."""

from typing import Any, Protocol

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from automl._forecast._page import ForecastCards, read_json

LIST, NEW, DETAIL = "/automl", "/automl/new", "/automl/<run_id>"
_N_RUNS = 50
_N_ASSETS = 200
_N_TRIALS = 200
_N_LOOKED_AT = 500
_MAX_INTEGER_CLASSES = 10
_LOGGED_MODEL = "models:/m-"
_FORECAST_FIELDS = "automl-forecast-fields"


class Studio(Protocol):
    """What the pages need of the studio that shows them."""

    ui: Any
    Done: Any
    Final: Any

    def add_page(self, path: str, layout: Any, *, title: str, **place: Any) -> None:
        """Add a page."""

    def callback(self, *arguments: Any, **options: Any) -> Any:
        """Register a Dash callback."""

    def live(self, name: str, render: Any, *, seconds: float = 2.0) -> Any:
        """Register a part of a page that renews itself."""

    def action(self, name: str, handler: Any) -> Any:
        """Register something that a user can do."""

    def client(self) -> MlflowClient:
        """Return a client with the present user's rights."""

    def assets(self) -> Any:
        """Return the store of data assets."""

    def preview(self, asset: Any, *, n_rows: int = 100) -> list[dict[str, Any]]:
        """Return the first rows of a data asset."""

    def submit_job(self, document: dict[str, Any], *, experiment_name: str) -> Any:
        """Queue a job."""

    def job(self, run_id: str) -> Any:
        """Read a job."""

    def cancel_job(self, run_id: str) -> None:
        """Ask for the end of a job."""

    def job_log(self, run_id: str) -> Any:
        """Return a job's growing log."""

    def link(self, path: str, **values: object) -> str:
        """Return the address of a page."""

    def mlflow_link(self, path: str) -> str:
        """Return the address of a page of the MLflow UI."""


def register(studio: Studio) -> None:
    """Add the pages: searches, a new search, one search."""
    _Searches(studio)
    _NewSearch(studio)
    _OneSearch(studio)


# ------------------------------------------------------------------ all searches


class _Searches:
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
                ui.badge(_STATUS.get(run.info.status, run.info.status)),
                run.data.tags.get("automl.target", "-"),
                run.data.tags.get("automl.primary_metric", "-"),
                ui.number(run.data.metrics.get("automl_best_score")),
                ui.ago(run.info.start_time / 1000),
            ]
            for run in runs
        ]
        headings = ["Name", "Status", "Target", "Metric", "Best score", "Started"]
        return ui.table(headings, rows, label="AutoML searches")


_STATUS = {
    "SCHEDULED": "Queued",
    "RUNNING": "Running",
    "FINISHED": "Completed",
    "FAILED": "Failed",
    "KILLED": "Canceled",
}


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


# ------------------------------------------------------------------ a new search


class _NewSearch:
    def __init__(self, studio: Studio) -> None:
        from dash import Input, Output

        self._studio = studio
        self._start = studio.action("automl-start", self._on_start)
        field = self._start.field
        studio.callback(
            Output(field("version"), "data"),
            Output(field("version"), "value"),
            Input(field("data"), "value"),
            prevent_initial_call=True,
        )(self._on_data)
        studio.callback(
            Output(field("target"), "data"),
            Output(field("target"), "value"),
            Output(field("time"), "data"),
            Output(field("time"), "value"),
            Output(field("series"), "data"),
            Output(field("series"), "value"),
            Output(field("known"), "data"),
            Output(field("known"), "value"),
            Input(field("data"), "value"),
            Input(field("version"), "value"),
            prevent_initial_call=True,
        )(self._on_columns)
        studio.callback(
            Output(_FORECAST_FIELDS, "hidden"),
            Input(field("task"), "value"),
            prevent_initial_call=True,
        )(lambda task: task != "forecasting")
        studio.callback(
            Output(field("metric"), "data"),
            Output(field("metric"), "value"),
            Input(field("task"), "value"),
            prevent_initial_call=True,
        )(_on_task)
        studio.add_page(NEW, self.page, title="New AutoML search")

    def page(self, data: str = "", version: str = "") -> Any:
        studio, ui = self._studio, self._studio.ui
        back = ("AutoML", studio.link(LIST))
        names = [
            asset.name for asset in studio.assets().search("data", max_results=_N_ASSETS).items
        ]
        if not names:
            no_data = ui.empty(
                "No data asset yet",
                "A search needs a table. Upload a CSV or Parquet file first.",
                ui.button_link("Upload data", studio.link("/data/new")),
            )
            return ui.page("New AutoML search", no_data, back=back)
        chosen = data or names[0]
        versions, latest = self._on_data(chosen)
        version = version or latest
        targets, target = self._on_version(chosen, version)
        return ui.page(
            "New AutoML search",
            self._form(
                {"data": names, "version": versions, "target": targets},
                {"data": chosen, "version": version, "target": target or ""},
            ),
            subtitle="Everything but the data and the target may stay as it is.",
            back=back,
        )

    def _form(self, choices: dict[str, list[str]], chosen: dict[str, str]) -> Any:
        import dash_mantine_components as dmc
        from dash import html

        from automl._forecast._page import form_fields

        field, fixed = self._start.field, {"allowDeselect": False, "searchable": True}

        def select(name: str, label: str, about: str = "", **more: Any) -> Any:
            return dmc.Select(
                id=field(name), label=label, description=about or None, **fixed, **more
            )

        metrics, metric = _on_task("auto")
        return self._studio.ui.form(
            select("data", "Data asset", data=choices["data"], value=chosen["data"]),
            select("version", "Version", data=choices["version"], value=chosen["version"]),
            select(
                "target", "Target", "The column to predict.",
                data=choices["target"], value=chosen["target"],
            ),
            select(
                "task", "Task", "Automatic: by the target's type.",
                data=[
                    {"value": "auto", "label": "Automatic"},
                    {"value": "classification", "label": "Classification"},
                    {"value": "regression", "label": "Regression"},
                    {"value": "forecasting", "label": "Forecasting"},
                ],
                value="auto",
            ),
            html.Div(
                dmc.Stack(form_fields(field, choices["target"]), gap="sm"),
                id=_FORECAST_FIELDS, hidden=True,
            ),
            select("metric", "Metric to optimise", data=metrics, value=metric),
            dmc.NumberInput(
                id=field("minutes"), label="Time budget in minutes",
                description="The search ends then, with the best model found so far.",
                value=1, min=0.1, step=1, decimalScale=2,
            ),
            dmc.TextInput(
                id=field("experiment"), label="Experiment",
                description="Where the run goes; made if it does not exist.",
                value=f"automl-{chosen['data']}".replace("/", "-"),
            ),
            self._start.result(),
            html.Div(self._start.button("Start")),
        )  # fmt: skip

    def _on_data(self, data: str) -> tuple[list[str], str]:
        versions = [asset.version for asset in self._studio.assets().versions("data", data)]
        return versions, self._studio.assets().get("data", data).version

    def _on_version(self, data: str, version: str) -> tuple[list[str], str | None]:
        try:
            asset = self._studio.assets().get("data", data, version)
        except MlflowException:  # the other asset's version, until its own arrives
            return [], None
        columns = self._columns(asset)
        return columns, columns[-1] if columns else None

    @staticmethod
    def _columns(asset: Any) -> list[str]:
        return [column["name"] for column in asset.spec.get("schema", [])]

    def _on_columns(self, data: str, version: str) -> tuple[Any, ...]:
        from automl._forecast._page import guessed_time

        columns, target = self._on_version(data, version)
        return columns, target, columns, guessed_time(columns), columns, [], columns, []

    def _on_start(  # noqa: PLR0913 - one for each field of the form
        self,
        *,
        data: str,
        version: str,
        target: str | None,
        task: str,
        metric: str,
        minutes: float | str | None,
        experiment: str,
        time: str | None = None,
        series: list[str] | None = None,
        known: list[str] | None = None,
        horizon: float | str | None = None,
    ) -> Any:
        studio = self._studio
        asset = studio.assets().get("data", data, version)
        if not target:
            raise MlflowException.invalid_parameter_value(
                "Choose the target: the column to predict."
            )
        if not isinstance(minutes, int | float) or minutes <= 0:
            raise MlflowException.invalid_parameter_value(
                f"The time budget is {minutes!r}. It must be a number of minutes above 0."
            )
        document: dict[str, Any] = {
            "type": "automl",
            "display_name": f"{target} in {data}",
            "task": self._task(asset, target) if task == "auto" else task,
            "training_data": {"type": "uri_file", "path": asset.reference},
            "target_column_name": target,
            "limits": {"timeout_minutes": minutes},
        }
        if metric != "auto":
            document["primary_metric"] = metric
        if task == "forecasting":
            from automl._forecast._page import forecasting_section

            document["forecasting"] = forecasting_section(
                time=time,
                series=series or [],
                known=known or [],
                horizon=horizon,
                others=[c for c in self._columns(asset) if c != target],
            )
            document["display_name"] = f"Forecast of {document['display_name']}"
        job = studio.submit_job(document, experiment_name=experiment.strip())
        return studio.Done(go_to=studio.link(DETAIL, run_id=job.run_id))

    def _task(self, asset: Any, target: str) -> str:
        types = {column["name"]: column["type"] for column in asset.spec.get("schema", [])}
        if types.get(target) == "number":
            return "regression"
        if types.get(target) != "integer":
            return "classification"
        rows = self._studio.preview(asset, n_rows=_N_LOOKED_AT)
        n_different = len({row[target] for row in rows})
        return "regression" if n_different > _MAX_INTEGER_CLASSES else "classification"


def _on_task(task: str) -> tuple[list[dict[str, str]], str]:
    from automl._forecast._measures import FORECAST_METRICS
    from automl._metrics import METRICS

    offered = [one.name for one in METRICS.values() if task in ("auto", one.task)]
    if task == "forecasting":
        offered = list(FORECAST_METRICS)
    automatic = {"value": "auto", "label": "Automatic"}
    return [automatic, *({"value": one, "label": one} for one in offered)], "auto"


# ------------------------------------------------------------------ one search


class _OneSearch:
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
        log = [ui.card("Log", studio.job_log(run_id))] if _is_job(run) else []
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
        job = studio.job(run_id) if _is_job(run) else None
        status = str(job.status) if job else _STATUS[run.info.status]
        problem = (
            [ui.note(job.error, title="Why it ended", color="red")] if job and job.error else []
        )
        metric = tags.get("automl.primary_metric", "score")
        figures = {
            "Status": ui.badge(status),
            f"Best {metric}": ui.number(metrics.get("automl_best_score")),
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
            "Best model": _best_model(tags),
            "Time budget": _seconds(ui, params.get("automl.time_budget_seconds")),
            "Rows": params.get("automl.n_rows"),
            "Series": params.get("automl.n_series"),
            "Horizon": _horizon(params),
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
        return studio.Final(content) if _has_ended(run) else content

    def _show_board(self, run_id: str) -> Any:
        from dash import html

        studio, ui = self._studio, self._studio.ui
        client = studio.client()
        run = client.get_run(run_id)
        rows = _rows(client, run)
        if rows:
            board = _grid(ui, rows)
        else:
            text = "The first models appear after some seconds." if not _has_ended(run) else "None."
            board = html.P(text, className="studio-dim")
        parts = [ui.card("Leaderboard", board)]
        if _is_forecast(run) and _is_finished(run):
            parts = [*self._forecast.cards(client, run), *parts]
        findings = read_json(client, run_id, "guardrails.json") if _is_finished(run) else None
        if findings:
            parts.append(ui.card("Guardrails", _findings(ui, findings)))
        content = html.Div(parts, className="studio-stack")
        return studio.Final(content) if _has_ended(run) else content

    # -------------------------------------------------------------- what can be done with it

    def _offer(self, run_id: str) -> Any:
        studio = self._studio
        client = studio.client()
        run = client.get_run(run_id)
        if not _has_ended(run):
            if not _is_job(run):
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
            if not _is_forecast(run):  # rows of a forecast are no independent examples
                evaluate = studio.link("/rai/new", **place, target=target)
                buttons.insert(0, ui.button_link("Evaluate", evaluate, is_primary=False))
            name = ui.link(
                f"{one.name}, version {one.version}", studio.link("/models/<name>", name=one.name)
            )
            return html.Div([name, *buttons], className="studio-actions")
        evaluate = studio.link("/rai/new", model_uri=model_uri, target=target)
        can_evaluate = [] if _is_forecast(run) else [evaluate]
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
            value=_model_name(run),
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


def register_best_model(client: MlflowClient, run_id: str, name: str) -> Any:
    """Make a search's best model the next version of a registered model.

    Args:
        client: Client of the store.
        run_id: The search's run.
        name: Of the registered model; made if it does not exist.

    Raises:
        MlflowException: The run has no model, or the name cannot be used.
    """
    model_uri = client.get_run(run_id).data.tags.get("automl.best_model_uri", "")
    if not model_uri.startswith(_LOGGED_MODEL):
        raise MlflowException.invalid_parameter_value(
            f"The run {run_id!r} has no model of an AutoML search. Wait until the search has ended."
        )
    if not name.strip():
        raise MlflowException.invalid_parameter_value("The registered model needs a name.")
    model = client.get_logged_model(model_uri.removeprefix("models:/"))
    try:
        client.create_registered_model(name.strip())
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return client.create_model_version(
        name.strip(), model.artifact_location, run_id=run_id, model_id=model.model_id
    )


# ------------------------------------------------------------------ what a run says


def _is_job(run: Any) -> bool:
    return "studio.job" in run.data.tags


def _has_ended(run: Any) -> bool:
    return run.info.status in ("FINISHED", "FAILED", "KILLED")


def _is_finished(run: Any) -> bool:
    return bool(run.data.tags.get("automl.state") == "finished")


def _is_forecast(run: Any) -> bool:
    return bool(run.data.tags.get("automl.task") == "forecasting")


def _horizon(params: dict[str, str]) -> str | None:
    horizon, freq = params.get("automl.horizon"), params.get("automl.freq")
    return f"{horizon} steps of {freq}" if horizon else None


def _best_model(tags: dict[str, str]) -> str | None:
    learner = tags.get("automl.best_learner")
    return f"Led by {learner.replace('_', ' ')}" if learner else None


def _seconds(ui: Any, text: str | None) -> Any:
    return ui.duration(float(text)) if text else None


def _model_name(run: Any) -> str:
    words = (run.data.tags.get("automl.target") or run.info.run_name or "model").split()
    return "-".join(words).replace("/", "-").replace(":", "-")


def _rows(client: MlflowClient, run: Any) -> list[dict[str, Any]]:
    """Return the leaderboard's rows: the finished one, else what the trials say so far."""
    if _is_finished(run):
        board = read_json(client, run.info.run_id, "leaderboard.json")
        if board:
            return [_row(**row) for row in board]
    metric = run.data.tags.get("automl.primary_metric", "")
    trials = client.search_runs(
        [run.info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{run.info.run_id}'",
        max_results=_N_TRIALS,
    )
    rows = [
        _row(
            rank=0,
            learner=trial.data.params.get("learner", ""),
            score=trial.data.metrics.get(metric),
            state=trial.data.tags.get("automl.state", ""),
            fit_seconds=trial.data.metrics.get("fit_seconds"),
            params={k: v for k, v in trial.data.params.items() if k != "learner"},
        )
        for trial in trials
    ]
    sign = -1 if run.data.tags.get("automl.is_higher_better") == "true" else 1
    rows.sort(key=lambda row: (row["Score"] is None, sign * (row["Score"] or 0)))
    return [row | {"Rank": rank} for rank, row in enumerate(rows, 1)]


def _row(
    *,
    rank: int,
    learner: str,
    score: float | None,
    state: str,
    fit_seconds: float | None,
    params: dict[str, Any],
    score_std: float | None = None,
    weight: float | None = None,
    **_: Any,
) -> dict[str, Any]:
    return {
        "Rank": rank,
        "Learner": learner.replace("_", " "),
        "Score": _rounded(score),
        "±": _rounded(score_std),
        "Weight": _rounded(weight) if weight else None,
        "State": state,
        "Seconds": _rounded(fit_seconds),
        "Settings": ", ".join(f"{key} = {_short(value)}" for key, value in params.items()),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _short(value: Any) -> str:
    try:
        return f"{float(value):.4g}"
    except (TypeError, ValueError):
        return str(value)


def _grid(ui: Any, rows: list[dict[str, Any]]) -> Any:
    widths = {"Rank": 80, "Learner": 200, "Score": 110, "±": 100, "Weight": 110, "State": 110}
    columns = [
        {"field": name, "width": widths.get(name, 120)}
        if name != "Settings"
        else {"field": name, "flex": 1, "minWidth": 260, "tooltipField": name}
        for name in rows[0]
        if name != "Settings" or any(row[name] for row in rows)
    ]
    height = min(420, 56 + 33 * len(rows))
    return ui.grid(rows, label="Leaderboard", height=height, columnDefs=columns)


_MARKS = {"passed": "Passed", "done": "Dealt with", "alerted": "Look at this"}


def _findings(ui: Any, findings: list[dict[str, Any]]) -> Any:
    order = {"alerted": 0, "done": 1, "passed": 2}
    rows = [
        [
            ui.badge(_MARKS[one["state"]]),
            one["check"].replace("_", " ").capitalize(),
            one["message"],
        ]
        for one in sorted(findings, key=lambda one: order[one["state"]])
    ]
    return ui.table(["Outcome", "Check", "What was found"], rows, label="Guardrails")
