"""The evaluator through a real MLflow, the one-call door and the command line."""

import json
import logging

import mlflow
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMRegressor
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import rai
from mlflow_plugins.testing import use_tracking_uri
from rai.__main__ import main
from rai.plugin import RaiEvaluator

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*integer column:UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

QUICK = {"explain_budget_seconds": 0, "n_bootstrap": 100}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A fresh SQLite store with one experiment."""
    folder = tmp_path_factory.mktemp("store")
    with use_tracking_uri(f"sqlite:///{folder}/mlflow.db"):
        artifacts = (folder / "a").as_uri()
        mlflow.set_experiment(
            experiment_id=mlflow.create_experiment("rai", artifact_location=artifacts)
        )
        yield folder


@pytest.fixture(autouse=True)
def quiet_mlflow(store):
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    yield
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture(scope="module")
def model_uri(store, people):
    inputs = people[["age", "city", "member"]]
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough"),
        LogisticRegression(max_iter=500),
    ).fit(inputs, people.paid)
    info = mlflow.sklearn.log_model(
        model, name="model", signature=infer_signature(inputs, model.predict(inputs)),
        registered_model_name="paid", serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
    )  # fmt: skip
    mlflow.end_run()
    assert info.model_uri
    return "models:/paid/1"


def artifacts(run_id):
    return {file.path for file in mlflow.MlflowClient().list_artifacts(run_id, "rai")}


def test_evaluate_logs_metrics_tags_and_artifacts(model_uri, people):
    with mlflow.start_run() as run:
        result = mlflow.models.evaluate(
            model_uri, people, targets="paid", model_type="classifier", evaluators=["rai"],
            evaluator_config={"rai": {"sensitive_features": ["sex", "tier"], "seed": 1} | QUICK},
        )  # fmt: skip
    run_id = run.info.run_id
    data = mlflow.get_run(run_id).data
    analysis = rai.open(run_id)
    assert artifacts(run_id) == {"rai/analysis.json", "rai/predictions.parquet", "rai/report.html"}
    assert data.metrics["rai/AUC_binary"] == analysis.metrics["AUC_binary"].value
    assert result.metrics == data.metrics
    assert data.metrics["rai/sex/demographic_parity_difference"] == pytest.approx(
        analysis.fairness[0].gaps[0].difference.value
    )
    assert len(mlflow.MlflowClient().get_metric_history(run_id, "rai/accuracy")) == 1
    assert data.tags["rai.sensitive_features"] == "sex, tier"
    assert (data.tags["rai.schema_version"], data.tags["rai.report"]) == ("1", "rai/report.html")
    assert (analysis.target, analysis.subject.features) == ("paid", ("age", "city", "member"))
    assert analysis.settings.seed == 1
    assert result.artifacts["rai/analysis.json"].content["schema_version"] == "1"


def test_every_column_type_goes_through(store, people, scorer):
    inputs = people[[*scorer.feature_names_in_]]

    def probabilities(frame):
        return scorer.predict_proba(frame)

    with mlflow.start_run() as run:
        mlflow.models.evaluate(
            probabilities, inputs.assign(paid=people.paid), targets="paid", model_type="classifier",
            evaluators="rai",
            evaluator_config={"sensitive_features": ["since", "member", "hours"]} | QUICK,
        )  # fmt: skip
    analysis = rai.open(run.info.run_id)
    assert analysis.metrics["AUC_binary"].value > 0.6
    assert [f.features for f in analysis.fairness[:3]] == [("since",), ("member",), ("hours",)]
    assert "(missing)" in {g.name for g in analysis.fairness[2].groups}


def test_static_predictions_go_through(store, people):
    frame = people[["sex", "level"]].assign(guess=people.level)
    with mlflow.start_run() as run:
        mlflow.models.evaluate(
            data=frame, targets="level", predictions="guess", model_type="classifier",
            evaluators="rai", evaluator_config={"sensitive_features": ["sex"]} | QUICK,
        )  # fmt: skip
    metrics = mlflow.get_run(run.info.run_id).data.metrics
    assert metrics["rai/accuracy"] == 1
    assert "rai/sex/high/equalized_odds_difference" in metrics


def test_regression_goes_through_with_sensitive_columns_beside_the_data(store, people):
    inputs = people[["age", "hours"]]
    model = LGBMRegressor(n_estimators=5, verbose=-1).fit(inputs, people.income)
    info = mlflow.lightgbm.log_model(model, name="income", pip_requirements=["lightgbm"])
    mlflow.end_run()
    found = rai.evaluate_model(
        info.model_uri, inputs.assign(income=people.income), target="income",
        sensitive_features={"sex": people.sex}, explain_budget_seconds=3, n_bootstrap=100,
    )  # fmt: skip
    assert found.analysis.task == "regression"
    assert found.analysis.subject.features == ("age", "hours")
    assert found.analysis.importance.method == "tree"
    assert "rai/sex/mean_absolute_error_ratio" in mlflow.get_run(found.run_id).data.metrics


def custom_model():
    """Return a custom model that gives probabilities on request, as ensembles are logged."""

    class WithMethod(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            p = 1 / (1 + np.exp(-(model_input["age"].to_numpy() - 45) / 10))
            if (params or {}).get("method") == "predict_proba":
                return pd.DataFrame({"no": 1 - p, "yes": p})
            return np.where(p > 0.5, "yes", "no")

    return WithMethod()


@pytest.mark.filterwarnings("ignore:.*Add type hints:UserWarning")
@pytest.mark.filterwarnings("ignore:.*input example was not provided:UserWarning")
def test_probabilities_are_asked_for_by_parameter(store, people, tmp_path):
    inputs = people[["age"]]
    signature = infer_signature(inputs, ["yes"], params={"method": "predict"})
    mlflow.pyfunc.save_model(
        tmp_path / "m",
        python_model=custom_model(),
        signature=signature,
        pip_requirements=["mlflow"],
    )
    found = rai.analyze(
        str(tmp_path / "m"), people, target="paid", explain_budget_seconds=2, n_bootstrap=100
    )
    assert found.metrics["AUC_binary"].value == pytest.approx(
        rai.analyze(None, people, target="paid", predictions=people.age / 100, **QUICK)
        .metrics["AUC_binary"].value
    )  # fmt: skip
    assert found.importance.output_space == "probability"


@pytest.mark.parametrize(
    ("config", "is_ours"),
    [
        ({}, False),
        ({"log_model_explainability": False, "pos_label": 1}, False),
        ({"sensitive_features": ["sex"]}, True),
        ({"seed": 0}, True),
        ({"sensitive_feature": ["sex"]}, True),  # misspelt: asked for, and refused by name below
    ],
)
def test_it_runs_only_when_asked_for(config, is_ours):
    asked = RaiEvaluator.can_evaluate(model_type="classifier", evaluator_config=config)
    assert asked is is_ours
    assert not RaiEvaluator.can_evaluate(model_type="text", evaluator_config=config)


def test_a_misspelt_key_is_named(store, people):
    with pytest.raises(
        rai.InputError, match=r"'sensitive_feature'.*Did you mean 'sensitive_features'"
    ):
        mlflow.models.evaluate(
            data=people[["sex", "level"]].assign(guess=people.level), targets="level",
            predictions="guess", model_type="classifier", evaluators="rai",
            evaluator_config={"sensitive_feature": ["sex"]},
        )  # fmt: skip


def test_a_typing_error_leaves_no_run_behind(model_uri, people):
    def n_runs():
        return len(mlflow.search_runs(search_all_experiments=True))

    before = n_runs()
    with pytest.raises(rai.InputError, match="Did you mean 'paid'"):
        rai.evaluate_model(model_uri, people, target="pait")
    with pytest.raises(rai.InputError, match="Did you mean 'threshold'"):
        rai.evaluate_model(model_uri, people, target="paid", treshold=0.3)
    assert n_runs() == before


def test_a_run_can_be_continued(model_uri, people):
    with mlflow.start_run() as run:
        mlflow.log_param("kept", 1)
    found = rai.evaluate_model(model_uri, people, target="paid", run_id=run.info.run_id, **QUICK)
    assert found.run_id == run.info.run_id
    again = mlflow.get_run(found.run_id)
    assert (again.data.params, again.info.status) == ({"kept": "1"}, "FINISHED")


def test_a_run_without_an_analysis_is_refused(store):
    with mlflow.start_run() as run:
        pass
    with pytest.raises(rai.InputError, match=r"has no artifact rai/analysis\.json"):
        rai.open(run.info.run_id)


def test_the_command_line_prints_figures(model_uri, people, tmp_path, capsys):
    people.to_parquet(tmp_path / "people.parquet")
    status = main(
        ["evaluate", "--model-uri", model_uri, "--data", str(tmp_path / "people.parquet"),
         "--target", "paid",
         "--sensitive", "sex", "--positive-label", "no", "--explain-budget-seconds", "0"]
    )  # fmt: skip
    out = capsys.readouterr().out
    assert status == 0
    for expected in (
        "models:/paid/1 on 600 rows",
        "AUC_binary",
        "sex (positive: no)",
        "demographic_parity",
        "female",
    ):
        assert expected in out
    run_id = out.rsplit("Run ", 1)[1].split(":")[0]
    assert json.loads(rai.open(run_id).to_json())["positive_label"] == "no"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--target": "pait"}, "Did you mean 'paid'"),
        ({"--sensitive": "sexx"}, "Did you mean 'sex'"),
        ({"--data": "nowhere.csv"}, "There is no file 'nowhere.csv'"),
        ({"--data": "table.xlsx"}, "known are .parquet"),
        ({"--model-uri": "models:/nothing/9"}, "nothing"),
    ],
)
def test_the_command_line_fails_in_one_line(model_uri, people, tmp_path, capsys, change, message):
    people.to_csv(tmp_path / "people.csv", index=False)
    options = {
        "--model-uri": model_uri,
        "--data": str(tmp_path / "people.csv"),
        "--target": "paid",
    } | change
    status = main(["evaluate", *(word for pair in options.items() for word in pair)])
    captured = capsys.readouterr()
    assert status == 1
    assert message in captured.err
    assert captured.err.startswith("rai: error: ")
    assert captured.err.count("\n") == 1
