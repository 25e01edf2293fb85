"""The list of data assets is searched, filtered and turned page by page."""

import pytest

from mlflow_plugins.core import AssetStore, InvalidInput
from mlflow_plugins.data import DATA
from mlflow_plugins.studio.pages.data import _list
from mlflow_plugins.studio.pages.data._list import fitting_assets


@pytest.fixture
def store(sqlite_client):
    return AssetStore(sqlite_client)


@pytest.fixture
def three(create, csv, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.txt").write_text("x")
    create(csv, "People_1", tags={"team": "risk"})
    create(csv, "people-21", tags={"team": "sales"})
    create(tmp_path / "folder", "things", kind="uri_folder")


def names(store, **chosen):
    return [asset.name for asset in fitting_assets(store, **chosen)[0]]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ["things", "people-21", "People_1"]),
        ({"text": "PEOPLE"}, ["people-21", "People_1"]),
        ({"text": "e_1"}, ["People_1"]),
        ({"text": "%"}, []),
        ({"text": "' OR 1=1"}, []),
        ({"type": "uri_folder"}, ["things"]),
        ({"tag": "team"}, ["people-21", "People_1"]),
        ({"tag": "team=risk"}, ["People_1"]),
        ({"tag": "team = sales", "text": "one"}, []),
    ],
)
def test_what_fits_is_found(store, three, chosen, expected):
    assert names(store, **chosen) == expected


def test_archived_ones_are_shown_on_demand(place, store, three):
    store.archive(DATA, "things")
    assert "things" not in names(store)
    assert "things" in names(store, archived="1")
    page = place.open("/data", "?archived=1")
    assert "archived" in page
    assert "/data/asset/things?version=1" in page
    assert "studio-data-files" in place.open("/data/asset/things", "?version=1")


def test_pages_follow_one_another(place, store, three, monkeypatch):
    monkeypatch.setattr(_list, "_PAGE_SIZE", 1)
    found, token = [], None
    for _ in range(3):
        page, token = fitting_assets(store, token)
        found += [asset.name for asset in page]
    assert found == ["things", "people-21", "People_1"]
    assert "page_token=" in place.open("/data", "?text=people")


def test_an_unknown_type_is_refused(store):
    with pytest.raises(InvalidInput, match="'table' is not a type of data"):
        fitting_assets(store, type="table")


def test_the_page_says_what_each_is(place, three):
    page = place.open("/data")
    for text in ("Folder", "team: risk", '"3"', "Labels and tags"):
        assert text in page, text
    assert "No data asset here fits." in place.open("/data", "?text=nothing")
