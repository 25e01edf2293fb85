"""Archives from strangers: what is in them lands in the folder, or they are refused."""

import stat
import zipfile

import pytest

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.studio._code_files import read_tokens, unpack

MIB = 2**20


@pytest.fixture
def archive(tmp_path):
    """Writes an archive; a text is a file, a number its mode."""

    def make(*entries):
        path = tmp_path / "code.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content, mode in entries:
                info = zipfile.ZipInfo(name)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = mode << 16
                file.writestr(info, content)
        return path

    return make


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "folder"
    place.mkdir()
    return place


def names(folder):
    return sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*"))


def test_files_keep_their_places_and_programs_stay_programs(archive, folder):
    path = archive(
        ("src/", "", stat.S_IFDIR | 0o755),
        ("src/train.py", "print(1)", stat.S_IFREG | 0o644),
        ("run.sh", "true", stat.S_IFREG | 0o755),
        ("windows\\train.py", "print(2)", stat.S_IFREG | 0o644),
    )
    unpack(path, folder, limit_bytes=MIB)
    assert names(folder) == ["run.sh", "src", "src/train.py", "windows", "windows/train.py"]
    assert (folder / "run.sh").stat().st_mode & stat.S_IXUSR
    assert not (folder / "src" / "train.py").stat().st_mode & stat.S_IXUSR


def test_links_are_left_out(archive, folder):
    link = ("passwd", "/etc/passwd", stat.S_IFLNK | 0o777)
    unpack(archive(link, ("a.py", "", stat.S_IFREG | 0o644)), folder, limit_bytes=MIB)
    assert names(folder) == ["a.py"]


@pytest.mark.parametrize("name", ["../a.py", "/a.py", "src/../../a.py", "..\\a.py", "C:\\a.py"])
def test_paths_that_lead_out_are_refused(archive, folder, tmp_path, name):
    with pytest.raises(InvalidInput, match=r"code\.zip: the path .* leads out of the archive"):
        unpack(archive((name, "x", 0o644)), folder, limit_bytes=MIB)
    assert not (tmp_path / "a.py").exists()


def test_a_small_archive_that_holds_much_is_refused(archive, folder):
    path = archive(("a", b"\0" * MIB, 0o644), ("b", b"\0" * MIB, 0o644))
    assert path.stat().st_size < 10_000
    with pytest.raises(InvalidInput, match="more than the studio takes"):
        unpack(path, folder, limit_bytes=MIB + 10)


def test_what_is_no_archive_is_refused(archive, folder, tmp_path):
    text = tmp_path / "text.zip"
    text.write_text("not a zip")
    with pytest.raises(InvalidInput, match=r"text\.zip cannot be unpacked"):
        unpack(text, folder, limit_bytes=MIB)
    whole = archive(("a.py", "print(1)\n" * 1000, 0o644))
    cut = tmp_path / "cut.zip"
    data = bytearray(whole.read_bytes())
    data[60:80] = b"\0" * 20  # in the middle of what is compressed
    cut.write_bytes(data)
    with pytest.raises(InvalidInput, match=r"cut\.zip cannot be unpacked"):
        unpack(cut, folder, limit_bytes=MIB)


def test_a_field_that_holds_anything_else_names_no_uploads():
    assert read_tokens('[{"token": "a", "name": "x"}]') == ["a"]
    for value in (None, "", "[]", "{", "7", '["a"]', '[{"name": "x"}]'):
        assert read_tokens(value) == []
