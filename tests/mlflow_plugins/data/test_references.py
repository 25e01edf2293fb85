"""Assets whose content stays where it is: noted, verified, never copied; and content kept once."""

import json
from pathlib import Path

import mlflow
import mlflow.artifacts
import mlflow.data
import pandas as pd
import pytest
import yaml

from mlflow_plugins.core import AssetStore, InvalidInput, NotFound, StudioError, apply_file
from mlflow_plugins.data import (
    DATA,
    create_data_asset,
    create_datastore,
    create_reference,
    download_asset,
    lineage,
    open_datastore,
    preview,
    studio_uri,
)
from mlflow_plugins.data import _references as references
from mlflow_plugins.testing import use_tracking_uri

BASE = "azureml://datastores/mine/paths"


@pytest.fixture
def store(sqlite_client):
    return AssetStore(sqlite_client)


@pytest.fixture
def place(store, tmp_path):
    """A datastore's folder."""
    folder = tmp_path / "place"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.csv").write_text("a,b\n1,x\n2,y\n")
    (folder / "deep" / "b.csv").write_text("a,b\n3,z\n")
    create_datastore(store, {"name": "mine", "type": "local", "path": str(folder)})
    return folder


def apply(store, tmp_path, **document):
    file = tmp_path / "data.yml"
    file.write_text(yaml.safe_dump({"$schema": "https://x/latest/data.schema.json", **document}))
    return apply_file(store.records.client, file)


# ---------------------------------------------------------------- by reference


@pytest.mark.parametrize("limit", [references.SMALL_BYTES, 3])
def test_a_file_is_noted_and_verified(store, place, tmp_path, limit, monkeypatch):
    monkeypatch.setattr(references, "SMALL_BYTES", limit)
    document = {"name": "people", "type": "uri_file", "path": f"{BASE}/a.csv"}
    asset = apply(store, tmp_path, **document)
    assert asset.spec["path"] == f"{BASE}/a.csv"
    assert asset.spec["size_bytes"] == 12
    assert asset.spec["digest_of"] == ("content" if limit > 12 else "fingerprint")
    assert asset.spec.get("n_rows") == (2 if limit > 12 else None)
    assert open_datastore(store).client.list_artifacts(asset.record_id) == []
    local = download_asset(store, asset, tmp_path / "cache")
    assert local.read_text() == "a,b\n1,x\n2,y\n"
    assert preview(store, asset, n_rows=1).to_pydict() == {"a": [1], "b": ["x"]}
    assert apply(store, tmp_path, **document).version == "1"
    (place / "a.csv").write_text("a,b\n9,x\n2,y,\n")
    noted = asset.spec["digest"]
    with pytest.raises(StudioError, match=rf"has changed: .*[0-9a-f]{{64}}, and {noted} was noted"):
        download_asset(store, asset, tmp_path / "cache")
    changed = apply(store, tmp_path, **document)
    assert changed.version == "2"
    assert download_asset(store, changed, tmp_path / "cache").exists()


def test_a_folder_is_noted_and_verified(store, place, tmp_path):
    asset = create_reference(store, f"{BASE}/", name="tree", kind="uri_folder")
    assert asset.spec["size_bytes"] == 20
    local = download_asset(store, asset, tmp_path / "cache")
    assert (local / "deep" / "b.csv").exists()
    (place / "deep" / "c.csv").write_text("new")
    with pytest.raises(StudioError, match="Create a new version to use what is there now"):
        download_asset(store, asset, tmp_path / "cache")
    (place / "deep" / "c.csv").unlink()
    assert download_asset(store, asset, tmp_path / "cache").is_dir()


def test_a_place_in_the_workspaces_storage_is_a_reference_too(store, tmp_path):
    (tmp_path / "x.bin").write_bytes(b"\0\1")
    open_datastore(store, "workspaceblobstore").upload(tmp_path / "x.bin", "d/")
    base = "azureml://datastores/workspaceblobstore/paths"
    one = create_reference(store, f"{base}/d/x.bin", name="one", kind="uri_file")
    assert download_asset(store, one, tmp_path / "c").read_bytes() == b"\0\1"
    all_of_it = create_reference(store, f"{base}/d", name="all", kind="uri_folder")
    assert (download_asset(store, all_of_it, tmp_path / "c") / "x.bin").exists()


