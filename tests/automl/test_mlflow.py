import json
import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest

import automl
from mlflow_plugins.testing import use_tracking_uri

# MLflow 3.17 warns about type hints of its own while mlflow.pyfunc is imported, and compares
# columns with a range, which pandas 3.1 deprecates, while it saves an input example.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),
]

FIT = {"time_budget_s": 60, "max_trials": 2, "allowed": ["linear", "lightgbm"], "n_jobs": 2}
NO_TIME = {"time_budget_s": 0.05}  # the baseline answers: enough to see what is logged where
LEADERBOARD_FIELDS = {
    "rank", "trial", "learner", "params", "state", "score", "metric", "score_std", "fit_seconds",
    "in_ensemble", "weight", "run_id",
}  # fmt: skip


@pytest.fixture(scope="module")
def table(people):
    return people.drop(columns=["score"])


@pytest.fixture(scope="module")
def searched(table, tmp_path_factory):
    """A finished search and the client of its store."""
    folder = tmp_path_factory.mktemp("mlflow")
    with use_tracking_uri(f"sqlite:///{folder}/mlflow.db"):
        experiment = mlflow.create_experiment(
            "search", artifact_location=f"file://{folder}/artifacts"
        )
        with mlflow.start_run(experiment_id=experiment):
            predictor = automl.fit(
                table, target="label", mlflow="trials", test_frame=table.head(50), **FIT
            )
        yield predictor


def _artifact(run_id, name):
    return json.loads(mlflow.artifacts.load_text(f"runs:/{run_id}/{name}"))


def test_a_search_is_one_parent_and_a_child_for_each_trial(searched, table):
    predictor = searched
    client = mlflow.MlflowClient()
    run = client.get_run(predictor.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["automl.primary_metric"] == "roc_auc"
    assert run.data.tags["automl.best_model_uri"] == predictor.model_uri
    assert run.data.metrics["automl_best_score"] == pytest.approx(predictor.score)
    assert run.data.metrics["test_roc_auc"] == pytest.approx(predictor.test_scores["roc_auc"])
    assert run.data.params["automl.n_rows"] == str(len(table))
    assert len(run.data.tags["automl.data_digest"]) == 16

    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{predictor.run_id}'"
    )
    board = _artifact(predictor.run_id, "leaderboard.json")
    assert {r["run_id"] for r in board} == {c.info.run_id for c in children}
    assert set(board[0]) == LEADERBOARD_FIELDS
    assert [r["rank"] for r in board] == [1, 2]
    by_id = {c.info.run_id: c for c in children}
    for row in board:
        child = by_id[row["run_id"]]
        assert child.data.params["learner"] == row["learner"]
        assert child.data.metrics["roc_auc"] == pytest.approx(row["score"])
        history = client.get_metric_history(row["run_id"], "fold_roc_auc")
        assert len(history) == 8
    checks = {f["check"] for f in _artifact(predictor.run_id, "guardrails.json")}
    assert {"missing_values", "numbers_as_text", "validation"} <= checks


def test_the_logged_model_scores_raw_rows(searched, table):
    predictor = searched
    model = mlflow.pyfunc.load_model(predictor.model_uri)
    rows = table.drop(columns=["label"]).head(20)
    assert model.predict(rows).tolist() == predictor.predict(rows).tolist()
    expected = predictor.predict_proba(rows)
    answered = model.predict(rows, params={"method": "predict_proba"})
    assert answered.columns.tolist() == ["no", "yes"]
    np.testing.assert_allclose(answered.to_numpy(), expected)
    np.testing.assert_allclose(model.get_raw_model().predict_proba(rows), expected)
    with pytest.raises(ValueError, match="'predict_log'"):
        model.predict(rows, params={"method": "predict_log"})


def test_the_logged_model_takes_missing_values_and_what_servers_send(searched, table):
    from mlflow.pyfunc.scoring_server import infer_and_parse_data

    predictor = searched
    model = mlflow.pyfunc.load_model(predictor.model_uri)
    rows = table.drop(columns=["label"]).head(3)
    empty = dict.fromkeys(rows.columns)
    split = json.loads(rows.to_json(orient="split", date_format="iso", index=False))
    body = {"dataframe_split": {"columns": split["columns"], "data": split["data"]}}
    body["dataframe_split"]["data"].append(list(empty.values()))
    parsed = infer_and_parse_data(body, model.metadata.get_input_schema())
    answered = model.predict(parsed, params={"method": "predict_proba"})
    np.testing.assert_allclose(answered.head(3).to_numpy(), predictor.predict_proba(rows))
    assert answered.iloc[3].sum() == pytest.approx(1.0)


def test_the_logged_model_loads_in_a_fresh_process(searched, table, tmp_path):
    predictor = searched
    rows = table.drop(columns=["label"]).head(5)
    rows.to_pickle(tmp_path / "rows.pkl")
    code = (
        "import mlflow, pandas as pd, sys;"
        f"mlflow.set_tracking_uri({mlflow.get_tracking_uri()!r});"
        f"model = mlflow.pyfunc.load_model({predictor.model_uri!r});"
        f"print(*model.predict(pd.read_pickle({str(tmp_path / 'rows.pkl')!r})));"
        "print('optuna' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    labels, has_optuna = out.stdout.strip().splitlines()[-2:]
    assert labels.split() == predictor.predict(rows).tolist()
    assert has_optuna == "False"


def test_an_active_run_is_the_parent_and_stays_open(store, table):
    with mlflow.start_run() as run:
        predictor = automl.fit(table, target="label", mlflow="summary", **NO_TIME)
        assert predictor.run_id == run.info.run_id
        assert mlflow.active_run() is not None
        mlflow.log_metric("mine", 1.0)
    runs = mlflow.search_runs()
    assert len(runs) == 1
    assert runs["metrics.mine"].tolist() == [1.0]


def test_the_run_of_a_job_is_the_parent_and_is_left_to_the_job(store, table, monkeypatch):
    client = mlflow.MlflowClient()
    job = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", job)
    predictor = automl.fit(table, target="label", mlflow="summary", **NO_TIME)
    assert predictor.run_id == job
    assert client.get_run(job).info.status == "RUNNING"
    assert (
        client.get_logged_model(predictor.model_uri.removeprefix("models:/")).source_run_id == job
    )


def test_a_failed_fit_fails_its_run(store, table, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no luck")

    monkeypatch.setattr("automl._fit._assemble", broken)
    with pytest.raises(RuntimeError, match="no luck"):
        automl.fit(table, target="label", mlflow="summary", **NO_TIME)
    assert mlflow.search_runs()["status"].tolist() == ["FAILED"]


def test_switched_off_nothing_is_written(store, table):
    predictor = automl.fit(table, target="label", **NO_TIME)
    assert predictor.run_id is None
    assert len(mlflow.search_runs()) == 0


def test_the_digest_changes_with_any_value():
    from automl._run_log import frame_digest

    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [[1], [2]]})
    other = frame.assign(b=["x", "y"])
    assert frame_digest(frame) == frame_digest(frame.copy())
    assert len({frame_digest(f) for f in (frame, other, frame.rename(columns={"a": "z"}))}) == 3
