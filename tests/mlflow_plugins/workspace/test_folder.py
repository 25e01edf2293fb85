"""The workspace folder: one owner, private secrets, WAL."""

import sqlite3
import stat
import subprocess
import sys

import pytest

from mlflow_plugins.core import InvalidInput, StudioError
from mlflow_plugins.workspace import WorkspaceFolder


@pytest.fixture
def folder(tmp_path) -> WorkspaceFolder:
    made = WorkspaceFolder(tmp_path / "workspace")
    made.prepare()
    return made


def test_a_second_owner_is_refused(folder):
    script = (
        "import sys; from pathlib import Path\n"
        "from mlflow_plugins.workspace import WorkspaceFolder\n"
        "try:\n"
        "    with WorkspaceFolder(Path(sys.argv[1])).owned(): print('owned')\n"
        "except Exception as error: print(error)"
    )
    command = [sys.executable, "-c", script, str(folder.root)]
    with folder.owned():
        refused = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "is in use by the process" in refused
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "owned\n"


def test_a_second_owner_in_the_same_process_is_refused(folder):
    with folder.owned(), pytest.raises(StudioError, match="is in use"), folder.owned():
        pass


def test_secrets_are_private_and_stay(folder):
    first = folder.secret(folder.secret_key)
    assert len(first) >= 24
    assert folder.secret(folder.secret_key) == first
    assert stat.S_IMODE(folder.secret_key.stat().st_mode) == 0o600
    assert folder.secret(folder.admin_password) != first


def test_the_database_is_in_wal_mode(folder):
    folder.enable_wal()
    with sqlite3.connect(folder.database) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidInput, match="cannot be made"):
        WorkspaceFolder(tmp_path / "file" / "workspace").prepare()
