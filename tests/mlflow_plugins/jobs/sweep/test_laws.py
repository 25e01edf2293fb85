"""Laws of hyperparameters: within bounds, on the grid of q, and distributed as they say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs.sweep._laws import rounded
from mlflow_plugins.jobs.sweep._sequences import RandomPoints, SobolPoints
from mlflow_plugins.jobs.sweep._space import read_space
from mlflow_plugins.jobs.sweep._spec import parse_sweep

pytestmark = pytest.mark.property


def space_of(law, **sampling):
    job = parse_sweep(
        {
            "type": "sweep",
            "trial": {"command": "true"},
            "sampling_algorithm": {"type": "random", **sampling},
            "search_space": {"x": law},
            "objective": {"goal": "minimize", "primary_metric": "m"},
        }
    )
    return job.space


def draw(law, number, seed, **sampling):
    space = space_of(law, **sampling)
    return space.values(RandomPoints(space, seed).point(number))["x"]


numbers = st.integers(0, 10_000)
bounds = st.tuples(st.floats(-20, 20), st.floats(-20, 20)).map(sorted)
steps = st.sampled_from([0.1, 0.25, 0.5, 1, 2, 10])


@given(bounds, numbers, st.integers(0, 2**31))
def test_uniform_laws_stay_within_their_bounds(between, number, seed):
    low, high = between
    law = {"min_value": low, "max_value": high}
    assert low <= draw({"type": "uniform", **law}, number, seed) <= high
    value = draw({"type": "loguniform", **law}, number, seed)
    assert math.exp(low) <= value <= math.exp(high)
    value = draw({"type": "loguniform", **law}, number, seed, logbase=10)
    assert 10**low * (1 - 1e-9) <= value <= 10**high * (1 + 1e-9)


@given(bounds, steps, numbers)
def test_rounded_laws_are_multiples_of_q_no_further_out_than_half_of_it(between, q, number):
    low, high = between
    limits = {"min_value": low, "max_value": high, "q": q}
    value = draw({"type": "quniform", **limits}, number, 1)
    assert low - q / 2 <= value <= high + q / 2
    assert is_multiple(value, q)
    value = draw({"type": "qloguniform", **limits}, number, 1)
    assert math.exp(low) - q / 2 <= value <= math.exp(high) + q / 2
    assert is_multiple(value, q)


@given(st.floats(-5, 5), st.floats(0.01, 3), steps, numbers)
def test_rounded_bells_are_multiples_of_q(mu, sigma, q, number):
    for kind in ("qnormal", "qlognormal"):
        value = draw({"type": kind, "mu": mu, "sigma": sigma, "q": q}, number, 1)
        assert is_multiple(value, q)
        assert kind == "qnormal" or value >= 0


def is_multiple(value, q):
    return math.isclose(value / q, round(value / q), abs_tol=1e-6)


@given(st.floats(-1e6, 1e6), steps)
def test_rounding_is_azures_formula_without_its_noise(x, q):
    value = rounded(x, q)
    assert value == pytest.approx(round(x / q) * q)
    assert len(repr(value)) <= 12
    assert isinstance(value, int) == (q == int(q))


@given(st.integers(1, 50), numbers)
def test_randint_is_below_its_bound(upper, number):
    value = draw({"type": "randint", "upper": upper}, number, 1)
    assert isinstance(value, int)
    assert 0 <= value < upper


@pytest.mark.parametrize(
    ("law", "oracle"),
    [
        ({"type": "uniform", "min_value": -1, "max_value": 3}, stats.uniform(-1, 4)),
        (
            {"type": "loguniform", "min_value": -3, "max_value": 2},
            stats.loguniform(0.0497871, 7.389056),
        ),
        ({"type": "normal", "mu": 2, "sigma": 3}, stats.norm(2, 3)),
        ({"type": "lognormal", "mu": 0.5, "sigma": 0.7}, stats.lognorm(0.7, scale=math.exp(0.5))),
    ],
)
@pytest.mark.parametrize("points", [RandomPoints, SobolPoints])
def test_values_are_distributed_as_the_law_says(law, oracle, points):
    space = space_of(law)
    sequence = points(space, 7)
    values = [space.values(sequence.point(number))["x"] for number in range(512)]
    assert stats.kstest(values, oracle.cdf).pvalue > 0.01
    if points is SobolPoints:  # evener than chance
        assert stats.kstest(values, oracle.cdf).statistic < 0.01


def test_choices_come_equally_often():
    space = space_of({"type": "choice", "values": ["a", "b", "c"]})
    sequence = RandomPoints(space, 3)
    drawn = [space.values(sequence.point(number))["x"] for number in range(600)]
    counts = np.array([drawn.count(one) for one in "abc"])
    assert stats.chisquare(counts).pvalue > 0.01


def test_powers_that_are_no_numbers_are_refused():
    law = {"type": "loguniform", "min_value": 1, "max_value": 1000}
    with pytest.raises(InvalidInput, match=r"'search_space\.x'.*too large.*Its bounds are exp"):
        _ = space_of(law)
    assert read_space(parse_laws({"type": "loguniform", "min_value": 1, "max_value": 700}))


def parse_laws(law):
    return {one.key: one.law for one in space_of(law).dimensions}
