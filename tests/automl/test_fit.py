import pickle
import sys
import time
from typing import ClassVar

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import automl
from automl import METRICS, DataError, Learner

GRACE_SECONDS = 2.0


class Stubborn(Learner):
    """Never returns and hears no deadline: only killing its process ends it."""

    name = "stubborn"
    space: ClassVar = {}
    portfolio = ({},)

    def fit(self, job, params):
        while True:
            time.sleep(1)


class Clumsy(Learner):
    """Fails on every fold."""

    name = "clumsy"
    space: ClassVar = {}
    portfolio = ({},)

    def fit(self, job, params):
        raise RuntimeError("dropped it")


class Fatal(Learner):
    """Ends its own process."""

    name = "fatal"
    space: ClassVar = {}
    portfolio = ({},)

    def fit(self, job, params):
        import os

        os._exit(9)


@pytest.fixture
def register(monkeypatch):
    """Make a learner of this file known for one test; workers cannot import it, so it is copied."""
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)

    def add(learner):
        monkeypatch.setitem(automl.LEARNERS, learner.name, learner)

    yield add
    cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="module")
def quick(people):
    return automl.fit(
        people.drop(columns=["score"]),
        target="label",
        time_budget_s=60,
        max_trials=3,
        allowed=["linear", "lightgbm", "extra_trees"],
        n_cross_validations=3,
        n_jobs=2,
    )


@pytest.mark.parametrize("budget", [6.0, 12.0])
def test_the_budget_is_kept_even_by_a_learner_that_hears_nothing(register, people, budget):
    register(Stubborn())
    started = time.monotonic()
    predictor = automl.fit(
        people, target="label", time_budget_s=budget, allowed=["stubborn", "linear"], n_jobs=2
    )
    assert time.monotonic() - started <= budget + GRACE_SECONDS
    board = predictor.leaderboard()
    assert set(board.loc[board["learner"] == "stubborn", "state"]) <= {"stopped"}
    assert len(predictor.predict(people)) == len(people)


def test_a_model_exists_even_when_there_was_no_time(people):
    predictor = automl.fit(people, target="label", time_budget_s=0.05)
    shares = people["label"].value_counts(normalize=True)
    assert predictor.predict_proba(people.head(2))[0] == pytest.approx(
        shares[predictor.classes_].to_numpy()
    )
    assert predictor.report.of("no_model_in_time")[0].state == "alerted"


def test_failing_learners_do_not_end_the_search(register, people):
    register(Clumsy())
    register(Fatal())
    predictor = automl.fit(
        people,
        target="label",
        time_budget_s=60,
        allowed=["clumsy", "fatal", "linear"],
        max_trials=3,
    )
    board = predictor.leaderboard().set_index("learner")["state"]
    assert board.to_dict() == {"linear": "complete", "clumsy": "failed", "fatal": "failed"}


def test_probabilities_are_probabilities(quick, people):
    p = quick.predict_proba(people)
    assert p.shape == (len(people), 2)
    assert p.sum(axis=1) == pytest.approx(np.ones(len(people)))
    assert (p > 0).all()
    labels = quick.predict(people)
    assert labels.tolist() == quick.classes_[p.argmax(axis=1)].tolist()


def test_it_learns(quick, people):
    truth = people["label"] == "yes"
    assert roc_auc_score(truth, quick.predict_proba(people)[:, 1]) > 0.85
    assert 0.75 < quick.score < 1.0


def test_the_ensemble_is_no_worse_than_its_best_member(quick):
    best = quick.leaderboard()["score"].max()
    assert quick.score >= best - 1e-9


def test_the_leaderboard_is_ranked_and_weights_sum_to_one(quick):
    board = quick.leaderboard()
    assert board["rank"].tolist() == [1, 2, 3]
    assert board["score"].is_monotonic_decreasing
    assert board["weight"].sum() == pytest.approx(1.0, abs=1e-5)
    assert (board["in_ensemble"] == (board["weight"] > 0)).all()
    assert set(board["metric"]) == {"roc_auc"}


def test_scoring_forgives_order_extra_columns_and_unseen_values(quick, people):
    rows = people.head(3).assign(city=["Atlantis", None, "Rome"], extra=1)
    shuffled = rows[sorted(rows.columns, reverse=True)]
    np.testing.assert_allclose(quick.predict_proba(shuffled), quick.predict_proba(rows))


