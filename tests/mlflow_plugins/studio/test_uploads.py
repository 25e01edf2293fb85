"""Files come in pieces, become data assets, and are refused with the reason."""

import errno
import io
import os
import signal
import tarfile
import threading
import time
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from mlflow_plugins.core import AssetStore, InvalidInput, Records
from mlflow_plugins.data import download_asset
from mlflow_plugins.studio._upload_folder import Upload, UploadFile, check_room, checked_files
from mlflow_plugins.studio._upload_places import uploads_folder

LATIN = "stadt;einwohner\nKöln;1085664\nbroken\nMünchen;1512491\n".encode("latin-1")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_STUDIO_UPLOAD_FOLDER", str(tmp_path / "uploads"))


def begin(place, files: dict[str, bytes], **more) -> str:
    named = [{"path": path, "size_bytes": len(content)} for path, content in files.items()]
    answer = place.http.post("/studio/_upload", json={"files": named, **more})
    assert answer.status_code == 200, answer.text
    return answer.json["token"]


def put(place, token: str, content: bytes, *, offset=0, file=0, crc32=None):
    crc32 = zlib.crc32(content) if crc32 is None else crc32
    address = f"/studio/_upload/{token}?file={file}&offset={offset}&crc32={crc32}"
    return place.http.put(address, data=content)


def send(place, files: dict[str, bytes], *, step: int = 1 << 20, **more) -> str:
    token = begin(place, files, **more)
    for number, content in enumerate(files.values()):
        for at in range(0, len(content), step):
            piece = put(place, token, content[at : at + step], offset=at, file=number)
            assert piece.status_code == 200, piece.text
    return token


