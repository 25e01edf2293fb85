"""Every option and every way to get one wrong."""

import datetime as dt
import tracemalloc

import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlflow_plugins.core import NotAllowed, NotFound, StudioError
from mlflow_plugins.data.mltable import load


def make(folder, files, *steps, paths=None):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    document = {"paths": paths or [{"file": name} for name in files]}
    (folder / "MLTable").write_text(yaml.safe_dump(document | {"transformations": list(steps)}))
    return load(folder)


def csv(**options):
    return {"read_delimited": options}


TWO = {"a.csv": "x,y\n1,a\n", "b.csv": "x,y\n2.5,b\n"}


@pytest.mark.parametrize(
    ("files", "options", "expected"),
    [
        (TWO, {}, {"x": [1.0, 2.5], "y": ["a", "b"]}),
        (TWO, {"header": "all_files_same_headers"}, {"x": [1.0, 2.5], "y": ["a", "b"]}),
        (
            TWO,
            {"header": "no_header"},
            {"Column1": ["x", "1", "x", "2.5"], "Column2": ["y", "a", "y", "b"]},
        ),
        (TWO, {"header": "from_first_file"}, {"x": ["1", "x", "2.5"], "y": ["a", "y", "b"]}),
        (
            {"a.csv": "x,y\n1,a\n", "b.csv": "z,x\ntrue,2\n"},
            {"header": "all_files_different_headers"},
            {"x": [1, 2], "y": ["a", None], "z": [None, True]},
        ),
        ({"a.csv": "a;b\n1;2,5\n"}, {"delimiter": ";"}, {"a": [1], "b": ["2,5"]}),
        ({"a.csv": "a\tb\n1\t\n"}, {"delimiter": "\t"}, {"a": [1], "b": [None]}),
        ({"a.csv": "a,b\n1,\n,x\n"}, {"empty_as_string": True}, {"a": [1, None], "b": ["", "x"]}),
        ({"a.csv": "a,b\n1,\n,x\n"}, {}, {"a": [1, None], "b": [None, "x"]}),
        ({"a.csv": "a,b\n1,2\n"}, {"infer_column_types": False}, {"a": ["1"], "b": ["2"]}),
        (
            {"a.csv": "a,b\n01,2\n"},
            {"infer_column_types": {"column_type_overrides": {"a": "string"}}},
            {"a": ["01"], "b": [2]},
        ),
        ({"a.csv": "ä,b\nö,2\n".encode("latin-1")}, {"encoding": "latin1"}, {"ä": ["ö"], "b": [2]}),
        (
            {"a.csv": "ä,b\n€,2\n".encode("cp1252")},
            {"encoding": "windows1252"},
            {"ä": ["€"], "b": [2]},
        ),
        ({"a.csv": "ä,b\nö,2\n".encode("utf-16")}, {"encoding": "utf16"}, {"ä": ["ö"], "b": [2]}),
        ({"a.csv": "\ufeffä,b\nö,2\n"}, {"encoding": "utf8bom"}, {"ä": ["ö"], "b": [2]}),
        (
            {"a.csv": '"a ""q""","b\nc"\n"x\ny",2\n'},
            {"support_multi_line": True},
            {'a "q"': ["x\ny"], "b\nc": [2]},
        ),
        ({"a.csv": "a,a,\n1,2,3\n"}, {}, {"a": [1], "a_1": [2], "Column3": [3]}),
        ({"a.csv": "d\n2024-01-31\n"}, {}, {"d": [dt.datetime.fromisoformat("2024-01-31")]}),
        ({"a.csv": "y,t\nyes,1\nno,0\n"}, {}, {"y": ["yes", "no"], "t": [1, 0]}),
        (
            {"a.csv": "y,d\nTrue,01/02/2024\n,\n"},
            {},
            {"y": [True, None], "d": ["01/02/2024", None]},
        ),
        ({"a.csv": "🙂,日本\n1,2\n"}, {}, {"🙂": [1], "日本": [2]}),
    ],
)
def test_delimited_files_are_read(tmp_path, files, options, expected):
    assert make(tmp_path, files, csv(**options)).to_arrow().to_pydict() == expected


