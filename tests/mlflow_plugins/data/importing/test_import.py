"""Tables from everywhere become assets; every damage is named, and nothing harmful is unpacked."""

import datetime as dt
import sqlite3
import stat
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlflow_plugins.cli import commands
from mlflow_plugins.core import AssetStore, InvalidInput, NotAllowed, apply_file
from mlflow_plugins.data import DATA, create_datastore, download_asset, preview
from mlflow_plugins.data.importing import ImportOptions, SqlQuery, import_data, look_at
from mlflow_plugins.data.importing import _archives as archives
from mlflow_plugins.testing import use_tracking_uri


@pytest.fixture
def store(sqlite_client):
    return AssetStore(sqlite_client)


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def table_of(store, source, **options):
    """What an import gives, as columns."""
    done = import_data(store, source, name="t", options=ImportOptions(**options))
    return preview(store, done.asset, n_rows=1000).to_pydict()


FRAME = pd.DataFrame(
    {
        "n": [1, 2, None],
        "x": [0.5, 1.5, 2.5],
        "s": ['a, "b"', "ü\n🙂", "z"],
        "b": [True, False, True],
    }
)


def frame_as_columns():
    return {
        "n": [1, 2, None],
        "x": [0.5, 1.5, 2.5],
        "s": list(FRAME["s"]),
        "b": [True, False, True],
    }


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("f.csv", lambda path: FRAME.astype({"n": "Int64"}).to_csv(path, index=False)),
        ("f.tsv", lambda path: FRAME.astype({"n": "Int64"}).to_csv(path, index=False, sep="\t")),
        ("f.parquet", lambda path: FRAME.astype({"n": "Int64"}).to_parquet(path)),
        (
            "f.jsonl",
            lambda path: FRAME.astype({"n": "Int64"}).to_json(path, orient="records", lines=True),
        ),
        ("f.json", lambda path: FRAME.astype({"n": "Int64"}).to_json(path, orient="records")),
        ("f.xlsx", lambda path: FRAME.to_excel(path, index=False)),
    ],
)
def test_every_format_gives_the_same_table(store, tmp_path, name, make):
    make(tmp_path / name)
    assert table_of(store, str(tmp_path / name)) == frame_as_columns()


def test_an_import_says_what_it_saw(store, tmp_path):
    path = write(
        tmp_path, "k.csv", "Größe;Name\n1;Jörg aus Köln\n2;Müller über Brücken\n".encode("cp1252")
    )
    with look_at(store, path) as (look, _):
        assert look.sentence() == (
            "k.csv: CSV, encoding cp1252, separator ';', a header, 2 rows, 2 columns."
        )
        assert [(one.name, one.type) for one in look.columns] == [
            ("Größe", "integer"),
            ("Name", "text"),
        ]
    assert store.find(DATA, "k") is None
    done = import_data(store, path, name="k", tags={"a": "b"}, description="d")
    assert done.asset.spec["imported_from"] == "k.csv"
    assert done.asset.spec["file"] == "k.parquet"
    assert (done.asset.tags, done.asset.description) == ({"a": "b"}, "d")


def test_the_original_can_be_kept(store, tmp_path):
    path = write(tmp_path, "k.csv", "a,b\n1,2\n")
    done = import_data(store, path, name="k", options=ImportOptions(keep_original=True))
    assert download_asset(store, done.asset, tmp_path / "c").read_text() == "a,b\n1,2\n"


# ---------------------------------------------------------------- bad lines


RAGGED = "a,b\n1,x\n2\n3,y,z\n4,w\n"


@pytest.mark.parametrize(
    ("name", "content", "rows", "rejected"),
    [
        ("r.csv", RAGGED, {"a": [1, 4], "b": ["x", "w"]}, ["3,", "4,"]),
        ("r.csv", 'a,b\n1,x\n2,"y"z\n3,w\n', {"a": [1, 3], "b": ["x", "w"]}, ["3,"]),
        ("r.jsonl", '{"a": 1}\n{x\n[1]\n{"a": 2}\n', {"a": [1, 2]}, ["2,", "3,"]),
    ],
)
def test_lines_that_are_no_rows_are_kept_aside(store, tmp_path, name, content, rows, rejected):
    path = write(tmp_path, name, content)
    with pytest.raises(InvalidInput, match=r"line \d.*--on-bad-lines keep-aside"):
        table_of(store, path)
    assert store.find(DATA, "t") is None
    options = ImportOptions(on_bad_lines="keep-aside", rejected_folder=tmp_path)
    done = import_data(store, path, name="t", options=options)
    assert preview(store, done.asset).to_pydict() == rows
    assert done.look.n_rejected == len(rejected) == done.asset.spec["n_rejected"]
    lines = done.look.rejected.read_text().splitlines()
    assert lines[0] == "line,reason,content"
    assert all(line.startswith(start) for line, start in zip(lines[1:], rejected, strict=True))


