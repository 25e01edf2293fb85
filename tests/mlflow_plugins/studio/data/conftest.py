"""A studio with data in it, and the questions that its pages' scripts ask."""

import pytest

from mlflow_plugins.data import create_data_asset


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # where the cache is


@pytest.fixture
def asker():
    """Makes a function that asks a studio's server a question and checks the answer's status."""

    def of(place):
        def ask_one(question, *, status=200, **arguments):
            answer = place.http.post(f"{place.prefix}_call/{question}", json=arguments)
            assert answer.status_code == status, answer.text
            return answer.json

        return ask_one

    return of


@pytest.fixture
def ask(asker, place):
    return asker(place)


@pytest.fixture
def create(place):
    """Makes a data asset of a file."""

    def create_one(path, name, **more):
        with place.studio._app.server.app_context():
            return create_data_asset(place.studio.assets(), path, name=name, **more)

    return create_one
