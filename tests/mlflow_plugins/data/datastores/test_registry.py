"""A workspace's datastores: made from files, one of them the default, gone without their files."""

import json

import pytest
from click.testing import CliRunner

from mlflow_plugins.cli import commands
from mlflow_plugins.core import AssetStore, InvalidInput, NotFound, apply_file
from mlflow_plugins.data import create_datastore, open_datastore
from mlflow_plugins.data.datastores import (
    default_datastore,
    delete_datastore,
    list_datastores,
    set_default_datastore,
)
from mlflow_plugins.testing import use_tracking_uri


@pytest.fixture
def store(sqlite_client):
    return AssetStore(sqlite_client)


def local(tmp_path, name="mine"):
    return {"name": name, "type": "local", "path": str(tmp_path)}


def test_a_datastore_is_made_changed_and_forgotten(store, tmp_path):
    first = create_datastore(store, local(tmp_path))
    assert create_datastore(store, local(tmp_path)).record_id == first.record_id
    changed = create_datastore(store, local(tmp_path / "other"))
    assert (first.version, changed.version) == ("1", "2")
    (tmp_path / "x").write_text("x")
    assert [one.name for one in list_datastores(store)] == ["workspaceblobstore", "mine"]
    delete_datastore(store, "mine")
    assert (tmp_path / "x").exists()
    with pytest.raises(NotFound, match="no datastore 'mine'"):
        open_datastore(store, "mine")
    create_datastore(store, local(tmp_path))
    assert open_datastore(store, "mine").listing() != []


def test_one_datastore_is_the_default(store, tmp_path):
    assert default_datastore(store) == "workspaceblobstore"
    create_datastore(store, local(tmp_path))
    set_default_datastore(store, "mine")
    assert open_datastore(store).name == "mine"
    with pytest.raises(InvalidInput, match="set-default workspaceblobstore"):
        delete_datastore(store, "mine")
    with pytest.raises(NotFound, match=r"no datastore 'mien'.*Did you mean 'mine'"):
        set_default_datastore(store, "mien")


def test_the_workspaces_own_names_are_taken(store, tmp_path):
    with pytest.raises(InvalidInput, match="the workspace's own storage"):
        create_datastore(store, local(tmp_path, "workspaceblobstore"))
    with pytest.raises(InvalidInput, match="cannot be deleted"):
        delete_datastore(store, "workspacefilestore")


def test_a_refused_secret_leaves_no_trace(store, tmp_path):
    file = tmp_path / "blob.yml"
    file.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/azureBlob.schema.json\n"
        "name: blob_example\ntype: azure_blob\naccount_name: a\ncontainer_name: c\n"
        "credentials:\n  account_key: hunter2hunter2\n"
    )
    with pytest.raises(InvalidInput, match=r"'credentials\.account_key' has a value of its own"):
        apply_file(store.records.client, file)
    assert len(list_datastores(store)) == 1
    database = (tmp_path / "mlflow.db").read_bytes()
    assert b"hunter2" not in database


@pytest.mark.parametrize("schema", ["", "$schema: https://x/latest/datastore.schema.json\n"])
def test_the_command_line_knows_all_of_it(sqlite_uri, tmp_path, schema):
    (tmp_path / "files").mkdir()
    (tmp_path / "ds.yml").write_text(f"{schema}name: mine\ntype: local\npath: files\n")

    def call(*words):
        return CliRunner().invoke(commands, words).output

    with use_tracking_uri(sqlite_uri):
        assert "datastore mine is at version 1" in call("apply", "-f", str(tmp_path / "ds.yml"))
        shown = json.loads(call("datastore", "show", "mine"))
        assert shown == {"name": "mine", "type": "local", "path": str(tmp_path / "files")}
        assert "can be read" in call("datastore", "check", "mine")
        call("datastore", "set-default", "mine")
        assert call("datastore", "list").splitlines()[1].startswith("* mine")
        (tmp_path / "a.csv").write_text("a\n1\n")
        uploaded = call("data", "upload", str(tmp_path / "a.csv"), "--path", "d/")
        assert uploaded == "Uploaded to azureml://datastores/mine/paths/d/a.csv\n"
        assert (tmp_path / "files" / "d" / "a.csv").exists()
        assert "default" in call("datastore", "delete", "mine")
        call("datastore", "set-default", "workspaceblobstore")
        assert "files are where they were" in call("datastore", "delete", "mine")