def test_nothing_is_kept_aside_of_a_good_file(store, tmp_path):
    path = write(tmp_path, "r.csv", "a,b\n1,x\n")
    options = ImportOptions(on_bad_lines="keep-aside", rejected_folder=tmp_path)
    assert import_data(store, path, name="t", options=options).look.rejected is None
    assert not list(tmp_path.glob("*.rejected*"))


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("t.csv", "", {}, "is empty"),
        ("t.csv", "a,b\n", {}, "but no rows"),
        ("t.csv", "a,a\n1,2\n", {}, "'a' occurs more than once"),
        ("t.csv", "a,,c\nx,y,z\n", {}, "column 2 has no name"),
        (
            "t.csv",
            "a,b\nü,1\n".encode("latin-1"),
            {"encoding": "utf-8"},
            "not text in the encoding 'utf-8'",
        ),
        ("t.csv", "a" + "," * 20_001 + "\n1\n", {}, r"has 20,002 columns.*--delimiter"),
        ("t.jsonl", "[1, 2]", {}, "is not a JSON object"),
        ("t.json", "[{]", {}, "is not JSON"),
        ("t.json", "[" * 100_000, {}, "is not JSON"),
        ("t.parquet", "PAR1xxxx", {}, "is not a Parquet file"),
        ("t.xlsx", "not a workbook", {}, "is not a ZIP file"),
        ("t.pdf", "x", {}, "is not a table that can be imported"),
        ("t.cvs", "a\n1\n", {}, "Did you mean '.csv'"),
        ("t.zip", "PK", {}, "is not a ZIP file"),
    ],
)
def test_a_broken_file_is_refused_with_its_reason(store, tmp_path, name, content, options, message):
    path = write(tmp_path, name, content)
    with pytest.raises(InvalidInput, match=message):
        table_of(store, path, **options)
    assert store.find(DATA, "t") is None


@pytest.mark.parametrize("source", ["nothing.csv", ""])
def test_a_source_that_is_not_there_is_refused(store, source):
    with pytest.raises(InvalidInput, match=r"There is no file|Nothing is named"):
        table_of(store, source)


def test_a_folder_is_not_a_table(store, tmp_path):
    with pytest.raises(InvalidInput, match="data create FOLDER"):
        table_of(store, str(tmp_path))


def test_labels_and_dates_of_unknown_order_stay_as_they_are(store, tmp_path):
    path = write(tmp_path, "t.csv", "y,d,m\nyes,01/02/2024,2024-02-01\nno,03/04/2024,2024-04-03\n")
    moments = [dt.datetime.fromisoformat(one) for one in ("2024-02-01", "2024-04-03")]
    expected = {"y": ["yes", "no"], "d": ["01/02/2024", "03/04/2024"], "m": moments}
    assert table_of(store, path) == expected


def test_strange_names_stay(store, tmp_path):
    names = ['q"uote', "🙂", "line\nbreak", "a;b", "$path", "SELECT"]
    frame = pd.DataFrame([list(range(6))] * 2, columns=names)
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert list(table_of(store, str(tmp_path / "t.csv"))) == names


def test_ten_thousand_columns_are_read(store, tmp_path):
    names = ",".join(f"c{n}" for n in range(10_000))
    row = ",".join(map(str, range(10_000)))
    done = import_data(store, write(tmp_path, "w.csv", f"{names}\n{row}\n{row}\n"), name="wide")
    assert len(done.asset.spec["schema"]) == 10_000
    assert preview(store, done.asset, n_rows=1)["c9999"].to_pylist() == [9999]


# ---------------------------------------------------------------- Excel


def test_a_sheet_is_chosen_and_types_hold_all_values(store, tmp_path):
    book = openpyxl.Workbook()
    first = book.active
    first.title = "One"
    second = book.create_sheet("Two")
    rows = [
        ("when", "mixed", "n", None),
        (dt.datetime.fromisoformat("2024-01-31"), 1, 1.5),
        (None,),
        (None, "x", 2),
    ]
    for row in rows:
        second.append(row)
    book.save(tmp_path / "b.xlsx")
    path = str(tmp_path / "b.xlsx")
    with pytest.raises(InvalidInput, match=r"has 2 sheets.*--sheet: One, Two"):
        table_of(store, path)
    with pytest.raises(InvalidInput, match="no sheet 'Tow'"):
        table_of(store, path, sheet="Tow")
    with pytest.raises(InvalidInput, match="the sheet is empty"):
        table_of(store, path, sheet="One")
    assert table_of(store, path, sheet="Two") == {
        "when": [dt.datetime.fromisoformat("2024-01-31"), None],
        "mixed": ["1", "x"],
        "n": [1.5, 2.0],
    }


