"""The search: Optuna behind Azure's words, and what it says about the trials."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from mlflow_plugins.core import MissingExtra, StudioError
from mlflow_plugins.jobs.sweep import Goal, Sweep, Trial, TrialState
from mlflow_plugins.jobs.sweep import _optuna as by_name
from mlflow_plugins.jobs.sweep._ranking import best_trial, pareto_front, trial_value
from mlflow_plugins.jobs.sweep._results import check_success
from mlflow_plugins.jobs.sweep._search import Search
from mlflow_plugins.jobs.sweep._spec import parse_sweep

SPACE = {
    "x": {"type": "uniform", "min_value": -1, "max_value": 1},
    "n": {"type": "randint", "upper": 5},
    "k": {"type": "choice", "values": ["a", "b"]},
    "g": {"type": "normal", "mu": 10, "sigma": 2},
}


def sweep(algorithm, space=SPACE, **fields):
    goals = {"objective": {"goal": "minimize", "primary_metric": "m"}}
    return parse_sweep(
        {
            "type": "sweep",
            "trial": {"command": "true"},
            "sampling_algorithm": algorithm,
            "search_space": space,
            **(goals if "objectives" not in fields else {}),
            **fields,
        }
    )


def tpe(seed=1, **args):
    return {"type": "optuna", "sampler": "TPESampler", "seed": seed, "args": args}


def run(search, job, n, loss):
    """Tell the losses of the next n trials; return the points."""
    points = []
    for _ in range(n):
        number, point = search.n_trials, search.ask()
        points.append(point)
        search.tell(number, [loss(job.space.values(point))], is_pruned=False)
    return points


def test_laws_have_their_optuna_distributions():
    search = Search(sweep(tpe()))
    search.ask()
    distributions = search._study.get_trials()[0].distributions
    assert distributions == {
        "x": FloatDistribution(-1, 1),
        "n": IntDistribution(0, 4),
        "k": CategoricalDistribution((0, 1)),
        "g": FloatDistribution(0, 1),
    }


@pytest.mark.parametrize(
    "algorithm",
    [
        *("random", "bayesian", {"type": "random", "rule": "sobol", "seed": 1}, tpe()),
        *({"type": "optuna", "sampler": name} for name in ("CmaEsSampler", "QMCSampler")),
        {"type": "optuna", "sampler": "NSGAIISampler", "args": {"population_size": 4}},
    ],
)
def test_every_sampler_draws_from_the_space(algorithm):
    numbers = {"x": SPACE["x"], "y": {"type": "quniform", "min_value": 0, "max_value": 9, "q": 3}}
    job = sweep(algorithm, numbers)
    search = Search(job)
    for point in run(search, job, 12, lambda values: values["x"] ** 2):
        values = job.space.values(point)
        assert -1 <= values["x"] <= 1
        assert values["y"] in (0, 3, 6, 9)


def test_bayesian_search_finds_the_minimum():
    job = sweep(tpe(), {name: SPACE[name] for name in ("x", "k")})
    search = Search(job)

    def loss(values):
        return (values["x"] - 0.3) ** 2 + (values["k"] == "a")

    points = run(search, job, 60, loss)
    late = [job.space.values(point) for point in points[30:]]
    assert sum(values["k"] == "b" for values in late) > 20
    assert min(loss(values) for values in late) < 1e-3


def test_the_grid_ends():
    space = {"k": SPACE["k"], "j": SPACE["k"]}
    search = Search(sweep("grid", space))
    points = [search.ask() for _ in range(6)]
    assert len({tuple(point.values()) for point in points[:4]}) == 4
    assert points[4:] == [None, None]


def test_a_new_process_goes_on_where_the_old_one_was():
    job = sweep({"type": "random", "seed": 4})
    whole = Search(job)
    points = [whole.ask() for _ in range(6)]
    second = Search(job, n_known=3)
    for point in points[:3]:
        assert second.begin_at(point) == point
    assert [second.ask() for _ in range(3)] == points[3:]


def test_a_sampler_that_begins_anew_does_not_repeat_itself():
    job = sweep(tpe(seed=9))
    first = Search(job).ask()
    second = Search(job, n_known=1)
    second.begin_at(first)
    assert second.ask() != first


def test_a_pruner_ends_what_is_behind():
    pruner = {"name": "MedianPruner", "args": {"n_startup_trials": 2, "n_warmup_steps": 1}}
    search = Search(sweep("random", pruner=pruner))
    for number, value in enumerate([1.0, 2.0]):
        search.ask()
        assert not search.report(number, [value, value, value])
        search.tell(number, [value], is_pruned=False)
    search.ask()
    search.ask()
    assert not search.report(2, [9.0])
    assert search.report(2, [9.0, 9.0])
    assert not search.report(3, [0.5, 0.5, 0.5])
    search.tell(2, None, is_pruned=True)
    search.tell(3, None, is_pruned=False)


def test_importances_are_those_of_what_matters():
    job = sweep({"type": "random", "seed": 2}, {"x": SPACE["x"], "y": SPACE["x"], "k": SPACE["k"]})
    search = Search(job)
    run(search, job, 9, lambda values: values["x"] ** 2)
    assert search.importances() == {}  # too few to say
    run(search, job, 51, lambda values: values["x"] ** 2 + 0.01 * values["y"])
    importances = search.importances()
    assert next(iter(importances)) == "x"
    assert set(importances) == {"x", "y", "k"}
    assert sum(importances.values()) == pytest.approx(1)
    assert importances["x"] > 0.7
    same = Search(job)
    run(same, job, 12, lambda values: 1.0)
    assert same.importances() == {}


def test_importances_of_what_is_drawn_for_some_trials_only():
    space = {"model": {"type": "choice", "values": [{"C": SPACE["x"]}, {"depth": SPACE["n"]}]}}
    job = sweep({"type": "random", "seed": 2}, space)
    search = Search(job)
    run(search, job, 40, lambda values: values.get("model.C", 2 + values.get("model.depth", 0)))
    assert set(search.importances()) <= {"model", "model.C", "model.depth"}


def test_a_package_that_is_missing_is_named(monkeypatch):
    job = sweep({"type": "optuna", "sampler": "CmaEsSampler"})
    monkeypatch.setattr(by_name.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"'CmaEsSampler' needs the package 'cmaes'.*\[sweep\]"):
        by_name.check_names(job)


# ---------------------------------------------------------------- ranking


def trial(number, *values, state=TrialState.COMPLETED):
    return Trial(
        number=number,
        run_id=str(number),
        name="",
        state=state,
        params={},
        values=values or None,
        metrics={},
        started_at=0,
        ended_at=None,
        reason="",
    )


UP, DOWN = Goal(metric="a", maximize=True), Goal(metric="b", maximize=False)


def test_the_best_trial_is_a_completed_one():
    pruned = trial(0, 9.0, state=TrialState.PRUNED)
    some = [pruned, trial(1), trial(2, 1.0), trial(3, 3.0), trial(4, 3.0)]
    assert best_trial(some, [UP]).number == 3
    assert best_trial(some, [DOWN]).number == 2
    assert best_trial(some[:2], [UP]) is None


def test_what_a_trial_counts_for():
    assert trial_value([1, 3, math.nan, 2], UP, is_only=True) == 3
    assert trial_value([1, 3, 2], DOWN, is_only=True) == 1
    assert trial_value([1, 3, 2], UP, is_only=False) == 2
    assert trial_value([math.nan, math.inf], UP, is_only=True) is None


@pytest.mark.property
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12))
def test_the_pareto_front_by_brute_force(points):
    trials = [trial(number, float(a), float(b)) for number, (a, b) in enumerate(points)]
    front = {one.number for one in pareto_front(trials, [UP, DOWN])}
    for i, (a, b) in enumerate(points):
        is_beaten = any(c >= a and d <= b and (c > a or d < b) for c, d in points)
        assert (i in front) == (not is_beaten)


# ---------------------------------------------------------------- without a result


def sweep_with(*trials):
    return Sweep(
        run_id="s",
        goals=(UP,),
        search_space={},
        sampling_algorithm={},
        early_termination=None,
        max_total_trials=9,
        max_concurrent_trials=9,
        trials=trials,
        best=best_trial(trials, [UP]),
        pareto_front=(),
        importances={},
    )


def test_a_sweep_without_a_result_says_why():
    failed = dataclasses.replace(trial(3, state=TrialState.FAILED), reason="out of memory")
    canceled = trial(0, 1.0, state=TrialState.CANCELED)
    check_success(sweep_with(failed, trial(1, 2.0)))
    words = r"No trial has completed \(1 failed, 1 canceled\)\. Trial 3 \(run 3\): out of memory"
    with pytest.raises(StudioError, match=words):
        check_success(sweep_with(canceled, failed))
    seen = dataclasses.replace(trial(1), metrics={"aa": 1, "z": 2})
    with pytest.raises(
        StudioError, match=r"a number as 'a'.*They logged: aa, z. Did you mean 'aa'"
    ):
        check_success(sweep_with(failed, seen))
