"""The studio's pages of evaluations; any studio with the methods of `Studio` can show them."""

import json
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

LIST, NEW, DETAIL = "/rai", "/rai/new", "/rai/<run_id>"
ANALYSIS, REPORT = "rai/analysis.json", "rai/report.html"
EVALUATION_TAG = "rai.evaluation_run"
"""Tag of a model version: ``EXPERIMENT/RUN`` of its latest evaluation."""

_N_RUNS = 50
_N_CHOICES = 200
_N_FEATURES = 15


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

    def submit_job(self, document: dict[str, Any], *, experiment_name: str) -> Any:
        """Queue a job."""

    def job(self, run_id: str) -> Any:
        """Read a job."""

    def job_log(self, run_id: str) -> Any:
        """Return a job's growing log."""

    def link(self, path: str, **values: object) -> str:
        """Return the address of a page."""

    def mlflow_link(self, path: str) -> str:
        """Return the address of a page of the MLflow UI."""

    def report_link(self, run_id: str, path: str) -> str:
        """Return where an HTML artifact can be framed."""


def register(studio: Studio) -> None:
    """Add the pages: evaluations, a new one, one evaluation."""
    _Evaluations(studio)
    _NewEvaluation(studio)
    _OneEvaluation(studio)


# ------------------------------------------------------------------ all evaluations


class _Evaluations:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._rows = studio.live("rai-list", self._list)
        studio.add_page(
            LIST, self.page, title="Responsible AI", icon="rai", section="Authoring", order=6
        )

    def page(self) -> Any:
        studio, ui = self._studio, self._studio.ui
        return ui.page(
            "Responsible AI",
            self._rows(),
            subtitle="How well models do, for whom, and what they rely on.",
            actions=[ui.button_link("New evaluation", studio.link(NEW))],
        )

    def _list(self) -> Any:
        studio, ui = self._studio, self._studio.ui
        runs = _evaluation_runs(studio.client())
        if not runs:
            return ui.empty(
                "No evaluation yet",
                "An evaluation measures a model on a table that it has not learned from: overall, "
                "and for each group of people that you name, with intervals that say how sure the "
                "figures are.",
                ui.button_link("New evaluation", studio.link(NEW)),
            )
        rows = [
            [
                ui.link(run.info.run_name, studio.link(DETAIL, run_id=run.info.run_id)),
                ui.badge(_STATUS.get(run.info.status, run.info.status)),
                run.data.tags.get("rai.model", "-").removeprefix("models:/"),
                run.data.tags.get("rai.data", "-"),
                run.data.tags.get("rai.sensitive_features") or "-",
                ui.ago(run.info.start_time / 1000),
            ]
            for run in runs
        ]
        headings = ["Name", "Status", "Model", "Data", "Groups by", "Started"]
        return ui.table(headings, rows, label="Evaluations")


_STATUS = {
    "SCHEDULED": "Queued",
    "RUNNING": "Running",
    "FINISHED": "Completed",
    "FAILED": "Failed",
    "KILLED": "Canceled",
}


def _evaluation_runs(client: MlflowClient) -> list[Any]:
    """Find evaluations, those started here and all others, by three queries."""
    experiments = [one.experiment_id for one in client.search_experiments(max_results=1000)]
    if not experiments:
        return []
    found: dict[str, Any] = {}
    for condition in ("tags.`rai.kind` = 'evaluation'", f"tags.`rai.report` = '{REPORT}'"):
        runs = client.search_runs(
            experiments, condition, max_results=_N_RUNS, order_by=["attributes.start_time DESC"]
        )
        found |= {run.info.run_id: run for run in runs}
    newest_first = sorted(found.values(), key=lambda run: run.info.start_time, reverse=True)
    return newest_first[:_N_RUNS]


# ------------------------------------------------------------------ a new evaluation


