"""A folder's files are listed and looked into, those of a reference too; nothing else is."""

import io

import pandas as pd
import pytest
from PIL import Image

from mlflow_plugins.core import AssetStore, InvalidInput
from mlflow_plugins.data import _listing, create_reference, fetch_file, list_files


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "things"
    (folder / "deep" / "er").mkdir(parents=True)
    picture = io.BytesIO()
    Image.new("RGB", (2, 2)).save(picture, "PNG")
    (folder / "picture.png").write_bytes(picture.getvalue())
    (folder / "notes.txt").write_text("Grüße <b>", encoding="utf-8")
    (folder / "deep" / "t.csv").write_text("a,b\n1,x\n2,\n")
    (folder / "deep" / "broken.csv").write_text("a,b\n1\n2,3,4\n")
    (folder / "deep" / "er" / "x.bin").write_bytes(b"\0\1\2")
    pd.DataFrame({f"c{i}": [i] for i in range(60)}).to_parquet(folder / "wide.parquet")
    return folder


PATHS = [
    *("deep/broken.csv", "deep/er/x.bin", "deep/t.csv"),
    *("notes.txt", "picture.png", "wide.parquet"),
]


@pytest.fixture(params=["stored", "reference"])
def things(request, create, folder, sqlite_client):
    if request.param == "stored":
        return create(folder, "things", kind="uri_folder")
    store = AssetStore(sqlite_client)
    return create_reference(store, folder.as_uri(), name="things", kind="uri_folder")


def test_files_are_listed_and_found(place, ask, things):
    answer = ask("data-files", name="things")
    assert [path for path, _ in answer["files"]] == PATHS
    assert dict(answer["files"])["deep/er/x.bin"] == 3
    assert answer["n_files"] == 6
    assert answer["is_complete"]
    assert ask("data-files", name="things", search="ER/X")["files"] == [["deep/er/x.bin", 3]]
    page = place.open("/data/asset/things")
    assert "studio-data-files" in page
    assert "tab=profile" not in page


def test_each_file_shows_what_it_is(ask, things):
    def look(path):
        return ask("data-file", name="things", path=path)

    assert look("picture.png")["image"].startswith("data:image/png;base64,")
    assert look("notes.txt") == {"text": "Grüße <b>", "is_cut": False}
    assert look("deep/t.csv") == {
        "columns": ["a", "b"],
        "rows": [[1, "x"], [2, None]],
        "n_rows": 2,
        "n_columns": 2,
    }
    assert look("deep/broken.csv")["text"].startswith("a,b")
    assert "binary file of 3 bytes" in look("deep/er/x.bin")["note"]
    wide = look("wide.parquet")
    assert (len(wide["columns"]), wide["n_columns"]) == (50, 60)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "deep/../../x", "", "deep\\..\\x"])
def test_nothing_outside_of_the_folder_is_read(ask, things, path):
    assert (
        "is not the path of a file"
        in ask("data-file", status=400, name="things", path=path)["message"]
    )


def test_a_file_that_is_not_there_is_said_to_be_missing(ask, create, folder):
    create(folder, "things", kind="uri_folder")
    refused = ask("data-file", status=404, name="things", path="nothing.txt")
    assert "has no file 'nothing.txt'" in refused["message"]


def test_a_large_file_is_not_brought_here(ask, things, monkeypatch):
    from mlflow_plugins.studio.pages.data import _files

    monkeypatch.setattr(_files, "_MOST_BYTES", 2)
    assert (
        "has 3 bytes"
        in ask("data-file", status=400, name="things", path="deep/er/x.bin")["message"]
    )


def test_a_folder_with_more_files_than_are_listed_says_so(ask, things, monkeypatch, sqlite_client):
    monkeypatch.setattr(_listing, "MOST_FILES", 3)
    listing = list_files(AssetStore(sqlite_client), things)
    assert len(listing.files) == 3
    assert not listing.is_complete


def test_a_file_that_is_no_table_is_looked_into(
    place, ask, create, folder, tmp_path, sqlite_client
):
    asset = create(folder / "picture.png", "picture")
    assert "studio-data-files" in place.open("/data/asset/picture")
    assert ask("data-files", name="picture")["files"][0][0] == "picture.png"
    assert "image" in ask("data-file", name="picture", path="picture.png")
    with pytest.raises(InvalidInput, match="is not the path"):
        fetch_file(AssetStore(sqlite_client), asset, "../x", tmp_path, most_bytes=9)