# ---------------------------------------------------------------- archives


def archive(tmp_path, **files):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return str(tmp_path / "a.zip")


def test_the_tables_of_an_archive_become_one(store, tmp_path):
    files = {"d/2.csv": "a,b\n2.5,y\n", "1.csv": "a,b\n1,x\n", "readme.md": "x", "_x.csv": "no"}
    path = archive(tmp_path, **files)
    assert table_of(store, path) == {"a": [1.0, 2.5], "b": ["x", "y"]}
    with pytest.raises(InvalidInput, match=r"a.zip/2.csv' has the columns c"):
        table_of(store, archive(tmp_path, **{"1.csv": "a\n1\n", "2.csv": "c\n1\n"}))
    with pytest.raises(InvalidInput, match="has no table in it"):
        table_of(store, archive(tmp_path, **{"x.md": "x"}))
    with pytest.raises(InvalidInput, match="has no files in it"):
        table_of(store, archive(tmp_path))


@pytest.mark.parametrize(
    "name", ["../x.csv", "/etc/x.csv", "a/../../x.csv", "..\\x.csv", "C:\\x.csv"]
)
def test_a_name_that_leads_out_is_refused(store, tmp_path, name):
    with pytest.raises(NotAllowed, match="which leads out of it"):
        table_of(store, archive(tmp_path, **{name: "a\n1\n"}))
    assert not (tmp_path.parent / "x.csv").exists()


def test_a_link_in_an_archive_is_refused(store, tmp_path):
    entry = zipfile.ZipInfo("x.csv")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr(entry, "/etc/passwd")
    with pytest.raises(NotAllowed, match=r"has the link 'x.csv'"):
        table_of(store, str(tmp_path / "a.zip"))


@pytest.mark.parametrize("name", ["x.csv", "x.xlsx"])
def test_a_bomb_is_not_unpacked(store, tmp_path, name):
    path = archive(tmp_path, **{"x.csv": "a\n" + "0" * (20 << 20)})
    if name == "x.xlsx":
        path = str((tmp_path / "a.zip").rename(tmp_path / name))
    with pytest.raises(NotAllowed, match=r"unpacks to .* times its size"):
        table_of(store, path)


def test_too_much_is_not_unpacked(store, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_FILES", 2)
    with pytest.raises(NotAllowed, match="unpacks to 3 files"):
        table_of(store, archive(tmp_path, **{f"{n}.csv": "a\n1\n" for n in range(3)}))


def test_a_damaged_archive_is_refused(store, tmp_path):
    path = tmp_path / "a.zip"
    archive(tmp_path, **{"x.csv": "a\n" + "".join(f"{n}\n" for n in range(999))})
    content = bytearray(path.read_bytes())
    content[60] ^= 255
    path.write_bytes(bytes(content))
    with pytest.raises(InvalidInput, match="is damaged"):
        table_of(store, str(path))


# ---------------------------------------------------------------- databases, addresses


def test_a_query_is_imported(store, tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("create table t (a integer, b text)")
        connection.execute("insert into t values (1, 'x'), (2, 'y')")
    connection.close()
    url = f"sqlite:///{tmp_path / 'a.db'}"
    create_datastore(store, {"name": "db", "type": "sql", "url": url})
    query = SqlQuery(datastore="db", text="select b from t where a > 1")
    done = import_data(store, query, name="q")
    assert preview(store, done.asset).to_pydict() == {"b": ["y"]}
    assert done.asset.spec["query"] == query.text
    with pytest.raises(NotAllowed, match="only reads"):
        import_data(store, SqlQuery(datastore="db", text="delete from t"), name="q")
    with pytest.raises(InvalidInput, match="of type 'workspace'"):
        import_data(store, SqlQuery(datastore="workspaceblobstore", text="select 1"), name="q")
    assert table_of(store, "azureml://datastores/db/paths/t") == {"a": [1, 2], "b": ["x", "y"]}


def test_azures_import_files_are_applied(store, tmp_path, caplog):
    """Those of Azure/azureml-examples, cli/assets/data, with a connection that is here."""
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("create table my_table as select 1 as a")
    connection.close()
    url = f"sqlite:///{tmp_path / 'a.db'}"
    create_datastore(store, {"name": "my_sqldb_connection", "type": "sql", "url": url})
    write(tmp_path / "s3", "myfiles/titanic.csv", "a\n1\n")
    place = {"type": "local", "path": str(tmp_path / "s3")}
    create_datastore(store, {"name": "my_s3_connection", **place})
    head = "$schema: http://azureml/sdk-2-0/DataImport.json\n"
    sql = write(
        tmp_path,
        "sql.yml",
        head + "type: mltable\nname: azuresql_sample\nsource:\n  type: database\n"  # noqa: S608
        "  query: select * from my_table\n  connection: azureml:my_sqldb_connection\n"
        "path: azureml://datastores/workspaceblobstore/paths/azuresql/${{name}}",
    )
    asset = apply_file(store.records.client, Path(sql))
    assert preview(store, asset).to_pydict() == {"a": [1]}
    assert "'path' is not applied" in caplog.text
    files = write(
        tmp_path,
        "s3.yml",
        f"{head}type: uri_folder\nname: s3_sample\nsource:\n  type: file_system\n"
        "  path: myfiles/titanic.csv\n  connection: azureml:my_s3_connection\n",
    )
    asset = apply_file(store.records.client, Path(files))
    assert (download_asset(store, asset, tmp_path / "c") / "titanic.csv").read_text() == "a\n1\n"
    with pytest.raises(InvalidInput, match="needs exactly: type, query, connection"):
        apply_file(
            store.records.client,
            Path(write(tmp_path, "x.yml", f"{head}name: x\nsource: {{type: database}}\n")),
        )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("http://169.254.169.254/latest/x.csv", "metadata address"),
        ("http://[::ffff:169.254.169.254]/x.csv", "metadata address"),
        ("http://2852039166/x.csv", "metadata address"),
        ("http://metadata.google.internal/x.csv", "metadata address"),
        ("https://0.0.0.0/x.csv", "metadata address"),
        ("ftp://169.254.169.254/x.csv", "metadata address"),
        ("simplecache::http://169.254.169.254/x.csv", "within another one"),
    ],
)
def test_addresses_of_credentials_are_not_read(store, source, message):
    with pytest.raises((NotAllowed, InvalidInput), match=message):
        table_of(store, source)


