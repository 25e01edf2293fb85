import numpy as np
import pandas as pd
import pytest

import automl
from automl import DataError, OptionError
from automl._checks import check


def _frame(n=40):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "income": rng.choice(["low", "high"], n),
            "wage": rng.normal(20, 5, n),
        }
    )


BAD_CALLS = [
    ({"column_types": {"agge": "text"}}, DataError, "'agge', which is no feature.*'age'"),
    ({"column_types": {"age": "txt"}}, OptionError, "The type of 'age'.*'text'"),
    ({"column_types": {"age": "ignore", "wage": "ignore"}}, OptionError, "ignores every column"),
    ({"column_types": ["age"]}, OptionError, "must map columns to types"),
    ({"featurization": "custom"}, OptionError, "featurization"),
    ({"weight_column": "wag"}, DataError, "weight_column names 'wag'.*Did you mean 'wage'"),
    ({"weight_column": "income"}, OptionError, "names the target"),
    ({"weight_column": "age", "frame": _frame().assign(age=-1)}, DataError, "40 values .* below 0"),
    ({"weight_column": "age", "frame": _frame().assign(age=0)}, DataError, "Every weight .* is 0"),
    ({"target": "incme"}, DataError, "No column named 'incme'.*Did you mean 'income'"),
    ({"frame": _frame(0)}, DataError, "0 rows"),
    ({"frame": _frame(5)}, DataError, "Only 5 rows .* at least 10"),
    ({"frame": _frame().assign(income=None)}, DataError, "Every value of 'income' is missing"),
    ({"frame": _frame().assign(income="low")}, DataError, "Every value of 'income' is 'low'"),
    ({"target": "wage", "frame": _frame().assign(wage=3.5)}, DataError, "is 3.5"),
    ({"task": "regression"}, DataError, "Regression needs numbers.*'low'"),
    ({"task": "classificaton"}, OptionError, "Did you mean 'classification'"),
    ({"metric": "accurcy"}, OptionError, "Did you mean 'accuracy'"),
    ({"metric": "rmse"}, OptionError, "for classification"),
    ({"metric": 3}, OptionError, "metric must be a name"),
    ({"metric": len}, OptionError, "make_metric"),
    ({"metric": automl.METRICS["rmse"]}, OptionError, "'rmse' is for regression"),
    ({"mlflow": "trial"}, OptionError, "Did you mean 'trials'"),
    ({"exit_scor": 1}, OptionError, "no option named 'exit_scor'.*Did you mean 'exit_score'"),
    ({"time_budget_s": 0}, OptionError, "time_budget_s must be a positive number"),
    ({"time_budget_s": -3}, OptionError, "time_budget_s must be a positive number"),
    ({"time_budget_s": float("nan")}, OptionError, "time_budget_s must be a positive number"),
    ({"time_budget_s": "60"}, OptionError, "time_budget_s must be a positive number"),
    ({"max_trials": 0}, OptionError, "max_trials must be a whole number from 1"),
    ({"n_jobs": 1.5}, OptionError, "n_jobs must be a whole number"),
    ({"allowed": ["lightgmb"]}, OptionError, "Did you mean 'lightgbm'"),
    ({"allowed": ["linear"], "blocked": ["linear"]}, OptionError, "not both"),
    ({"blocked": list(automl.LEARNERS)}, OptionError, "leaves no learner"),
    ({"target": "wage", "allowed": ["naive_bayes"]}, OptionError, "None .* does regression"),
    ({"n_cross_validations": 1}, OptionError, "from 2 to 20"),
    ({"n_cross_validations": 30}, OptionError, "from 2 to 20"),
    ({"validation_size": 2.0}, OptionError, "share between 0 and 1"),
    ({"validation_size": 0.2, "n_cross_validations": 3}, OptionError, "not both"),
    ({"validation_frame": _frame()[["income"]]}, DataError, "has no column besides"),
    ({"validation_frame": _frame()[["income", "age"]]}, DataError, "lacks columns.*'wage'"),
    ({"test_frame": _frame()[["age", "wage"]]}, DataError, "No column named 'income' in the test"),
    ({"frame": [1, 2]}, DataError, "must be a pandas DataFrame, not list"),
    ({"frame": _frame()[["income"]]}, DataError, "nothing to learn from"),
    (
        {"frame": pd.concat([_frame(), _frame()[["age"]]], axis=1)},
        DataError,
        "more than one column named 'age'",
    ),
    ({"frame": _frame().assign(income=["a", 1] * 20)}, DataError, "mixes int and str"),
    (
        {"frame": _frame().assign(income=[f"n{i}" for i in range(40)])},
        DataError,
        "40 classes in 40 rows",
    ),
    (
        {"target": "wage", "frame": _frame().assign(wage=[np.inf, *np.arange(39) / 2])},
        DataError,
        "1 infinite",
    ),
]


@pytest.mark.parametrize(("change", "kind", "message"), BAD_CALLS)
def test_bad_calls_are_refused_before_any_work(change, kind, message):
    arguments = {"frame": _frame(), "target": "income", "time_budget_s": 5.0} | change
    with pytest.raises(kind, match=message):
        automl.fit(**arguments)


def _plan(frame, **options):
    target = options.pop("target", "income")
    return check(frame, target=target, time_budget_s=5.0, seed=0, options=options)


def test_rows_without_a_target_are_dropped_with_a_note():
    frame = _frame()
    frame.loc[:4, "income"] = None
    plan = _plan(frame)
    assert len(plan.task.y) == 35
    assert "5 rows" in plan.task.report.of("missing_target")[0].message


@pytest.mark.parametrize(
    ("values", "task", "dtype"),
    [
        (["a", "b"] * 20, "classification", "O"),
        ([True, False] * 20, "classification", "b"),
        ([0, 1] * 20, "classification", "i"),
        ([0.0, 1.0] * 20, "classification", "f"),
        (list(range(40)), "regression", None),
        (list(np.arange(40) / 3), "regression", None),
        (pd.Categorical([3, 5] * 20), "classification", "i"),
    ],
)
def test_the_task_is_guessed_and_labels_keep_their_type(values, task, dtype):
    plan = _plan(_frame().assign(income=values))
    assert plan.task.name == task
    if dtype is not None:
        assert plan.task.classes.dtype.kind == dtype


def test_imbalance_and_rare_classes_are_alerted():
    plan = _plan(_frame(100).assign(income=["yes"] * 3 + ["no"] * 97))
    assert plan.task.report.of("class_balance")[0].state == "alerted"
    assert "yes" in plan.task.report.of("rare_classes")[0].message


def test_a_validation_frame_is_the_only_split():
    plan = _plan(_frame(), validation_frame=_frame(12))
    ((train, valid),) = plan.task.splits
    assert (len(train), len(valid)) == (40, 12)


def test_a_validation_share_is_held_out():
    plan = _plan(_frame(200), validation_size=0.25)
    ((train, valid),) = plan.task.splits
    assert len(valid) == pytest.approx(50, abs=6)
    assert set(train) | set(valid) == set(range(200))


def test_weights_are_no_feature_and_count_in_the_baseline():
    frame = _frame().assign(income=["low"] * 20 + ["high"] * 20, w=[1.0] * 20 + [3.0] * 20)
    task = _plan(frame, weight_column="w").task
    assert list(task.features) == ["age", "wage"]
    assert dict(zip(task.classes, task.baseline(), strict=True)) == {"low": 0.25, "high": 0.75}
