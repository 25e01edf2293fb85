"""A new search: what is learned from, what is predicted, for how long."""

from typing import Any

from mlflow.exceptions import MlflowException

from automl.pages._board import findings_table
from automl.pages._studio import DETAIL, LIST, NEW, Studio

_N_ASSETS = 200
_N_LOOKED_AT = 500
_N_INSPECTED = 5_000
_MOST_TEXT_BYTES = 64 << 20
_MAX_INTEGER_CLASSES = 10
_FORECAST_FIELDS = "automl-forecast-fields"


class NewSearch:
    """The page that starts a search."""

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
        looked_at = [field(name) for name in ("data", "version", "target", "task")]
        self._findings = studio.outcome("automl-findings", looked_at, self._inspect)
        studio.add_page(NEW, self.page, title="New AutoML search")

    def page(self, data: str = "", version: str = "") -> Any:
        from dash import html

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
            html.Div(
                [
                    self._form(
                        {"data": names, "version": versions, "target": targets},
                        {"data": chosen, "version": version, "target": target or ""},
                    ),
                    self._findings(),
                ],
                className="studio-editor-columns",
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

    def _inspect(self, data: str | None, version: str | None, target: str | None, task: str) -> Any:
        """Show what a search would find in the first rows, so that mistakes cost no search."""
        import pandas as pd

        from automl._errors import AutoMLError
        from automl._inspect import inspect

        studio, ui = self._studio, self._studio.ui
        if not (data and version and target) or task == "forecasting":
            return []
        try:
            asset = studio.assets().get("data", data, version)
            is_other = target not in self._columns(asset)  # that of the data chosen before
            if is_other or _is_slow_to_open(asset):
                return []
            rows = pd.DataFrame(studio.preview(asset, n_rows=_N_INSPECTED))
            report = inspect(rows, target=target, task=task)
        except (AutoMLError, MlflowException) as error:
            return ui.note(str(error), title="This cannot be learned", color="red")
        alerts = [one for one in report.as_records() if one["state"] == "alerted"]
        looked_at = f"The first {ui.number(len(rows))} rows were looked at."
        if not alerts:
            return ui.note(looked_at, title="Nothing odd was found", color="green")
        return ui.card("Worth a look before you start", findings_table(ui, alerts))

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


def _is_slow_to_open(asset: Any) -> bool:
    """Tell whether the first rows take long: a CSV file is read whole to find its types."""
    size_bytes = int(asset.spec.get("size_bytes", 0))
    return asset.spec.get("format") != "parquet" and size_bytes > _MOST_TEXT_BYTES


def _on_task(task: str) -> tuple[list[dict[str, str]], str]:
    from automl._forecast._measures import FORECAST_METRICS
    from automl._metrics import METRICS

    offered = [one.name for one in METRICS.values() if task in ("auto", one.task)]
    if task == "forecasting":
        offered = list(FORECAST_METRICS)
    automatic = {"value": "auto", "label": "Automatic"}
    return [automatic, *({"value": one, "label": one} for one in offered)], "auto"