def test_a_name_that_leads_to_a_forbidden_number_is_not_read(store, monkeypatch):
    import socket

    real = socket.getaddrinfo

    def lookup(host, *args, **more):
        if host == "innocent.example":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(NotAllowed, match=r"'innocent.example' is a link-local"):
        table_of(store, "http://innocent.example/x.csv")


# ---------------------------------------------------------------- the command


def test_the_command_looks_and_imports(sqlite_uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "r.csv", RAGGED)

    def call(*words):
        return CliRunner().invoke(commands, ["data", *words]).output

    with use_tracking_uri(sqlite_uri):
        assert "line 3" in call("import", "r.csv", "--name", "r")
        aside = ["--on-bad-lines", "keep-aside"]
        shown = call("import", "r.csv", "--name", "r", *aside, "--dry-run").splitlines()
        assert shown[0] == "r.csv: CSV, encoding utf-8, separator ',', a header, 2 rows, 2 columns."
        assert shown[-1] == f"2 lines are no rows; they are in {tmp_path / 'r.rejected.csv'}"
        assert "Created azureml:r:1 (2 rows" in call("import", "r.csv", "--name", "r", *aside)
        call("import", "r.csv", "--name", "r", *aside, "--no-header", "--delimiter", ",")
        assert "Archived r:1" in call("archive", "r:1")
        assert "Restored r:1" in call("restore", "r:1")
        assert "needs the datastore" in call("import", "--query", "select 1", "--name", "r")
        assert "no datastore 'nope'" in call(
            "import", "x.csv", "--datastore", "nope", "--name", "r"
        )
        assert call("lineage", "r:1") == ""


# ---------------------------------------------------------------- law


@pytest.mark.property
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**53), 2**53),
            st.floats(allow_nan=False, allow_infinity=False, width=32),
            st.text(st.characters(exclude_categories=["Cs", "Cc"])),
        ),
        min_size=2,
        max_size=20,
    )
)
def test_what_is_imported_is_what_was_there(tmp_path, rows):
    frame = pd.DataFrame(rows, columns=["i", "f", "s"])
    frame["s"] = "t " + frame["s"]
    frame.to_csv(tmp_path / "a.csv", index=False)
    with look_at(None, str(tmp_path / "a.csv"), options=ImportOptions(encoding="utf-8")) as (
        _,
        path,
    ):
        found = pd.read_parquet(path)
    assert found["i"].tolist() == frame["i"].tolist()
    assert found["f"].astype(float).tolist() == frame["f"].tolist()
    assert found["s"].tolist() == frame["s"].tolist()
