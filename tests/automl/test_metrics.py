import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn import metrics as sk

import automl
from automl import METRICS, OptionError
from automl._metrics import find_metric


def _classes(n_classes, *, seed=0, n=400):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    p = rng.dirichlet(np.ones(n_classes), n).round(2) + 0.01
    p[np.arange(n), y] += 0.3
    return y, p / p.sum(axis=1, keepdims=True)


ORACLES = {
    "log_loss": lambda y, p: sk.log_loss(y, p, labels=range(p.shape[1])),
    "accuracy": lambda y, p: sk.accuracy_score(y, p.argmax(1)),
    "balanced_accuracy": lambda y, p: sk.balanced_accuracy_score(y, p.argmax(1)),
    "norm_macro_recall": lambda y, p: sk.balanced_accuracy_score(y, p.argmax(1), adjusted=True),
    "f1_weighted": lambda y, p: sk.f1_score(y, p.argmax(1), average="weighted"),
    "matthews_correlation": lambda y, p: sk.matthews_corrcoef(y, p.argmax(1)),
    "precision_weighted": lambda y, p: sk.precision_score(y, p.argmax(1), average="weighted"),
    "average_precision": lambda y, p: sk.average_precision_score(
        np.eye(p.shape[1])[y], p, average="weighted"
    ),
}


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("name", ORACLES)
def test_classification_metrics_agree_with_scikit_learn(name, n_classes):
    y, p = _classes(n_classes)
    assert METRICS[name].score(y, p) == pytest.approx(ORACLES[name](y, p), abs=1e-9)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_row_of_weight_two_counts_like_two_rows(name):
    rng = np.random.default_rng(2)
    y, p = _classes(3)
    if METRICS[name].task == "regression":
        y, p = rng.normal(5, 2, len(y)), rng.normal(5, 2, len(y)).round(1)
    # The range of the values and the ranks are those of all rows, whatever they weigh.
    lowest, highest = {"spearman": (1, 2)}.get(name, (1 if "normalized" in name else 0, 3))
    times = rng.integers(lowest, highest, len(y))
    found = METRICS[name].score(y, p, times.astype(float))
    expected = METRICS[name].score(np.repeat(y, times), np.repeat(p, times, axis=0))
    assert found == pytest.approx(expected, abs=0.02 if "median" in name else 1e-9)


def test_f1_is_of_the_second_class_for_two_and_macro_for_more():
    y, p = _classes(2)
    assert METRICS["f1"].score(y, p) == pytest.approx(sk.f1_score(y, p.argmax(1)))
    y, p = _classes(4)
    assert METRICS["f1"].score(y, p) == pytest.approx(sk.f1_score(y, p.argmax(1), average="macro"))


def test_roc_auc_agrees_with_scikit_learn():
    y, p = _classes(2)
    assert METRICS["roc_auc"].score(y, p) == pytest.approx(sk.roc_auc_score(y, p[:, 1]))
    y, p = _classes(5)
    oracle = sk.roc_auc_score(y, p, multi_class="ovr", average="weighted")
    assert METRICS["roc_auc"].score(y, p) == pytest.approx(oracle)


def test_regression_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(1)
    y = rng.normal(5, 2, 300)
    p = y + rng.normal(0, 1, 300)
    span = y.max() - y.min()
    expected = {
        "rmse": sk.root_mean_squared_error(y, p),
        "mae": sk.mean_absolute_error(y, p),
        "median_absolute_error": sk.median_absolute_error(y, p),
        "mape": sk.mean_absolute_percentage_error(y, p),
        "r2": sk.r2_score(y, p),
        "spearman": spearmanr(y, p).statistic,
        "normalized_rmse": sk.root_mean_squared_error(y, p) / span,
        "normalized_mae": sk.mean_absolute_error(y, p) / span,
    }
    found = {n: m.score(y, p) for n, m in METRICS.items() if m.task == "regression"}
    assert found == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
@settings(max_examples=60, deadline=None)
def test_auc_counts_won_pairs(rows):
    positive = np.array([r[0] for r in rows])
    score = np.array([r[1] for r in rows], dtype=float)
    pairs = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
    value = METRICS["roc_auc"].score(positive.astype(int), np.column_stack([-score, score]))
    assert value == pytest.approx(np.mean(pairs)) if pairs else np.isnan(value)


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("AUC_weighted", "roc_auc"),
        ("auc_weighted", "roc_auc"),
        ("AUCWeighted", "roc_auc"),
        ("Accuracy", "accuracy"),
        ("average_precision_score_weighted", "average_precision"),
        ("precision_score_weighted", "precision_weighted"),
    ],
)
def test_azure_names_are_understood(given_name, expected):
    assert find_metric(given_name, "classification").name == expected


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(OptionError, match="Did you mean 'log_loss'"):
        find_metric("log_los", "classification")
    with pytest.raises(OptionError, match="No metric named 'rmse' for classification"):
        find_metric("rmse", "classification")


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (3, {}, "needs a function"),
        (len, {"name": "rmse"}, "cannot be called 'rmse'"),
        (lambda y, p: 0.0, {}, "cannot be called '<lambda>'"),
    ],
)
def test_a_metric_needs_a_function_and_a_name(function, options, message):
    with pytest.raises(OptionError, match=message):
        automl.make_metric(function, task="regression", is_higher_better=True, **options)


def test_a_function_of_the_users_is_optimised():
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300)})
    frame["y"] = np.exp(frame["x"] + rng.normal(size=300))

    def overshoot(y, p):
        return float(np.mean(np.where(p > y, 10 * (p - y), y - p)))

    metric = automl.make_metric(overshoot, task="regression", is_higher_better=False)
    model = automl.fit(frame, target="y", metric=metric, time_budget_s=30, max_trials=2, n_jobs=1)
    assert model.metric == "overshoot"
    scores = model.leaderboard()["score"].dropna()
    assert model.score <= scores.min() + 1e-9