class _NewEvaluation:
    def __init__(self, studio: Studio) -> None:
        from dash import Input, Output

        self._studio = studio
        self._start = studio.action("rai-start", self._on_start)
        field = self._start.field
        studio.callback(
            Output(field("target"), "data"),
            Output(field("target"), "value"),
            Output(field("sensitive"), "data"),
            Output(field("sensitive"), "value"),
            Input(field("data"), "value"),
            prevent_initial_call=True,
        )(self._on_data)
        studio.add_page(NEW, self.page, title="New evaluation")

    def page(
        self, model: str = "", version: str = "", model_uri: str = "", target: str = ""
    ) -> Any:
        studio, ui = self._studio, self._studio.ui
        back = ("Responsible AI", studio.link(LIST))
        models = self._models(model_uri)
        tables = self._tables()
        if not models or not tables:
            what, path = ("data", "/data/new") if not tables else ("a model", "/automl")
            missing = ui.empty(
                f"There is no {'data asset' if not tables else 'registered model'} yet",
                "An evaluation needs a registered model and a table with the true outcomes.",
                ui.button_link(f"Get {what}", studio.link(path)),
            )
            return ui.page("New evaluation", missing, back=back)
        chosen = model_uri or (f"models:/{model}/{version}" if version else models[0]["value"])
        return ui.page(
            "New evaluation",
            self._form(models, chosen, tables, target),
            subtitle="Use a table that the model has not learned from.",
            back=back,
        )

    def _models(self, model_uri: str) -> list[dict[str, str]]:
        versions = self._studio.client().search_model_versions(
            max_results=_N_CHOICES, order_by=["last_updated_timestamp DESC"]
        )
        found = [
            {"value": f"models:/{one.name}/{one.version}", "label": f"{one.name}, {one.version}"}
            for one in versions
        ]
        extra = [{"value": model_uri, "label": "The search's best model"}] if model_uri else []
        return extra + found

    def _tables(self) -> list[dict[str, str]]:
        assets = self._studio.assets().search("data", max_results=_N_CHOICES).items
        return [
            {"value": f"{asset.name}:{asset.version}", "label": f"{asset.name}, {asset.version}"}
            for asset in assets
        ]

    def _form(
        self,
        models: list[dict[str, str]],
        model: str,
        tables: list[dict[str, str]],
        target: str,
    ) -> Any:
        import dash_mantine_components as dmc
        from dash import html

        field = self._start.field
        table = tables[0]["value"]
        columns, last, _, _ = self._on_data(table)
        return self._studio.ui.form(
            dmc.Select(
                id=field("model_uri"), label="Model", data=models, value=model,
                searchable=True, allowDeselect=False,
            ),
            dmc.Select(
                id=field("data"), label="Data asset", data=tables, value=table,
                description="Rows with the true outcomes.", searchable=True, allowDeselect=False,
            ),
            dmc.Select(
                id=field("target"), label="Target", description="The column that holds the truth.",
                data=columns, value=target if target in columns else last,
                searchable=True, allowDeselect=False,
            ),
            dmc.MultiSelect(
                id=field("sensitive"), label="Sensitive columns",
                description="Groups of these columns are compared, such as sex or age.",
                data=columns, value=[], searchable=True,
            ),
            dmc.TextInput(
                id=field("experiment"), label="Experiment", value="evaluations",
                description="Where the run goes; made if it does not exist.",
            ),
            self._start.result(),
            html.Div(self._start.button("Start")),
        )  # fmt: skip

    def _on_data(self, data: str) -> tuple[list[str], str | None, list[str], list[str]]:
        columns = [column["name"] for column in self._asset(data).spec.get("schema", [])]
        return columns, columns[-1] if columns else None, columns, []

    def _asset(self, data: str) -> Any:
        name, _, version = data.rpartition(":")
        return self._studio.assets().get("data", name, version)

    def _on_start(
        self,
        model_uri: str,
        data: str,
        target: str | None,
        sensitive: list[str] | None,
        experiment: str,
    ) -> Any:
        studio = self._studio
        if not target:
            raise MlflowException.invalid_parameter_value(
                "Choose the target: the column that holds the truth."
            )
        document = evaluation_job(
            model_uri,
            self._asset(data),
            target=target,
            sensitive=[column for column in sensitive or [] if column != target],
        )
        job = studio.submit_job(document, experiment_name=experiment.strip())
        _note_on_version(studio.client(), model_uri, job)
        return studio.Done(go_to=studio.link(DETAIL, run_id=job.run_id))


