"""Reaching a store, or saying clearly why not."""

import http.server
import os
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.core import (
    InvalidInput,
    MissingExtra,
    Unreachable,
    connect,
    prepare_environment,
    without_password,
)
from mlflow_plugins.core.processes import free_port
from mlflow_plugins.testing import TrackingServer


class _Answers500(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(500)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def broken_server() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Answers500) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://user:secret@127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_real_server(tracking_server: TrackingServer):
    assert connect(f"{tracking_server.uri}/").search_experiments()


def test_mlflow_s_own_setting_is_used(sqlite_uri: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sqlite_uri)
    assert connect().tracking_uri == sqlite_uri


def test_no_store_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InvalidInput, match="No tracking server is named"):
        connect()


def test_nothing_listens():
    uri = f"http://user:secret@127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable, match="connection refused") as caught:
        connect(uri)
    assert "start a server with: mlflow-studio up" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_something_else_listens(broken_server: str):
    with pytest.raises(Unreachable, match="answers 500 to /health") as caught:
        connect(broken_server)
    assert "secret" not in str(caught.value)


def test_a_server_that_never_answers():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unreachable, match="no answer in time"):
            connect(uri, timeout_seconds=0.2)


@pytest.mark.parametrize("uri", ["mlruns", "./mlruns", "file:///tmp/mlruns"])
def test_a_folder_of_files_is_refused(uri: str):
    with pytest.raises(InvalidInput, match="is a folder of files"):
        connect(uri)


def test_a_database_without_its_driver(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(MissingExtra, match=r"mlflow-studio\[postgres\]") as caught:
        connect("postgresql://me:secret@127.0.0.1:9/none")
    assert "secret" not in str(caught.value)


_WORDS = st.text("abcXYZ019%._~-", min_size=1)


@given(user=_WORDS, password=_WORDS, host=st.text("abc", min_size=1), path=st.text("abc/"))
def test_passwords_are_masked(user: str, password: str, host: str, path: str):
    uri = f"postgresql://{user}:{password}@{host}/{path}"
    assert without_password(uri) == f"postgresql://{user}:***@{host}/{path}"


@pytest.mark.parametrize("uri", ["http://host:5000", "sqlite:////a/b.db", "http://user@host", ""])
def test_what_has_no_password_stays(uri: str):
    assert without_password(uri) == uri


def test_environment_never_cuts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRUNCATE_LONG_VALUES", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "true")
    prepare_environment()
    assert os.environ["MLFLOW_TRUNCATE_LONG_VALUES"] == "false"
    assert os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] == "true"
