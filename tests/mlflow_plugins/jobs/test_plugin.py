"""``mlflow run FILE.yml -b studio``, from Python and from the command line."""

import os
import subprocess
import sys

import pytest
from mlflow.exceptions import ExecutionException
from mlflow.projects import run

from mlflow_plugins.core.processes import thread_limits
from mlflow_plugins.testing import use_tracking_uri

JOB = """
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
command: echo "hello ${{inputs.who}} ${{inputs.n}}"; cat ${{inputs.table}}; exit ${{inputs.code}}
inputs:
  who: world
  n: 1
  code: 0
  table:
    type: uri_file
    path: table.csv
"""


@pytest.fixture(autouse=True)
def _tracking(tracking_server):
    with use_tracking_uri(tracking_server.uri):
        yield


@pytest.fixture
def job_file(tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n")
    (tmp_path / "other.csv").write_text("c,d\n")
    path = tmp_path / "job.yml"
    path.write_text(JOB)
    return path


def test_python_waits_and_streams(agent, client, job_file, capfd):
    submitted = run(
        str(job_file), backend="studio", parameters={"who": "you", "n": "2", "table": "other.csv"}
    )
    assert submitted.get_status() == "FINISHED"
    captured = capfd.readouterr()
    assert "hello you 2\nc,d\n" in captured.out
    assert submitted.run_id in captured.err
    tags = client.get_run(submitted.run_id).data.tags
    assert tags["mlflow.project.backend"] == "studio"
    assert tags["mlflow.source.name"] == str(job_file)
    assert tags["mlflow.source.type"] == "PROJECT"


def test_python_raises_when_the_job_fails(agent, job_file):
    with pytest.raises(ExecutionException, match="failed"):
        run(str(job_file), backend="studio", parameters={"code": "3"})


def test_the_submitter_can_wait(agent, job_file):
    arguments = {"backend": "studio", "synchronous": False, "backend_config": {"wait": True}}
    assert run(str(job_file), **arguments).get_status() == "FINISHED"
    with pytest.raises(ExecutionException, match=r"is Failed\. .*exit code 3"):
        run(str(job_file), parameters={"code": "3"}, **arguments)


@pytest.mark.slow
def test_the_command_line(agent, tmp_path, job_file):
    environment = {**os.environ, **thread_limits(1)}
    mlflow_run = [sys.executable, "-m", "mlflow", "run", str(job_file), "-b", "studio"]

    def start(*arguments):
        return subprocess.Popen(
            [*mlflow_run, "-c", '{"wait": true}', *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    good, bad = start("-P", "who=cli"), start("-P", "code=3")
    output, _ = good.communicate(timeout=120)
    assert good.returncode == 0
    assert "hello cli 1\na,b\n" in output
    output, errors = bad.communicate(timeout=120)
    assert bad.returncode == 1
    assert "hello world 1" in output
    assert "exit code 3" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("text", "config", "parameters", "message"),
    [
        (JOB, {"wiat": True}, {}, r"unknown key 'wiat'.*Did you mean 'wait'\?"),
        (JOB, {"wait": "yes"}, {}, r"'wait' is \"yes\"\. It must be true or false"),
        (JOB, {}, {"whom": "x"}, r"job\.yml: The job has no input 'whom'.*Did you mean 'who'\?"),
        (JOB, {}, {"n": "many"}, r"job\.yml: .*'n' is a number"),
        (JOB, {}, {"table": "nothing.csv"}, r"job\.yml: Field 'inputs\.table': .*'nothing\.csv'"),
        ("command: x\ntype: fly", {}, {}, r"job\.yml: Field 'type' is 'fly'"),
        ("comand: x", {}, {}, r"job\.yml: (.|\n)*'comand' is unknown"),
        ("a: [", {}, {}, r"job\.yml, line \d"),
    ],
)
def test_what_is_wrong_is_refused_in_one_clear_error(job_file, text, config, parameters, message):
    job_file.write_text(text)
    with pytest.raises(ExecutionException, match=message):
        run(
            str(job_file),
            backend="studio",
            backend_config=config,
            parameters=parameters,
            synchronous=False,
        )


@pytest.mark.parametrize("name", ["nothing.yml", "nothing", "."])
def test_a_path_that_is_no_job_is_refused(tmp_path, name):
    with pytest.raises(ExecutionException, match=r"There is no file|has no file MLproject"):
        run(str(tmp_path / name), backend="studio", synchronous=False)
