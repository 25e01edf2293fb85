"""Versions, comparison, lineage and code of a data asset; the code is run as it is shown."""

import json
import subprocess
import sys
import time

import mlflow
import pandas as pd
import pytest
import yaml

from mlflow_plugins.data import create_data_asset
from mlflow_plugins.studio.pages.data._lineage_graph import Node, laid_out
from mlflow_plugins.studio.pages.data._snippets import snippets

FRAME = pd.DataFrame({"age": range(200), "city": ["Bonn", "Ulm"] * 100})


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def versions(place, tmp_path):
    """Two versions of one table, the second older and with another column."""
    with place.studio._app.server.app_context():
        store = place.studio.assets()
        FRAME.to_parquet(tmp_path / "people.parquet")
        create_data_asset(store, tmp_path / "people.parquet", name="people")
        FRAME.assign(age=FRAME.age + 500, income=1.5).to_parquet(tmp_path / "people.parquet")
        create_data_asset(store, tmp_path / "people.parquet", name="people")
        yield store


# ---------------------------------------------------------------- versions


def test_versions_say_what_each_changed_and_what_can_be_done(place, versions):
    versions.set_label("data", "people", "prod", "1")
    text = place.open("/data/asset/people", "?tab=versions")
    assert "since 1" in text
    assert "compare?old=1&new=2" in text
    assert "prod" in text
    versions.archive("data", "people", "2")
    text = place.open("/data/asset/people", "?tab=versions&version=2")
    assert "archived" in text
    assert "Restore" in text