def test_the_path_column_says_where_a_row_is_from(tmp_path):
    table = make(tmp_path, TWO, csv(include_path_column=True), {"filter": "x > 2"}).to_arrow()
    assert table.column_names == ["Path", "x", "y"]
    assert table["Path"].to_pylist() == [str(tmp_path / "b.csv")]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        ([{"folder": "./d"}], ["d/1.csv", "d/e/2.csv"]),
        ([{"pattern": "d/*.csv"}], ["d/1.csv"]),
        ([{"pattern": "./d/**/*.csv"}], ["d/1.csv", "d/e/2.csv"]),
        ([{"pattern": "d/[1-3].csv"}, {"file": "d/e/2.csv"}], ["d/1.csv", "d/e/2.csv"]),
        ([{"pattern": "d/?/*"}], ["d/e/2.csv"]),
    ],
)
def test_paths_are_found(tmp_path, paths, names):
    files = {"d/1.csv": "a\n1\n", "d/e/2.csv": "a\n2\n", "d/_log/x": "x", "d/.hidden": "x"}
    table = make(tmp_path, files, csv(include_path_column=True), paths=paths).to_arrow()
    assert table["Path"].to_pylist() == [str(tmp_path / name) for name in names]


def test_a_path_of_this_machine_may_be_absolute_and_an_uri(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "o ü.csv").write_text("a\n1\n")
    paths = [{"file": str(tmp_path / "o ü.csv")}, {"file": (tmp_path / "o ü.csv").as_uri()}]
    table = make(tmp_path / "t", {}, csv(), paths=paths)
    assert table.to_arrow().to_pydict() == {"a": [1, 1]}
    with pytest.raises(NotAllowed, match="leads out of the table's folder"):
        load(tmp_path / "t", stay_inside=True).to_arrow()
    (tmp_path / "t" / "link.csv").symlink_to(tmp_path / "o ü.csv")
    make(tmp_path / "t", {}, csv(), paths=[{"file": "link.csv"}])
    with pytest.raises(NotAllowed, match="leads out of the table's folder"):
        load(tmp_path / "t", stay_inside=True).to_arrow()


def test_rows_of_datastores_are_read(store, unique_name, tmp_path):
    from mlflow_plugins.data import open_datastore

    (tmp_path / "up").mkdir()
    for name in ("a.csv", "b.csv", "c.txt"):
        (tmp_path / "up" / name).write_text(f"n\n{name}\n")
    open_datastore(store).upload(tmp_path / "up", unique_name)
    base = f"azureml://datastores/workspaceblobstore/paths/{unique_name}"
    for path, names in [
        ({"pattern": f"{base}/*.csv"}, ["a.csv", "b.csv"]),
        ({"file": f"{base}/c.txt"}, ["c.txt"]),
        ({"folder": f"{base}/"}, ["a.csv", "b.csv", "c.txt"]),
    ]:
        make(tmp_path, {}, csv(include_path_column=True), paths=[path])
        table = load(tmp_path, store=store).to_arrow()
        assert table.to_pydict() == {"Path": [f"{base}/{one}" for one in names], "n": names}
    with pytest.raises(StudioError, match="Give the store of the workspace"):
        load(tmp_path).to_arrow()


# ---------------------------------------------------------------- steps


NUMBERS = {"a.csv": "n,s\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(1000))}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([{"take": 3}], [0, 1, 2]),
        ([{"skip": 997}], [997, 998, 999]),
        ([{"skip": 10}, {"take": 2}], [10, 11]),
        ([{"take": 5}, {"skip": 3}], [3, 4]),
        ([{"filter": "n >= 998"}], [998, 999]),
        ([{"filter": "s == 'a'"}, {"take": 2}, {"filter": "n > 0"}], [2]),
        ([{"take_random_sample": {"probability": 0}}], []),
        ([{"keep_columns": "n"}, {"skip": 999}], [999]),
    ],
)
def test_steps_follow_one_another(tmp_path, steps, expected):
    assert make(tmp_path, NUMBERS, csv(), *steps).to_arrow()["n"].to_pylist() == expected