def evaluation_job(
    model_uri: str, asset: Any, *, target: str, sensitive: list[str]
) -> dict[str, Any]:
    """Return the command job that evaluates a model on a data asset.

    Args:
        model_uri: Such as ``models:/adult-income/3``.
        asset: The table, with ``name``, ``version`` and ``reference``.
        target: Column that holds the truth.
        sensitive: Columns whose groups are compared.
    """
    words = ["python", "-m", "rai", "evaluate", "--model-uri", shlex.quote(model_uri)]
    words += ["--data", '"${{inputs.data}}"', "--target", shlex.quote(target)]
    for column in sensitive:
        words += ["--sensitive", shlex.quote(column)]
    model = model_uri.removeprefix("models:/").replace("/", " version ")
    return {
        "type": "command",
        "display_name": f"Evaluation of {model}",
        "command": " ".join(words),
        "inputs": {"data": {"type": "uri_file", "path": asset.reference}},
        "tags": {
            "rai.kind": "evaluation",
            "rai.model": model_uri,
            "rai.data": f"{asset.name}, {asset.version}",
        },
    }


def _note_on_version(client: MlflowClient, model_uri: str, job: Any) -> None:
    name, _, version = model_uri.removeprefix("models:/").rpartition("/")
    if name and version.isdecimal():
        place = f"{job.experiment_id}/{job.run_id}"
        client.set_model_version_tag(name, version, EVALUATION_TAG, place)


# ------------------------------------------------------------------ one evaluation


class _OneEvaluation:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._content = studio.live("rai-run", self._show)
        studio.add_page(DETAIL, self.page, title="Evaluation")

    def page(self, run_id: str) -> Any:
        studio, ui = self._studio, self._studio.ui
        run = studio.client().get_run(run_id)
        log = [ui.card("Log", studio.job_log(run_id))] if "studio.job" in run.data.tags else []
        in_mlflow = studio.mlflow_link(f"experiments/{run.info.experiment_id}/runs/{run_id}")
        return ui.page(
            run.info.run_name,
            self._content(run_id=run_id),
            *log,
            actions=[ui.outside("In the MLflow UI", in_mlflow)],
            back=("Responsible AI", studio.link(LIST)),
        )

    def _show(self, run_id: str) -> Any:
        from dash import html

        studio, ui = self._studio, self._studio.ui
        client = studio.client()
        run = client.get_run(run_id)
        has_ended = run.info.status in ("FINISHED", "FAILED", "KILLED")
        if "rai.report" not in run.data.tags:
            waiting = html.P(
                [ui.badge(_STATUS[run.info.status]), " The figures appear when they are computed."]
                if not has_ended
                else [ui.badge(_STATUS[run.info.status]), " There are no figures; see the log."]
            )
            return studio.Final([self._problem(run), waiting]) if has_ended else waiting
        analysis = _read_json(client, run_id)
        content = html.Div(
            [
                _about(ui, analysis),
                ui.tiles(_tiles(ui, analysis)),
                *(ui.card(_fairness_title(one), _fairness(ui, one)) for one in _single(analysis)),
                *_importance(ui, analysis),
                ui.card(
                    "The whole report",
                    html.Iframe(
                        src=studio.report_link(run_id, REPORT),
                        title="Evaluation report",
                        className="studio-frame",
                    ),
                    actions=[ui.outside("Open", studio.report_link(run_id, REPORT))],
                ),
            ],
            className="studio-stack",
        )
        return studio.Final(content) if has_ended else content

    def _problem(self, run: Any) -> Any:
        studio, ui = self._studio, self._studio.ui
        if "studio.job" not in run.data.tags:
            return None
        error = studio.job(run.info.run_id).error
        return ui.note(error, title="Why it ended", color="red") if error else None


