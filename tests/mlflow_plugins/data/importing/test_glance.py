"""A glance sees what an import will see; types, quotes and TAR archives of the caller's choice."""

import io
import tarfile

import openpyxl
import pyarrow.parquet
import pytest

from mlflow_plugins.core import InvalidInput, NotAllowed
from mlflow_plugins.data.importing import ImportOptions, glance, look_at, unpack


def write(tmp_path, content: bytes, name: str = "table.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def rows_of(path, **options) -> list[dict]:
    with look_at(None, str(path), options=ImportOptions(**options)) as (_, table):
        return pyarrow.parquet.read_table(table).to_pylist()


def types_of(path, **options) -> dict[str, str]:
    found = glance(path, options=ImportOptions(**options))
    return {column.name: column.type for column in found.columns}


def test_a_glance_counts_bad_lines_and_shows_the_first(tmp_path):
    path = write(tmp_path, b"a,b\n1,2\n3\n4,5,6\n7,8\n")
    found = glance(path)
    assert (found.n_rows, found.n_bad_lines, found.is_whole) == (2, 2, True)
    assert [(one.line, one.content) for one in found.bad_lines] == [(3, "3"), (4, "4,5,6")]
    assert found.rows == ({"a": 1, "b": 2}, {"a": 7, "b": 8})


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_a_glance_at_a_long_file_reads_its_beginning(tmp_path, encoding):
    """Where it is cut, neither half a letter nor half a line is a fault of the file."""
    line = "größe,wert\n" + "".join(f"ü{n},{n}\n" for n in range(700_000))
    path = write(tmp_path, line.encode(encoding))
    found = glance(path, n_rows=3)
    assert not found.is_whole
    assert 0 < found.n_rows < 700_000
    assert found.n_bad_lines == 0
    assert found.rows[1] == {"größe": "ü1", "wert": 1}


def test_a_text_over_several_lines_that_is_cut_is_no_bad_line(tmp_path):
    cell = '"' + "line\n" * 1000 + '"'
    path = write(tmp_path, ("a,b\n" + f"1,{cell}\n" * 1200).encode())
    found = glance(path)
    assert not found.is_whole
    assert found.n_bad_lines == 0


def test_the_types_of_a_glance_are_those_of_the_import(tmp_path):
    path = write(tmp_path, b"id,when,yes,n\n1,2024-01-01,true,1.5\n2,2024-01-02,false,2\n")
    expected = {"id": "integer", "when": "datetime", "yes": "boolean", "n": "number"}
    assert types_of(path) == expected
    with look_at(None, str(path)) as (look, _):
        assert {one.name: one.type for one in look.columns} == expected


@pytest.mark.parametrize(
    ("kind", "values"),
    [("text", ["1", "2"]), ("number", [1.0, 2.0]), ("integer", [1, 2])],
)
def test_a_type_can_be_chosen(tmp_path, kind, values):
    path = write(tmp_path, b"id,b\n1,x\n2,y\n")
    assert [row["id"] for row in rows_of(path, types={"id": kind})] == values


def test_a_value_that_does_not_fit_a_chosen_type_is_named_or_kept_aside(tmp_path):
    path = write(tmp_path, b"a,b\n1,2\nx,3\n4,5\ny,6\n")
    with pytest.raises(InvalidInput, match=r"line 3 \(and 1 more lines\)"):
        rows_of(path, types={"a": "integer"})
    options = {"types": {"a": "integer"}, "on_bad_lines": "keep-aside", "rejected_folder": tmp_path}
    assert [row["a"] for row in rows_of(path, **options)] == [1, 4]
    assert "x,3" in (tmp_path / "table.rejected.csv").read_text()


@pytest.mark.parametrize(
    ("types", "message"),
    [({"c": "text"}, "has no column 'c'"), ({"a": "date"}, "must be one of: text, integer")],
)
def test_a_type_that_cannot_be_is_refused(tmp_path, types, message):
    with pytest.raises(InvalidInput, match=message):
        rows_of(write(tmp_path, b"a\n1\n"), types=types)


def test_quotes_are_found_out_or_given(tmp_path):
    path = write(tmp_path, b"a,b\n'x,y',1\n'z',2\n")
    assert glance(path).dialect.quote == "'"
    assert rows_of(path)[0] == {"a": "x,y", "b": 1}
    inches = write(tmp_path, b'size,b\n5",1\n6",2\n', "inches.csv")
    assert [row["size"] for row in rows_of(inches, quote="")] == ['5"', '6"']


@pytest.mark.parametrize("given", [{"delimiter": ";;"}, {"quote": '""'}, {"delimiter": "\n"}])
def test_a_separator_is_one_character(tmp_path, given):
    with pytest.raises(InvalidInput, match="must be one character"):
        glance(write(tmp_path, b"a\n1\n"), options=ImportOptions(**given))


def test_so_many_bad_lines_are_a_wrong_setting(tmp_path, monkeypatch):
    monkeypatch.setattr("mlflow_plugins.data.importing._csv.MOST_BAD_LINES", 3)
    path = write(tmp_path, b"a,b\n1,2\n" + b"1\n" * 5)
    with pytest.raises(InvalidInput, match="more than 3 lines are no rows"):
        rows_of(path, on_bad_lines="keep-aside", rejected_folder=tmp_path)


def test_a_workbook_says_its_sheets_and_shows_the_first(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "First"
    book.active.append(["a"])
    book.active.append([1])
    book.create_sheet("Second").append(["b"])
    book.save(tmp_path / "book.xlsx")
    found = glance(tmp_path / "book.xlsx")
    assert found.sheets == ("First", "Second")
    assert found.rows == ({"a": 1},)


# ---------------------------------------------------------------- archives, folders


def tar(tmp_path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz"):
    path = tmp_path / "archive.tar.gz"
    with tarfile.open(path, mode) as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_a_tar_archive_of_tables_is_one_table(tmp_path):
    path = tar(
        tmp_path,
        (tarfile.TarInfo("in/a.csv"), b"a,b\n1,2\n"),
        (tarfile.TarInfo("in/b.csv"), b"a,b\n3,4\n"),
        (tarfile.TarInfo("readme.md"), b"no table"),
    )
    assert sorted(row["a"] for row in rows_of(path)) == [1, 3]


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (tarfile.TarInfo("../out.csv"), "leads out of it"),
        (tarfile.TarInfo("/etc/out.csv"), "leads out of it"),
        (tarfile.TarInfo("C:/out.csv"), "leads out of it"),
        (link("a", "/etc/passwd"), "a link or a device"),
        (link("a", "/etc/passwd", tarfile.LNKTYPE), "a link or a device"),
        (link("a", "", tarfile.CHRTYPE), "a link or a device"),
    ],
)
def test_a_tar_archive_that_would_do_harm_is_refused(tmp_path, member, message):
    path = tar(tmp_path, (member, b""))
    (tmp_path / "out").mkdir()
    with pytest.raises(NotAllowed, match=message):
        unpack(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_tar_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    path = tar(tmp_path, (tarfile.TarInfo("zeros.csv"), bytes(64 << 20)))
    (tmp_path / "out").mkdir()
    with pytest.raises(NotAllowed, match="more than 200 times its size"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"nonsense" * 1000, b"\x1f\x8b\x08nothing"])
def test_a_damaged_tar_archive_is_refused(tmp_path, content):
    path = write(tmp_path, content, "a.tar.gz")
    with pytest.raises(InvalidInput, match=r"not a TAR file|no files in it"):
        unpack(path, tmp_path)


def test_tables_of_a_folder_become_one_only_if_that_is_wanted(tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in", b"a\n1\n", "x.csv")
    write(tmp_path / "in", b"a\n2\n", "y.csv")
    with pytest.raises(InvalidInput, match="is a folder"):
        rows_of(tmp_path / "in")
    assert [row["a"] for row in rows_of(tmp_path / "in", join_folder=True)] == [1, 2]
