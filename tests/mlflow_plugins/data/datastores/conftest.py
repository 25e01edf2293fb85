"""What the tests of datastores share.

``opened``          makes a datastore of a document, without a workspace
``folder``          two files, one of them in a folder
``is_like_a_disk``  holds a datastore to what every writable one does
"""

import pytest

from mlflow_plugins.core import InvalidInput, NotFound
from mlflow_plugins.data.datastores import read_document
from mlflow_plugins.data.datastores._registry import _opened


def open_document(**document):
    read = read_document({**document, "name": "mine"})
    return _opened(read.name, read.spec)


@pytest.fixture
def opened():
    return open_document


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "content"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.csv").write_text("a\n1\n")
    (folder / "deep" / "b ü.csv").write_text("b\n2\n")
    return folder


def check_disk(datastore, folder, tmp_path):
    """What goes in comes out, and listings say so."""
    assert datastore.upload(folder / "a.csv", "one/") == "one/a.csv"
    assert datastore.upload(folder / "a.csv", "one/renamed.csv") == "one/renamed.csv"
    datastore.upload(folder, "all")
    (tmp_path / "out").mkdir()
    fetched = datastore.fetch("one/renamed.csv", tmp_path / "out")
    assert fetched == tmp_path / "out" / "renamed.csv"
    assert fetched.read_text() == "a\n1\n"
    (tmp_path / "all").mkdir()
    assert datastore.fetch("all", tmp_path / "all", is_folder=True) == tmp_path / "all"
    assert (tmp_path / "all" / "deep" / "b ü.csv").read_text() == "b\n2\n"
    shown = [(one.path, one.is_dir, one.file_size) for one in datastore.listing("all")]
    assert shown == [("all/a.csv", False, 4), ("all/deep", True, None)]
    assert [one.path for one in datastore.listing()] == ["all", "one"]
    assert datastore.look_up("one/a.csv").size_bytes == 4
    assert datastore.look_up("one/a.csv") == datastore.look_up("one/a.csv")
    assert "2 files and folders" in datastore.check()
    for ask in (lambda: datastore.look_up("nothing"), lambda: datastore.fetch("nothing", tmp_path)):
        with pytest.raises(NotFound, match=r"nothing at azureml://datastores/mine/paths/nothing"):
            ask()
    with pytest.raises(InvalidInput, match="leads out of the datastore"):
        datastore.upload(folder / "a.csv", "../x")


@pytest.fixture
def is_like_a_disk():
    return check_disk
