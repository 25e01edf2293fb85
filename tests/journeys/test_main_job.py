"""The main job through the commands that its users type; the agent is killed on the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import psutil
import pytest

from mlflow_plugins.core import connect
from mlflow_plugins.jobs import list_jobs, read_log
from mlflow_plugins.testing import use_tracking_uri

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]  # two cores may be busy

JOB = """
$schema: https://azuremlschemas.azureedge.net/latest/autoMLJob.schema.json
type: automl
task: classification
experiment_name: people
training_data:
  type: uri_file
  path: azureml:people@latest
target_column_name: {target}
primary_metric: auc_weighted
limits:
  timeout_minutes: 0.5
  max_trials: 4
"""


def people(n_rows: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n_rows),
            "sex": rng.choice(["female", "male"], n_rows),
            "hours": rng.normal(40, 10, n_rows).round(1),
        }
    )
    chance = 1 / (1 + np.exp(-(frame["age"] - 45) / 8 - (frame["hours"] - 40) / 10))
    frame["income"] = np.where(rng.random(n_rows) < chance, "high", "low")
    frame["same"] = "x"
    return frame


class Shell:
    """Runs commands against one tracking server, in one folder."""

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder = folder
        self.environment = {**os.environ, "MLFLOW_TRACKING_URI": uri}

    def start(self, *command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command to its end; return what it printed, and see that no traceback is in it."""
        process = self.start(*command)
        out, err = process.communicate(timeout=240)
        assert process.returncode == code, out + err
        assert "Traceback" not in out + err
        return out + err


@pytest.fixture
def shell(start_workspace, tmp_path):
    workspace = start_workspace()
    people().to_csv(tmp_path / "people.csv", index=False)
    made = Shell(tmp_path, workspace.uri)
    made.workspace = workspace
    return made


def test_from_a_table_to_a_prediction(shell, wait_until):
    out = shell.run("mlflow_plugins.cli", "data", "create", "people.csv", "--name", "people")
    assert "Created azureml:people:1 (600 rows" in out

    (shell.folder / "job.yml").write_text(JOB.format(target="income"), encoding="utf-8")
    running = shell.start("mlflow", "run", "job.yml", "-b", "studio", "-c", '{"wait": true}')
    client = connect(shell.workspace.uri)
    wait_until(lambda: jobs(client), seconds=90, what="the job's submission")
    run_id = jobs(client)[0].run_id
    wait_until(
        lambda: "Time budget" in read_log(client, run_id).text, seconds=120, what="the job's start"
    )
    [agent] = shell.workspace.agents()
    agent.kill()
    out, err = running.communicate(timeout=240)
    assert running.returncode == 0, out + err
    assert "trial" in out
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert [one.dataset.name for one in run.inputs.dataset_inputs] == ["people"]
    wait_until(lambda: not orphans(shell.folder), what="the end of the job's processes")

    with use_tracking_uri(shell.workspace.uri):
        mlflow.register_model(run.data.tags["automl.best_model_uri"], "people")
    out = shell.run(
        *("rai", "evaluate", "--model-uri", "models:/people/1", "--data", "people.csv"),
        *("--target", "income", "--sensitive", "sex"),
    )
    assert "demographic_parity difference" in out

    deployments = ("mlflow", "deployments")
    model = ("--name", "people", "-m", "models:/people/1")
    shell.run(*deployments, "create", "-t", "studio", *model)
    assert "people" in shell.run(*deployments, "list", "-t", "studio")
    rows = people(3).drop(columns="income")
    rows.to_json(shell.folder / "rows.json", orient="records")
    out = shell.run(
        *deployments, *("predict", "-t", "studio", "--name", "people", "-I", "rows.json")
    )
    with use_tracking_uri(shell.workspace.uri):
        expected = mlflow.pyfunc.load_model("models:/people/1").predict(rows)
    assert json.loads(out[out.index("{") :])["predictions"] == list(expected)
    shell.run(*deployments, "delete", "-t", "studio", "--name", "people")


def test_what_cannot_work_is_said_in_one_line(shell):
    shell.run("mlflow_plugins.cli", "data", "create", "people.csv", "--name", "people")
    run = ("mlflow", "run", "job.yml", "-b", "studio", "-c")
    job = shell.folder / "job.yml"

    job.write_text(JOB.format(target="incme"), encoding="utf-8")
    assert "Did you mean 'income'?" in shell.run(*run, '{"wait": true}', code=1)
    job.write_text(JOB.format(target="same"), encoding="utf-8")
    assert "needs two classes" in shell.run(*run, '{"wait": true}', code=1)
    assert "Did you mean 'wait'?" in shell.run(*run, '{"wiat": true}', code=1)

    deploy = ("mlflow", "deployments", "create", "-t", "studio", "--name", "x", "-m", "models:/x/1")
    said = shell.run(*deploy, "-C", "prot=1", code=1)
    assert "'prot' is not an option of a deployment" in said
    assert "Did you mean 'port'?" in said

    create = ("mlflow_plugins.cli", "data", "create", "bad.csv", "--name", "bad")
    for content, message in [
        ('a,b\n1,"x\n', "line 2: a quoted text is not closed"),
        ("", "is empty"),
        ("a,b\n", "no rows"),
    ]:
        (shell.folder / "bad.csv").write_text(content, encoding="utf-8")
        assert message in shell.run(*create, code=1)

    shell.environment["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
    assert "No MLflow server answers" in shell.run(*create[:2], "list", code=1)
    assert "No MLflow server answers" in shell.run(*run, "{}", code=1)


def jobs(client):
    return list_jobs(client).items


def orphans(folder: Path) -> list[psutil.Process]:
    """Return processes that run a job's command below a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            command, place = process.cmdline(), process.cwd()
        except psutil.Error:
            continue
        if place.startswith(str(folder)) and "automl" in " ".join(command):
            found.append(process)
    return found
