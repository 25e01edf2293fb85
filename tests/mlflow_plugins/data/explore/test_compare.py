"""Differences of schema and drift, against SciPy, closed forms and known shifts."""

import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from mlflow_plugins.data.explore import TableComparison, compare
from mlflow_plugins.data.explore._drift import (
    binned,
    chi_square,
    decile_edges,
    jensen_shannon,
    kolmogorov_smirnov,
    psi,
    wasserstein,
)

SHARES = st.lists(st.integers(0, 20), min_size=2, max_size=8).filter(any)


def shares(counts):
    return np.array(counts) / sum(counts)


@pytest.mark.property
@given(counts=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=8))
def test_distances_of_shares(counts):
    old, new = ([pair[i] for pair in counts] for i in (0, 1))
    if not any(old) or not any(new):
        return
    p, q = shares(old), shares(new)
    expected = distance.jensenshannon(p, q, base=2)
    assert jensen_shannon(p, q) == pytest.approx(expected, abs=1e-7)
    assert psi(p, q) == pytest.approx(psi(q, p))
    assert psi(p, p) == 0.0
    assert psi(p, q) >= 0.0
    if all(old) and all(new):
        # The index is the sum of both relative entropies.
        both = stats.entropy(p, q) + stats.entropy(q, p)
        assert psi(p, q) == pytest.approx(both)


def test_shares_with_nothing_in_common_are_one_apart():
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0


def test_bins_hold_a_tenth_of_the_old_values_each():
    old = np.random.default_rng(0).normal(size=10_000)
    np.testing.assert_allclose(binned(old, decile_edges(old)), 0.1, atol=1e-4)
    constant = np.ones(50)
    np.testing.assert_allclose(binned(constant, decile_edges(constant)), [1.0, 0.0])


@pytest.mark.parametrize("n", [50, 3000])
def test_the_ks_test_finds_the_largest_gap(n):
    generator = np.random.default_rng(n)
    old, new = generator.normal(size=n), generator.normal(0.3, size=n + 7)
    found = kolmogorov_smirnov(old, new)
    points = np.concatenate([old, new])
    gaps = (old[:, None] <= points).mean(axis=0) - (new[:, None] <= points).mean(axis=0)
    assert found.statistic == pytest.approx(np.abs(gaps).max())
    m = n * (n + 7) / (2 * n + 7)
    limit = stats.kstwobign.sf(math.sqrt(m) * found.statistic)
    assert found.p_value == pytest.approx(limit, rel=0.1, abs=0.005)


def test_values_that_are_moved_are_as_far_apart_as_they_were_moved():
    values = np.random.default_rng(0).normal(size=100)
    assert wasserstein(values, values + 2.5) == pytest.approx(2.5)
    # Of equally many values, it is the mean distance of sorted pairs.
    other = np.random.default_rng(1).normal(size=100)
    expected = np.abs(np.sort(values) - np.sort(other)).mean()
    assert wasserstein(values, other) == pytest.approx(expected)


def test_chi_square_is_pearsons():
    old, new = [50, 30, 20], [40, 45, 15]
    table = np.array([old, new])
    expected = table.sum(axis=0) / 2
    statistic = ((table - expected) ** 2 / expected).sum()
    found = chi_square(old, new)
    assert found.statistic == pytest.approx(statistic)
    assert found.p_value == pytest.approx(stats.chi2.sf(statistic, 2))
    # Rare categories are taken together, here into one of 4 and 6.
    assert chi_square([50, 30, 2, 1, 1], [40, 45, 2, 1, 3]) == chi_square([50, 30, 4], [40, 45, 6])
    assert chi_square([10, 0], [12, 0]).p_value == 1.0


@pytest.fixture(scope="module")
def frame():
    generator = np.random.default_rng(7)
    n = 4000
    return pd.DataFrame(
        {
            "x": generator.normal(size=n),
            "i": generator.integers(0, 5, n),
            "t": generator.choice(["a", "b", "c"], n),
            "yes": generator.random(n) < 0.5,
            "when": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(generator.integers(0, 900_000, n), "s"),
            "text": [f"text {i}" for i in range(n)],
            "none": pd.array([None] * n, dtype="Int64"),
        }
    )


@pytest.mark.parametrize("sample_rows", [10_000, 1000])
def test_a_table_has_not_drifted_from_itself(make_table, frame, sample_rows):
    table = make_table(frame, row_group_size=1000)
    found = compare(table, table, sample_rows=sample_rows)
    assert found.has_same_schema
    assert len(found.columns) == 7
    for column in found.columns:
        if column.name == "none":
            assert column.psi is None
            continue
        assert column.psi == 0.0
        assert column.jensen_shannon == 0.0
        assert column.statistic == 0.0
        assert column.p_value == pytest.approx(1.0)
        assert column.wasserstein in (None, 0.0)
        assert column.level == "none"
    assert found.is_exact == (sample_rows > 4000)


def test_what_has_changed_is_found(make_table, frame):
    new = frame.rename(columns={"none": "extra"}).assign(
        x=frame["x"] + 1.0,
        t=np.where(frame["t"] == "a", "z", frame["t"]),
        yes=frame["yes"].astype(int),
        when=frame["when"] + pd.Timedelta(days=3),
        i=frame["i"].where(frame.index % 4 > 0).astype("Int64"),
    )
    found = compare(make_table(frame), make_table(new.iloc[:3000]))
    assert found.added == ("extra",)
    assert found.removed == ("none",)
    (retyped,) = found.retyped
    assert (retyped.name, retyped.old, retyped.new) == ("yes", "boolean", "integer")
    assert (found.old_rows, found.new_rows) == (4000, 3000)
    drifts = {one.name: one for one in found.columns}
    assert set(drifts) == {"x", "i", "t", "when", "text"}
    assert drifts["x"].wasserstein == pytest.approx(1.0, abs=0.05)
    assert drifts["x"].statistic == pytest.approx(2 * stats.norm.cdf(0.5) - 1, abs=0.04)
    assert drifts["x"].p_value < 1e-6
    assert drifts["x"].level == "strong"
    assert drifts["when"].wasserstein == pytest.approx(3.0, abs=0.2)
    assert drifts["t"].level == "strong"
    assert drifts["t"].test == "chi2"
    assert drifts["t"].p_value < 1e-6
    assert drifts["i"].new_missing == 0.25
    assert drifts["i"].level == "none"
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert TableComparison.from_dict(document) == found


@pytest.mark.property
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    old=st.lists(st.none() | st.floats(), min_size=1, max_size=20),
    new=st.lists(st.none() | st.floats(), min_size=1, max_size=20),
)
def test_any_two_columns_can_be_compared(make_table, old, new):
    tables = [make_table(pa.table({"x": pa.array(values, pa.float64())})) for values in (old, new)]
    found = compare(*tables)
    json.dumps(found.to_dict(), allow_nan=False)
    for table in tables:
        table.close()
