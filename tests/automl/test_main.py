import os
import re
import subprocess
import sys

import mlflow
import pytest

from automl.__main__ import main

JOB = """
type: automl
task: classification
primary_metric: AUC_weighted
target_column_name: label
training_data: {path: data.csv, type: uri_file}
test_data_size: 0.2
n_cross_validations: 3
limits: {timeout_minutes: 3.5, max_trials: 2}
training: {allowed_training_algorithms: [LightGBM, LogisticRegression]}
log_verbosity: info
"""


@pytest.fixture
def job_file(tmp_path, people):
    people.drop(columns=["score"]).to_csv(tmp_path / "data.csv", index=False)
    path = tmp_path / "automl.yml"
    path.write_text(JOB)
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
    assert lines[0] == "Warning: Not acted on by this version: log_verbosity."
    assert sum("trial " in line and "roc_auc" in line for line in lines) == 2
    run = client.get_run(run_id)
    assert run.data.metrics["test_roc_auc"] > 0.6
    assert f"Model: {run.data.tags['automl.best_model_uri']}" in lines
    children = client.search_runs(["0"], f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert len(children) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label", "labl", "No column named 'labl' in the table.*Did you mean 'label'"),
        ("data.csv", "gone.csv", "No file or folder at"),
        ("task: classification", "task: clustering", "task 'clustering' is not offered"),
        ("limits:", "limit:", "Unknown field 'limit'.*Did you mean 'limits'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_one(job_file, capsys, old, new, message):
    job_file.write_text(JOB.replace(old, new))
    assert main([str(job_file), "--mlflow", "off"]) == 1
    errors = capsys.readouterr().err.strip()
    assert errors.count("\n") == 0
    assert re.search(message, errors)


def test_the_time_budget_can_be_overridden(job_file, capsys):
    assert main([str(job_file), "--mlflow", "off", "--time-budget", "-1"]) == 1
    assert "time_budget_s must be a positive number" in capsys.readouterr().err