def test_a_sample_depends_on_its_seed_alone(tmp_path):
    def sample(seed, probability=0.3):
        step = {"take_random_sample": {"probability": probability, "seed": seed}}
        return make(tmp_path, NUMBERS, csv(), step).to_arrow()["n"].to_pylist()

    assert sample(1) == sample(1)
    assert sample(1) != sample(2)
    # Binomial(1000, 0.3): five standard deviations of 14.5 on both sides.
    assert all(228 < len(sample(seed)) < 372 for seed in range(10))
    assert set(sample(1, 0.1)) < set(sample(1, 0.3))
    assert len(sample(7, 1)) == 1000
    table = make(tmp_path, NUMBERS, csv(), {"take_random_sample": {"probability": 0.5}})
    assert table.to_arrow().equals(table.to_arrow())


def day(text):
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["1", "-2", "3.0", ""], "int", [1, -2, 3, None]),
        (["9223372036854775807", "x"], "int", "it has the value 'x'"),
        (["1.5", "2"], "int", "it has the value '1.5'"),
        (["99999999999999999999"], "int", "it has the value"),
        (["1", "x2"], "float", "column 'v' cannot become float: it has the value 'x2'"),
        (["1e3", " 2.5", ""], "float", [1000.0, 2.5, None]),
        (["1", "2"], "string", ["1", "2"]),
        (["1", "2"], "stream_info", ["1", "2"]),
        (["true", "False", "1", "no"], "boolean", [True, False, True, False]),
        (["maybe"], "boolean", "it has the value 'maybe'"),
        (
            ["ja", "nein"],
            {"boolean": {"true_values": ["ja"], "false_values": ["nein"]}},
            [True, False],
        ),
        (
            ["ja", "?"],
            {"boolean": {"true_values": ["ja"], "false_values": ["nein"], "mismatch_as": "false"}},
            [True, False],
        ),
        (["x", ""], {"boolean": {"mismatch_as": "true"}}, [True, None]),
        (["31/01/2024"], {"datetime": {"formats": ["%d/%m/%Y"]}}, [day("2024-01-31")]),
        (
            ["31/01/2024", "2024-02-01 10:30"],
            {"datetime": {"formats": ["%d/%m/%Y", "%Y-%m-%d %H:%M"]}},
            [day("2024-01-31"), day("2024-02-01T10:30")],
        ),
        (
            ["01/02/2024 11:30 PM"],
            {"datetime": {"formats": "%d/%m/%Y %I:%M %p"}},
            [day("2024-02-01T23:30")],
        ),
        (["31/13/2024"], {"datetime": {"formats": "%d/%m/%Y"}}, "it has the value '31/13/2024'"),
        (
            ["2024-01-31T10:00:00Z", "2024-01-31"],
            "datetime",
            [day("2024-01-31T10:00"), day("2024-01-31")],
        ),
        (["2024-01-31T10:00:00+02:00", "x"], "datetime", "it has the value 'x'"),
        (
            ["10:30"],
            {"datetime": {"formats": "%H:%M", "date_constant": "2024-05-01"}},
            [day("2024-05-01T10:30")],
        ),
    ],
)
def test_columns_become_other_types(tmp_path, values, kind, expected):
    content = "v,w\n" + "".join(f"{value},0\n" for value in values)
    step = {"convert_column_types": [{"columns": ["v"], "column_type": kind}]}
    table = make(tmp_path, {"a.csv": content}, csv(infer_column_types=False), step)
    if isinstance(expected, str):
        with pytest.raises(StudioError, match=expected):
            table.to_arrow()
    else:
        assert table.to_arrow()["v"].to_pylist() == expected


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ("/{year}/{month}/", "p/2024/05/a.csv", {"year": "2024", "month": "05"}),
        ("/y={year}/m={month}", "p/y=2024/m=05/a.csv", {"year": "2024", "month": "05"}),
        (
            "/{dept}/{when:yyyy/MM/dd}/a.csv",
            "p/IT/2024/05/06/a.csv",
            {"dept": "IT", "when": day("2024-05-06")},
        ),
        ({"when:yyyy-MM-dd-HH": None}, "p/2024-05-06-07/a.csv", {"when": day("2024-05-06T07:00")}),
        ("/*/{dept}.csv", "p/any/IT.csv", {"dept": "IT"}),
    ],
)
@pytest.mark.parametrize("where", ["step", "option"])
def test_folders_become_columns(tmp_path, given, name, expected, where):
    files = {name: "a\n1\n"}
    if where == "option":
        table = make(tmp_path, files, csv(partition_format=given))
    else:
        step = {"extract_columns_from_partition_format": given}
        table = make(tmp_path, files, csv(), step)
    assert table.to_arrow().to_pylist() == [{**expected, "a": 1}]


