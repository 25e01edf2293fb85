"""Data assets: what is stored is what was given, and any change is noticed."""

import json
from pathlib import Path

import mlflow
import mlflow.data
import pandas as pd
import pytest

from mlflow_plugins.core import InvalidInput, NotFound, StudioError
from mlflow_plugins.data import (
    DATA,
    as_mlflow_dataset,
    create_data_asset,
    download_asset,
    preview,
    resolve_input,
)
from mlflow_plugins.data._digest import content_digest
from mlflow_plugins.testing import use_tracking_uri


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("age,city\n31,Rome\n45,Oslo\n", encoding="utf-8")
    return path


def test_a_table_becomes_an_asset_with_schema_and_digest(store, table):
    asset = create_data_asset(store, table, name="people", tags={"team": "a"}, description="Who")
    assert asset.version == "1"
    assert asset.spec["n_rows"] == 2
    assert [column["name"] for column in asset.spec["schema"]] == ["age", "city"]
    assert asset.spec["digest"] == content_digest(table)
    assert asset.spec["path"] == f"runs:/{asset.record_id}/people.csv"
    assert asset.description == "Who"
    assert preview(store, asset, n_rows=1).to_pydict() == {"age": [31], "city": ["Rome"]}


def test_a_folder_becomes_an_asset(store, tmp_path, table):
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    table.rename(folder / "deep" / "people.csv")
    asset = create_data_asset(store, folder, name="tree")
    assert asset.spec["type"] == "uri_folder"
    local = download_asset(store, asset, tmp_path / "cache")
    assert content_digest(local) == content_digest(folder)
    with pytest.raises(InvalidInput, match="is a folder; only tables have rows"):
        preview(store, asset)


def test_an_empty_folder_is_refused(store, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="holds no data"):
        create_data_asset(store, tmp_path / "empty", name="nothing-in-it")


def test_a_broken_table_leaves_nothing_behind(store, tmp_path):
    broken = tmp_path / "broken.csv"
    broken.write_text('a,b\n1,"x\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match="line 2"):
        create_data_asset(store, broken, name="broken")
    with pytest.raises(NotFound, match="no data asset 'broken'"):
        store.get(DATA, "broken")


def test_a_bad_name_is_refused_before_anything_is_copied(store, table):
    with pytest.raises(InvalidInput, match="cannot be used as name of a data asset"):
        create_data_asset(store, table, name="a b")


def test_any_changed_byte_changes_the_digest(tmp_path, table):
    before = content_digest(table)
    content = bytearray(table.read_bytes())
    content[-3] ^= 1
    table.write_bytes(bytes(content))
    assert content_digest(table) != before


def test_a_folder_digest_sees_names_and_moves(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("x", encoding="utf-8")
    before = content_digest(folder)
    (folder / "a").rename(folder / "b")
    assert content_digest(folder) != before


def test_tampered_content_is_refused_on_use(sqlite_client, tmp_path, table):
    from mlflow_plugins.core import AssetStore

    store = AssetStore(sqlite_client)
    asset = create_data_asset(store, table, name="people")
    stored = Path(asset.artifact_uri.removeprefix("file://")) / "people.csv"
    stored.write_text("age,city\n99,Rome\n45,Oslo\n", encoding="utf-8")
    with pytest.raises(StudioError, match="has changed since it was stored"):
        download_asset(store, asset, tmp_path / "cache")


def test_a_cached_copy_that_was_damaged_is_fetched_again(store, tmp_path, table):
    asset = create_data_asset(store, table, name="cached")
    local = download_asset(store, asset, tmp_path / "cache")
    local.write_text("garbage", encoding="utf-8")
    assert download_asset(store, asset, tmp_path / "cache").read_text() == table.read_text()


def test_inputs_are_found_by_reference_path_and_uri(store, tmp_path, table):
    create_data_asset(store, table, name="inputs")
    for text in ("azureml:inputs@latest", "azureml:inputs:1", "azureml:inputs"):
        found = resolve_input(store, text, base_folder=tmp_path, folder=tmp_path / "cache")
        assert found.asset is not None
        assert found.path.read_text() == table.read_text()
    for text in ("people.csv", "./people.csv", table.as_uri(), str(table)):
        found = resolve_input(store, text, base_folder=tmp_path, folder=tmp_path / "cache")
        assert found.asset is None
        assert found.path == table


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing.csv", "There is no file or folder 'nothing.csv'"),
        ("s3://bucket/x.csv", "is an address that cannot be read"),
        ("azureml:a:b:c", "is not a reference to an asset"),
    ],
)
def test_an_input_that_cannot_be_found_says_why(store, tmp_path, text, message):
    with pytest.raises(StudioError, match=message):
        resolve_input(store, text, base_folder=tmp_path, folder=tmp_path / "cache")


def test_a_run_notes_the_asset_as_mlflow_dataset(store, client, tmp_path, table):
    first = create_data_asset(store, table, name="lineage")
    second = create_data_asset(store, table, name="lineage")
    run = client.create_run(client.create_experiment("uses-lineage"))
    from mlflow.entities import DatasetInput

    for asset in (first, second):
        client.log_inputs(run.info.run_id, [DatasetInput(as_mlflow_dataset(asset))])
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert {json.loads(one.dataset.source)["version"] for one in inputs} == {"1", "2"}
    with use_tracking_uri(client.tracking_uri):
        source = mlflow.data.get_source(inputs[0])
        assert pd.read_csv(source.load(folder=tmp_path / "loaded")).shape == (2, 2)
        frame = pd.read_csv(table)
        resolved = mlflow.data.from_pandas(frame, source="azureml:lineage@latest").source
    assert resolved.to_dict() == {"name": "lineage", "version": "2"}
