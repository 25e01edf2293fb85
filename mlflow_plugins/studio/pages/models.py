"""Models: the registry, with what is known about each version."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio

LIST, DETAIL = "/models", "/models/<name>"
_PAGE_SIZE = 50
EVALUATION_TAG = "rai.evaluation_run"
"""Tag of a model version: ``EXPERIMENT/RUN`` of its latest evaluation."""
_AVERAGES = ("_macro", "_micro", "_weighted")


def register(studio: Studio) -> None:
    """Add the pages."""
    _Models(studio)


def version_rows(studio: Studio, versions: Any) -> Component:
    """Return a table of model versions."""
    rows = [
        [
            ui.link(one.name, studio.link(DETAIL, name=one.name)),
            ui.tag(f"version {one.version}"),
            ", ".join(getattr(one, "aliases", None) or []) or "-",
            ui.ago(one.creation_timestamp / 1000),
        ]
        for one in versions
    ]
    return ui.table(["Model", "Version", "Aliases", "Registered"], rows, label="Models")


class _Models:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        add = studio.add_page
        add(LIST, self.overview, title="Models", icon="models", section="Assets", order=30)
        add(DETAIL, self.detail, title="Model")

    def overview(self, page_token: str | None = None) -> Component:
        studio = self._studio
        models = studio.client().search_registered_models(
            max_results=_PAGE_SIZE,
            order_by=["last_updated_timestamp DESC"],
            page_token=page_token,
        )
        if not models:
            return ui.page(
                "Models",
                ui.empty(
                    "No registered model yet",
                    "A registered model has numbered versions that can be evaluated and deployed. "
                    "Register the best model of an AutoML search from its page, or from Python "
                    "with mlflow.register_model.",
                    ui.button_link("Go to AutoML", studio.link("/automl")),
                ),
            )
        rows = [
            [
                ui.link(model.name, studio.link(DETAIL, name=model.name)),
                ui.tag(_newest(model)),
                ", ".join(sorted(model.aliases or {})) or "-",
                ui.ago(model.last_updated_timestamp / 1000),
            ]
            for model in models
        ]
        older = studio.link(LIST, page_token=models.token) if models.token else None
        return ui.page(
            "Models",
            ui.table(["Name", "Newest version", "Aliases", "Last changed"], rows, label="Models"),
            *([html.P(ui.link("More", older))] if older else []),
            subtitle="Registered models and how they were judged.",
        )

    def detail(self, name: str) -> Component:
        studio = self._studio
        client = studio.client()
        model = client.get_registered_model(name)
        versions = client.search_model_versions(
            f"name = '{name}'", max_results=_PAGE_SIZE, order_by=["version_number DESC"]
        )
        evaluations = _evaluations(client, versions)
        return ui.page(
            name,
            *[self._version(one, evaluations.get(str(one.version))) for one in versions],
            subtitle=model.description or None,
            actions=[ui.outside("In the MLflow UI", studio.mlflow_link(f"models/{name}"))],
            back=("Models", studio.link(LIST)),
        )

    def _version(self, one: Any, run: Any) -> Component:
        studio = self._studio
        deploy = ui.button_link(
            "Deploy", studio.link("/endpoints/new", model=one.name, version=one.version)
        )
        evaluate = ui.button_link(
            "Evaluate",
            studio.link("/rai/new", model=one.name, version=one.version),
            is_primary=False,
        )
        facts = {
            "Registered": ui.ago(one.creation_timestamp / 1000),
            "Status": ui.badge(one.status.capitalize()),
            "Aliases": ", ".join(getattr(one, "aliases", None) or []),
            "Description": one.description,
            "Trained in": self._origin(one),
            "URI": html.Code(f"models:/{one.name}/{one.version}"),
        }
        return ui.card(
            f"Version {one.version}",
            ui.columns(ui.key_values(facts), self._evaluation(run)),
            actions=[html.Div([evaluate, deploy], className="studio-actions")],
        )

    def _origin(self, one: Any) -> Any:
        if not one.run_id:
            return None
        return ui.link(one.run_id, self._studio.link("/runs/<run_id>", run_id=one.run_id))

    def _evaluation(self, run: Any) -> Component:
        studio = self._studio
        if run is None:
            return html.P("Not evaluated yet.", className="studio-dim")
        figures = {
            key.removeprefix("rai/"): value
            for key, value in sorted(run.data.metrics.items())
            if key.startswith("rai/")
        }
        overall = {
            _spoken(key): ui.number(value)
            for key, value in figures.items()
            if "/" not in key and not key.endswith(_AVERAGES)
        }
        gaps = {
            f"{_spoken(name)} by {feature}": ui.number(value)
            for key, value in figures.items()
            for feature, _, name in [key.rpartition("/")]
            if feature and name.endswith("_difference")
        }
        address = studio.link("/rai/<run_id>", run_id=run.info.run_id)
        status = (
            [] if figures else [html.P(["Evaluation: ", ui.badge(run.info.status.capitalize())])]
        )
        return html.Div(
            [
                *status,
                ui.tiles(dict(list(overall.items())[:6])),
                ui.key_values(dict(list(gaps.items())[:4])),
                html.P(ui.link("Open the evaluation", address)),
            ],
            className="studio-stack",
        )


def _spoken(name: str) -> str:
    return name.removesuffix("_binary").removesuffix("_score").replace("_", " ")


def _newest(model: Any) -> str:
    numbers = [int(one.version) for one in model.latest_versions or []]
    return f"version {max(numbers)}" if numbers else "-"


def _evaluations(client: Any, versions: Any) -> dict[str, Any]:
    """Read the evaluation runs of some versions by one query."""
    places = {
        str(one.version): one.tags[EVALUATION_TAG] for one in versions if EVALUATION_TAG in one.tags
    }
    if not places:
        return {}
    run_ids = {version: place.partition("/")[2] for version, place in places.items()}
    experiments = sorted({place.partition("/")[0] for place in places.values()})
    wanted = ", ".join(f"'{run_id}'" for run_id in run_ids.values() if run_id.isalnum())
    runs = client.search_runs(
        experiments, f"attributes.run_id IN ({wanted})", max_results=_PAGE_SIZE
    )
    by_id = {run.info.run_id: run for run in runs}
    return {version: by_id[run_id] for version, run_id in run_ids.items() if run_id in by_id}
