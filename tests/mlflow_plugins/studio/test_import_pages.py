"""What new data is read as, and what its form says, without a browser."""

import pytest

from mlflow_plugins.core import AssetStore, InvalidInput, NotAllowed
from mlflow_plugins.data import check_place, fetch_place
from mlflow_plugins.data.datastores import create_datastore
from mlflow_plugins.studio._server_folders import check_address, open_for_page
from mlflow_plugins.studio._upload_folder import Upload, UploadFile
from mlflow_plugins.studio._uploads import read_wish
from mlflow_plugins.studio.pages.data import _import_form as form
from mlflow_plugins.studio.pages.data._glance_view import schema_diff
from mlflow_plugins.studio.pages.data._new import _read_address


@pytest.fixture
def upload(tmp_path):
    def make(**files: bytes) -> Upload:
        named = {name.replace("__", "/").replace("_", "."): body for name, body in files.items()}
        listed = [UploadFile(path=path, size_bytes=len(body)) for path, body in named.items()]
        made = Upload.begin(tmp_path / "upload", listed, purpose="data", shown="x")
        for number, body in enumerate(named.values()):
            made.add_piece(number, 0, body, crc32=None)
        return made

    return make


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"a_csv": b"a\n1\n"}, "uri_file"),
        ({"a_bin": b"1"}, "uri_file"),
        ({"a_csv": b"a\n1\n", "b_csv": b"a\n1\n"}, "uri_file"),
        ({"a_csv": b"a\n1\n", "b_png": b"1"}, "uri_folder"),
        ({"MLTable": b"type: mltable", "b_csv": b"a\n"}, "mltable"),
    ],
)
def test_files_are_taken_for_what_they_look_like(upload, files, kind):
    assert form.default_kind(upload(**files)) == kind


def test_what_the_inputs_say_is_what_the_importer_gets():
    given = {
        "name": "a",
        "kind": "uri_file",
        "encoding": "found-out",
        "delimiter": ";",
        "has_header": "no",
        "quote": "none",
        "sheet": "",
        "types": '{"a": "text"}',
        "on_bad_lines": "keep-aside",
        "stored": "as-it-is",
        "tags": "team=risk, source = crm",
    }
    wish = read_wish(form.wish_of(given))
    assert wish["options"] == {
        "delimiter": ";",
        "has_header": False,
        "quote": "",
        "types": {"a": "text"},
        "on_bad_lines": "keep-aside",
    }
    assert wish["tags"] == {"team": "risk", "source": "crm"}
    assert wish["as_it_is"]
    assert wish["version"] is None


@pytest.mark.parametrize("text", ["team", "=risk", "a=1,b"])
def test_a_tag_needs_a_name_and_a_value(text):
    with pytest.raises(InvalidInput, match="team=risk"):
        form.read_tags(text)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"name": "a", "type": "table"}, "must be one of: uri_file"),
        ({"name": "a", "options": {"on_bad_lines": "eat"}}, "'refuse' or 'keep-aside'"),
        ({"name": "a", "options": {"has_header": "maybe"}}, "'has_header' is 'maybe'"),
    ],
)
def test_a_wish_that_breaks_a_rule_is_refused(wish, message):
    with pytest.raises(InvalidInput, match=message):
        read_wish(wish)


def test_options_that_nobody_knows_do_not_reach_the_importer():
    wish = read_wish({"name": "a", "options": {"rejected_folder": "/etc", "shown": "x"}})
    assert wish["options"] == {}


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("people.csv", "people"),
        ("my table (2).csv", "my-table-2"),
        ("https://host/data/Größe.tar.gz", "Groe"),
        ("photos/", "photos"),
        ("2 files", "2-files"),
    ],
)
def test_a_name_is_suggested(shown, name):
    assert form.name_for(shown) == name


def test_a_schema_diff_says_what_comes_goes_and_changes():
    old = [{"name": "a", "type": "text"}, {"name": "b", "type": "integer"}]
    assert schema_diff(old, [("a", "number"), ("c", "date")]) == {
        "Added": ["c (date)"],
        "Removed": ["b (integer)"],
        "Other type": ["a: text, now number"],
    }


# ---------------------------------------------------------------- where pages may look


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No address is given"),
        ("/etc/passwd", "pages read nothing from the server's disk"),
        ("../x.csv", "pages read nothing from the server's disk"),
        ("file:///etc/passwd", "pages read nothing from the server's disk"),
        ("local:///etc/passwd", "are not read for a page"),
        ("memory://x", "are not read for a page"),
        ("https://me:secret@host/a.csv", r"me:\*\*\*@host"),
        ("azureml://jobs/1/outputs/x", "is not a place in a datastore"),
        ("http://169.254.169.254/latest/meta-data", "metadata address"),
    ],
)
def test_an_address_that_pages_do_not_read_is_refused(text, message):
    with pytest.raises(InvalidInput, match=message):
        _read_address(text, "file", is_reference=False)


def test_a_folder_of_the_servers_disk_is_read_only_if_an_administrator_says_so(
    place, tmp_path, monkeypatch
):
    (tmp_path / "shared").mkdir()
    with place.http.application.test_request_context():
        store = place.studio.assets()
        document = {"name": "here", "type": "local", "path": str(tmp_path / "shared")}
        create_datastore(store, document)
        with pytest.raises(NotAllowed, match="MLFLOW_STUDIO_SERVER_FOLDERS"):
            open_for_page(store, "here")
        with pytest.raises(NotAllowed, match="server's own disk"):
            check_address(store, "azureml://datastores/here/paths/x")
        monkeypatch.setenv("MLFLOW_STUDIO_SERVER_FOLDERS", f"/nowhere:{tmp_path}")
        assert open_for_page(store, "here").listing() == []
    assert "There is nothing here" in place.open("/datastores/one/here")


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "local", "path": "/etc"},
        {"type": "sql", "url": "sqlite:////etc/x.db"},
        {"type": "sql", "url": "duckdb:///etc/x.db"},
        {"type": "http", "url": "https://h/", "credentials": {"token": "file:/etc/shadow"}},
    ],
)
def test_what_leads_to_the_servers_disk_is_refused(spec, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_STUDIO_SERVER_FOLDERS", str(tmp_path))
    with pytest.raises(NotAllowed, match="disk"):
        check_place("x", spec)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "local:///etc/passwd", "dir:///etc"])
def test_a_server_reads_no_reference_to_its_own_disk(sqlite_client, tmp_path, monkeypatch, address):
    """Such a record can be written from far away, without any page."""
    store = AssetStore(sqlite_client)
    monkeypatch.setenv("_MLFLOW_STUDIO_SERVING", "true")
    with pytest.raises(NotAllowed, match="own disk"):
        fetch_place(store, address, tmp_path, is_folder=False)
    create_datastore(store, {"name": "etc", "type": "local", "path": "/etc"})
    with pytest.raises(NotAllowed, match="own disk"):
        fetch_place(store, "azureml://datastores/etc/paths/passwd", tmp_path, is_folder=False)
    assert list(tmp_path.iterdir()) == [] or not (tmp_path / "passwd").exists()


def test_a_link_does_not_lead_out_of_a_folder_that_may_be_read(tmp_path, monkeypatch):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "out").symlink_to("/etc")
    monkeypatch.setenv("MLFLOW_STUDIO_SERVER_FOLDERS", str(tmp_path / "shared"))
    check_place("x", {"type": "local", "path": str(tmp_path / "shared")})
    with pytest.raises(NotAllowed):
        check_place("x", {"type": "local", "path": str(tmp_path / "shared" / "out")})