def _read_json(client: MlflowClient, run_id: str) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        path = client.download_artifacts(run_id, ANALYSIS, folder)
        record: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return record


def _about(ui: Any, analysis: dict[str, Any]) -> Any:
    from dash import html

    subject = analysis["subject"]
    facts = {
        "Model": subject["model"],
        "Data": subject["data"],
        "Rows": ui.number(subject["n_rows"]),
        "Target": analysis["target"],
        "Task": analysis["task"],
        "Positive class": analysis["positive_label"],
    }
    notes = [ui.note(text) for text in analysis["notes"]]
    return html.Div([ui.card(None, ui.key_values(facts)), *notes], className="studio-stack")


def _tiles(ui: Any, analysis: dict[str, Any]) -> dict[str, Any]:
    """Return the report's headlines."""
    from dash import html

    from rai._report import HEADLINES
    from rai._report_parts import title_of

    metrics = analysis["metrics"]
    return {
        title_of(name): [
            ui.number(metrics[name]["value"]),
            html.Div(_interval(ui, metrics[name]), className="studio-interval"),
        ]
        for name in HEADLINES[analysis["task"]]
        if name in metrics
    }


def _interval(ui: Any, estimate: dict[str, Any]) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return ""
    return f"{ui.number(estimate['low'])} to {ui.number(estimate['high'])}"


# ------------------------------------------------------------------ groups and columns


def _single(analysis: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the comparisons by one feature; intersections are in the report."""
    return [one for one in analysis["fairness"] if len(one["features"]) == 1]


def _fairness_title(fairness: dict[str, Any]) -> str:
    label = fairness["positive_label"]
    return f"By {fairness['features'][0]}" + (f" (positive: {label})" if label else "")


def _fairness(ui: Any, fairness: dict[str, Any]) -> Any:
    from dash import html

    from rai._report_parts import title_of

    groups = fairness["groups"]
    names = list(groups[0]["metrics"])[:6] if groups else []
    rows = [
        [
            " · ".join(group["key"]),
            ui.number(group["n"]),
            *(_estimate(ui, group["metrics"][name]) for name in names),
        ]
        for group in groups
    ]
    gaps = [
        [
            title_of(gap["name"]),
            _estimate(ui, gap["difference"]),
            _estimate(ui, gap["ratio"]),
            gap["lowest"] or "-",
            gap["highest"] or "-",
        ]
        for gap in fairness["gaps"][:6]
    ]
    headings = ["Group", "Rows", *(title_of(name) for name in names)]
    gap_headings = ["Disparity", "Difference", "Ratio", "Lowest", "Highest"]
    return html.Div(
        [
            ui.table(headings, rows, label=_fairness_title(fairness)),
            ui.table(gap_headings, gaps, label="Disparities"),
            *(ui.note(text, color="orange") for text in fairness["warnings"]),
        ],
        className="studio-stack",
    )


def _estimate(ui: Any, estimate: dict[str, Any]) -> Any:
    from dash import html

    if estimate["value"] is None:
        return html.Span("-", title=estimate["reason"] or "Undefined")
    return [
        ui.number(estimate["value"]),
        html.Div(_interval(ui, estimate), className="studio-interval"),
    ]


def _importance(ui: Any, analysis: dict[str, Any]) -> list[Any]:
    from dash import html

    importance = analysis["importance"]
    if importance is None:
        return []
    shown = importance["features"][:_N_FEATURES]
    largest = max((one["importance"] for one in shown), default=0) or 1
    rows = [
        [
            one["feature"],
            ui.bar(one["importance"] / largest, label=one["feature"]),
            ui.number(one["importance"]),
        ]
        for one in shown
    ]
    about = f"Mean absolute Shapley value of the {importance['output_space']}"
    table = ui.table(["Column", "", "Importance"], rows, label="Importance of columns")
    return [ui.card("What the model relies on", table, html.P(about, className="studio-dim"))]
