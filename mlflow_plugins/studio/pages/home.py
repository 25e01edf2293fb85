"""Home: what happened last, and what to do first."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.endpoints import endpoint_rows
from mlflow_plugins.studio.pages.jobs import NEW, job_rows
from mlflow_plugins.studio.pages.models import version_rows

_N_RECENT = 5


def register(studio: Studio) -> None:
    """Add the page."""
    _Home(studio)


class _Home:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._content = studio.live("home", self._overview, seconds=5)
        studio.add_page("/", self.page, title="Home", icon="home", order=0)

    def page(self) -> Component:
        return ui.page(
            "Home",
            self._content(),
            subtitle="From a table to a model that answers, on your own MLflow server.",
            actions=[ui.button_link("New job", self._studio.link(NEW), is_primary=False)],
        )

    def _overview(self) -> Any:
        from mlflow_plugins.deployments import list_deployments
        from mlflow_plugins.jobs import list_jobs

        studio = self._studio
        client = studio.client()
        jobs = list_jobs(client, parents_only=True, max_results=_N_RECENT).items
        versions = client.search_model_versions(
            max_results=_N_RECENT, order_by=["last_updated_timestamp DESC"]
        )
        deployments = list_deployments(studio.assets())[:_N_RECENT]
        has_data = bool(studio.assets().search("data", max_results=1).items)
        has = (has_data, bool(jobs), bool(versions), bool(deployments))
        recent = [
            ("Recent jobs", "/jobs", job_rows(studio, jobs) if jobs else None),
            ("Models", "/models", version_rows(studio, versions) if versions else None),
            (
                "Endpoints",
                "/endpoints",
                endpoint_rows(studio, deployments) if deployments else None,
            ),
        ]
        cards = [
            ui.card(title, content, actions=[ui.link("All", studio.link(path))])
            for title, path, content in recent
            if content is not None
        ]
        return html.Div([_steps(studio, has), *cards], className="studio-stack")


def _steps(studio: Studio, done: tuple[bool, ...]) -> Component:
    steps = [
        (
            "Bring a table",
            "Upload a CSV or Parquet file. It becomes a versioned data asset.",
            "Upload data",
            "/data/new",
        ),
        (
            "Find a model",
            "AutoML tries learners and settings within the time that you give it.",
            "Start AutoML",
            "/automl/new",
        ),
        (
            "Look closely",
            "See where the model errs, for whom, and what it relies on.",
            "Evaluate a model",
            "/rai/new",
        ),
        (
            "Let it answer",
            "Deploy the model to an endpoint and call it over HTTP.",
            "Create an endpoint",
            "/endpoints/new",
        ),
    ]
    first_open = next((n for n, is_done in enumerate(done) if not is_done), None)
    return html.Ol(
        [
            html.Li(
                [
                    html.H3([html.Span("✓" if is_done else str(n + 1)), title]),
                    html.P(text),
                    html.Div(ui.button_link(action, studio.link(path), is_primary=n == first_open)),
                ],
                className="done" if is_done else "",
            )
            for n, ((title, text, action, path), is_done) in enumerate(
                zip(steps, done, strict=True)
            )
        ],
        className="studio-steps",
    )
