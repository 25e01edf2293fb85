"""Jobs read from and write to datastores of every kind that allows it."""

import sqlite3

import pandas as pd
import pytest

from mlflow_plugins.core import AssetStore, InvalidInput, NotFound
from mlflow_plugins.data import create_datastore, create_reference
from mlflow_plugins.jobs._fetch import fetch_input
from mlflow_plugins.jobs._inputs import pin_inputs
from mlflow_plugins.jobs._outputs import check_outputs, keep_output, prepare_output
from mlflow_plugins.jobs._spec import parse_command_job

BASE = "azureml://datastores/mine/paths"


@pytest.fixture
def client(sqlite_client, tmp_path):
    store = AssetStore(sqlite_client)
    place = tmp_path / "place"
    (place / "deep").mkdir(parents=True)
    (place / "a.csv").write_text("a\n1\n")
    (place / "deep" / "b.csv").write_text("b\n")
    create_datastore(store, {"name": "mine", "type": "local", "path": str(place)})
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("create table people (age integer)")
        connection.execute("insert into people values (31)")
    connection.close()
    create_datastore(store, {"name": "db", "type": "sql", "url": f"sqlite:///{tmp_path}/x.db"})
    create_datastore(store, {"name": "web", "type": "http", "url": "https://example.invalid/"})
    return sqlite_client


def pin(client, **given):
    job = parse_command_job({"command": "true", "inputs": {"i": given}})
    pinned = pin_inputs(job, AssetStore(client), client, base_folder=None, limit_mib=1)
    return pinned.documents["i"]


def fetch(client, document, folder):
    return fetch_input(document, client, run_id="", name="i", folder=folder)


@pytest.mark.parametrize("mode", ["ro_mount", "download"])
def test_a_file_and_a_folder_are_read(client, tmp_path, mode):
    document = pin(client, path=f"{BASE}/a.csv", type="uri_file", mode=mode)
    fetched = fetch(client, document, tmp_path / "i")
    assert fetched.value == str(tmp_path / "i" / "a.csv")
    assert fetched.stamp["uri"] == f"{BASE}/a.csv"
    assert not fetched.has_changed
    (tmp_path / "place" / "a.csv").write_text("a\n1\n2\n")
    assert fetch(client, document, tmp_path / "again").has_changed
    document = pin(client, path=f"{BASE}/", type="uri_folder", mode=mode)
    assert fetch(client, document, tmp_path / "f").value == str(tmp_path / "f")
    assert (tmp_path / "f" / "deep" / "b.csv").exists()


def test_a_table_of_a_database_is_read(client, tmp_path):
    document = pin(client, path="azureml://datastores/db/paths/people", type="uri_file")
    fetched = fetch(client, document, tmp_path / "i")
    assert pd.read_parquet(fetched.value).to_dict("list") == {"age": [31]}


def test_the_command_itself_gets_the_place(client, tmp_path):
    document = pin(client, path=f"{BASE}/a.csv", type="uri_file", mode="direct")
    assert fetch(client, document, tmp_path).value == (tmp_path / "place" / "a.csv").as_uri()
    create_reference(AssetStore(client), f"{BASE}/a.csv", name="ref", kind="uri_file")
    document = pin(client, path="azureml:ref:1", type="uri_file", mode="direct")
    assert fetch(client, document, tmp_path).value == (tmp_path / "place" / "a.csv").as_uri()


def test_an_asset_by_reference_is_read(client, tmp_path):
    create_reference(AssetStore(client), f"{BASE}/", name="ref", kind="uri_folder")
    document = pin(client, path="azureml:ref@latest", type="uri_folder")
    fetched = fetch(client, document, tmp_path / "i")
    assert sorted(one.name for one in (tmp_path / "i").rglob("*.csv")) == ["a.csv", "b.csv"]
    assert fetched.value.startswith(str(tmp_path / "i"))


def test_what_is_not_there_is_refused_when_it_is_submitted(client):
    with pytest.raises(NotFound, match=r"'inputs\.i'.*nothing at azureml://datastores/mine"):
        pin(client, path=f"{BASE}/nothing.csv", type="uri_file")
    with pytest.raises(NotFound, match=r"no table 'peple'.*Did you mean 'people'"):
        pin(client, path="azureml://datastores/db/paths/peple", type="uri_file")


def outputs(**given):
    return parse_command_job({"command": "true", "outputs": {"o": given}}).outputs


def test_outputs_go_to_a_datastore(client, tmp_path):
    wanted = outputs(type="uri_file", path=f"{BASE}/out/", name="kept")
    check_outputs(wanted, AssetStore(client))
    (tmp_path / "model.bin").write_text("m")
    run = client.create_run("0")
    said = keep_output(wanted["o"], tmp_path / "model.bin", client, run_id=run.info.run_id)
    assert said == [f"is at {BASE}/out/", "is the data asset azureml:kept:1"]
    assert (tmp_path / "place" / "out" / "model.bin").read_text() == "m"
    asset = AssetStore(client).get("data", "kept")
    assert asset.spec["made_by"] == run.info.run_id
    direct = outputs(type="uri_folder", path=f"{BASE}/out", mode="direct")["o"]
    place = prepare_output(direct, tmp_path / "o", client, run_id=run.info.run_id)
    assert place == (tmp_path / "place" / "out").as_uri()


@pytest.mark.parametrize("name", ["db", "web"])
def test_outputs_go_nowhere_that_cannot_be_written(client, name):
    wanted = outputs(type="uri_file", path=f"azureml://datastores/{name}/paths/x")
    with pytest.raises(InvalidInput, match=rf"'outputs\.o'.*datastore '{name}' of type"):
        check_outputs(wanted, AssetStore(client))
