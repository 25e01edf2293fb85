"""Datastores: files at names of their own, on whatever keeps the server's artifacts."""

from pathlib import Path

import mlflow.artifacts
import pytest
from click.testing import CliRunner

from mlflow_plugins.core import AssetStore, InvalidInput, NotFound
from mlflow_plugins.data import open_datastore
from mlflow_plugins.data._commands import commands
from mlflow_plugins.testing import use_tracking_uri
from mlflow_plugins.testing.concurrency import in_threads


def read(client, uri):
    path = mlflow.artifacts.download_artifacts(uri, tracking_uri=client.tracking_uri)
    return Path(path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("{0}/", "{0}/a.txt"),
        ("{0}/b.txt", "{0}/b.txt"),
        ("/{0}//deep/./", "{0}/deep/a.txt"),
    ],
)
def test_a_file_goes_where_it_is_put(client, store, tmp_path, unique_name, target, place):
    (tmp_path / "a.txt").write_text("hello")
    datastore = open_datastore(store)
    assert datastore.upload(tmp_path / "a.txt", target.format(unique_name)) == place.format(
        unique_name
    )
    assert read(client, datastore.uri(place.format(unique_name))) == "hello"


def test_what_is_in_a_folder_goes_below_the_path(store, tmp_path, unique_name):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x.txt").write_text("x")
    datastore = open_datastore(store)
    datastore.upload(tmp_path, unique_name)
    assert [one.path for one in datastore.listing(unique_name)] == [f"{unique_name}/deep"]


def test_every_name_of_azures_default_datastores_is_the_same_place(client):
    names = ["workspaceblobstore", "workspaceartifactstore", "workspaceworkingdirectory"]
    opened = in_threads(3, lambda index: open_datastore(AssetStore(client), names[index]))
    assert len({one.record_id for one in opened}) == 1


def test_what_is_not_there_is_refused(store, tmp_path):
    with pytest.raises(NotFound, match=r"no datastore 'workspacblobstore'.*Did you mean"):
        open_datastore(store, "workspacblobstore")
    with pytest.raises(NotFound, match="no file or folder"):
        open_datastore(store).upload(tmp_path / "nothing", "x")
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(InvalidInput, match="leads out of the datastore"):
        open_datastore(store).upload(tmp_path / "a.txt", "../x")


def test_the_command_says_what_job_files_write(tracking_server, client, tmp_path, unique_name):
    (tmp_path / "a.csv").write_text("a\n1\n")
    with use_tracking_uri(tracking_server.uri):
        answer = CliRunner().invoke(
            commands, ["upload", str(tmp_path / "a.csv"), "--path", f"{unique_name}/"]
        )
    address = f"azureml://datastores/workspaceblobstore/paths/{unique_name}/a.csv"
    assert answer.output == f"Uploaded to {address}\n"