def test_scoring_names_a_missing_column(quick, people):
    with pytest.raises(DataError, match="'city'"):
        quick.predict(people.drop(columns=["city"]))


def test_scoring_refuses_what_is_no_frame(quick):
    with pytest.raises(ValueError, match="needs a pandas DataFrame"):
        quick.predict([[1, 2]])


def test_no_rows_give_no_predictions(quick, people):
    assert quick.predict_proba(people.head(0)).shape == (0, 2)


def test_pickling_changes_nothing(quick, people):
    again = pickle.loads(pickle.dumps(quick))
    np.testing.assert_array_equal(again.predict_proba(people), quick.predict_proba(people))


def test_same_seed_same_result(people):
    def run():
        return automl.fit(
            people,
            target="label",
            time_budget_s=90,
            max_trials=4,
            allowed=["linear", "lightgbm"],
            n_cross_validations=3,
            n_jobs=1,
            seed=7,
        )

    first, second = run(), run()
    drop = ["fit_seconds"]
    pd.testing.assert_frame_equal(
        first.leaderboard().drop(columns=drop), second.leaderboard().drop(columns=drop)
    )
    np.testing.assert_array_equal(first.predict_proba(people), second.predict_proba(people))


@pytest.mark.parametrize("labels", [["no", "yes"], [0, 1], [False, True], [1.0, 2.0]])
def test_labels_come_back_in_their_own_type(people, labels):
    target = np.array(labels)[np.arange(len(people)) % 2]
    predictor = automl.fit(people.assign(label=target), target="label", time_budget_s=0.05)
    predicted = predictor.predict(people)
    assert predicted.dtype.kind == predictor.classes_.dtype.kind
    assert set(predicted.tolist()) <= set(labels)
    assert type(predicted.tolist()[0]) is type(labels[0])


def test_more_than_two_classes_and_one_too_rare_for_every_fold(people):
    target = np.where(people["score"] > 60, "high", np.where(people["score"] > 45, "middle", "low"))
    target[:2] = "odd"
    frame = people[["age", "city"]].assign(target=target)
    predictor = automl.fit(
        frame,
        target="target",
        time_budget_s=100,
        max_trials=4,
        blocked=["random_forest"],
        n_cross_validations=3,
    )
    assert predictor.metric == "log_loss"
    assert predictor.classes_.tolist() == ["high", "low", "middle", "odd"]
    assert set(predictor.leaderboard()["state"]) <= {"complete", "pruned"}
    p = predictor.predict_proba(frame)
    assert p.sum(axis=1) == pytest.approx(np.ones(len(frame)))
    assert (p > 0).all()
    assert (predictor.predict(frame) == target).mean() > 0.6


def test_every_learner_does_both_tasks(people):
    learners = {name for name, learner in automl.LEARNERS.items() if learner.by_default}
    for target, task in (("label", "classification"), ("score", "regression")):
        predictor = automl.fit(
            people.drop(columns=["score" if target == "label" else "label"]),
            target=target,
            time_budget_s=100,
            max_trials=len(learners),
            n_cross_validations=2,
            test_frame=people,
        )
        board = predictor.leaderboard()
        assert predictor.task == task
        assert set(board["learner"]) == learners
        assert set(board["state"]) <= {"complete", "pruned"}
        assert set(predictor.test_scores) <= {n for n, m in METRICS.items() if m.task == task}
        better = {"classification": "roc_auc", "regression": "r2"}[task]
        assert predictor.test_scores[better] > 0.7


def test_an_exit_score_ends_the_search(people):
    predictor = automl.fit(
        people, target="score", metric="r2", time_budget_s=90, exit_score=0.1, n_jobs=1
    )
    assert len(predictor.leaderboard()) < 5
    assert predictor.fit_seconds < 60


def test_a_validation_frame_decides(people):
    predictor = automl.fit(
        people.head(160),
        target="label",
        validation_frame=people.tail(80),
        time_budget_s=60,
        max_trials=2,
        ensemble=False,
    )
    assert len(predictor.members) == 1
    assert len(predictor.members[0].models) == 1


def test_regression_has_no_probabilities(people):
    predictor = automl.fit(
        people[["age", "score"]], target="score", time_budget_s=60, max_trials=1, allowed=["linear"]
    )
    with pytest.raises(AttributeError, match="no probabilities"):
        predictor.predict_proba(people)
    assert not hasattr(predictor, "classes_")
