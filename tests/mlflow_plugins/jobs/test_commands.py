import json

import pytest
from click.testing import CliRunner

from mlflow_plugins.core import StudioError
from mlflow_plugins.jobs._commands import commands
from mlflow_plugins.testing import use_tracking_uri


@pytest.fixture(autouse=True)
def _tracking(tracking_server):
    with use_tracking_uri(tracking_server.uri):
        yield


def call(*arguments, code=0):
    result = CliRunner().invoke(commands, arguments, standalone_mode=False)
    if isinstance(result.exception, StudioError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def job_file(tmp_path):
    path = tmp_path / "job.yml"
    path.write_text("command: echo hi ${{inputs.n}}; exit ${{inputs.n}}\ninputs: {n: 0}\n")
    return path


def test_a_job_from_submission_to_its_log(agent, driver, client, job_file, unique_name):
    result = call("submit", str(job_file), "--experiment-name", unique_name, "--output", "json")
    job = json.loads(result.stdout)
    assert client.get_experiment(job["experiment_id"]).name == unique_name
    assert "hi 0\n" in call("stream", job["run_id"]).stdout
    shown = call("show", job["run_id"]).stdout
    assert "Completed" in shown
    assert job["run_id"] in shown
    [line] = [one for one in call("list").stdout.splitlines() if job["run_id"] in one]
    assert line.split()[1:3] == ["Completed", "command"]
    listed = json.loads(call("list", "--output", "json", "--max-results", "1").stdout)
    assert listed[0]["run_id"] == job["run_id"]
    assert listed[0]["status"] == "Completed"


def test_a_failed_job_fails_the_command(agent, job_file):
    result = call("submit", str(job_file), "-P", "n=4", "--stream", code=1)
    assert "hi 4" in result.stdout
    assert "The job is Failed. The command ended with exit code 4." in result.stderr


def test_a_job_is_cancelled(client, tmp_path):
    path = tmp_path / "job.yml"
    path.write_text("command: sleep 600\ncompute: azureml:big\n")
    submitted = call("submit", str(path), "--output", "json")
    assert "not applied on this machine: compute 'azureml:big'" in submitted.stderr
    run_id = json.loads(submitted.stdout)["run_id"]
    assert call("cancel", run_id).stdout.startswith(f"{run_id} is Cancel")


def test_a_pair_needs_an_equals_sign(job_file):
    with pytest.raises(StudioError, match="has no '='"):
        call("submit", str(job_file), "-P", "n")