# ---------------------------------------------------------------- other formats


def test_parquet_files_of_different_columns_become_one_table(tmp_path):
    pd.DataFrame({"a": [1], "c": pd.Categorical(["x"])}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"a": [2.5], "b": ["y"]}).to_parquet(tmp_path / "b.parquet")
    table = make(tmp_path, {}, "read_parquet", paths=[{"pattern": "*.parquet"}]).to_arrow()
    assert table.to_pydict() == {"a": [1.0, 2.5], "c": ["x", None], "b": [None, "y"]}


def test_json_lines_keep_what_is_nested(tmp_path):
    files = {"a.jsonl": '{"a": {"b": [1, 2]}, "s": "x"}\n', "b.jsonl": '{"s": "ü", "n": 1}\n'}
    found = make(tmp_path, files, "read_json_lines").to_arrow().to_pylist()
    assert found == [{"a": {"b": [1, 2]}, "s": "x", "n": None}, {"a": None, "s": "ü", "n": 1}]


def test_a_delta_table_is_read_as_it_was(tmp_path):
    import deltalake

    place = str(tmp_path / "delta")
    deltalake.write_deltalake(place, pa.table({"a": [1]}))
    deltalake.write_deltalake(place, pa.table({"a": [2]}), mode="append")
    paths = [{"folder": "delta"}]

    def read(**options):
        table = make(tmp_path, {}, {"read_delta_lake": options}, paths=paths).to_arrow()
        return sorted(table["a"].to_pylist())

    assert read(version_as_of=0) == [1]
    assert read(version_as_of=1) == [1, 2]
    assert read(timestamp_as_of="2999-08-26T00:00:00Z") == [1, 2]
    with pytest.raises(StudioError, match="cannot be read as a Delta Lake table"):
        read(version_as_of=7)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "'paths' is missing or empty"),
        ({"paths": []}, "'paths' is missing or empty"),
        ({"paths": [{"file": "a", "folder": "b"}]}, "Each entry has one of"),
        ({"paths": ["a.csv"]}, "Each entry has one of"),
        ({"path": []}, "'path' is unknown.*Did you mean 'paths'"),
        ({"type": "csv", "paths": [{"file": "a"}]}, "must be 'mltable'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, document, message):
    (tmp_path / "MLTable").write_text(yaml.safe_dump(document))
    with pytest.raises(StudioError, match=message):
        load(tmp_path)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["read_delimted"], r"'read_delimted' is unknown.*Did you mean 'read_delimited'"),
        ([{"drop_column": ["a"]}], "Did you mean 'drop_columns'"),
        ([csv(), "read_parquet"], "read_delimited and read_parquet"),
        ([csv(delimeter=",")], "Did you mean 'delimiter'"),
        ([csv(delimiter=",,")], "must be one character"),
        ([csv(header="first")], "'header' of 'read_delimited' is 'first'"),
        ([csv(encoding="utf9")], r"'encoding'.*Did you mean 'utf8'"),
        ([csv(empty_as_string="yes")], "must be true or false"),
        ([{"read_delta_lake": {"version_as_of": 1, "timestamp_as_of": "x"}}], "not both"),
        ([{"take": 1, "skip": 2}], "Each entry is one transformation"),
        ([csv(), {"take": -1}], "takes a number of rows"),
        ([csv(), {"skip": "1"}], "takes a number of rows"),
        ([csv(), {"keep_columns": ["N"]}], "no column 'N'"),
        ([csv(), {"keep_columns": ["n", "n"]}], "names a column twice"),
        ([csv(), {"drop_columns": ["n", "s"]}], "No column is left"),
        ([csv(), {"drop_columns": ["__file"]}], "no column '__file'"),
        ([csv(), {"filter": "x > 1"}], "there is no column 'x'"),
        ([csv(), {"filter": 3}], "takes an expression in quotes"),
        ([csv(), {"filter": "n == 'many'"}], "'many'"),
        ([csv(), {"take_random_sample": {"probability": 1.5}}], "a number from 0 to 1"),
        ([csv(), {"take_random_sample": {"probability": 0.5, "sede": 1}}], "'seed'"),
        ([csv(), {"convert_column_types": [{"columns": "n", "column_type": "itn"}]}], "mean 'int'"),
        ([csv(), {"convert_column_types": [{"column": "n"}]}], "has 'columns' and 'column_type'"),
        (
            [csv(), {"convert_column_types": {"n": {"datetime": {"formats": ["dd/MM"]}}}}],
            "has the datetime format 'dd/MM'",
        ),
        (
            [csv(), {"convert_column_types": {"n": {"boolean": {"true_values": ["1"]}}}}],
            "both 'true_values' and 'false_values'",
        ),
        ([csv(), {"extract_columns_from_partition_format": "/x/y"}], "has no column"),
        (
            [csv(), {"extract_columns_from_partition_format": "/nope/{y}/"}],
            "does not match the par",
        ),
        ([csv(), {"extract_columns_from_partition_format": "/{n}.csv"}], "the files have as well"),
        ([csv(), {"extract_columns_from_partition_format": "/{t:MM}"}], "without 'yyyy'"),
    ],
)
def test_a_wrong_step_is_refused(tmp_path, steps, message):
    with pytest.raises(StudioError, match=message):
        make(tmp_path, NUMBERS, *steps).to_arrow()