def test_a_place_that_does_not_answer_is_noted_unverified(store, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(references, "look_up_place", lambda *args, **more: None)
    asset = apply(
        store, tmp_path, name="far", type="uri_file", path="https://nowhere.invalid/x.csv"
    )
    assert asset.spec["digest_of"] == "unknown"
    assert "is not verified" in caplog.text


@pytest.mark.parametrize(
    ("document", "error", "message"),
    [
        ({"path": f"{BASE}/nothing.csv"}, NotFound, "nothing at azureml://datastores/mine"),
        ({"path": "azureml://datastores/none/paths/x"}, NotFound, "no datastore 'none'"),
        (
            {"path": "https://a.blob.core.windows.net/c/x?sv=1&sig=hunter2"},
            InvalidInput,
            "sig=\\*\\*\\*",
        ),
        ({"path": "azureml://jobs/r/outputs/o"}, InvalidInput, "Give a place in a datastore"),
        ({"path": "http://169.254.169.254/x"}, StudioError, "metadata address"),
        (
            {"path": "https://example.com/d/", "type": "uri_folder"},
            InvalidInput,
            "cannot be listed",
        ),
        ({"path": "adl://x/y"}, InvalidInput, "has shut down"),
    ],
)
def test_an_address_that_cannot_be_an_asset_is_refused(
    store, place, tmp_path, document, error, message
):
    with pytest.raises(error, match=message) as caught:
        apply(store, tmp_path, **{"name": "x", "type": "uri_file", **document})
    assert "hunter2" not in str(caught.value)
    assert store.find(DATA, "x") is None


# ---------------------------------------------------------------- copied


def test_content_that_is_there_is_not_stored_again(store, tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    first = create_data_asset(store, tmp_path / "t.csv", name="twice")
    (tmp_path / "t.csv").rename(tmp_path / "other.csv")
    second = create_data_asset(store, tmp_path / "other.csv", name="twice", tags={"a": "b"})
    client = store.records.client
    assert client.list_artifacts(second.record_id) == []
    assert second.spec["path"] == first.spec["path"]
    assert download_asset(store, second, tmp_path / "cache").read_text() == "a\n1\n"
    (tmp_path / "other.csv").write_text("a\n2\n")
    third = create_data_asset(store, tmp_path / "other.csv", name="twice")
    assert [one.path for one in client.list_artifacts(third.record_id)] == ["other.csv"]
    fourth = create_data_asset(store, tmp_path / "other.csv", name="another")
    assert client.list_artifacts(fourth.record_id)


def test_any_file_is_an_asset(store, tmp_path):
    (tmp_path / "m.pkl").write_bytes(b"\0\1\2")
    asset = create_data_asset(store, tmp_path / "m.pkl", name="pickle")
    assert "schema" not in asset.spec
    assert download_asset(store, asset, tmp_path / "c").read_bytes() == b"\0\1\2"
    with pytest.raises(InvalidInput, match="is not a table that can be read"):
        preview(store, asset)
    (tmp_path / "m.pkl").write_bytes(b"")
    with pytest.raises(InvalidInput, match="is empty"):
        create_data_asset(store, tmp_path / "m.pkl", name="pickle")


def test_a_link_out_of_a_folder_is_refused(store, tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "x").symlink_to("/etc/passwd")
    with pytest.raises(StudioError, match="leads out of the folder"):
        apply(store, tmp_path, name="f", type="uri_folder", path="f")


def mltable(folder, path="./a.csv"):
    folder.mkdir(exist_ok=True)
    (folder / "a.csv").write_text("a,b\n1,x\n2,y\n")
    steps = "transformations:\n  - read_delimited:\n      delimiter: ','\n  - keep_columns: [b]\n"
    (folder / "MLTable").write_text(f"paths:\n  - file: {path}\n{steps}")


def test_a_table_of_azure_is_an_asset_with_a_schema(store, tmp_path):
    mltable(tmp_path / "t")
    asset = apply(store, tmp_path, name="titanic", type="mltable", path="./t")
    assert (asset.spec["type"], asset.spec["n_rows"]) == ("mltable", 2)
    assert asset.spec["schema"] == [{"name": "b", "type": "text"}]
    assert preview(store, asset).to_pydict() == {"b": ["x", "y"]}
    mltable(tmp_path / "t", "/etc/passwd")
    with pytest.raises(StudioError, match="leads out of the table's folder"):
        apply(store, tmp_path, name="titanic", type="mltable", path="./t")


def test_a_table_of_azure_may_have_its_data_elsewhere(store, place, tmp_path):
    mltable(tmp_path / "t", f"{BASE}/a.csv")
    asset = apply(store, tmp_path, name="far", type="mltable", path="./t")
    assert preview(store, asset).to_pydict() == {"b": ["x", "y"]}
    mltable(place / "table")
    asset = apply(store, tmp_path, name="farther", type="mltable", path=f"{BASE}/table")
    assert asset.spec["is_reference"]
    assert preview(store, asset).to_pydict() == {"b": ["x", "y"]}


# ---------------------------------------------------------------- MLflow's doors


def test_mlflow_reads_an_asset_by_its_address(store, tmp_path):
    (tmp_path / "f" / "deep").mkdir(parents=True)
    (tmp_path / "f" / "deep" / "x.txt").write_text("x")
    (tmp_path / "t.csv").write_text("a\n1\n")
    folder = create_data_asset(store, tmp_path / "f", name="folder")
    table = create_data_asset(store, tmp_path / "t.csv", name="Table")
    store.set_label(DATA, "Table", "prod", "1")
    with use_tracking_uri(store.records.client.tracking_uri):
        read = mlflow.artifacts.download_artifacts
        assert Path(read(studio_uri(table))).read_text() == "a\n1\n"
        assert Path(read("studio-data://Table/@prod")).read_text() == "a\n1\n"
        whole = read(studio_uri(folder), dst_path=str(tmp_path / "out"))
        assert (Path(whole) / "deep" / "x.txt").read_text() == "x"
        assert Path(read(f"{studio_uri(folder)}/deep/x.txt")).read_text() == "x"
        listed = mlflow.artifacts.list_artifacts(studio_uri(folder))
        assert [(one.path.rpartition("/")[2], one.is_dir) for one in listed] == [("deep", True)]
        for wrong in ("studio-data://folder/9", f"{studio_uri(folder)}/../../etc/passwd"):
            with pytest.raises(StudioError, match="has no"):
                read(wrong)


def test_a_run_notes_an_asset_that_mlflow_makes_a_dataset_of(store, tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    asset = create_data_asset(store, tmp_path / "t.csv", name="people")
    with use_tracking_uri(store.records.client.tracking_uri):
        run = store.records.client.create_run("0")
        with mlflow.start_run(run.info.run_id):
            mlflow.log_input(mlflow.data.from_studio("people", "1"), context="training")
        noted = mlflow.get_run(run.info.run_id).inputs.dataset_inputs[0]
        assert noted.dataset.name == "people"
        assert json.loads(noted.dataset.profile) == {"n_rows": 1, "size_bytes": 4}
        loaded = pd.read_csv(mlflow.data.get_source(noted).load())
    assert loaded.to_dict("list") == {"a": [1]}
    client = store.records.client
    client.create_registered_model("m")
    client.create_model_version("m", "runs:/x/model", run_id=run.info.run_id)
    found = lineage(store, asset)
    assert [one.info.run_id for one in found.used_by] == [run.info.run_id]
    assert [(one.name, int(one.version)) for one in found.models] == [("m", 1)]
    assert found.made_by is None
    made = create_data_asset(
        store, tmp_path / "t.csv", name="made", noted={"made_by": run.info.run_id}
    )
    assert lineage(store, made).made_by.info.run_id == run.info.run_id
    assert lineage(store, made).used_by == []


def test_an_archived_version_is_hidden_and_comes_back(store, tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    create_data_asset(store, tmp_path / "t.csv", name="old")
    store.archive(DATA, "old", "1")
    assert store.find(DATA, "old") is None
    assert store.get(DATA, "old", "1").is_archived
    store.restore(DATA, "old", "1")
    assert store.get(DATA, "old").version == "1"
