"""Attributions against SHAP, closed forms and exact enumeration."""

import itertools
import math
import warnings

import numpy as np
import pandas as pd
import pytest
import shap
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import rai
from rai._lineage import source_columns
from rai._shapley import sampled_shapley

NUMBERS = ["age", "hours"]


def importance_of(model, frame, target, **settings):
    wanted = {
        "explain_budget_seconds": 20,
        "max_explained_rows": 200,
        "n_bootstrap": 100,
    } | settings
    analysis = rai.analyze(model, frame, target=target, **wanted)
    assert analysis.panels["importance"].status == "ok", analysis.panels["importance"].reason
    return analysis.importance


def test_lightgbm_importance_is_shaps(people):
    inputs = people[NUMBERS].assign(tier=people.tier)
    model = LGBMClassifier(n_estimators=20, verbose=-1).fit(inputs, people.paid)
    found = importance_of(model, inputs.assign(paid=people.paid), "paid", max_explained_rows=600)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap announces an old change of format
        expected = np.abs(shap.TreeExplainer(model).shap_values(inputs)).mean(axis=0)
    assert (found.method, found.output_space, found.n_explained) == ("tree", "raw score", 600)
    assert found.additivity_max < 1e-6
    assert {f.feature: f.importance for f in found.features} == pytest.approx(
        dict(zip(inputs, expected, strict=True))
    )


def test_linear_importance_is_the_closed_form(people):
    inputs = people[["age", "income"]]
    model = LinearRegression().fit(inputs, people.hours.fillna(40))
    frame = inputs.assign(hours=people.hours.fillna(40))
    found = importance_of(model, frame, "hours", max_explained_rows=600)
    expected = np.abs((inputs - inputs.mean()) * model.coef_).mean()
    assert (found.method, found.output_space) == ("linear", "prediction")
    assert {f.feature: f.importance for f in found.features} == pytest.approx(dict(expected))
    masker = shap.maskers.Independent(inputs, max_samples=600)
    peer = np.abs(shap.LinearExplainer(model, masker).shap_values(inputs)).mean(axis=0)
    assert [dict(expected)[name] for name in inputs] == pytest.approx(list(peer))


