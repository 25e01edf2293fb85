"""Files come in pieces, become data assets, and are refused with the reason."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from mlflow_plugins.data import download_asset


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()


def upload(place, content: bytes, *, file="people.csv", name="people", piece_bytes=None):
    begun = place.http.post("/studio/_upload", json={"file": file, "size_bytes": len(content)})
    assert begun.status_code == 200, begun.text
    token = begun.json["token"]
    step = piece_bytes or begun.json["piece_bytes"]
    for at in range(0, len(content), step):
        piece = place.http.put(f"/studio/_upload/{token}?offset={at}", data=content[at : at + step])
        assert piece.status_code == 200, piece.text
    return place.http.post(f"/studio/_upload/{token}/finish", json={"name": name})


def left_over() -> list[Path]:
    return list((Path(tempfile.gettempdir()) / "mlflow-studio-uploads").iterdir())


@pytest.mark.parametrize("piece_bytes", [1, 7, None])
def test_a_file_arrives_whole_in_any_number_of_pieces(place, csv, tmp_path, piece_bytes):
    answer = upload(place, csv.read_bytes(), piece_bytes=piece_bytes)
    assert answer.json == {
        "name": "people",
        "version": "1",
        "address": "/studio/data/asset/people",
    }
    with place.studio._app.server.app_context():
        store = place.studio.assets()
        asset = store.get("data", "people")
        assert download_asset(store, asset, tmp_path / "copy").read_bytes() == csv.read_bytes()
    assert asset.spec["file"] == "people.csv"
    assert asset.spec["n_rows"] == 3
    assert left_over() == []


def test_parquet_is_taken_too(place, tmp_path):
    path = tmp_path / "t.parquet"
    pa.parquet.write_table(pa.table({"a": [1, 2]}), path)
    assert upload(place, path.read_bytes(), file="t.parquet").json["version"] == "1"


def test_a_second_upload_is_the_next_version(place, csv):
    assert upload(place, csv.read_bytes()).json["version"] == "1"
    assert upload(place, csv.read_bytes()).json["version"] == "2"


@pytest.mark.parametrize(
    ("content", "file", "name", "message"),
    [
        (b"", "people.csv", "people", "is empty"),
        (b"a,b\n", "people.csv", "people", "but no rows"),
        (b"a,b\n1,2\n3\n", "people.csv", "people", "line 3: 1 values where the header has 2"),
        (b"a\n1\n", "people.exe", "people", "is not a table that can be read"),
        (b"PAR1", "people.parquet", "people", "is not a Parquet file"),
        (b"a\n1\n", "people.csv", "", "cannot be used as name"),
        (b"a\n1\n", "people.csv", "no good", "cannot be used as name"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(place, content, file, name, message):
    answer = upload(place, content, file=file, name=name)
    assert answer.status_code == 400
    assert message in answer.json["message"]
    assert left_over() == []


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(make_place):
    place = make_place(upload_mib=1)
    body = {"file": "a.csv", "size_bytes": 2 << 20}
    answer = place.http.post("/studio/_upload", json=body)
    assert answer.status_code == 400
    assert "The file has 2 MiB; the studio takes at most 1 MiB" in answer.json["message"]


def test_a_file_that_lied_about_its_size_is_cut_off(make_place):
    place = make_place(upload_mib=1)
    token = place.http.post("/studio/_upload", json={"file": "a.csv"}).json["token"]
    answer = place.http.put(f"/studio/_upload/{token}?offset=0", data=b"a" * ((1 << 20) + 1))
    assert "larger than 1 MiB" in answer.json["message"]
    assert left_over() == []


def test_a_piece_out_of_order_is_refused(place):
    token = place.http.post("/studio/_upload", json={"file": "a.csv"}).json["token"]
    answer = place.http.put(f"/studio/_upload/{token}?offset=5", data=b"x")
    assert answer.json["message"] == "The piece begins at 5, but 0 bytes have come."


@pytest.mark.parametrize("token", ["x", "a" * 43, "..", "."])
def test_an_unknown_upload_is_not_found(place, token):
    answer = place.http.put(f"/studio/_upload/{token}?offset=0", data=b"x")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\data\\my table.csv", "my table.csv"),
        ("a\x00b?.csv", "a_b_.csv"),
    ],
)
def test_a_file_name_cannot_leave_its_folder(place, given, kept):
    answer = place.http.post("/studio/_upload", json={"file": given})
    assert answer.status_code == 200
    assert [file.name for folder in left_over() for file in folder.iterdir()] == [kept]


@pytest.mark.parametrize("given", ["", "..", "/", None])
def test_a_file_needs_a_name(place, given):
    answer = place.http.post("/studio/_upload", json={"file": given})
    assert "The file has no name" in answer.json["message"]
