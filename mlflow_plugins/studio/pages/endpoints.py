"""Endpoints: models that answer over HTTP; create, try, hand out keys, delete."""

import json
import time
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._model_examples import request_example
from mlflow_plugins.studio._studio import Studio

LIST, NEW, DETAIL = "/endpoints", "/endpoints/new", "/endpoints/deployment/<name>"
_MAX_MODELS = 100


def register(studio: Studio) -> None:
    """Add the pages."""
    _Endpoints(studio)


def endpoint_rows(studio: Studio, deployments: Any) -> Component:
    """Return a table of deployments."""
    rows = [
        [
            ui.link(one.name, studio.link(DETAIL, name=one.name)),
            ui.badge(str(one.status)),
            one.model_uri.removeprefix("models:/"),
            ui.ago(one.created_at),
            one.created_by,
        ]
        for one in deployments
    ]
    return ui.table(["Name", "Status", "Model", "Created", "Created by"], rows, label="Endpoints")


class _Endpoints:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._rows = studio.live("endpoints-list", self._list)
        self._state = studio.live("endpoint-state", self._describe)
        self._key_list = studio.live("endpoint-keys", self._list_keys, seconds=10)
        self._call = studio.live("endpoint-call", self._show_snippets, seconds=3)
        self._log = studio.live("endpoint-log", self._show_log, seconds=3)
        self._create = studio.action("endpoint-create", self._on_create)
        self._delete = studio.action("endpoint-delete", self._on_delete)
        self._test = studio.action("endpoint-test", self._on_test)
        self._issue = studio.action("endpoint-issue", self._on_issue)
        self._revoke = studio.action("endpoint-revoke", self._on_revoke)
        add = studio.add_page
        add(LIST, self.overview, title="Endpoints", icon="endpoints", section="Assets", order=40)
        add(NEW, self.new, title="Create an endpoint")
        add(DETAIL, self.detail, title="Endpoint")

    # ------------------------------------------------------------ the list

    def overview(self) -> Component:
        return ui.page(
            "Endpoints",
            self._rows(),
            subtitle="Models that answer over HTTP.",
            actions=[ui.button_link("Create an endpoint", self._studio.link(NEW))],
        )

    def _list(self) -> Any:
        from mlflow_plugins.deployments import list_deployments

        deployments = list_deployments(self._studio.assets())
        if deployments:
            return endpoint_rows(self._studio, deployments)
        return ui.empty(
            "No endpoint yet",
            "An endpoint serves one version of a registered model under an address of its own and "
            "asks callers for a key. From a terminal: mlflow deployments create -t studio",
            ui.button_link("Create an endpoint", self._studio.link(NEW)),
        )

    # ------------------------------------------------------------ create

    def new(self, model: str = "", version: str = "") -> Component:
        studio = self._studio
        versions = studio.client().search_model_versions(
            max_results=_MAX_MODELS, order_by=["last_updated_timestamp DESC"]
        )
        if not versions:
            return ui.page(
                "Create an endpoint",
                ui.empty(
                    "No registered model yet",
                    "An endpoint serves a registered model. Find one with AutoML and register it.",
                    ui.button_link("Go to AutoML", studio.link("/automl")),
                ),
                back=("Endpoints", studio.link(LIST)),
            )
        choices = [
            {
                "value": f"models:/{one.name}/{one.version}",
                "label": f"{one.name}, version {one.version}",
            }
            for one in versions
        ]
        chosen = f"models:/{model}/{version}" if model and version else choices[0]["value"]
        form = ui.form(
            dmc.Select(
                label="Model",
                id=self._create.field("model_uri"),
                data=choices,
                value=chosen,
                searchable=True,
                allowDeselect=False,
            ),
            dmc.TextInput(
                label="Name",
                description="Letters, digits, dots, dashes and underscores.",
                id=self._create.field("name"),
                value=model or versions[0].name,
                required=True,
            ),
            html.Div(self._create.button("Create")),
            self._create.result(),
        )
        return ui.page(
            "Create an endpoint",
            form,
            subtitle="An agent starts a server for the model; that takes some seconds.",
            back=("Endpoints", studio.link(LIST)),
        )

    def _on_create(self, name: str | None, model_uri: str | None) -> Any:
        from mlflow_plugins.deployments import create_deployment

        if not name or not model_uri:
            raise InvalidInput("A name and a model are needed. Fill in both fields.")
        deployment, key = create_deployment(self._studio.assets(), name.strip(), model_uri)
        address = self._studio.link(DETAIL, name=deployment.name)
        return self._studio.Done(
            show=html.Div(
                [_new_key(key), html.P(ui.button_link("Open the endpoint", address))],
                className="studio-stack",
            )
        )

    # ------------------------------------------------------------ one endpoint

    def detail(self, name: str) -> Component:
        from mlflow_plugins.deployments import get_deployment

        studio = self._studio
        deployment = get_deployment(studio.assets(), name)
        example = request_example(studio.client(), deployment.model_uri)
        delete = self._delete.button(
            "Delete",
            confirm=f"The server of {name!r} ends and its keys become void.",
            look="danger",
            name=name,
        )
        return ui.page(
            name,
            self._state(name=name),
            ui.columns(
                ui.card("Try it", self._test_form(name, example)),
                html.Div(
                    [
                        ui.card(
                            "Keys",
                            self._key_list(name=name),
                            self._issue.result(),
                            actions=[self._issue.button("New key", look="plain", name=name)],
                        ),
                        ui.card("Call it", self._call(name=name)),
                    ],
                    className="studio-stack",
                ),
            ),
            ui.card("Server log", self._log(name=name)),
            actions=[delete],
            back=("Endpoints", studio.link(LIST)),
        )

    def _describe(self, name: str) -> Any:
        from mlflow_plugins.deployments import get_deployment

        one = get_deployment(self._studio.assets(), name)
        problem = [ui.note(one.error, title="The server says", color="red")] if one.error else []
        facts = {
            "Status": ui.badge(str(one.status)),
            "Address": html.Code(f"{one.url}/invocations") if one.url else "Not known yet",
            "Model": self._model_link(one.model_uri),
            "Generation": one.version,
            "Created": ui.ago(one.created_at),
            "Created by": one.created_by,
            **{f"Option {key}": value for key, value in one.config.items()},
        }
        return html.Div([*problem, ui.card(None, ui.key_values(facts))], className="studio-stack")

    def _model_link(self, model_uri: str) -> Any:
        name, _, version = model_uri.removeprefix("models:/").rpartition("/")
        if not model_uri.startswith("models:/") or not version.isdecimal():
            return html.Code(model_uri)
        return ui.link(f"{name}, version {version}", self._studio.link("/models/<name>", name=name))

    def _show_log(self, name: str) -> Any:
        from mlflow_plugins.deployments import read_log

        text = read_log(self._studio.assets(), name)
        return html.Pre(
            text, className="studio-log", tabIndex=0, **ui.attributes(data_empty="No output yet.")
        )

    def _on_delete(self, name: str) -> Any:
        from mlflow_plugins.deployments import delete_deployment

        delete_deployment(self._studio.assets(), name)
        return self._studio.Done(
            message=f"The endpoint {name} is being deleted.", go_to=self._studio.link(LIST)
        )

    # ------------------------------------------------------------ try it

    def _test_form(self, name: str, example: dict[str, Any]) -> Component:
        return html.Div(
            [
                dmc.JsonInput(
                    label="Request",
                    id=self._test.field("body"),
                    value=json.dumps(example, indent=2),
                    autosize=True,
                    minRows=8,
                    maxRows=22,
                    formatOnBlur=True,
                ),
                html.Div(self._test.button("Send", name=name)),
                self._test.result(),
            ],
            className="studio-stack",
        )

    def _on_test(self, name: str, body: str | None) -> Any:
        from mlflow_plugins.deployments import score

        try:
            document = json.loads(body or "")
        except json.JSONDecodeError as error:
            raise InvalidInput(
                f"The request is not JSON (line {error.lineno}, column {error.colno}: {error.msg})."
            ) from error
        if not isinstance(document, dict):
            raise InvalidInput('The request must be an object, such as {"dataframe_records": […]}.')
        self._studio.check_edit("deployment")
        started = time.perf_counter()
        answer = score(self._studio.assets(), name, document)
        milliseconds = 1000 * (time.perf_counter() - started)
        text = json.dumps(answer, indent=2, default=str)
        return self._studio.Done(show=ui.code(text, label=f"Answer after {milliseconds:.0f} ms"))

    # ------------------------------------------------------------ keys

    def _list_keys(self, name: str) -> Any:
        from mlflow_plugins.deployments import list_keys

        keys = list_keys(self._studio.assets(), name)
        rows = [
            [
                key.label or html.Code(key.id[:8]),
                ui.ago(key.created_at),
                self._revoke.button(
                    "Revoke",
                    confirm="Whoever uses this key is refused from now on.",
                    look="danger",
                    name=name,
                    key_id=key.id,
                ),
            ]
            for key in keys
            if not key.is_revoked and key.label != "short-lived"
        ]
        if not rows:
            return html.P("Nobody can call the endpoint: it has no key.", className="studio-dim")
        return ui.table(["Key", "Issued", ""], rows, label="Keys")

    def _on_issue(self, name: str) -> Any:
        from mlflow_plugins.deployments import issue_key

        key = issue_key(self._studio.assets(), name, label="studio")
        return self._studio.Done(show=_new_key(key))

    def _on_revoke(self, name: str, key_id: str) -> Any:
        from mlflow_plugins.deployments import revoke_key

        revoke_key(self._studio.assets(), name, key_id)
        return self._studio.Done(message="The key is void.")

    # ------------------------------------------------------------ call it

    def _show_snippets(self, name: str) -> Any:
        from mlflow_plugins.deployments import get_deployment

        one = get_deployment(self._studio.assets(), name)
        if one.url is None:
            return html.P("The address is known once the server runs.", className="studio-dim")
        example = request_example(self._studio.client(), one.model_uri, n_rows=1)
        return self._studio.Final(_snippets(f"{one.url}/invocations", example))


def _new_key(key: str) -> Component:
    return html.Div(
        [
            ui.note(
                "Copy the key now: only its digest is kept, so it is not shown again.",
                color="green",
            ),
            ui.code(key, label="Key"),
        ],
        className="studio-stack",
    )


def _snippets(address: str, body: dict[str, Any]) -> Component:
    quoted = json.dumps(body).replace("'", "'\\''")
    curl = f"""curl {address} \\
  -H "Authorization: Bearer $KEY" \\
  -H "Content-Type: application/json" \\
  -d '{quoted}'"""
    python = f"""import os

import requests

answer = requests.post(
    "{address}",
    headers={{"Authorization": f"Bearer {{os.environ['KEY']}}"}},
    json={body!r},
    timeout=60,
)
print(answer.json()["predictions"])"""
    return html.Div(
        [ui.code(curl, label="curl"), ui.code(python, label="Python")], className="studio-stack"
    )