def test_one_hot_columns_are_summed_back(people):
    head = make_column_transformer(
        (OneHotEncoder(drop="if_binary"), ["city", "sex"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        ("passthrough", ["member"]),
    )
    inputs = people[["sex", *NUMBERS, "city", "member"]]
    model = make_pipeline(head, LogisticRegression()).fit(inputs, people.paid)
    assert source_columns(model[:-1], list(inputs)) == [3, 3, 3, 0, 1, 2, 4]
    found = importance_of(model, inputs.assign(paid=people.paid), "paid")
    assert found.method == "linear"
    assert found.additivity_max < 1e-8
    assert {f.feature for f in found.features} == set(inputs)


def test_mixed_columns_have_no_lineage_and_the_model_is_sampled(people):
    inputs = people[["age", "income"]]
    model = make_pipeline(PCA(), LogisticRegression()).fit(inputs, people.paid)
    assert source_columns(model[:-1], list(inputs)) is None
    assert importance_of(model, inputs.assign(paid=people.paid), "paid").method == "permutation"


def test_categories_of_hist_gradient_boosting_are_not_left_to_tree_explainer(people):
    inputs = people[NUMBERS].assign(tier=people.tier.cat.codes.astype("category"))
    model = HistGradientBoostingClassifier(max_iter=20).fit(inputs, people.paid)
    found = importance_of(model, inputs.assign(paid=people.paid), "paid", explain_budget_seconds=3)
    assert found.method == "permutation"
    assert found.additivity_max < 1e-9
    numeric = HistGradientBoostingClassifier(max_iter=20).fit(inputs[NUMBERS], people.paid)
    assert importance_of(numeric, people[[*NUMBERS, "paid"]], "paid").method == "tree"


@pytest.mark.parametrize(("target", "n_outputs"), [("paid", 1), ("level", 3)])
def test_forests_are_explained_in_probability(people, target, n_outputs):
    inputs = people[NUMBERS].fillna(40.0)
    model = RandomForestClassifier(n_estimators=10, max_depth=4, random_state=0).fit(
        inputs, people[target]
    )
    found = importance_of(model, inputs.assign(**{target: people[target]}), target)
    assert (found.method, found.output_space) == ("tree", "probability")
    assert all((f.by_class is None) == (n_outputs == 1) for f in found.features)


def test_any_regressor_is_explained(people):
    inputs = people[NUMBERS]
    model = LGBMRegressor(n_estimators=20, verbose=-1).fit(inputs, people.income)
    assert (
        importance_of(model, inputs.assign(income=people.income), "income").output_space
        == "prediction"
    )
    found = importance_of(
        model.predict, inputs.assign(income=people.income), "income", explain_budget_seconds=2
    )
    assert (found.method, found.score) == ("permutation", "r2_score")
    assert all(f.score_drop is not None for f in found.features)


def exact_shapley(output, row: pd.DataFrame, background: pd.DataFrame) -> np.ndarray:
    """Return Shapley values by going through every subset of the columns."""
    names = list(row)

    def worth(subset):
        mixed = background.copy()
        for name in subset:
            mixed[name] = row[name].array.take([0] * len(mixed))
        return output(mixed).mean(axis=0)

    values = np.zeros((len(names), output(row).shape[1]))
    for j, name in enumerate(names):
        others = [n for n in names if n != name]
        for size in range(len(others) + 1):
            weight = (
                math.factorial(size)
                * math.factorial(len(others) - size)
                / math.factorial(len(names))
            )
            for subset in itertools.combinations(others, size):
                values[j] += weight * (worth((*subset, name)) - worth(subset))
    return values


def test_sampled_values_approach_exact_enumeration(people):
    frame = people[["age", "city", "tier", "since"]].iloc[:40].reset_index(drop=True)

    def output(f):
        base = (f["age"] > 45) * (1.0 + 2.0 * (f["city"] == "Ulm")) + 0.5 * (f["tier"] == "a")
        return np.column_stack([base + 0.1 * (f["since"].dt.year - 2018) * base, base**2])

    rows, background = frame.iloc[:6], frame.iloc[10:]
    sample = sampled_shapley(
        output, rows, background, rng=np.random.default_rng(0), budget_seconds=600, max_pairs=400
    )
    exact = np.stack([exact_shapley(output, rows.iloc[[i]], background) for i in range(len(rows))])
    assert sample.n_permutations == 800
    assert sample.additivity_max < 1e-9
    spread = np.abs(exact).max()
    assert np.abs(sample.values - exact).max() < 0.12 * spread
    assert np.abs(sample.values - exact).mean() < 0.03 * spread


def test_string_date_and_missing_columns_are_explained_as_they_are(people, scorer):
    columns = [*scorer.feature_names_in_, "paid"]
    found = importance_of(scorer, people[columns], "paid", explain_budget_seconds=3)
    ranking = [f.feature for f in found.features]
    assert found.method == "permutation"
    assert ranking[-1] == "sex"  # the scorer does not look at it
    assert found.features[-1].importance == pytest.approx(0, abs=1e-12)
    assert set(ranking[:3]) == {"age", "hours", "city"}


def test_the_same_seed_explains_the_same(people, scorer):
    frame = people[[*scorer.feature_names_in_, "paid"]]
    few = {"max_explained_rows": 20, "explain_budget_seconds": 60}
    first, second = (importance_of(scorer, frame, "paid", **few) for _ in range(2))
    assert first == second


def test_a_failing_model_leaves_the_other_parts(people, scorer):
    calls = []

    def fails_on_mixed_rows(frame):
        calls.append(len(frame))
        if len(calls) > 1:
            raise RuntimeError("no more than one call")
        return scorer.predict_proba(frame)

    analysis = rai.analyze(
        fails_on_mixed_rows,
        people[[*scorer.feature_names_in_, "paid"]],
        target="paid",
        n_bootstrap=100,
    )
    assert analysis.importance is None
    assert analysis.panels["importance"].status == "failed"
    assert "no more than one call" in analysis.panels["importance"].reason
    assert analysis.metrics["AUC_binary"].value > 0.6
