"""``mlflow-studio up`` as its user meets it: start, stop, kill, start again."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import psutil
import pytest
import requests

from mlflow_plugins.core import AssetStore, connect
from mlflow_plugins.data import DATA, create_data_asset, preview

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]  # two cores may be busy


def test_it_starts_stops_and_finds_everything_again(start_workspace, tmp_path, wait_until):
    workspace = start_workspace()
    assert requests.get(f"{workspace.uri}/studio/", timeout=30).status_code == 200
    with closing(sqlite3.connect(workspace.folder / "mlflow.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    table = tmp_path / "people.csv"
    table.write_text("age\n31\n", encoding="utf-8")
    create_data_asset(AssetStore(connect(workspace.uri)), table, name="people")

    family = workspace.family()
    assert workspace.stop(signal.SIGINT) == 0
    wait_until(lambda: not any(map(is_running, family)), what="the end of every child")

    again = start_workspace()
    store = AssetStore(connect(again.uri))
    assert preview(store, store.get(DATA, "people")).to_pydict() == {"age": [31]}


def test_killing_it_ends_its_children(start_workspace, wait_until):
    workspace = start_workspace()
    family = workspace.family()
    assert len(family) >= 2
    workspace.process.kill()
    workspace.process.wait()
    wait_until(lambda: not any(map(is_running, family)), what="the end of every child")


def test_an_agent_that_is_killed_comes_back(start_workspace, wait_until):
    workspace = start_workspace()
    [first] = workspace.agents()
    first.kill()
    wait_until(
        lambda: [one for one in workspace.agents() if one.pid != first.pid], what="a new agent"
    )


def test_a_second_workspace_in_the_same_folder_is_refused(start_workspace):
    start_workspace()
    second = start_workspace(wait=False)
    printed, _ = second.process.communicate(timeout=60)
    assert second.process.returncode == 1
    assert "is in use by the process" in printed
    assert "Traceback" not in printed


def test_a_port_in_use_is_refused(start_workspace):
    first = start_workspace()
    port = first.uri.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "mlflow_plugins.cli", "up", "--port", port],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in done.stderr


def test_below_a_prefix(start_workspace):
    workspace = start_workspace("--static-prefix", "/ml")
    assert requests.get(f"{workspace.uri}/ml/studio/", timeout=30).status_code == 200
    assert connect(f"{workspace.uri}/ml").search_experiments()


class TestWithLogins:
    """``--auth``: four workers start without a race; people see what they may."""

    def test_people_log_in_and_see_what_they_may(self, start_workspace, monkeypatch):
        workspace = start_workspace("--auth", "--workers", "4")
        page = f"{workspace.uri}/studio/"
        assert requests.get(page, timeout=30).status_code == 401
        password = (workspace.folder / "admin-password").read_text(encoding="ascii")
        admin = ("admin", password)
        assert requests.get(page, auth=admin, timeout=30).status_code == 200
        made = requests.post(
            f"{workspace.uri}/api/2.0/mlflow/users/create",
            json={"username": "bob", "password": "bobs-password-1"},
            auth=admin,
            timeout=30,
        )
        assert made.status_code == 200
        assert requests.get(page, auth=("bob", "bobs-password-1"), timeout=30).status_code == 200
        log = (workspace.folder / "logs" / "server.log").read_text(encoding="utf-8")
        assert "Traceback" not in log
        assert password not in log


def is_running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
