"""Which rows are learned from and which are held out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import automl
from automl import DataError, OptionError
from automl._checks import check


def splits_of(frame, **options):
    return check(frame, target="y", time_budget_s=5.0, seed=0, options=options).task.splits


def frame_of(n=60, **columns):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=n), "y": rng.normal(size=n), **columns})


@given(
    groups=st.lists(st.integers(0, 9), min_size=40, max_size=90),
    is_regression=st.booleans(),
    n_folds=st.integers(2, 3),
)
def test_a_group_is_never_on_both_sides(groups, is_regression, n_folds):
    group = np.array([*groups, 0, 1, 2, 3, 4, 5])
    y = np.arange(len(group)) / 7 if is_regression else np.arange(len(group)) % 2
    frame = frame_of(len(group), g=group).assign(y=y)
    seen = []
    for train, valid in splits_of(frame, group_column="g", n_cross_validations=n_folds):
        assert not set(group[train]) & set(group[valid])
        assert min(len(train), len(valid)) > 0
        assert sorted([*train, *valid]) == list(range(len(group)))
        seen += list(valid)
    assert sorted(seen) == list(range(len(group)))


def test_models_do_not_see_the_group_or_the_folds():
    frame = frame_of(g=np.arange(60) % 6, f=np.arange(60) % 2)
    task = check(frame, target="y", time_budget_s=5, seed=0, options={"group_column": "g"}).task
    assert list(task.features) == ["x", "f"]
    task = check(frame, target="y", time_budget_s=5, seed=0, options={"fold_columns": ["f"]}).task
    assert list(task.features) == ["x", "g"]


@pytest.mark.parametrize("kind", ["dates", "texts", "numbers"])
def test_the_past_never_knows_the_future(kind):
    moments = pd.Series(pd.date_range("2024-01-01", periods=20).repeat(3)).sample(
        frac=1, random_state=1
    )
    moments = moments.reset_index(drop=True)
    column = {
        "dates": moments,
        "texts": moments.dt.strftime("%Y-%m-%d"),
        "numbers": moments.astype("int64"),
    }
    splits = splits_of(frame_of(when=column[kind]), time_column="when", n_cross_validations=4)
    assert len(splits) == 4
    for train, valid in splits:
        assert moments[train].max() < moments[valid].min()
    held_out = np.concatenate([valid for _, valid in splits])
    assert len(set(held_out)) == len(held_out) >= 45
    assert moments[held_out].max() == moments.max()


def test_columns_mark_the_splits():
    first, second = np.arange(60) % 3 != 0, np.arange(60) < 50
    frame = frame_of(a=first.astype(int), b=second.astype(str)).replace({"True": "1", "False": "0"})
    (train, valid), (_, other) = splits_of(frame, fold_columns=["a", "b"])
    np.testing.assert_array_equal(train, np.flatnonzero(first))
    np.testing.assert_array_equal(valid, np.flatnonzero(~first))
    np.testing.assert_array_equal(other, np.arange(50, 60))


def test_copies_stay_together_where_that_is_asked_for():
    frame = pd.concat([frame_of(40), frame_of(40).iloc[:15]], ignore_index=True)
    plan = check(frame, target="y", time_budget_s=5, seed=0, options={"group_copies": True})
    for _, valid in plan.task.splits:
        twins = {row + 40 for row in valid if row < 15} | {row - 40 for row in valid if row >= 40}
        assert twins <= set(valid)
    (found,) = plan.task.report.of("duplicate_rows")
    assert (found.state, "15 of 55" in found.message) == ("done", True)
    plain = check(frame, target="y", time_budget_s=5, seed=0, options={})
    assert plain.task.report.of("duplicate_rows")[0].state == "alerted"


def test_repeats_deal_the_rows_anew():
    splits = splits_of(frame_of(), n_cross_validations=3, n_repeats=2)
    assert len(splits) == 6
    assert {tuple(v) for _, v in splits[:3]}.isdisjoint({tuple(v) for _, v in splits[3:]})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"group_column": "gg"}, DataError, "group_column names 'gg'.*Did you mean 'g'"),
        ({"time_column": "y"}, OptionError, "time_column names the target"),
        ({"fold_columns": "f"}, OptionError, "must be a list"),
        ({"fold_columns": ["g"]}, DataError, "must hold 1 .* and 0 .*it holds 0, 1, 2"),
        ({"fold_columns": ["f"], "validation_size": 0.2}, OptionError, "not both"),
        ({"fold_columns": ["f"], "group_column": "g"}, OptionError, "not both"),
        ({"time_column": "x", "n_repeats": 2}, OptionError, "neither dealt again"),
        ({"time_column": "f", "n_cross_validations": 4}, DataError, "2 different moments"),
        ({"time_column": "words"}, DataError, "60 rows that are no moment"),
        ({"group_column": "f"}, DataError, "has 2 different values; at least 4"),
        ({"group_column": "g", "n_cross_validations": 5}, OptionError, "from 2 to 3"),
        ({"n_repeats": 0}, OptionError, "from 1 to 20"),
    ],
)
def test_what_contradicts_is_refused(options, error, message):
    frame = frame_of(g=np.arange(60) % 6, f=np.arange(60) % 2, words=["a", "b"] * 30)
    with pytest.raises(error, match=message):
        automl.fit(frame, target="y", time_budget_s=5, **options)


def test_repeated_folds_give_one_prediction_for_each_row():
    frame = frame_of(80).assign(y=lambda f: 3 * f["x"])
    model = automl.fit(
        frame, target="y", time_budget_s=30, n_cross_validations=3, n_repeats=2,
        allowed=["linear"], max_trials=1, metric="r2",
    )  # fmt: skip
    assert model.score > 0.9
    assert len(model.members[0].models) == 6