def create(place, token: str, name: str = "people", **wish) -> dict:
    """Ask for the asset and wait for what becomes of it."""
    answer = place.http.post(f"/studio/_upload/{token}/finish", json={"name": name, **wish})
    if answer.status_code != 200:
        return {"phase": "refused", **answer.json}
    deadline = time.monotonic() + 60
    while (state := status(place, token))["phase"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return state


def status(place, token: str) -> dict:
    return place.http.get(f"/studio/_upload/{token}").json


def asset_of(place, name: str = "people"):
    with place.studio._app.server.app_context():
        store = place.studio.assets()
        return store, store.get("data", name)


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_csv", ".csv"), text)
    return buffer.getvalue()


# ---------------------------------------------------------------- pieces


@pytest.mark.parametrize("step", [7, 1 << 20])
def test_a_file_arrives_whole_in_any_number_of_pieces(place, csv, tmp_path, step):
    token = send(place, {"people.csv": csv.read_bytes()}, step=step)
    assert create(place, token, as_it_is=True)["asset"] == {"name": "people", "version": "1"}
    store, asset = asset_of(place)
    assert download_asset(store, asset, tmp_path / "copy").read_bytes() == csv.read_bytes()
    assert (asset.spec["file"], asset.spec["n_rows"]) == ("people.csv", 3)
    [folder] = uploads_folder().iterdir()
    assert not (folder / "content").exists()  # the disk is given back, the state is kept


def test_the_server_says_how_much_has_come_and_where_to_go_on(place):
    token = begin(place, {"a.csv": b"a,b\n1,2\n"})
    assert put(place, token, b"a,b\n").json == {"received": 4}
    assert status(place, token)["received"] == [4]
    wrong = put(place, token, b"1,2\n", offset=6)
    assert (wrong.status_code, wrong.json["received"]) == (409, 4)
    assert wrong.json["message"] == "The piece begins at 6, but 4 bytes have come."
    assert put(place, token, b"1,2\n", offset=4).json == {"received": 8}


def test_a_damaged_piece_leaves_no_trace(place):
    token = begin(place, {"a.csv": b"a,b\n1,2\n"})
    damaged = put(place, token, b"a,b\n", crc32=zlib.crc32(b"a;b\n"))
    assert damaged.status_code == 400
    assert "arrived damaged" in damaged.json["message"]
    assert status(place, token)["received"] == [0]


def test_what_is_longer_than_was_said_is_refused(place):
    token = begin(place, {"a.csv": b"a\n1\n"})
    answer = put(place, token, b"a\n1\n2\n")
    assert "was to have 4 bytes, and more have come" in answer.json["message"]


def test_two_tabs_that_send_the_same_file_store_it_once(place):
    """Both send the same upload at the same time; whoever is late is told where to go on."""
    content = os.urandom(200_000)
    token = begin(place, {"a.bin": content})
    refused = []

    def tab():
        http, at = place.http.application.test_client(), 0
        while at < len(content):
            piece = content[at : at + 4096]
            answer = http.put(
                f"/studio/_upload/{token}?offset={at}&crc32={zlib.crc32(piece)}", data=piece
            )
            refused.append(answer.status_code == 409)
            at = answer.json["received"]

    tabs = [threading.Thread(target=tab) for _ in range(2)]
    for one in tabs:
        one.start()
    for one in tabs:
        one.join()
    assert any(refused)
    with place.http.application.app_context():
        [folder] = uploads_folder().iterdir()
    assert (folder / "content" / "a.bin").read_bytes() == content


def test_an_upload_that_has_not_come_whole_makes_nothing(place):
    token = begin(place, {"a.csv": b"a\n1\n"})
    assert "4 bytes have not come yet" in create(place, token)["message"]


def test_an_upload_can_be_cancelled(place):
    token = begin(place, {"a.csv": b"a\n1\n"})
    assert place.http.delete(f"/studio/_upload/{token}").status_code == 200
    assert place.http.get(f"/studio/_upload/{token}").status_code == 404
    assert list(uploads_folder().iterdir()) == []


@pytest.mark.parametrize("token", ["x", "a" * 43, "..", "."])
def test_an_unknown_upload_is_not_found(place, token):
    answer = place.http.put(f"/studio/_upload/{token}?offset=0", data=b"x")
    assert answer.status_code == 404


# ---------------------------------------------------------------- what is made of them


def test_a_latin_1_file_with_semicolons_and_a_broken_line(place, tmp_path):
    token = send(place, {"städte.csv": LATIN})
    refused = create(place, token, "cities")
    assert refused["phase"] == "failed"
    assert "line 3" in refused["message"]
    kept = create(place, token, "cities", options={"on_bad_lines": "keep-aside"})
    assert kept["phase"] == "done", kept
    store, asset = asset_of(place, "cities")
    table = pa.parquet.read_table(download_asset(store, asset, tmp_path / "copy"))
    assert table.column("stadt").to_pylist() == ["Köln", "München"]
    assert asset.spec["n_rejected"] == 1
    names = [one.path for one in store.records.client.list_artifacts(asset.record_id, "rejected")]
    assert names == ["rejected/städte.rejected.csv"]


def test_types_are_the_callers_choice(place, tmp_path):
    token = send(place, {"a.csv": b"id,at\n007,2024-01-01\n008,2024-01-02\n"})
    options = {"types": {"id": "text"}}
    assert create(place, token, "ids", options=options)["phase"] == "done"
    store, asset = asset_of(place, "ids")
    table = pa.parquet.read_table(download_asset(store, asset, tmp_path / "copy"))
    assert table.column("id").to_pylist() == ["007", "008"]
    assert [one["type"] for one in asset.spec["schema"]] == ["text", "datetime"]


def test_a_second_upload_is_the_next_version(place, csv):
    for version in ("1", "2"):
        token = send(place, {"people.csv": csv.read_bytes()})
        assert create(place, token)["asset"]["version"] == version


def test_a_folder_keeps_its_files_and_their_names(place, tmp_path):
    token = send(place, {"a/x.txt": b"x", "b/y.txt": b"yy", "empty.txt": b""}, shown="photos")
    assert create(place, token, "photos", type="uri_folder")["phase"] == "done"
    store, asset = asset_of(place, "photos")
    folder = download_asset(store, asset, tmp_path / "copy")
    found = {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*.txt")}
    assert found == {"a/x.txt": b"x", "b/y.txt": b"yy", "empty.txt": b""}
    assert asset.spec["imported_from"] == "photos"


def test_several_tables_become_one(place):
    token = send(place, {"jan.csv": b"a,b\n1,2\n", "feb.csv": b"a,b\n3,4\n"}, shown="2 files")
    assert create(place, token, "months")["phase"] == "done"
    _, asset = asset_of(place, "months")
    assert (asset.spec["n_rows"], asset.spec["file"]) == (2, "months.parquet")


@pytest.mark.parametrize("kind", ["uri_file", "uri_folder", "mltable"])
@pytest.mark.parametrize("name", ["months.zip", "months.tar.gz"])
def test_an_archive_is_a_table_or_a_folder(place, kind, name):
    tables = {"jan_csv": "a,b\n1,2\n", "feb_csv": "a,b\n3,4\n"}
    content = zipped(**tables) if name.endswith("zip") else tarred(tables)
    token = send(place, {name: content})
    assert create(place, token, "months", type=kind)["phase"] == "done"
    _, asset = asset_of(place, "months")
    assert asset.spec["type"] == kind
    assert asset.spec.get("n_rows") == (None if kind == "uri_folder" else 2)


def tarred(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("_csv", ".csv"))
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def test_parquet_is_taken_too(place, tmp_path):
    path = tmp_path / "t.parquet"
    pa.parquet.write_table(pa.table({"a": [1, 2]}), path)
    token = send(place, {"t.parquet": path.read_bytes()})
    assert create(place, token)["phase"] == "done"


def bomb() -> bytes:
    return zipped(zeros_csv="0" * (64 << 20))


@pytest.mark.parametrize(
    ("content", "file", "message"),
    [
        (b"", "people.csv", "is empty"),
        (b"a,b\n", "people.csv", "but no rows"),
        (b"a,b\n1,2\n3\n", "people.csv", "line 3: 1 values where the header has 2"),
        (b"", "model.bin", "is empty"),
        (b"PAR1", "people.parquet", "is not a Parquet file"),
        (b"\xff\xfe\x00\x00\x01", "people.csv", "is not text in the encoding"),
        (",".join(f"c{n}" for n in range(20_001)).encode() + b"\n", "wide.csv", "20,001 columns"),
        (bomb(), "bomb.zip", "times its size"),
        (b"a,a\n1,2\n", "people.csv", "occurs more than once"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(place, content, file, message):
    state = create(place, send(place, {file: content}))
    assert state["phase"] == "failed"
    assert message in state["message"]
    with place.studio._app.server.app_context():
        assert not place.studio.assets().exists("data", "people")


@pytest.mark.parametrize("name", ["", "no good", "../x"])
def test_a_name_that_breaks_a_rule_is_refused_at_once(place, name):
    state = create(place, send(place, {"a.csv": b"a\n1\n"}), name)
    assert state["phase"] == "refused"
    assert "cannot be used as name" in state["message"]


def test_a_table_of_ten_thousand_columns_is_read(place):
    header = ",".join(f"c{n}" for n in range(10_000))
    row = ",".join("1" for _ in range(10_000))
    state = create(place, send(place, {"wide.csv": f"{header}\n{row}\n".encode()}), "wide")
    assert state["phase"] == "done", state
    _, asset = asset_of(place, "wide")
    assert len(asset.spec["schema"]) == 10_000


# ---------------------------------------------------------------- rules


def test_more_than_the_limit_is_refused_before_it_is_sent(make_place):
    place = make_place(upload_mib=1)
    files = [{"path": "a.csv", "size_bytes": 2 << 20}]
    answer = place.http.post("/studio/_upload", json={"files": files})
    assert answer.status_code == 400
    assert "There are 2 MiB; the studio takes at most 1 MiB" in answer.json["message"]


def test_more_than_the_disk_can_hold_is_refused(tmp_path, monkeypatch):
    free = 1 << 30
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    check_room(tmp_path, 700 << 20, [])
    other = Upload.begin(
        tmp_path / "other", [UploadFile(path="x", size_bytes=200 << 20)], purpose="data"
    )
    with pytest.raises(InvalidInput, match="other uploads need 200 MiB"):
        check_room(tmp_path, 700 << 20, [other])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.csv", "etc/passwd.csv"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\data\\my table.csv", "data/my table.csv"),
        ("a\x00b?.csv", "a_b_.csv"),
        ("fotos/käse.png", "fotos/käse.png"),
    ],
)
def test_a_path_cannot_leave_the_upload(given, kept):
    assert [one.path for one in checked_files([{"path": given, "size_bytes": 1}])] == [kept]


@pytest.mark.parametrize("given", ["", "..", "/", None])
def test_a_file_needs_a_name(given):
    with pytest.raises(InvalidInput, match="The file has no name"):
        checked_files([{"path": given, "size_bytes": 1}])


@pytest.mark.parametrize("size", [None, -1, 1.5, "7", True])
def test_a_file_needs_a_size(size):
    with pytest.raises(InvalidInput, match="must be a number of bytes"):
        checked_files([{"path": "a", "size_bytes": size}])


def test_two_files_cannot_have_one_name():
    with pytest.raises(InvalidInput, match="Two files are called"):
        checked_files([{"path": one, "size_bytes": 1} for one in ("a?", "a*")])


def test_a_worker_that_is_gone_has_failed(tmp_path):
    upload = Upload.begin(tmp_path / "u", [UploadFile(path="a", size_bytes=0)], purpose="data")
    assert upload.start("create")
    assert not upload.start("create")  # by this process, which lives
    host, pid, _ = upload.state()["worker"].split(":")
    upload.note(worker=f"{host}:{pid}:1.0")  # as it would be after a restart of the machine
    assert upload.state()["phase"] == "failed"
    assert "has ended before it was done" in upload.state()["message"]
    assert upload.start("create")


def test_a_full_disk_is_named_and_what_was_sent_is_kept(place, monkeypatch):
    def full(*_args, **_more):
        raise OSError(errno.ENOSPC, "No space left on device")

    token = send(place, {"a.csv": b"a\n1\n"})
    with monkeypatch.context() as patched:
        patched.setattr("mlflow.MlflowClient.log_artifact", full)
        state = create(place, token)
    assert "A disk of the server is full (No space left on device)" in state["message"]
    assert create(place, token)["phase"] == "done"


def test_a_forgotten_upload_is_removed(place):
    begin(place, {"a.csv": b"a\n1\n"})
    [old] = uploads_folder().iterdir()
    os.utime(old, (0, 0))
    begin(place, {"b.csv": b"a\n1\n"})
    assert old not in set(Path(uploads_folder()).iterdir())


# ---------------------------------------------------------------- a process of its own


@pytest.fixture
def _processes(monkeypatch):
    monkeypatch.setattr("mlflow_plugins.studio._import_start.SMALL_BYTES", 0)


def wait_for(place, token: str, is_so) -> dict:
    deadline = time.monotonic() + 90
    while not is_so(state := status(place, token)):
        assert time.monotonic() < deadline, state
        time.sleep(0.05)
    return state


@pytest.mark.usefixtures("_processes")
def test_a_reading_process_that_is_killed_is_noticed_and_can_be_tried_again(place):
    token = send(place, {"people.csv": b"a,b\n" + b"1,2\n" * 1000})
    place.http.post(f"/studio/_upload/{token}/finish", json={"name": "people"})
    [folder] = uploads_folder().iterdir()
    upload = Upload(folder)
    wait_for(place, token, lambda _: upload.state().get("is_own_process"))
    os.kill(int(upload.state()["worker"].split(":")[1]), signal.SIGKILL)
    state = wait_for(place, token, lambda one: one["phase"] != "running")
    assert state["phase"] == "failed"
    assert "Try again: what was sent is still there" in state["message"]
    assert create(place, token)["phase"] == "done"
    assert asset_of(place)[1].version == "1"


@pytest.mark.usefixtures("_processes")
def test_a_reading_process_may_what_its_user_might(make_place, sqlite_client):
    """It has the rights of the moment when it was asked for, and works in the user's name."""
    rules = Rules()
    rules.editable.add(Records(sqlite_client).experiment_id("data"))
    place = make_place(access=rules)
    token = send(place, {"people.csv": b"a,b\n1,2\n"})
    state = create(place, token)
    assert state["phase"] == "done", state
    store = AssetStore(sqlite_client)
    assert store.get("data", "people").created_by == "ann"


class Rules:
    """A login that may edit some experiments."""

    is_enforced = True

    def __init__(self) -> None:
        self.editable: set[str] = set()

    def user(self) -> str:
        return "ann"

    def may_read(self, resource, key) -> bool:
        return key in self.editable

    def may_edit(self, resource, key) -> bool:
        return key in self.editable

    def may_create(self, resource) -> bool:
        return False

    def on_created(self, resource, key) -> None:
        raise AssertionError
