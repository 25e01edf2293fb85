"""Rows, counts, groups and samples of generated tables, against pandas."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore import (
    FUNCTIONS,
    AnyOf,
    Filter,
    Limits,
    Measure,
    QueryTimeout,
    Search,
    SortKey,
    open_table,
)

SETTINGS = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
INTEGERS = st.none() | st.integers(-5, 5)
NUMBERS = st.none() | st.sampled_from([-1.5, 0.0, 2.25, math.inf, -math.inf]) | st.floats(-9, 9)
TEXTS = st.none() | st.text("abAB%_'\"\\", max_size=4)
DAYS = st.none() | st.dates(dt.date(2020, 1, 1), dt.date(2020, 1, 9))


@st.composite
def frames(draw):
    n = draw(st.integers(1, 40))

    def column(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    return pd.DataFrame(
        {
            "i": pd.array(column(INTEGERS), dtype="Int64"),
            "x": np.array([math.nan if v is None else v for v in column(NUMBERS)], dtype=float),
            "t": pd.array(column(TEXTS), dtype="string"),
            "d": pd.to_datetime(pd.Series(column(DAYS), dtype="object")),
            "row": range(n),
        }
    )


OPERATIONS = {
    "=": lambda s, v: s == v,
    "!=": lambda s, v: s != v,
    "<": lambda s, v: s < v,
    "<=": lambda s, v: s <= v,
    ">": lambda s, v: s > v,
    ">=": lambda s, v: s >= v,
    "between": lambda s, v: (s >= v[0]) & (s <= v[1]),
    "in": lambda s, v: s.isin(v),
    "contains": lambda s, v: s.str.contains(v, regex=False),
    "starts": lambda s, v: s.str.startswith(v),
    "ends": lambda s, v: s.str.endswith(v),
}


def half_day(n):
    return (pd.Timestamp("2020-01-01") + n * pd.Timedelta(hours=12)).to_pydatetime()


@st.composite
def filters(draw):
    column, values = draw(
        st.sampled_from(
            [
                ("i", st.integers(-5, 5)),
                ("x", st.sampled_from([-1.5, 0.0, 2.25, math.inf])),
                ("t", st.text("abAB%_'\"\\", max_size=2)),
                ("d", st.integers(0, 16).map(half_day)),
            ]
        )
    )
    texts = ["contains", "starts", "ends"]
    operator = draw(
        st.sampled_from([one for one in OPERATIONS if column == "t" or one not in texts])
    )
    if operator == "between":
        value = draw(st.tuples(values, values))
    elif operator == "in":
        value = draw(st.lists(values, max_size=3))
    else:
        value = draw(values)
    return Filter(column=column, operator=operator, value=value)


def matching(frame, condition):
    series = frame[condition.column]
    found = OPERATIONS[condition.operator](series, condition.value)
    return (found.fillna(False) & series.notna()).astype(bool)


def row_numbers(table):
    return table.column("row").to_pylist()


@pytest.mark.property
@SETTINGS
@given(
    frame=frames(),
    conditions=st.lists(filters(), max_size=3),
    any_of=st.lists(filters(), min_size=1, max_size=2),
)
def test_filters_are_those_of_pandas(make_table, frame, conditions, any_of):
    table = make_table(frame)
    keep = pd.Series(data=True, index=frame.index)
    for one in conditions:
        keep &= matching(frame, one)
    either = pd.concat([matching(frame, one) for one in any_of], axis=1).any(axis=1)
    given_filters = [*conditions, AnyOf(filters=tuple(any_of))]
    expected = frame.loc[keep & either, "row"].tolist()
    assert row_numbers(table.rows(filters=given_filters)) == expected
    assert table.count(filters=given_filters) == len(expected)
    table.close()


@pytest.mark.property
@SETTINGS
@given(
    frame=frames(),
    keys=st.lists(
        st.tuples(st.sampled_from(["i", "x", "t", "d"]), st.booleans()),
        min_size=1,
        max_size=2,
        unique_by=lambda key: key[0],
    ),
    cut=st.integers(0, 40),
    size=st.integers(0, 15),
    n_files=st.integers(1, 3),
)
def test_sorted_pages_are_those_of_pandas(make_table, frame, keys, cut, size, n_files):
    parts = [part for part in np.array_split(np.arange(len(frame)), n_files) if len(part)]
    table = make_table(*(frame.iloc[part] for part in parts))
    expected = frame
    for column, descending in reversed(keys):
        expected = expected.sort_values(
            column, ascending=not descending, kind="stable", na_position="last"
        )
    sort = [SortKey(column=column, descending=descending) for column, descending in keys]
    page = table.rows(sort=sort, offset=cut, limit=size)
    assert row_numbers(page) == expected["row"].tolist()[cut : cut + size]
    assert page.column_names == list(frame.columns)
    assert (
        row_numbers(table.rows(offset=cut, limit=size)) == frame["row"].tolist()[cut : cut + size]
    )
    table.close()


@pytest.mark.property
@SETTINGS
@given(frame=frames(), by=st.sampled_from([(), ("i",), ("t",), ("i", "t")]))
def test_groups_are_those_of_pandas(make_table, frame, by):
    frame = frame.assign(x=frame["x"].where(np.isfinite(frame["x"])))
    table = make_table(frame)
    measures = [Measure(function=function, column="x") for function in FUNCTIONS]
    found = table.aggregate(by=by, measures=[*measures, Measure(function="count")]).to_pandas()
    names = dict(
        zip(FUNCTIONS, ["count", "sum", "mean", "min", "max", "median", "nunique"], strict=True)
    )
    groups = frame.assign(all=0).groupby(list(by) or ["all"], dropna=False, sort=True)["x"]
    expected = groups.agg(**{f"{ours}_x": theirs for ours, theirs in names.items()})
    expected = expected.assign(count=groups.size())
    # pandas sums nothing to 0; SQL says that there is nothing.
    expected.loc[expected["count_x"] == 0, "sum_x"] = math.nan
    found = found[list(expected.columns)]
    pd.testing.assert_frame_equal(
        found.reset_index(drop=True).astype(float),
        expected.reset_index(drop=True).astype(float),
    )
    table.close()


def test_missing_values_meet_only_is_null(make_table):
    table = make_table(pd.DataFrame({"x": [1.0, math.nan, 3.0], "row": range(3)}))
    nan = make_table(pa.table({"x": pa.array([1.0, math.nan, None]), "row": [0, 1, 2]}))
    assert row_numbers(table.rows(filters=[Filter(column="x", operator="is-null")])) == [1]
    assert row_numbers(nan.rows(filters=[Filter(column="x", operator="is-null")])) == [1, 2]
    assert row_numbers(nan.rows(filters=[Filter(column="x", operator="is-not-null")])) == [0]
    assert row_numbers(nan.rows(filters=[Filter(column="x", operator=">", value=0)])) == [0]
    assert row_numbers(nan.rows(filters=[Filter(column="x", operator="!=", value=0)])) == [0]
    assert row_numbers(nan.rows(sort=[SortKey(column="x", descending=True)])) == [0, 1, 2]


def test_row_numbers_are_those_of_the_pages(make_table):
    table = make_table(pd.DataFrame({"t": ["b", None, "a", "b"], "row": range(4)}))
    asked = {"filters": [Search(text="B")], "sort": [SortKey(column="row", descending=True)]}
    numbers = table.row_numbers(**asked)
    assert row_numbers(table.take(numbers, table.columns)) == [3, 0]
    assert row_numbers(table.rows(**asked)) == [3, 0]
    assert row_numbers(table.take(table.row_numbers(search="b"), table.columns)) == [0, 3]
    assert table.count(filters=[Search(text="B")]) == 2


def test_a_search_finds_texts_in_any_case_and_numbers(make_table):
    frame = pd.DataFrame({"t": ["Straße", "100%", None], "n": [7, 8, 100], "row": range(3)})
    table = make_table(frame)
    assert row_numbers(table.rows(search="STRA")) == [0]
    assert row_numbers(table.rows(search="%")) == [1]
    assert row_numbers(table.rows(search="100")) == [1, 2]
    assert table.count(search="nothing") == 0
    assert (
        table.count(
            filters=[Filter(column="t", operator="=", value="straSSE".lower(), ignore_case=True)]
        )
        == 0
    )
    assert (
        table.count(
            filters=[Filter(column="t", operator="contains", value="STRA", ignore_case=True)]
        )
        == 1
    )


def test_a_sample_is_repeatable_and_fair(make_table):
    table = make_table(pd.DataFrame({"row": range(4000)}), row_group_size=500)
    sample = row_numbers(table.sample(1000, seed=1))
    assert sample == sorted(sample)
    assert len(set(sample)) == 1000
    assert sample == row_numbers(table.sample(1000, seed=1))
    assert sample != row_numbers(table.sample(1000, seed=2))
    # The mean of n of N numbers without replacement has this standard error; 5 of them are enough.
    error = 4000 / math.sqrt(12) / math.sqrt(1000) * math.sqrt(1 - 0.25)
    assert abs(np.mean(sample) - 1999.5) < 5 * error
    assert row_numbers(table.sample(10_000)) == list(range(4000))
    assert len(table.sample(50, filters=[Filter(column="row", operator="<", value=60)])) == 50


HOSTILE = [
    "a",
    "A",
    'say "x"',
    "it's",
    "line\nbreak",
    "😀",
    "c1",
    "c0",
    "$p0",
    "; DROP TABLE t; --",
]
HOSTILE += ["%s {}", "file_row_number", "n", "x y"]


def test_any_column_name_works(make_table):
    frame = pd.DataFrame({name: [i, i + 1, i + 2] for i, name in enumerate(HOSTILE)})
    table = make_table(frame)
    assert [column.name for column in table.columns] == HOSTILE
    for i, name in enumerate(HOSTILE):
        filters = [Filter(column=name, operator=">=", value=i + 1)]
        page = table.rows(filters=filters, sort=[SortKey(column=name, descending=True)])
        assert page.column(name).to_pylist() == [i + 2, i + 1]
        measures = [Measure(function="sum", column=name)]
        assert table.aggregate(by=[name], measures=measures).num_rows == 3


def test_ten_thousand_columns(make_table):
    frame = pa.table({f"column {i}": [i, -i] for i in range(10_000)})
    table = make_table(frame)
    page = table.rows(
        sort=[SortKey(column="column 9999")],
        filters=[Filter(column="column 1", operator="in", value=[1, -1])],
    )
    assert page.num_columns == 10_000
    assert page.column("column 5000").to_pylist() == [-5000, 5000]
    assert table.rows(columns=["column 77"]).to_pydict() == {"column 77": [77, -77]}


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (Filter(column="agee", operator="=", value=1), "no column 'agee'.*Did you mean 'age'"),
        (Filter(column="age", operator="~", value=1), "'~' is not an operator"),
        (Filter(column="age", operator="=", value="1"), "of type integer.*with '1'"),
        (Filter(column="age", operator="=", value=None), "for missing values use is-null"),
        (Filter(column="age", operator="=", value=math.nan), "for missing values use is-null"),
        (Filter(column="age", operator="contains", value="1"), "needs a text column"),
        (Filter(column="age", operator="between", value=(1,)), "needs two values, got 1"),
        (Filter(column="name", operator="in", value="ab"), "needs a list of values"),
        (Filter(column="name", operator="=", value=1), "of type text"),
        (Filter(column="yes", operator="<", value=True), "has no order"),
        (Filter(column="day", operator="=", value="yesterday"), "of type date"),
        (Filter(column="list", operator="=", value=[1]), "can only be filtered with is-null"),
        (AnyOf(filters=()), "has no filters"),
    ],
)
def test_a_filter_that_does_not_fit_is_refused(make_table, condition, message):
    table = make_table(
        pa.table(
            {"age": [1], "name": ["x"], "yes": [True], "day": [dt.date(2020, 1, 1)], "list": [[1]]}
        )
    )
    with pytest.raises(InvalidInput, match=message):
        table.rows(filters=[condition])


def test_what_cannot_be_computed_is_refused(make_table):
    table = make_table(pd.DataFrame({"t": ["a"]}))
    for measure, message in [
        (Measure(function="mean", column="t"), "needs a column of type"),
        (Measure(function="mean"), "needs a column. Name one"),
        (Measure(function="mode", column="t"), "'mode' is not computed"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            table.aggregate(measures=[measure])
    with pytest.raises(InvalidInput, match="nothing to compute"):
        table.aggregate(measures=[])
    with pytest.raises(InvalidInput, match="Neither may be below 0"):
        table.rows(offset=-1)


# ---------------------------------------------------------------- files


def test_csv_and_json_lines_are_converted_once(tmp_path):
    csv, lines, cache = tmp_path / "t*[1].csv", tmp_path / "t.jsonl", tmp_path / "cache"
    csv.write_text("a;b\n1;x\n2;y\n")
    (tmp_path / "tz1.csv").write_text("a;b\n7;no\n")
    lines.write_text('{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n')
    for path in (csv, lines):
        with open_table(path, cache=cache) as table:
            assert table.rows().to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
            (kept,) = table.files
        changed = kept.stat().st_mtime_ns
        with open_table(path, cache=cache) as table:
            assert table.files == (kept,)
            assert kept.stat().st_mtime_ns == changed
    csv.write_text("a;b\n3;z\n")
    with open_table(csv, cache=cache) as table:
        assert table.rows().to_pydict() == {"a": [3], "b": ["z"]}
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def test_several_files_are_one_table(tmp_path):
    paths = [tmp_path / f"{name}.csv" for name in ("b", "a")]
    for i, path in enumerate(paths):
        path.write_text(f"n\n{i}\n{i + 10}\n")
    with open_table(paths, cache=tmp_path / "cache") as table:
        assert table.rows().column("n").to_pylist() == [0, 10, 1, 11]
        assert table.n_rows == 4


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.csv": "x,y\n1,2\n1,2,3\n"}, "line 3: 3 values where the header has 2"),
        ({"a.csv": ""}, "'a.csv' is empty"),
        ({"a.csv": "x,x\n1,2\n"}, "occurs more than once"),
        ({"a.csv": b"x\n\xff\n"}, "not UTF-8"),
        ({"a.csv": "x\n1\n", "b.csv": "y\n1\n"}, "'b.csv' has other columns than 'a.csv'"),
        ({"a.csv": "x\n1\n", "b.jsonl": '{"x": 1}'}, "files of one format"),
        ({"a.jsonl": "{"}, "not JSON lines"),
        ({"a.parquet": "PAR1"}, "not a Parquet file"),
        ({"a.xlsx": "x"}, "cannot be read|not a table that can be read"),
        ({}, "at least one"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, files, message):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidInput, match=message):
        open_table([tmp_path / name for name in files], cache=tmp_path / "cache")


def test_a_missing_file_is_refused(tmp_path):
    for name in ("a.parquet", "a.csv"):
        with pytest.raises(InvalidInput, match="There is no file"):
            open_table(tmp_path / name, cache=tmp_path / "cache")


# ---------------------------------------------------------------- limits


def test_a_question_that_takes_too_long_is_interrupted(make_table):
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=1_000_000)})
    table = make_table(frame, row_group_size=100_000, limits=Limits(timeout_s=0.01))
    with pytest.raises(QueryTimeout, match=r"longer than 0\.01 seconds"):
        table.aggregate(
            by=["x"], measures=[Measure(function=one, column="x") for one in ("median", "n_unique")]
        )


@pytest.mark.parametrize("wrong", [{"memory": "much"}, {"threads": 0}, {"timeout_s": 0}])
def test_limits_are_checked(wrong):
    with pytest.raises(InvalidInput, match=r"not an amount|at least one thread"):
        Limits(**wrong)


def test_what_does_not_fit_into_memory_is_said(make_table):
    frame = pd.DataFrame({"t": [f"{i} {'x' * 50}" for i in range(400_000)]})
    table = make_table(frame, row_group_size=100_000, limits=Limits(memory="20MB"))
    with pytest.raises(InvalidInput, match="more memory than the limit"):
        table.aggregate(by=["t"], measures=[Measure(function="count")])
