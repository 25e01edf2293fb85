"""MLprojects: MLflow's own format is read as MLflow reads it."""

import subprocess

import pytest
from mlflow.exceptions import ExecutionException
from mlflow.projects import run
from mlflow.projects._project_spec import load_project

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._bindings import resolve
from mlflow_plugins.jobs._mlproject import open_project
from mlflow_plugins.testing import use_tracking_uri

PROJECT = """
name: greeting
entry_points:
  main:
    parameters:
      who: {type: string, default: "big world"}
      rate: {type: float, default: 0.1}
      table: path
    command: "cat {table}; echo hello {who} {rate}"
  fetch:
    parameters:
      address: uri
    command: "echo {address}"
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "MLproject").write_text(PROJECT)
    (folder / "table.csv").write_text("a,b\n")
    (folder / "count.py").write_text("print('counted')\n")
    return folder


def git(folder, *arguments):
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"who": "you & me; rm -rf /", "rate": 2, "size": "a b"}, {"who": "it's {odd} ${{x}}"}],
)
def test_the_command_is_the_one_that_mlflow_would_run(project, parameters):
    given = {"table": str(project / "table.csv"), **parameters}
    point = load_project(str(project)).get_entry_point("main")
    with open_project(str(project), parameters=given) as opened:
        inputs = opened.document["inputs"]
        values = {
            f"inputs.{name}": one.get("value", one.get("path")) for name, one in inputs.items()
        }
        command = resolve(opened.document["command"], values, where="command")
    assert command == point.compute_command(given, None)


def test_a_project_runs_as_a_job(agent, client, tracking_server, project, capfd):
    with use_tracking_uri(tracking_server.uri):
        submitted = run(
            str(project), backend="studio", parameters={"table": str(project / "table.csv")}
        )
    assert "a,b\nhello big world 0.1\n" in capfd.readouterr().out
    stored = client.get_run(submitted.run_id).data
    assert stored.params == {
        "who": "big world",
        "rate": "0.1",
        "table": str(project / "table.csv"),
    }
    assert stored.tags["mlflow.project.entryPoint"] == "main"
    assert stored.tags["mlflow.source.name"] == str(project)


def test_a_version_of_a_repository_runs(agent, tracking_server, tmp_path, project, capfd):
    git(project, "init", "--initial-branch", "main")
    git(project, "add", ".")
    git(project, "commit", "-m", "first")
    git(project, "tag", "v1")
    (project / "count.py").write_text("print('changed')\n")
    git(project, "commit", "-am", "second")
    uri = f"file://{project}"
    with use_tracking_uri(tracking_server.uri):
        run(uri, entry_point="count.py", version="v1", backend="studio")
    assert "counted" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"conda.yaml": "dependencies: [python=3.11]\n"}, {"conda_file": "conda.yaml"}),
        (
            {
                "python_env.yaml": (
                    "python: 3.11.4\nbuild_dependencies: [pip==24.0]\n"
                    "dependencies: ['-r requirements.txt', numpy>=2]\n"
                ),
                "requirements.txt": "# ours\npandas>=2  # tables\n\n-r more.txt\n",
                "more.txt": "scipy\n",
            },
            {
                "python": "3.11.4",
                "requirements": ["pip==24.0", "pandas>=2", "scipy", "numpy>=2"],
            },
        ),
    ],
)
def test_the_environment_is_handed_over(project, files, expected):
    for name, text in files.items():
        (project / name).write_text(text)
    with open_project(str(project), entry_point="count.py") as opened:
        assert opened.document["environment"] == expected


@pytest.mark.parametrize(
    ("text", "entry_point", "parameters", "message"),
    [
        (PROJECT, "main", {}, "missing parameters: 'table'"),
        (PROJECT, "mian", {}, "Could not find mian among entry points"),
        (PROJECT, "fetch", {"address": "here"}, "'address' is an URI in this project; 'here'"),
        ("docker_env: {image: busybox}", "count.py", {}, "'busybox'.*without Docker.*python_env"),
        (None, "main", {}, "has no file MLproject"),
    ],
)
def test_what_cannot_run_is_refused(project, text, entry_point, parameters, message):
    if text is None:
        (project / "MLproject").unlink()
    else:
        (project / "MLproject").write_text(text)
    opened = open_project(str(project), entry_point=entry_point, parameters=parameters)
    with pytest.raises(InvalidInput, match=message), opened:
        pytest.fail("it was read")


def test_a_repository_that_is_not_there_is_refused_without_its_password(tmp_path):
    opened = open_project(f"file://me:hidden@host{tmp_path}/none.git")
    with pytest.raises(InvalidInput, match=r"me:\*\*\*@.*cannot be fetched") as caught, opened:
        pytest.fail("it was fetched")
    assert "hidden" not in caught.value.message


def test_the_command_line_says_what_is_wrong(tracking_server, project):
    message = r"'inputs\.table': There is no file or folder '.*nothing\.csv'"
    with use_tracking_uri(tracking_server.uri), pytest.raises(ExecutionException, match=message):
        run(str(project), backend="studio", parameters={"table": "nothing.csv"}, synchronous=False)
