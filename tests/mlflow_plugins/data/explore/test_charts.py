"""Charts against NumPy and pandas, and the law that every row is counted once."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore import (
    Filter,
    boxes,
    heat_map,
    histogram,
    scatter,
    time_series,
    value_counts,
)

SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def frame():
    generator = np.random.default_rng(5)
    n = 3000
    x = generator.normal(size=n)
    x[::10] = math.nan
    group = generator.choice(["a", "b", "c"], n)
    group = np.where(generator.random(n) < 0.1, None, group)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(generator.integers(0, 90 * 24, n), "h")
    return pd.DataFrame(
        {"x": x, "k": generator.integers(0, 6, n), "g": group, "when": when, "row": range(n)}
    )


@pytest.fixture(scope="module")
def table(make_table, frame):
    return make_table(frame, row_group_size=500)


def test_a_histogram_is_that_of_numpy(table, frame):
    found = histogram(table, "x", bins=17)
    counts, edges = np.histogram(frame["x"].dropna(), bins=17)
    assert found.counts == tuple(counts)
    np.testing.assert_allclose(found.edges, edges)
    assert found.n_missing == frame["x"].isna().sum()
    positive = histogram(table, "x", filters=[Filter(column="x", operator=">", value=0)])
    assert positive.n_rows == sum(positive.counts) == (frame["x"] > 0).sum()


@pytest.mark.property
@SETTINGS
@given(values=st.lists(st.none() | st.floats(), min_size=1, max_size=30), bins=st.integers(1, 9))
def test_a_histogram_counts_every_row_once(make_table, values, bins):
    table = make_table(pa.table({"x": pa.array(values, pa.float64())}))
    found = histogram(table, "x", bins=bins)
    assert sum(found.counts) + found.n_missing + found.n_infinite == found.n_rows == len(values)
    assert list(found.edges) == sorted(found.edges)
    finite = [x for x in values if x is not None and math.isfinite(x)]
    assert len(found.counts) == (bins if finite else 0)
    assert found.n_infinite == sum(x is not None and math.isinf(x) for x in values)
    table.close()


def test_dates_have_a_histogram(table):
    found = histogram(table, "when", bins=3)
    assert found.edges[0].startswith("2024-01-01T")
    assert sum(found.counts) == 3000


def test_frequent_values_are_those_of_pandas(table, frame):
    found = value_counts(table, "g", n=2)
    expected = frame["g"].value_counts()
    assert found.values == tuple(expected.index[:2])
    assert found.counts == tuple(expected[:2])
    assert found.n_other == expected.iloc[2]
    assert found.n_missing == frame["g"].isna().sum()
    assert found.n_rows == 3000
    assert value_counts(table, "k", n=1).values[0] == str(frame["k"].value_counts().index[0])


def test_boxes_are_those_of_tukey(table, frame):
    found = boxes(table, "x", by="g")
    groups = frame.dropna(subset="x").groupby("g", dropna=False)["x"]
    assert [box.count for box in found] == sorted(groups.size(), reverse=True)
    for box in found:
        x = frame.loc[frame["g"].isna() if box.label is None else frame["g"] == box.label, "x"]
        x = x.dropna()
        q1, median, q3 = x.quantile([0.25, 0.5, 0.75])
        inside = x[(x >= q1 - 1.5 * (q3 - q1)) & (x <= q3 + 1.5 * (q3 - q1))]
        expected = [x.min(), inside.min(), q1, median, q3, inside.max(), x.max(), x.mean()]
        names = [
            "minimum",
            "lower_whisker",
            "q1",
            "median",
            "q3",
            "upper_whisker",
            "maximum",
            "mean",
        ]
        np.testing.assert_allclose([getattr(box, name) for name in names], expected)
        assert box.n_outliers == len(x) - len(inside)
    (whole,) = boxes(table, "x")
    assert whole.count == frame["x"].notna().sum()


def test_a_scatter_has_real_points(table, frame):
    found = scatter(table, "x", "k", colour="g", n=100, seed=1)
    assert len(found.x) == len(found.y) == len(found.colour) == 100
    assert found.n_rows == frame["x"].notna().sum()
    real = set(zip(frame["x"], frame["k"], frame["g"].fillna("-"), strict=True))
    points = zip(found.x, found.y, [one or "-" for one in found.colour], strict=True)
    assert set(points) <= real
    everything = scatter(table, "when", "x", n=10_000)
    assert len(everything.x) == everything.n_rows
    assert everything.x[0] == frame.dropna(subset="x")["when"].iloc[0].isoformat()


def test_a_heat_map_is_that_of_numpy(table, frame):
    found = heat_map(table, "x", "k", bins=6)
    known = frame.dropna(subset="x")
    expected, _, _ = np.histogram2d(known["x"], known["k"], bins=6)
    np.testing.assert_array_equal(np.array(found.counts), expected.T)
    assert found.n_shown == len(known)
    assert found.n_rows == len(frame)


def test_a_heat_map_of_categories_is_a_cross_table(table, frame):
    found = heat_map(table, "g", "k", bins=6)
    for i, label in enumerate(found.x.labels):
        for j in range(6):
            assert found.counts[j][i] == ((frame["g"] == label) & (frame["k"] == j)).sum()
    assert found.n_shown == frame["g"].notna().sum()


def test_a_time_series_is_that_of_pandas(table, frame):
    found = time_series(table, "when", function="mean", column="x", interval="week")
    expected = frame.groupby(frame["when"].dt.to_period("W-SUN").dt.start_time)["x"].mean()
    assert found.times == tuple(when.isoformat() for when in expected.index)
    np.testing.assert_allclose(found.lines[0].values, expected)
    counts = time_series(table, "when", by="g", max_lines=2)
    assert counts.interval == "day"
    assert [line.label for line in counts.lines] == list(frame["g"].value_counts().index[:2])
    for line in counts.lines:
        assert sum(value or 0 for value in line.values) == (frame["g"] == line.label).sum()


def test_an_empty_selection_draws_nothing(table):
    none = [Filter(column="row", operator="<", value=0)]
    assert histogram(table, "x", filters=none).counts == ()
    assert boxes(table, "x", filters=none) == ()
    assert value_counts(table, "g", filters=none).n_rows == 0
    assert scatter(table, "x", "k", filters=none).n_rows == 0
    assert heat_map(table, "x", "g", filters=none).counts == ()
    assert time_series(table, "when", filters=none).times == ()


def test_single_values_and_odd_types(make_table):
    table = make_table(
        pa.table({"one": [3.0, 3.0], "day": [dt.date(2024, 1, 1), None], "yes": [True, False]})
    )
    assert histogram(table, "one", bins=2).counts == (0, 2)
    assert histogram(table, "day", bins=1).n_missing == 1
    assert value_counts(table, "yes").values == ("false", "true")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda t: histogram(t, "g"), "A histogram needs a column of type"),
        (lambda t: histogram(t, "x", bins=0), "cannot have 0 bins"),
        (lambda t: boxes(t, "g"), "A box plot needs"),
        (lambda t: scatter(t, "g", "x"), "A scatter plot needs"),
        (lambda t: heat_map(t, "x", "z"), "no column 'z'"),
        (lambda t: time_series(t, "x"), "A time series needs"),
        (lambda t: time_series(t, "when", function="mean"), "needs a column"),
        (lambda t: time_series(t, "when", interval="hours"), "not an interval"),
    ],
)
def test_a_chart_that_makes_no_sense_is_refused(table, draw, message):
    with pytest.raises(InvalidInput, match=message):
        draw(table)