@pytest.mark.parametrize(
    ("files", "step", "error", "message"),
    [
        ({}, csv(), NotFound, "no files at file 'nothing.csv'"),
        ({"a.csv": ""}, csv(), StudioError, "'.*a.csv' is empty"),
        ({"a.csv": "a,b\n1,2\n3\n"}, csv(), StudioError, "line 3: 1 values where the header has 2"),
        ({"a.csv": 'a,b\n1,"x\n'}, csv(), StudioError, "a quoted text is not closed"),
        ({"a.csv": b"a\n\xff\xfe\n"}, csv(), StudioError, "a.csv"),
        ({"a.csv": b"a\n\x81\n"}, csv(encoding="windows1252"), StudioError, "not text in the enc"),
        ({"a.csv": "a\n1\n", "b.csv": "b,c\n1,2\n"}, csv(), StudioError, r"b.csv.*2 values"),
        ({"a.jsonl": '{"a": 1}\n{x\n'}, "read_json_lines", StudioError, "line 2 is not a JSON obj"),
        ({"a.jsonl": "\n\n"}, "read_json_lines", StudioError, "has no line that is"),
        ({"a.parquet": "x"}, "read_parquet", StudioError, "is not a Parquet file"),
    ],
)
def test_broken_files_are_named(tmp_path, files, step, error, message):
    paths = None if files else [{"file": "nothing.csv"}]
    with pytest.raises(error, match=message):
        make(tmp_path, files, step, paths=paths).to_arrow()


def test_a_folder_without_the_file_is_refused(tmp_path):
    with pytest.raises(StudioError, match="a folder with a file MLTable"):
        load(tmp_path)


# ---------------------------------------------------------------- laws


def test_memory_stays_flat(tmp_path):
    rows = "".join(f"{n},{n * 0.5},text {n}\n" for n in range(200_000))
    table = make(tmp_path, {"a.csv": "a,b,c\n" + rows}, csv())
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    largest, n_rows = 0, 0
    for batch in table.read_batches():
        n_rows += batch.num_rows
        largest = max(largest, pa.total_allocated_bytes() - before)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_rows == 200_000
    assert largest < 4 << 20
    assert peak < 4 << 20


@pytest.mark.property
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-(2**53), 2**53)),
            st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32)),
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_what_pandas_writes_is_what_is_read(tmp_path, rows):
    frame = pd.DataFrame(rows, columns=["i", "f", "s"])
    frame["i"] = frame["i"].astype("Int64")
    frame["f"] = frame["f"].astype(float)
    frame["s"] = "t" + frame["s"].astype(object)
    frame.to_csv(tmp_path / "a.csv", index=False)
    step = {"convert_column_types": {"i": "int", "f": "float", "s": "string"}}
    found = make(tmp_path, {}, csv(), step, paths=[{"file": "a.csv"}]).to_arrow()
    expected = pa.Table.from_pandas(frame, preserve_index=False)
    assert found.to_pydict() == expected.to_pydict()
