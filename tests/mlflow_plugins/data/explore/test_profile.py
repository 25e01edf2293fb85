"""The profile's figures against pandas: of short tables, long ones, and estimated ones."""

import datetime as dt
import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore import ProfileOptions, TableProfile, profile

SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
IN_PARTS = ProfileOptions(sample_rows=500)  # every figure takes the way of long tables
WAYS = pytest.mark.parametrize("options", [ProfileOptions(), IN_PARTS], ids=["short", "long"])


ROWS = st.tuples(
    st.none() | st.integers(0, 1),
    st.none() | st.sampled_from("ab"),
    st.sampled_from([0.0, 1.0, math.nan]),
)


@pytest.fixture(scope="module")
def frame():
    generator = np.random.default_rng(0)
    n = 2000
    x = generator.lognormal(size=n) * 1e6 + 1e9
    x[generator.random(n) < 0.1] = math.nan
    words = np.array(["red", "green", "", "  ", "größe", None], dtype=object)
    return pd.DataFrame(
        {
            "x": x,
            "i": generator.integers(-3, 4, n),
            "word": words[generator.integers(0, 6, n)],
            "unique": [f"text {i}" for i in range(n)],
            "yes": generator.random(n) < 0.25,
            "when": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(generator.integers(0, 10**6, n), "s"),
            "day": [dt.date(2024, 1, 1) + dt.timedelta(days=int(d)) for d in x.argsort() % 90],
        }
    )


@pytest.fixture(scope="module")
def table(make_table, frame):
    return make_table(frame, row_group_size=300)


@WAYS
def test_number_figures_are_those_of_pandas(table, frame, options):
    found = profile(table, options=options)
    assert found.n_rows == 2000
    assert found.sample_size == (500 if options is IN_PARTS else 2000)
    for name in ("x", "i"):
        column, series = found.column(name), frame[name]
        numbers = column.numbers
        assert column.n_missing == series.isna().sum()
        assert column.n_distinct == series.nunique()
        assert (column.minimum, column.maximum) == (series.min(), series.max())
        np.testing.assert_allclose(
            [numbers.mean, numbers.std, numbers.variance, numbers.skewness, numbers.kurtosis],
            [series.mean(), series.std(), series.var(), series.skew(), series.kurt()],
        )
        np.testing.assert_allclose(
            [one.value for one in column.quantiles],
            series.quantile([one.q for one in column.quantiles]),
        )
        q1, q3 = series.quantile([0.25, 0.75])
        outside = (series < q1 - 1.5 * (q3 - q1)) | (series > q3 + 1.5 * (q3 - q1))
        assert numbers.n_outliers == outside.sum()
        assert numbers.n_zeros == (series == 0).sum()
        assert numbers.n_negative == (series < 0).sum()
        assert sum(column.histogram.counts) == column.n_not_missing
        assert column.is_exact
    counts, edges = np.histogram(frame["x"].dropna(), bins=30)
    assert found.column("x").histogram.counts == tuple(counts)
    np.testing.assert_allclose(found.column("x").histogram.edges, edges)
    expected = frame["i"].value_counts()
    assert {int(one.value): one.count for one in found.column("i").top_values} == dict(expected)
    assert found.column("i").histogram.counts == tuple(expected.sort_index())


@WAYS
def test_text_figures_are_those_of_pandas(table, frame, options):
    found = profile(table, options=options)
    for name in ("word", "unique"):
        column, series = found.column(name), frame[name].dropna()
        lengths = series.str.len()
        assert column.n_missing == 2000 - len(series)
        assert column.n_distinct == series.nunique()
        assert (column.minimum, column.maximum) == (series.min(), series.max())
        texts = column.texts
        assert (texts.min_length, texts.max_length) == (lengths.min(), lengths.max())
        assert texts.mean_length == pytest.approx(lengths.mean())
        assert texts.n_empty == (series == "").sum()
        assert texts.n_blank == (series == "  ").sum()
    expected = frame["word"].value_counts()
    assert {one.value: one.count for one in found.column("word").top_values} == dict(expected)
    assert found.column("yes").type_distribution[0].type == "boolean"
    assert (found.column("yes").minimum, found.column("yes").maximum) == (False, True)
    assert {one.value for one in found.column("yes").top_values} == {"false", "true"}


