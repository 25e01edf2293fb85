"""Group metrics and gaps against Fairlearn, and laws that must hold for any table."""

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from rai._errors import InputError
from rai._fairness import binary_fairness, multiclass_fairness, regression_fairness
from rai._groups import MISSING, cross, group_by_column, group_rows

FL_METRICS = {
    "selection_rate": fl.selection_rate,
    "accuracy": sk.accuracy_score,
    "precision": sk.precision_score,
    "true_positive_rate": fl.true_positive_rate,
    "false_positive_rate": fl.false_positive_rate,
    "true_negative_rate": fl.true_negative_rate,
    "false_negative_rate": fl.false_negative_rate,
    "f1_score": sk.f1_score,
}


def assess(values, truth, predicted, scores=None, n_bootstrap=200):
    return binary_fairness(
        group_by_column(pd.Series(values, name="g")), truth, predicted, scores,
        positive_label="1", n_bootstrap=n_bootstrap, rng=np.random.default_rng(0),
    )  # fmt: skip


def draw(n=900, seed=0):
    rng = np.random.default_rng(seed)
    groups = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    truth = rng.random(n) < np.where(groups == "a", 0.5, 0.3)
    scores = np.clip(rng.normal(0.4 + 0.2 * truth + 0.1 * (groups == "b"), 0.2), 0, 1)
    return groups, truth, scores >= 0.5, scores


def test_group_metrics_and_gaps_are_fairlearns():
    groups, truth, predicted, scores = draw()
    found = assess(groups, truth, predicted, scores)
    frame = fl.MetricFrame(
        metrics=FL_METRICS, y_true=truth, y_pred=predicted, sensitive_features=groups
    )
    for group in found.groups:
        for name in FL_METRICS:
            assert group.metrics[name].value == pytest.approx(
                frame.by_group[name][group.name], abs=1e-12
            )
    gaps = {gap.name: gap for gap in found.gaps}
    named = {"demographic_parity": "selection_rate", "equal_opportunity": "true_positive_rate"}
    for name in FL_METRICS:
        gap = gaps[{metric: gap for gap, metric in named.items()}.get(name, name)]
        assert gap.difference.value == pytest.approx(frame.difference()[name], abs=1e-12)
        assert gap.ratio.value == pytest.approx(frame.ratio()[name], abs=1e-12)
        assert found.overall[name] == pytest.approx(frame.overall[name], abs=1e-12)
    for name in ("demographic_parity", "equal_opportunity", "equalized_odds"):
        for kind in ("difference", "ratio"):
            expected = getattr(fl, f"{name}_{kind}")(truth, predicted, sensitive_features=groups)
            assert getattr(gaps[name], kind).value == pytest.approx(expected, abs=1e-12)
    for group in found.groups:
        rows = groups == group.name
        assert group.metrics["roc_auc"].value == pytest.approx(
            sk.roc_auc_score(truth[rows], scores[rows])
        )


def test_intersections_are_fairlearns():
    groups, truth, predicted, _ = draw()
    other = np.where(np.arange(len(groups)) % 3 == 0, "x", "y")
    both = cross(*(group_by_column(pd.Series(v, name=n)) for v, n in ((groups, "g"), (other, "h"))))
    found = binary_fairness(
        both,
        truth,
        predicted,
        None,
        positive_label="1",
        n_bootstrap=100,
        rng=np.random.default_rng(0),
    )
    frame = fl.MetricFrame(
        metrics=fl.selection_rate, y_true=truth, y_pred=predicted,
        sensitive_features=pd.DataFrame({"g": groups, "h": other}),
    )  # fmt: skip
    assert {g.key: g.metrics["selection_rate"].value for g in found.groups} == pytest.approx(
        dict(frame.by_group)
    )


def test_bootstrap_intervals_of_gaps_are_fairlearns():
    groups, truth, predicted, _ = draw(n=500)
    gap = assess(groups, truth, predicted, n_bootstrap=2000).gaps[0]
    frame = fl.MetricFrame(
        metrics=fl.selection_rate, y_true=truth, y_pred=predicted, sensitive_features=groups,
        n_boot=200, ci_quantiles=[0.025, 0.975], random_state=1,
    )  # fmt: skip
    low, high = frame.difference_ci()
    width = high - low
    assert gap.difference.low == pytest.approx(low, abs=0.2 * width)
    assert gap.difference.high == pytest.approx(high, abs=0.2 * width)


