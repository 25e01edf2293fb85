"""From frame to analysis: every task, every kind of output, every kind of bad input."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

import rai

QUICK = {"explain_budget_seconds": 0, "n_bootstrap": 100}


def columns(scorer, target):
    return [*scorer.feature_names_in_, target]


def test_binary_figures_come_from_all_rows(people, scorer):
    found = rai.analyze(scorer, people, target="paid", sensitive_features=["sex", "age"], **QUICK)
    p = scorer.predict_proba(people)[:, 1]
    assert found.task == "binary"
    assert found.positive_label == "yes"
    assert found.subject.features == tuple(scorer.feature_names_in_)
    assert found.metrics["AUC_binary"].value == pytest.approx(sk.roc_auc_score(people.paid, p))
    counts = sk.confusion_matrix(people.paid, scorer.predict(people))
    assert np.array(found.confusion.counts).tolist() == counts.tolist()
    assert [f.features for f in found.fairness] == [("sex",), ("age",), ("sex", "age")]
    assert {c.kind for c in found.curves} == {
        "roc", "precision_recall", "calibration", "gains", "lift",
    }  # fmt: skip
    assert found.predictions["probability:yes"].to_numpy() == pytest.approx(p, abs=1e-6)
    assert list(found.predictions["sensitive:sex"]) == list(people.sex)


def test_the_positive_label_and_the_threshold_are_the_callers(people, scorer):
    found = rai.analyze(scorer, people, target="paid", positive_label="no", threshold=0.8, **QUICK)
    labels = np.where(scorer.predict_proba(people)[:, 0] >= 0.8, "no", "yes")
    expected = sk.recall_score(people.paid, labels, pos_label="no")
    assert found.metrics["recall_score_binary"].value == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["proba", "frame", "score", "labels"])
def test_any_shape_of_output_is_understood(people, scorer, kind):
    outputs = {
        "proba": scorer.predict_proba,
        "frame": lambda f: pd.DataFrame(scorer.predict_proba(f)[:, ::-1], columns=["yes", "no"]),
        "score": lambda f: scorer.predict_proba(f)[:, 1],
        "labels": scorer.predict,
    }
    found = rai.analyze(outputs[kind], people, target="paid", **QUICK)
    assert found.metrics["accuracy"].value == pytest.approx(
        (scorer.predict(people) == people.paid).mean()
    )
    auc = found.metrics["AUC_binary"]
    if kind == "labels":
        assert (auc.value, found.panels["curves"].status) == (None, "skipped")
        assert "without probabilities" in auc.reason
    else:
        assert auc.value == pytest.approx(
            sk.roc_auc_score(people.paid, scorer.predict_proba(people)[:, 1])
        )


def test_static_predictions_need_no_model(people, scorer):
    frame = people.copy()
    frame.loc[:9, "paid"] = None
    found = rai.analyze(
        None, frame, target="paid", predictions=scorer.predict(people),
        probabilities=scorer.predict_proba(people), sensitive_features=["sex"], n_bootstrap=100,
    )  # fmt: skip
    assert found.subject.n_rows_dropped == 10
    assert found.predictions["row"].iloc[0] == 10
    assert found.metrics["AUC_binary"].value == pytest.approx(
        sk.roc_auc_score(people.paid[10:], scorer.predict_proba(people)[10:, 1])
    )
    assert found.panels["importance"].status == "skipped"
    assert "10 rows without a value of 'paid'" in found.notes[0]


def test_multiclass_compares_each_class_with_the_rest(people):
    labels = people.level.where(people.index % 3 != 0, "mid")
    found = rai.analyze(
        None, people, target="level", predictions=labels, sensitive_features=["sex"], **QUICK
    )
    assert found.task == "multiclass"
    assert [f.positive_label for f in found.fairness] == [None, "high", "low", "mid"]
    expected = sk.f1_score(people.level, labels, average="macro")
    assert found.metrics["f1_score_macro"].value == pytest.approx(expected)


def test_regression_has_residuals_and_groups(people):
    found = rai.analyze(
        None,
        people,
        target="income",
        predictions=people.income + 1,
        sensitive_features=["city"],
        **QUICK,
    )
    assert found.task == "regression"
    assert found.metrics["mean_error"].value == pytest.approx(1)
    assert sum(found.residuals.counts) == len(people)
    assert found.fairness[0].groups[0].metrics["mean_absolute_error"].value == pytest.approx(1)


def test_sensitive_columns_may_lie_beside_the_frame(people, scorer):
    inputs = people[columns(scorer, "paid")].drop(columns="sex")
    beside = people[["sex"]]
    found = rai.analyze(
        scorer.predict_proba, inputs, target="paid", sensitive_features=beside, **QUICK
    )
    assert "sex" not in found.subject.features
    assert {g.name for g in found.fairness[0].groups} == {"female", "male"}


def test_one_class_in_the_data_is_no_crash(people, scorer):
    frame = people[people.paid == "yes"]
    found = rai.analyze(scorer, frame, target="paid", sensitive_features=["sex"], **QUICK)
    assert found.metrics["AUC_binary"].value is None
    assert found.metrics["recall_score_binary"].value > 0
    assert found.panels["curves"].reason == "The evaluated rows hold one class only."
    rai.analyze(None, frame, target="paid", predictions=frame.paid, **QUICK).to_html()


def test_whole_numbers_and_booleans_are_labels():
    truth = np.array([0, 1, 1, 0, 1, 0, 1, 1])
    frame = pd.DataFrame({"x": range(8), "y": truth})
    found = rai.analyze(None, frame, target="y", predictions=truth.astype(float), **QUICK)
    assert (found.classes, found.metrics["accuracy"].value) == (("0", "1"), 1)
    flags = frame.assign(y=truth.astype(bool))
    found = rai.analyze(None, flags, target="y", predictions=truth.astype(bool), **QUICK)
    assert (found.classes, found.positive_label) == (("False", "True"), "True")


def test_an_analysis_survives_the_disk(people, scorer, tmp_path):
    found = rai.analyze(
        scorer, people, target="paid", sensitive_features=["sex", "age"],
        explain_budget_seconds=1, max_explained_rows=20, n_bootstrap=100,
    )  # fmt: skip
    again = rai.load(found.save(tmp_path / "analysis"))
    assert again == found
    pd.testing.assert_frame_equal(again.predictions, found.predictions, check_dtype=False)

    def refuse(text):
        raise AssertionError(f"{text} is no JSON")

    record = json.loads(found.to_json(), parse_constant=refuse)
    assert record["schema_version"] == rai.SCHEMA_VERSION
    assert {p.name for p in (tmp_path / "analysis").iterdir()} == {
        "analysis.json", "predictions.parquet", "report.html",
    }  # fmt: skip


def test_damaged_or_foreign_analyses_are_refused(people, tmp_path):
    found = rai.analyze(None, people, target="income", predictions=people.income, **QUICK)
    folder = found.save(tmp_path)
    record = json.loads((folder / "analysis.json").read_text())
    (folder / "analysis.json").write_text(json.dumps(record | {"task": "poetry"}))
    with pytest.raises(rai.RaiError, match="damaged at task"):
        rai.load(folder)
    (folder / "analysis.json").write_text(json.dumps(record | {"schema_version": "99"}))
    with pytest.raises(rai.RaiError, match="schema version '99'"):
        rai.load(folder)
    with pytest.raises(rai.InputError, match=r"no analysis\.json"):
        rai.load(tmp_path / "nowhere")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from("xyz"),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_any_small_table_gives_strict_json_and_a_page(rows):
    truth, predicted, group = zip(*rows, strict=True)
    if not set(truth) & set(predicted):
        return
    frame = pd.DataFrame({"y": truth, "g": group})
    found = rai.analyze(
        None, frame, target="y", predictions=predicted, sensitive_features=["g"], **QUICK
    )
    json.loads(found.to_json(), parse_constant=pytest.fail)
    assert found.to_html().startswith("<!doctype html>")
    assert sum(map(sum, found.confusion.counts)) == len(rows)


BAD = [
    ({"target": "pait"}, "No column named 'pait'.*Did you mean 'paid'"),
    ({"sensitive_features": ["sexx"]}, "No column named 'sexx'.*Did you mean 'sex'"),
    ({"sensitive_features": "sex"}, r"Write \['sex'\]"),
    ({"sensitive_features": {"sex": ["f"]}}, "'sex' has 1 values for 600 rows"),
    ({"task": "regression"}, "regression needs numbers"),
    ({"task": "clasification"}, "Did you mean 'classification'"),
    ({"target": "level", "task": "binary"}, "has 3 classes; a binary task has two"),
    ({"positive_label": "yess"}, "No class named 'yess'.*Did you mean 'yes'"),
    ({"threshold": 2}, "threshold is 2; it must lie between 0 and 1"),
    ({"n_bootstrap": 1}, "n_bootstrap is 1; it must be 100 or more"),
    ({"features": ["agee"]}, "No input column named 'agee'.*Did you mean 'age'"),
    ({"predictions": ["yes"] * 600}, "Both a model and predictions"),
]


@pytest.mark.parametrize(("wrong", "message"), BAD)
def test_bad_settings_are_named(people, scorer, wrong, message):
    with pytest.raises(rai.InputError, match=message):
        rai.analyze(scorer, people, **({"target": "paid"} | QUICK | wrong))


BAD_OUTPUTS = [
    (lambda f: np.zeros(3), r"shape \(3,\) for 600 rows"),
    (lambda f: np.full((len(f), 2), 0.9), "sum to 1.8; they must sum to 1"),
    (
        lambda f: np.full((len(f), 3), 1 / 3),
        "3 probabilities for each row, but the classes are no, yes",
    ),
    (lambda f: np.tile([3.0, -2.0], (len(f), 1)), "must lie between 0 and 1"),
    (lambda f: np.where(np.arange(len(f)) % 2, 1, 0), "predicts 0, 1, but the truth holds no, yes"),
    (lambda f: np.array([None, *["yes"] * (len(f) - 1)], dtype=object), "predictions are missing"),
]


@pytest.mark.parametrize(("model", "message"), BAD_OUTPUTS)
def test_bad_outputs_are_named(people, model, message):
    with pytest.raises(rai.InputError, match=message):
        rai.analyze(model, people, target="paid", **QUICK)


def test_bad_tables_and_models_are_named(people, scorer):
    with pytest.raises(rai.InputError, match="0 rows"):
        rai.analyze(scorer, people.iloc[:0], target="paid")
    with pytest.raises(rai.InputError, match="missing in all 600 rows"):
        rai.analyze(scorer, people.assign(paid=None), target="paid")
    with pytest.raises(rai.InputError, match="is a dict; it must be a pandas DataFrame"):
        rai.analyze(scorer, {"a": [1]}, target="a")
    with pytest.raises(rai.InputError, match="The model is a int"):
        rai.analyze(3, people, target="paid")
    with pytest.raises(rai.InputError, match="neither a model nor predictions"):
        rai.analyze(None, people, target="paid")
    with pytest.raises(rai.InputError, match="1 values for 600 rows"):
        rai.analyze(None, people, target="paid", predictions=["yes"])
    with pytest.raises(rai.InputError, match="missing or infinite"):
        rai.analyze(None, people, target="income", predictions=np.full(600, np.nan))


def test_the_public_surface_is_complete_and_light():
    assert len(set(rai.__all__)) == len(rai.__all__)
    for name in rai.__all__:
        assert getattr(rai, name) is not None
    heavy = "{'pandas', 'mlflow', 'sklearn', 'shap'}"
    code = f"import rai, sys; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
