import os
import subprocess
import sys

import mlflow
import pytest
import yaml

from automl import JobFileError
from automl._job_file import parse_job
from automl.job_type import to_command_job

JOB = yaml.safe_load("""
type: automl
task: forecasting
primary_metric: normalized_root_mean_squared_error
target_column_name: y
training_data: {path: train.csv, type: uri_file}
test_data: {path: test.csv, type: uri_file}
n_cross_validations: 3
limits: {timeout_minutes: 1, max_trials: 4, enable_early_termination: true}
forecasting:
  time_column_name: ds
  time_series_id_column_names: [unique_id]
  forecast_horizon: 4
  frequency: M
  target_lags: [1, 2, 12]
  target_rolling_window_size: 3
  feature_lags: auto
  seasonality: 12
  short_series_handling_config: pad
  target_aggregate_function: mean
  country_or_region_for_holidays: US
  cv_step_size: 4
  features_unknown_at_forecast_time: [visits]
training:
  enable_stack_ensemble: false
  blocked_training_algorithms: [AutoArima, Prophet, TCNForecaster]
""")


def _changed(**changes):
    document = yaml.safe_load(yaml.safe_dump(JOB))
    for path, value in changes.items():
        *parents, name = path.split("__")
        section = document
        for parent in parents:
            section = section.setdefault(parent, {})
        section[name] = value
    return document


def test_every_setting_becomes_an_option():
    job = parse_job(JOB)
    assert (job.task, job.target, job.metric) == ("forecasting", "y", "normalized_rmse")
    assert job.warning() is None
    assert job.options == {
        "time_column": "ds",
        "horizon": 4,
        "freq": "M",
        "season": 12,
        "id_columns": ["unique_id"],
        "lags": [1, 2, 12],
        "rolling_window": 3,
        "step": 4,
        "holidays": "US",
        "aggregate": "mean",
        "short_series": "pad",
        "feature_lags": True,
        "unknown": ["visits"],
        "blocked": ["arima"],
        "ensemble": True,
        "n_windows": 3,
        "max_trials": 4,
    }


def test_settings_may_be_left_to_us():
    plain = _changed(forecasting={"time_column_name": "ds"}, n_cross_validations="auto")
    plain["training"] = {}
    options = parse_job(plain).options
    assert options["horizon"] == 1
    assert (options["freq"], options["season"]) == ("auto", "auto")
    assert not {"lags", "rolling_window", "step", "n_windows", "holidays"} & set(options)
    automatic = _changed(
        forecasting__forecast_horizon={"mode": "auto"},
        forecasting__target_lags="auto",
        forecasting__target_rolling_window_size={"mode": "custom", "value": 5},
        forecasting__short_series_handling_config=None,
    )
    options = parse_job(automatic).options
    assert (options["horizon"], options["rolling_window"]) == ("auto", 5)
    assert options["short_series"] == "none"
    assert "lags" not in options


def test_what_is_not_acted_on_is_said():
    job = parse_job(
        _changed(
            forecasting__use_stl="season_trend",
            training={
                "allowed_training_algorithms": ["TCNForecaster"],
                "enable_dnn_training": True,
            },
        )
    )
    assert "forecasting.use_stl" in job.warning()
    assert "TCNForecaster (all models of this version are tried)" in job.warning()
    assert "allowed" not in job.options
    some = parse_job(
        _changed(
            training={
                "allowed_training_algorithms": ["ExponentialSmoothing", "Prophet", "LightGBM"]
            }
        )
    )
    assert some.options["allowed"] == ["ets", "lightgbm", "lightgbm_shallow"]
    assert "training.allowed_training_algorithms: Prophet" in some.warning()


BAD = [
    (_changed(forecasting=None), "forecasting is missing"),
    (_changed(forecasting__time_column_name=None), "time_column_name is missing"),
    (_changed(forecasting__horizon=3), "Unknown field 'forecasting.horizon'.*Did you mean"),
    (_changed(forecasting__forecast_horizon=0), "forecast_horizon must be auto or a whole number"),
    (_changed(forecasting__target_lags=[0]), "target_lags must be auto, a whole number"),
    (_changed(forecasting__target_aggregate_function="median"), "aggregate_function must be"),
    (_changed(forecasting__use_stl="both"), "use_stl must be one of"),
    (_changed(forecasting__time_series_id_column_names=[1]), "must be a list of column names"),
    (_changed(primary_metric="AUC_weighted"), "primary_metric: No metric named"),
    (_changed(test_data_size=0.2), "test_data_size cannot be honoured for forecasting"),
    (_changed(training={"allowed_training_algorithms": ["Prophet"]}), "None of the allowed"),
    (_changed(training={"allowed_training_algorithms": ["ETTS"]}), "Did you mean 'ets'"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "message"), BAD)
def test_bad_files_are_refused(document, message):
    with pytest.raises(JobFileError, match=message):
        parse_job(document)
    with pytest.raises(JobFileError, match=message):
        to_command_job(document)


@pytest.fixture
def job_file(tmp_path, make_many):
    frame = make_many(2, 66).assign(visits=1.0, promo=0.0)
    late = frame.ds >= "2020-01-01"
    frame[~late].to_csv(tmp_path / "train.csv", index=False)
    frame[late].to_csv(tmp_path / "test.csv", index=False)
    path = tmp_path / "job.yml"
    path.write_text(yaml.safe_dump(JOB))
    return path


def test_a_job_file_runs_in_the_run_of_its_job(store, job_file):
    client = mlflow.MlflowClient()
    run_id = client.create_run("0").info.run_id
    done = subprocess.run(
        [sys.executable, "-m", "automl", job_file.name],
        cwd=job_file.parent,
        env=os.environ | {"MLFLOW_RUN_ID": run_id},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum("trial " in line and "normalized_rmse" in line for line in lines) == 4
    run = client.get_run(run_id)
    assert run.data.params["automl.known"] == "promo"
    assert run.data.params["automl.freq"] == "MS"  # M, as the rows lie
    assert run.data.metrics["test_normalized_rmse"] < 0.2
    assert f"Model: {run.data.tags['automl.best_model_uri']}" in lines


def test_validation_rows_belong_to_the_history(job_file, capsys, make_many):
    from automl.__main__ import main

    frame = make_many(1, 60).drop(columns="unique_id")
    frame.head(48).to_csv(job_file.parent / "train.csv", index=False)
    frame.tail(12).to_csv(job_file.parent / "valid.csv", index=False)
    document = _changed(
        validation_data={"path": "valid.csv", "type": "uri_file"},
        forecasting={"time_column_name": "ds", "forecast_horizon": 4},
        n_cross_validations="auto",
    )
    del document["test_data"]
    job_file.write_text(yaml.safe_dump(document))
    assert main([str(job_file), "--mlflow", "off"]) == 0
    assert "normalized_rmse" in capsys.readouterr().out


def test_a_mistake_in_the_table_is_one_line(job_file, capsys):
    from automl.__main__ import main

    document = _changed(forecasting__features_unknown_at_forecast_time=["visit"])
    job_file.write_text(yaml.safe_dump(document))
    assert main([str(job_file), "--mlflow", "off"]) == 1
    errors = capsys.readouterr().err.strip()
    assert errors.count("\n") == 0
    assert "No column named 'visit'" in errors
    assert "Did you mean 'visits'" in errors
