"""Data assets answer questions: from Python and from the command line."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from mlflow_plugins.cli import commands
from mlflow_plugins.core import AssetStore, InvalidInput, StudioError
from mlflow_plugins.data import _exploring, asset_profile, create_data_asset, open_asset
from mlflow_plugins.data.explore import Filter, profile
from mlflow_plugins.testing import use_tracking_uri

FRAME = pd.DataFrame({"age": [31, 45, 45, None], "city": ["Rome", "Oslo", "Oslo", "Bonn"]})


@pytest.fixture(autouse=True)
def _here(sqlite_uri, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # where the cache is
    with use_tracking_uri(sqlite_uri):
        yield


@pytest.fixture
def store(sqlite_client):
    return AssetStore(sqlite_client)


@pytest.fixture
def people(store, tmp_path):
    FRAME.to_csv(tmp_path / "people.csv", index=False)
    return create_data_asset(store, tmp_path / "people.csv", name="people")


@pytest.fixture
def people_by_mltable(store, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    FRAME.to_csv(folder / "part.csv", index=False)
    (folder / "MLTable").write_text(
        "type: mltable\npaths:\n  - file: ./part.csv\n"
        "transformations:\n  - read_delimited:\n      delimiter: ','\n"
    )
    return create_data_asset(store, folder, name="described")


def call(*arguments):
    result = CliRunner().invoke(commands, ["data", *arguments], standalone_mode=False)
    if isinstance(result.exception, StudioError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", ["people", "people_by_mltable"])
def test_a_version_is_a_table(store, request, name):
    with open_asset(store, request.getfixturevalue(name)) as table:
        assert table.rows(limit=9).to_pandas().equals(FRAME)
        assert table.count(filters=[Filter(column="city", operator="=", value="Oslo")]) == 2


def test_a_folder_is_no_table(store, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"x")
    asset = create_data_asset(store, tmp_path / "photos", name="photos")
    with pytest.raises(InvalidInput, match="is a folder; only tables are explored"):
        open_asset(store, asset)


def test_a_profile_is_computed_once(store, people, monkeypatch):
    with open_asset(store, people) as table:
        expected = profile(table)
    assert asset_profile(store, people) == expected
    with monkeypatch.context() as patch:
        patch.setattr(_exploring, "profile", None)  # whoever computes it again fails
        assert asset_profile(store, people) == expected
    assert asset_profile(store, people, target="city").target == "city"
    assert asset_profile(store, people).target is None


def test_a_profile_of_another_version_of_this_package_is_computed_anew(store, people):
    store.records.client.log_text(people.record_id, '{"n_rows": 4}', _exploring.PROFILE_FILE)
    assert asset_profile(store, people).column("age").n_missing == 1


def test_the_command_line(store, people, tmp_path):
    shown = call("profile", "people", "--target", "city")
    assert "people:1: 4 rows, 1 repeated" in shown
    assert ["age", "number", "25.0%", "2"] in [line.split()[:4] for line in shown.splitlines()]
    assert json.loads(call("profile", "people@latest", "--json"))["n_rows"] == 4

    later = FRAME.assign(age=FRAME["age"] + 40, country="here").drop(columns="city")
    later.to_parquet(tmp_path / "later.parquet")
    create_data_asset(store, tmp_path / "later.parquet", name="people")
    shown = call("compare", "people:1", "people:2")
    assert "4 rows became 4\nadded    country\nremoved  city\n" in shown
    assert ["age", "strong"] in [line.split()[:2] for line in shown.splitlines()]
    assert json.loads(call("compare", "people:1", "people:2", "--json"))["added"] == ["country"]

    sql = "SELECT city, count(*) AS n FROM p GROUP BY city ORDER BY n DESC, city"
    rows = [line.split() for line in call("query", sql, "--table", "p=people:1").splitlines()]
    assert rows == [["city", "n"], ["Oslo", "2"], ["Bonn", "1"], ["Rome", "1"]]
    with pytest.raises(InvalidInput, match="Write NAME=REFERENCE"):
        call("query", sql, "--table", "people")
    with pytest.raises(InvalidInput, match="Only one SELECT"):
        call("query", "DROP TABLE p", "--table", "p=people:1")