def test_many_different_texts_are_counted_by_their_hashes(make_table, monkeypatch):
    monkeypatch.setattr("mlflow_plugins.data.explore._profile_texts._FEW_IN_SAMPLE", 10)
    generator = np.random.default_rng(1)
    series = pd.Series([f"word {i}" for i in generator.geometric(0.01, 3000)])
    series[::7] = None
    series[5] = " \t"
    series[6] = ""
    table = make_table(pd.DataFrame({"t": series, "u": [f"{i} {i % 7}" for i in range(3000)]}))
    found = profile(table, options=IN_PARTS)
    column = found.column("t")
    expected = series.value_counts()
    assert column.n_distinct == len(expected)
    assert column.n_missing == series.isna().sum()
    assert [one.count for one in column.top_values] == list(expected[:20])
    for one in column.top_values:
        assert expected[one.value] == one.count
    assert (column.minimum, column.maximum) == (series.dropna().min(), series.dropna().max())
    assert column.texts.mean_length == pytest.approx(series.dropna().str.len().mean())
    assert (column.texts.n_empty, column.texts.n_blank) == (1, 1)
    assert column.approximate == ("type_distribution",)
    assert not found.is_exact


def test_dates_have_ranges_and_quantiles(table, frame):
    found = profile(table)
    when, day = found.column("when"), found.column("day")
    assert when.minimum == frame["when"].min().isoformat()
    assert day.minimum == frame["day"].min().isoformat()
    assert day.maximum == frame["day"].max().isoformat()
    middle = next(one.value for one in when.quantiles if one.q == 0.5)
    assert abs(pd.Timestamp(middle) - frame["when"].quantile(0.5)) < pd.Timedelta("1ms")
    assert sum(day.histogram.counts) == 2000
    assert day.n_distinct == 90


@pytest.mark.property
@SETTINGS
@example(values=[1.7976931330646228e308], whole=[1] * 30, texts=["a"] * 30)
@example(values=[0.0, 0.0, 2.5e77, -1e77], whole=[1] * 30, texts=["a"] * 30)
@example(values=[0.0, 0.0, 1e103, -1e103], whole=[1] * 30, texts=["a"] * 30)
@given(
    values=st.lists(st.none() | st.floats() | st.floats(-3, 3), min_size=1, max_size=30),
    whole=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=30, max_size=30),
    texts=st.lists(st.none() | st.text(max_size=5), min_size=30, max_size=30),
)
def test_any_values_have_a_profile_that_goes_through_json(make_table, values, whole, texts):
    n = len(values)
    data = {
        "x": pa.array(values, pa.float64()),
        "i": pa.array(whole[:n], pa.int64()),
        "t": pa.array(texts[:n], pa.string()),
    }
    table = make_table(pa.table(data))
    found = profile(table, target=None if whole[:n] == [None] * n else "i")
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert TableProfile.from_dict(document) == found
    numbers = [v for v in values if v is not None and math.isfinite(v)]
    column = found.column("x")
    assert column.n_distinct == len(set(numbers))
    assert sum(column.histogram.counts if column.histogram else []) == len(numbers)
    assert column.minimum == (min(numbers) if numbers else None)
    assert found.column("i").n_distinct == len({v for v in whole[:n] if v is not None})
    assert found.column("t").n_distinct == len({v for v in texts[:n] if v is not None})
    for one in found.associations:
        assert -1 <= one.value <= 1
    table.close()


@pytest.mark.property
@SETTINGS
@given(rows=st.lists(ROWS, min_size=1, max_size=30))
def test_missing_patterns_and_duplicates_are_those_of_pandas(make_table, rows):
    frame = pd.DataFrame(rows, columns=["i", "t", "x"])
    frame["i"] = frame["i"].astype("Int64")
    frame["t"] = frame["t"].astype("string")
    table = make_table(frame)
    found = profile(table)
    assert found.n_duplicate_rows == frame.duplicated().sum()
    missing = frame.isna()
    together = missing.astype(int).T @ missing.astype(int)
    names = list(found.missing.columns)
    assert set(names) == set(missing.columns[missing.any()])
    expected = together.loc[names, names].to_numpy().tolist()
    assert list(map(list, found.missing.together)) == expected
    assert found.missing.n_complete_rows == (~missing.any(axis=1)).sum()
    patterns = {frozenset(one.columns): one.count for one in found.missing.patterns}
    expected = missing.apply(lambda row: frozenset(missing.columns[row]), axis=1).value_counts()
    assert patterns == dict(expected)
    table.close()


