"""``up`` refuses what cannot work before it starts anything."""

import socket
from pathlib import Path

import pytest

from mlflow_plugins.core import InvalidInput, MissingExtra, Unreachable
from mlflow_plugins.core.processes import free_port
from mlflow_plugins.workspace import UpOptions


def test_a_port_in_use_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"Port {port} on 127.0.0.1 is in use"):
            UpOptions(folder=Path("x"), port=port).check()


@pytest.mark.parametrize("prefix", ["ml", "/ml/", "/"])
def test_a_bad_prefix_is_refused(prefix):
    with pytest.raises(InvalidInput, match="It must start with '/'"):
        UpOptions(folder=Path("x"), static_prefix=prefix, port=free_port()).check()


@pytest.mark.parametrize("store", ["./mlruns", "file:///x", "http://host:5000"])
def test_a_store_that_is_no_database_is_refused(store):
    with pytest.raises(InvalidInput, match="It must be a database"):
        UpOptions(folder=Path("x"), backend_store_uri=store, port=free_port()).check()


def test_a_password_in_a_refused_store_is_not_shown():
    with pytest.raises(InvalidInput) as caught:
        UpOptions(
            folder=Path("x"), backend_store_uri="http://me:secret@host/x", port=free_port()
        ).check()
    assert "secret" not in str(caught.value)


def test_clients_reach_a_server_that_listens_everywhere():
    assert UpOptions(
        folder=Path("x"), host="0.0.0.0", port=80, static_prefix="/ml"
    ).tracking_uri == ("http://127.0.0.1:80/ml")


@pytest.mark.parametrize(
    "store", ["postgresql://me:secret@127.0.0.1:9/x", "sqlite:////nowhere/at/all/mlflow.db"]
)
def test_a_database_that_does_not_answer_is_refused_at_once(store):
    options = UpOptions(folder=Path("x"), backend_store_uri=store, port=free_port())
    with pytest.raises(Unreachable, match=r"cannot be used: .*Check its address") as caught:
        options.check()
    assert "secret" not in str(caught.value)


def test_a_missing_driver_says_how_to_get_it():
    options = UpOptions(folder=Path("x"), backend_store_uri="mysql+pymysql://h/x", port=free_port())
    with pytest.raises(MissingExtra, match="which is not installed"):
        options.check()
