"""A studio on a Flask app of its own, over a fresh database, without any server process."""

import json
import sys
import types
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from mlflow import MlflowClient

from mlflow_plugins.core import Settings

with warnings.catch_warnings():  # Dash's own, about what it imports
    warnings.simplefilter("ignore")
    from mlflow_plugins.studio import Access, EverythingAllowed, Studio, UserClient, make_studio


@dataclass(frozen=True, slots=True)
class Place:
    """A studio and a browser's view of it."""

    studio: Studio
    http: FlaskClient
    prefix: str

    def open(self, path: str, query: str = "") -> str:
        """Return what the router answers for a page, as text."""
        return json.dumps(self.route(path, query))

    def route(self, path: str, query: str = "") -> Any:
        location = {"id": "studio-location"}
        address = self.prefix.rstrip("/") + path
        answer = self.http.post(
            f"{self.prefix}_dash-update-component",
            json={
                "output": "..studio-content.children...studio-title.data..",
                "outputs": [
                    {"id": "studio-content", "property": "children"},
                    {"id": "studio-title", "property": "data"},
                ],
                "inputs": [
                    {**location, "property": "pathname", "value": address},
                    {**location, "property": "search", "value": query},
                ],
                "changedPropIds": ["studio-location.pathname"],
            },
        )
        assert answer.status_code == 200, answer.text
        return answer.json["response"]

    def outcome(self, name: str, values: list[Any]) -> str:
        """Return what a section of `Studio.outcome` shows for its fields' values, as text."""
        answer = self.http.post(
            f"{self.prefix}_dash-update-component",
            json={
                "output": f"studio-{name}-outcome.children",
                "outputs": {"id": f"studio-{name}-outcome", "property": "children"},
                "inputs": [{"id": f"studio-{name}-settled", "property": "data", "value": values}],
                "changedPropIds": [],
            },
        )
        assert answer.status_code == 200, answer.text
        return answer.text


def entry_point(name: str, register: Callable[[Studio], None]) -> EntryPoint:
    """An entry point of a package that somebody else has installed."""
    module = types.ModuleType(f"somebody_{uuid.uuid4().hex}")
    module.register = register
    sys.modules[module.__name__] = module
    return EntryPoint(name, f"{module.__name__}:register", "mlflow_studio.pages")


@pytest.fixture
def make_place(sqlite_uri: str) -> Callable[..., Place]:
    def make(
        *registers: Callable[[Studio], None],
        access: Access | None = None,
        static_prefix: str = "",
        with_all: bool = False,
        **settings: float,
    ) -> Place:
        def client() -> MlflowClient:
            return UserClient(access, sqlite_uri, None) if access else MlflowClient(sqlite_uri)

        server = Flask("server")
        studio = make_studio(
            server,
            static_prefix=static_prefix,
            make_client=client,
            access=access or EverythingAllowed(),
            settings=Settings(**settings),
            points=None
            if with_all
            else [entry_point(f"page-{n}", one) for n, one in enumerate(registers)],
        )
        return Place(studio, server.test_client(), f"{static_prefix}/studio/")

    return make


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    """A studio with every page that is installed."""
    return make_place(with_all=True)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("age,sex\n30,female\n40,male\n50,female\n", encoding="utf-8")
    return path