def test_lines_that_were_kept_aside_can_be_found(place, versions, tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    create_data_asset(versions, tmp_path / "a.csv", name="people", noted={"n_rejected": 2})
    asset = versions.get("data", "people")
    assert "1; 2 lines kept aside" in place.open("/data/asset/people", "?tab=versions")
    versions.records.client.log_text(asset.record_id, "line,reason", "rejected/a.csv")
    text = place.open("/data/asset/people", "?tab=versions")
    assert f"/runs/{asset.record_id}/artifacts/rejected" in text


def test_a_description_can_be_changed(versions):
    asset = versions.get("data", "people", "1")
    versions.set_description(asset, "What people do")
    assert versions.get("data", "people", "1").description == "What people do"
    versions.set_description(asset, "")
    assert versions.get("data", "people", "1").description == ""


def test_two_versions_are_compared_beside_the_request(place, versions):
    query = "?old=1&new=2"
    first = place.open("/data/asset/people/compare", query)
    assert "Added: income (number)" in first
    assert "Comparing the values of each column" in first
    deadline = time.monotonic() + 60
    while "strong drift" not in (text := place.open("/data/asset/people/compare", query)):
        assert "Not compared" not in text, text
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "KS 1" in text  # no age of the one is an age of the other
    assert "Values of age:" in text
    assert text.index('"age"') < text.index('"city"')  # the strongest drift first


def test_a_comparison_whose_process_is_gone_can_be_tried_again(place, versions):
    from mlflow_plugins.studio.pages.data._compare import _work_of

    pair = versions.get("data", "people", "1"), versions.get("data", "people", "2")
    work = _work_of(*pair)
    work.start("compare")
    host, pid, _ = work.state()["worker"].split(":")
    work.note(worker=f"{host}:{pid}:1.0")
    text = place.open("/data/asset/people/compare", "?old=1&new=2")
    assert "Not compared" in text
    assert "Try again" in text


def test_versions_that_are_not_there_are_named(place, versions):
    assert "has no version '7'" in place.open("/data/asset/people/compare", "?old=1&new=7")


# ---------------------------------------------------------------- lineage


def node(key: str, column: int) -> Node:
    return Node(key=key, kind="run", title=key, subtitle="", href="", column=column)


def test_a_graph_goes_from_left_to_right_without_overlaps():
    nodes = [node("asset", 2), node("b", 3), node("a", 3), node("model", 4), node("made", 1)]
    edges = [("made", "asset"), ("asset", "a"), ("asset", "b"), ("b", "model"), ("x", "y")]
    graph = laid_out(nodes, edges)
    places = {one.key: (one.x, one.y) for one in graph.nodes}
    assert places["made"][0] < places["asset"][0] < places["a"][0] < places["model"][0]
    assert abs(places["a"][1] - places["b"][1]) >= graph.to_dict()["node_height"]
    assert places["made"][1] == places["asset"][1]  # in the middle of the height
    assert ("x", "y") not in graph.edges
    assert all(0 <= one.x < graph.width and 0 <= one.y < graph.height for one in graph.nodes)


def test_lineage_shows_what_used_a_version_and_what_came_of_it(place, versions, sqlite_client):
    asset = versions.get("data", "people", "1")
    from mlflow.entities import DatasetInput

    from mlflow_plugins.data import as_mlflow_dataset

    run_id = sqlite_client.create_run("0", run_name="fit").info.run_id
    sqlite_client.log_inputs(run_id, [DatasetInput(as_mlflow_dataset(asset), [])])
    sqlite_client.create_registered_model("income")
    sqlite_client.create_model_version("income", f"runs:/{run_id}/model", run_id)
    text = place.open("/data/asset/people", "?tab=lineage&version=1")
    assert '\\"title\\": \\"fit\\"' in text
    assert '\\"title\\": \\"income:1\\"' in text
    assert "/studio/models/income" in text
    alone = place.open("/data/asset/people", "?tab=lineage&version=2")
    assert "No run has made or used this version yet" in alone


# ---------------------------------------------------------------- code


@pytest.mark.parametrize("kind", ["parquet", "csv", "bin", "folder", "mltable"])
def test_code_does_what_it_says(store, unique_name, tmp_path, kind):
    """It is run by another Python against a server, as whoever copies it would."""
    path = tmp_path / f"table.{kind}"
    if kind == "parquet":
        FRAME.to_parquet(path)
    elif kind == "csv":
        FRAME.to_csv(path, index=False, sep=";")
    elif kind == "bin":
        path.write_bytes(b"12345")
    else:
        path = tmp_path / "folder"
        path.mkdir()
        FRAME.to_parquet(path / "a.parquet")
        if kind == "mltable":
            (path / "MLTable").write_text(
                "type: mltable\npaths:\n  - file: ./a.parquet\ntransformations:\n  - read_parquet\n"
            )
    asset = create_data_asset(store, path, name=unique_name)
    uri = store.records.client.tracking_uri
    found = {one.title: one for one in snippets(asset, tracking_uri=uri)}
    said = run(found["Python"].text, tmp_path)
    expected = {"bin": "5 bytes", "folder": "1 files"}.get(kind, "Bonn")
    assert expected in said


def test_code_notes_the_asset_in_a_run_and_the_job_file_is_one(store, unique_name, tmp_path):
    FRAME.to_parquet(tmp_path / "t.parquet")
    asset = create_data_asset(store, tmp_path / "t.parquet", name=unique_name)
    uri = store.records.client.tracking_uri
    found = {one.language + one.title[:4]: one.text for one in snippets(asset, tracking_uri=uri)}
    run(found["pythonNote"], tmp_path)
    client = mlflow.MlflowClient(uri)
    noted = client.search_runs(["0"], f"dataset.name = '{unique_name}'")
    assert len(noted) == 1
    job = yaml.safe_load(found["yamlInpu"])
    assert job["inputs"]["data"] == {"type": "uri_file", "path": f"azureml:{unique_name}:1"}
    said = subprocess.run(
        ["/bin/bash", "-ec", found["shellComm"]],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": f"{sys.prefix}/bin:/usr/bin:/bin", "HOME": str(tmp_path)},
    ).stdout
    assert "200" in said


def run(code: str, folder) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_code_names_the_workspace_that_it_is_in(store, unique_name, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"1")
    asset = create_data_asset(store, tmp_path / "a.bin", name=unique_name)
    texts = [one.text for one in snippets(asset, tracking_uri="http://h:1", workspace="team-a")]
    assert 'mlflow.set_workspace("team-a")' in texts[0]
    assert "export MLFLOW_WORKSPACE=team-a" in texts[3]
    assert json.dumps("http://h:1") in texts[0]
