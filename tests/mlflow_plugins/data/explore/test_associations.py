"""Measures of association against SciPy, closed forms and what is known by construction."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlflow_plugins.data.explore._associations import (
    Category,
    associate,
    correlation_ratio,
    cramers_v,
    pearson,
    predictive_power,
)


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def with_gaps(values, generator):
    return np.where(generator.random(len(values)) < 0.1, math.nan, values)


def test_pearson_is_that_of_pandas(generator):
    x = generator.normal(size=500)
    frame = pd.DataFrame(
        {
            "x": with_gaps(x, generator),
            "y": with_gaps(x + generator.normal(size=500), generator),
            "z": x * 1e200,
        }
    )
    expected = frame.corr()
    features = {name: frame[name].to_numpy() for name in frame}
    found = associate(features)
    assert len(found) == 3
    for one in found[:1]:
        assert one.value == pytest.approx(expected.loc[one.a, one.b])
    assert pearson(x, x * 1e200) == pytest.approx(1.0)
    assert pearson(x, np.full(500, 0.1)) is None
    assert pearson(x[:2], x[:2]) is None


def test_cramers_v_is_bergsmas(generator):
    a = generator.integers(0, 4, 300)
    b = np.where(generator.random(300) < 0.5, a, generator.integers(0, 5, 300))
    v = cramers_v(Category(codes=a, n=4), Category(codes=b, n=5))
    table = pd.crosstab(a, b).to_numpy()
    n, (r, k) = table.sum(), table.shape
    phi2 = stats.chi2_contingency(table, correction=False).statistic / n
    corrected = max(0.0, phi2 - (k - 1) * (r - 1) / (n - 1))
    smaller = min(k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1))
    assert v == pytest.approx(math.sqrt(corrected / (smaller - 1)))
    # Without the correction it is SciPy's, and in many rows the two meet.
    many = np.repeat(table * 200, 1)
    rows = np.repeat(np.indices(table.shape).reshape(2, -1), many, axis=1)
    v = cramers_v(Category(codes=rows[0], n=4), Category(codes=rows[1], n=5))
    assert v == pytest.approx(stats.contingency.association(table, method="cramer"), abs=1e-3)


def test_cramers_v_of_equal_and_of_unrelated_columns(generator):
    a = Category(codes=generator.integers(0, 3, 200), n=3)
    assert cramers_v(a, a) == pytest.approx(1.0)
    noise = Category(codes=generator.integers(0, 50, 200), n=50)
    assert cramers_v(a, noise) < 0.25
    assert cramers_v(a, Category(codes=np.zeros(200, int), n=1)) is None
    assert cramers_v(a, Category(codes=np.full(200, -1), n=2)) is None


def test_the_correlation_ratio_is_kelleys(generator):
    groups = generator.integers(0, 3, 200)
    y = groups * 0.7 + generator.normal(size=200)
    within = sum(((y[groups == g] - y[groups == g].mean()) ** 2).sum() for g in range(3))
    total = ((y - y.mean()) ** 2).sum()
    expected = math.sqrt(1 - 199 / 197 * within / total)
    category = Category(codes=groups, n=3)
    assert correlation_ratio(category, y) == pytest.approx(expected)
    # The F statistic of a one-way analysis of variance says the same.
    f = stats.f_oneway(*(y[groups == g] for g in range(3))).statistic
    eta2 = f * 2 / (f * 2 + 197)
    assert correlation_ratio(category, y) ** 2 == pytest.approx(1 - 199 / 197 * (1 - eta2))
    assert correlation_ratio(category, groups.astype(float)) == pytest.approx(1.0)
    assert correlation_ratio(category, np.ones(200)) is None


def test_predictive_power_is_about_new_rows(generator):
    n = 4000
    x = generator.normal(size=n)
    flags = Category(codes=(x > 0).astype(int), n=2)
    assert predictive_power(x, flags, 0) > 0.9
    assert predictive_power(generator.permutation(x), flags, 0) < 0.1
    assert predictive_power(Category(codes=np.arange(n), n=n), flags, 0) < 0.1
    assert predictive_power(x, 3.0 * x + 1.0, 0) > 0.95
    # y = x + noise of equal variance: R squared is one half.
    assert predictive_power(x, x + generator.normal(size=n), 0) == pytest.approx(0.5, abs=0.05)
    gaps = np.where(flags.codes == 1, math.nan, x)
    assert predictive_power(gaps, flags, 0) == 1.0
    assert predictive_power(x, np.ones(n), 0) == 0.0
