import json
import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest

import automl
from mlflow_plugins.testing import use_tracking_uri

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),
]

FIT = {"time_budget_s": 30, "allowed": ["seasonal_naive", "ets", "linear", "lightgbm_shallow"]}


@pytest.fixture(scope="module")
def searched(make_many, tmp_path_factory):
    """A finished search over a panel with text ids, in a store of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    whole = make_many(3, 66)
    late = whole.ds >= "2020-01-01"
    with use_tracking_uri(f"sqlite:///{folder}/mlflow.db"):
        experiment = mlflow.create_experiment("f", artifact_location=f"file://{folder}/artifacts")
        with mlflow.start_run(experiment_id=experiment):
            predictor = automl.fit_forecaster(
                whole[~late], horizon=6, mlflow="trials", test_frame=whole[late], **FIT
            )
        yield predictor


def _artifact(run_id, name):
    return mlflow.artifacts.load_text(f"runs:/{run_id}/{name}")


def test_a_search_is_one_parent_and_a_child_for_each_model(searched):
    client = mlflow.MlflowClient()
    run = client.get_run(searched.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["automl.task"] == "forecasting"
    assert run.data.tags["automl.best_model_uri"] == searched.model_uri
    assert run.data.tags["automl.state"] == "finished"
    expected = {
        "horizon": "6",
        "freq": "MS",
        "season": "12",
        "n_series": "3",
        "id_columns": "unique_id",
    }
    assert (
        expected.items()
        <= {k.removeprefix("automl."): v for k, v in run.data.params.items()}.items()
    )
    metrics = run.data.metrics
    assert metrics["mase"] == pytest.approx(searched.score)
    assert metrics["backtest_rmse"] == pytest.approx(searched.metrics["rmse"])
    assert metrics["test_mase"] == pytest.approx(searched.test_scores["mase"])
    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{searched.run_id}'"
    )
    board = json.loads(_artifact(searched.run_id, "leaderboard.json"))
    assert {c.data.params["learner"] for c in children} == {row["learner"] for row in board}
    assert {row["run_id"] for row in board} == {c.info.run_id for c in children}
    for child in children:
        history = client.get_metric_history(child.info.run_id, "fold_mase")
        assert len(history) == len(set(searched.backtests["window"]))


def test_charts_and_tables_are_artifacts(searched):
    data = json.loads(_artifact(searched.run_id, "forecast.json"))
    assert [one["name"] for one in data["series"]] == ["s0", "s1", "s2"]
    one = data["series"][0]
    assert len(one["forecast"]["yhat"]) == len(one["backtest"]["yhat"]) == 6
    assert len(one["forecast"]["low"]) == 2
    page = _artifact(searched.run_id, "forecast.html")
    assert page.count("<svg") == 3
    assert "http" not in page  # it opens without a network
    assert "<script" not in page
    from io import StringIO

    table = pd.read_csv(StringIO(_artifact(searched.run_id, "backtests.csv")))
    np.testing.assert_allclose(table["yhat"], searched.backtests["yhat"])
    importance = json.loads(_artifact(searched.run_id, "importance.json"))
    assert sum(row["importance"] for row in importance) == pytest.approx(1.0)


def test_a_name_with_markup_is_shown_as_text(make_series):
    from automl._forecast._chart import chart_data, chart_page

    frame = make_series(40).assign(unique_id="<script>alert('1')</script>")
    predictor = automl.fit_forecaster(frame, horizon=3, time_budget_s=5, allowed=["naive"])
    page = chart_page(chart_data(predictor))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_logged_model_forecasts(searched):
    model = mlflow.pyfunc.load_model(searched.model_uri)
    future = searched.future_frame()
    expected = searched.predict()
    pd.testing.assert_frame_equal(model.predict(future), expected)
    narrow = model.predict(future.head(2), params={"levels": [50.0]})
    assert list(narrow)[3:] == ["q0.25", "q0.75"]
    seen = future[future.unique_id == "s0"].assign(y=[500.0] * 3 + [np.nan] * 3)
    pd.testing.assert_frame_equal(model.predict(seen), searched.predict(seen))
    assert model.get_raw_model().horizon == 6
    assert model.metadata.metadata["forecasting"]["freq"] == "MS"


def test_the_logged_model_takes_what_servers_send(searched):
    from mlflow.pyfunc.scoring_server import infer_and_parse_data

    model = mlflow.pyfunc.load_model(searched.model_uri)
    future = searched.future_frame().head(3)
    split = json.loads(future.to_json(orient="split", date_format="iso", index=False))
    body = {"dataframe_split": {"columns": split["columns"], "data": split["data"]}}
    parsed = infer_and_parse_data(body, model.metadata.get_input_schema())
    np.testing.assert_allclose(model.predict(parsed)["yhat"], searched.predict()["yhat"].head(3))


def test_the_logged_model_says_the_same_in_a_fresh_process(searched, tmp_path):
    searched.future_frame().to_pickle(tmp_path / "rows.pkl")
    code = (
        "import mlflow, pandas as pd;"
        f"mlflow.set_tracking_uri({mlflow.get_tracking_uri()!r});"
        f"model = mlflow.pyfunc.load_model({searched.model_uri!r});"
        f"answer = model.predict(pd.read_pickle({str(tmp_path / 'rows.pkl')!r}));"
        "print(*answer['yhat'].tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    values = [float(v) for v in done.stdout.strip().splitlines()[-1].split()]
    np.testing.assert_allclose(values, searched.predict()["yhat"], rtol=1e-9)


def test_known_covariates_are_in_the_signature(store):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=80, tz="Europe/Berlin"),
            "sold": rng.normal(10, 1, 80),
            "open": rng.integers(0, 2, 80),
            "weather": rng.choice(["sun", "rain"], 80),
            "visits": rng.normal(5, 1, 80),
        }
    )
    predictor = automl.fit_forecaster(
        frame, horizon=3, time_column="day", target="sold", known=["open", "weather"],
        mlflow="summary", time_budget_s=20, allowed=["linear"],
    )  # fmt: skip
    model = mlflow.pyfunc.load_model(predictor.model_uri)
    names = {c.name: c.required for c in model.metadata.get_input_schema()}
    assert names == {"day": True, "open": True, "weather": True, "sold": False, "visits": False}
    future = predictor.future_frame().assign(open=[1, 0, 1], weather=["sun", "rain", "hail"])
    answer = model.predict(future)
    assert np.isfinite(answer["yhat"]).all()
    assert str(answer["day"].dt.tz) == "Europe/Berlin"
    assert len(mlflow.search_runs()) == 1