def test_a_longer_table_than_can_be_exact_is_estimated(make_table):
    generator = np.random.default_rng(2)
    n = 60_000
    frame = pd.DataFrame(
        {
            "x": generator.normal(10.0, 2.0, n),
            "i": generator.integers(0, 50, n),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n), "s"),
            "t": [f"t{i}" for i in generator.integers(0, 10**6, n)],
        }
    )
    frame.loc[::10, "x"] = math.nan
    frame = pd.concat([frame, frame[: n // 2]], ignore_index=True)
    table = make_table(frame, row_group_size=20_000)
    found = profile(table, options=ProfileOptions(sample_rows=2000, exact_rows=20_000))
    assert not found.is_exact
    x = found.column("x")
    assert x.n_missing == frame["x"].isna().sum()
    assert (x.minimum, x.maximum) == (frame["x"].min(), frame["x"].max())
    assert x.numbers.mean == pytest.approx(frame["x"].mean())
    assert x.numbers.std == pytest.approx(2.0, rel=0.05)
    assert "quantiles" in x.approximate
    median = next(one.value for one in x.quantiles if one.q == 0.5)
    assert median == pytest.approx(10.0, abs=0.1)
    assert sum(x.histogram.counts) == pytest.approx(x.n_not_missing, rel=0.01)
    assert found.column("i").n_distinct == pytest.approx(50, abs=5)
    assert found.column("when").minimum == frame["when"].min().isoformat()
    assert found.n_duplicate_rows == pytest.approx(n // 2, rel=0.1)


def test_what_is_odd_is_suspected(make_table):
    generator = np.random.default_rng(3)
    n = 400
    label = generator.integers(0, 2, n)
    frame = pd.DataFrame(
        {
            "row id": range(1000, 1000 + n),
            "same": "x",
            "empty": pd.Series([None] * n, dtype="string"),
            "rare": np.where(np.arange(n) < 300, math.nan, 1.5),
            "copy": label,
            "paid later": np.where(label == 1, "yes", "no"),
            "noise": generator.normal(size=n),
            "contact": [f"a{i}@example.org" if i % 2 else "none" for i in range(n)],
            "birthDate": pd.Timestamp("1980-01-01"),
            "label": label,
        }
    )
    frame.loc[0, "birthDate"] = pd.Timestamp("1981-01-01")
    found = profile(make_table(frame), target="label")
    suspected = {(one.kind, one.columns) for one in found.suspicions}
    assert suspected == {
        ("id_like", ("row id",)),
        ("constant", ("same",)),
        ("constant", ("empty",)),
        ("mostly_missing", ("rare",)),
        ("duplicate_column", ("copy", "label")),
        ("pii", ("contact",)),
        ("pii", ("birthDate",)),
        ("leakage", ("copy",)),
        ("leakage", ("paid later",)),
    }
    assert found.target_associations[0].predictive_power == 1.0
    noise = next(one for one in found.target_associations if one.column == "noise")
    assert noise.predictive_power < 0.5


def test_a_row_number_does_not_leak_a_random_target(make_table):
    generator = np.random.default_rng(4)
    frame = pd.DataFrame({"id": range(500), "y": generator.choice(["a", "b", "c"], 500)})
    found = profile(make_table(frame), target="y")
    assert not [one for one in found.suspicions if one.kind == "leakage"]


def test_duplicate_rows_are_suspected(make_table):
    found = profile(make_table(pd.DataFrame({"a": [1, 1, 2, 1], "b": ["x", "x", "y", "z"]})))
    assert found.n_duplicate_rows == 1
    assert [one.kind for one in found.suspicions] == ["duplicate_rows"]


def test_the_types_of_texts(make_table):
    values = ["1", "-2", "3.5", "2024-01-31", "2024-01-31 10:00", "yes", "a", "1e3", ""]
    found = profile(make_table(pd.DataFrame({"t": values}))).column("t")
    assert {one.type: one.count for one in found.type_distribution} == {
        "integer": 2, "number": 2, "date": 1, "datetime": 1, "boolean": 1, "text": 2,
    }  # fmt: skip


def test_odd_tables_have_a_profile(make_table):
    found = profile(
        make_table(pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())}))
    )
    assert found.n_rows == 0
    assert found.column("a").minimum is None
    nested = pa.table(
        {
            "l": [[1], [1], None],
            "b": [b"x", b"y", b"y"],
            "d": pa.array([1, 2, None], pa.decimal128(5, 1)),
        }
    )
    found = profile(make_table(nested))
    assert found.column("l").n_missing == 1
    assert found.column("l").n_distinct == 1
    assert found.column("d").numbers.mean == 1.5
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_wide_table_has_a_profile(make_table):
    wide = pa.table({f"c{i}": [i, i, i + 1] for i in range(1200)} | {"t": ["a", None, "b"]})
    found = profile(make_table(wide), target="t")
    assert len(found.columns) == 1201
    assert len(found.association_columns) == 61
    assert found.column("c7").n_distinct == 2


def test_a_target_must_be_there(table):
    with pytest.raises(InvalidInput, match="no column 'z'"):
        profile(table, target="z")
    with pytest.raises(InvalidInput, match="'unique' cannot be a target"):
        profile(table, target="unique")


def test_a_document_that_is_no_profile_is_refused():
    with pytest.raises(InvalidInput, match="no TableProfile: n_rows"):
        TableProfile.from_dict({})