def test_regression_groups_are_scikit_learns():
    rng = np.random.default_rng(0)
    groups = rng.choice(["a", "b"], 500)
    truth = rng.normal(100, 3, 500)
    predicted = truth + rng.normal(0, 1 + (groups == "b"), 500)
    grouping = group_by_column(pd.Series(groups, name="g"))
    found = regression_fairness(grouping, truth, predicted, n_bootstrap=200, rng=rng)
    for group in found.groups:
        rows = groups == group.name
        for name in ("mean_absolute_error", "root_mean_squared_error", "r2_score"):
            estimate = group.metrics[name]
            assert estimate.value == pytest.approx(getattr(sk, name)(truth[rows], predicted[rows]))
            assert estimate.low <= estimate.value <= estimate.high
    ratio = {gap.name: gap.ratio for gap in found.gaps}
    assert 0 < ratio["mean_absolute_error"].value < 1
    assert ratio["mean_error"].value is None


def test_multiclass_groups_are_scikit_learns():
    rng = np.random.default_rng(0)
    groups, truth = rng.choice(["a", "b"], 500), rng.integers(0, 4, 500)
    predicted = np.where(rng.random(500) < 0.6, truth, rng.integers(0, 4, 500))
    grouping = group_by_column(pd.Series(groups, name="g"))
    found = multiclass_fairness(grouping, truth, truth == predicted, n_bootstrap=200, rng=rng)
    for group in found.groups:
        rows = groups == group.name
        for name in ("accuracy", "balanced_accuracy"):
            expected = getattr(sk, f"{name}_score")(truth[rows], predicted[rows])
            assert group.metrics[name].value == pytest.approx(expected)


tables = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.booleans(), st.booleans()),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_order_of_rows_and_names_of_groups_change_nothing(rows, random):
    def figures(rows, rename):
        values, truth, predicted = zip(*rows, strict=True)
        renamed = [rename.get(v, v) for v in values]
        found = assess(renamed, np.array(truth), np.array(predicted), n_bootstrap=100)
        by_name = {g.name: (g.n, {k: e.value for k, e in g.metrics.items()}) for g in found.groups}
        return by_name, [(g.difference.value, g.ratio.value) for g in found.gaps]

    before, gaps = figures(rows, {})
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert figures(shuffled, {}) == (before, gaps)
    rename = {"a": "z", "b": "y", "c": "x"}
    after, renamed_gaps = figures(rows, rename)
    assert after == {rename.get(name, name): value for name, value in before.items()}
    assert renamed_gaps == gaps


@settings(max_examples=60, deadline=None)
@given(tables)
def test_group_sizes_sum_to_the_total_and_ratios_stay_within_zero_and_one(rows):
    values, truth, predicted = zip(*rows, strict=True)
    found = assess(list(values), np.array(truth), np.array(predicted), n_bootstrap=100)
    assert sum(group.n for group in found.groups) == len(rows)
    selected = sum(g.n * g.metrics["selection_rate"].value for g in found.groups)
    assert selected == pytest.approx(sum(predicted))
    for gap in found.gaps:
        assert gap.ratio.value is None or 0 <= gap.ratio.value <= 1
        assert gap.difference.value is None or gap.difference.value >= 0
        assert (gap.difference.value is None) == (gap.difference.reason is not None)
    for group in found.groups:
        for estimate in group.metrics.values():
            assert (
                estimate.value is None
                or estimate.low is None
                or estimate.low <= estimate.value <= estimate.high
            )


def test_missing_values_are_a_group_and_numbers_are_cut_into_bands():
    ages = pd.Series([np.nan, *range(18, 78)], name="age")
    grouping = group_by_column(ages, [30, 60])
    assert grouping.keys == (("< 30",), ("30 to 59",), ("≥ 60",), (MISSING,))
    assert np.bincount(grouping.codes).tolist() == [12, 30, 18, 1]
    automatic = group_by_column(ages)
    assert len(automatic.keys) == 6
    assert automatic.keys[-1] == (MISSING,)
    assert group_by_column(pd.Series([True, False, True], name="m")).keys == (("True",), ("False",))


def test_many_groups_are_pooled_with_a_note():
    codes = pd.Series([f"zip-{i}" for i in range(80) for _ in range(1 + i % 3)], name="zip")
    grouping = group_by_column(codes)
    assert len(grouping.keys) == 50
    assert grouping.keys[-1] == ("(other)",)
    assert "31 smallest of 80" in grouping.notes[0]
    assert len(grouping.codes) == len(codes)


def test_small_groups_and_single_groups_are_warned_about():
    groups = ["a"] * 100 + ["b"] * 7
    truth = np.arange(107) % 2 == 0
    assert "1 of 2 groups have fewer than 30 rows (b)" in assess(groups, truth, truth).warnings[0]
    assert "one group only" in assess(["a"] * 107, truth, truth).warnings[0]


def test_bands_for_text_or_unknown_columns_are_refused():
    frame = pd.DataFrame({"sex": ["f", "m"]})
    with pytest.raises(InputError, match="only numbers can be cut"):
        group_rows(frame, {"sex": [1.0]})
    with pytest.raises(InputError, match="Did you mean 'sex'"):
        group_rows(frame, {"sexx": [1.0]})
