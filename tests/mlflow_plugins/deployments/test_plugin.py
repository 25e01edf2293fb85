"""MLflow's own command line and client, and `mlflow-studio endpoint`."""

import json
import subprocess
import sys
import uuid

import pytest
from click.testing import CliRunner
from mlflow.deployments import BaseDeploymentClient, cli, get_deploy_client, run_local

from mlflow_plugins.core import InvalidInput, NotFound
from mlflow_plugins.deployments import delete_deployment, get_deployment, issue_key, plugin
from mlflow_plugins.deployments._commands import commands

pytestmark = pytest.mark.usefixtures("agents")


@pytest.fixture(autouse=True)
def tracking(place, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place.uri)


@pytest.fixture(scope="module")
def created(place, agents, models):
    """A deployment made by the real command in a process, like a user's."""
    name = f"cli-{uuid.uuid4().hex[:6]}"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mlflow", "deployments", "create", "-t", "studio"),
            *("--name", name, "-m", models.chooser, "-C", "n_threads=2", "--endpoint", "loans"),
        ],
        env=place.environment,
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"python_function deployment {name} is created" in done.stdout
    assert f"mlflow-studio endpoint keys {name} --issue" in done.stderr
    yield name
    delete_deployment(place.store, name)


def _mlflow(*arguments):
    result = CliRunner().invoke(cli.commands, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def _studio(*arguments, **options):
    result = CliRunner().invoke(
        commands, arguments, catch_exceptions=False, standalone_mode=False, **options
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_create_returns_when_it_runs_and_its_options_are_kept(created, place):
    one = get_deployment(place.store, created)
    assert (one.status, one.endpoint, one.config) == ("Running", "loans", {"n_threads": "2"})


def test_mlflow_lists_and_shows_it(created, models):
    listed = _mlflow("list", "-t", "studio")
    assert created in listed
    assert created in _mlflow("list", "-t", "studio", "--endpoint", "loans")
    assert created not in _mlflow("list", "-t", "studio", "--endpoint", "other")
    shown = _mlflow("get", "-t", "studio", "--name", created)
    assert "status: Running" in shown
    assert f"model_uri: {models.chooser}" in shown


@pytest.mark.parametrize("by", ["--name", "--endpoint"])
def test_mlflow_predicts(created, place, linear, table, tmp_path, by):
    frame = table(3, seed=8)
    (tmp_path / "rows.json").write_text(frame.to_json(orient="records"))
    target = created if by == "--name" else "loans"
    arguments = ("predict", "-t", "studio", by, target, "-I", str(tmp_path / "rows.json"))
    assert json.loads(_mlflow(*arguments)) == {"predictions": linear.predict(frame).tolist()}


def test_the_client_scores_probabilities(created, linear, table):
    frame = table(3, seed=9)
    body = {
        "dataframe_split": frame.to_dict(orient="split"),
        "params": {"method": "predict_proba"},
    }
    client = get_deploy_client("studio")
    answer = client.predict(created, body).get_predictions("ndarray")
    expected = linear._model_impl.sklearn_model
    assert answer.tolist() == expected.predict_proba(frame).tolist()


def test_endpoint_commands(created, table, linear, place):
    assert created in _studio("list")
    shown = _studio("show", created)
    assert "/invocations" in shown
    assert "loans" in shown
    frame = table(2)
    body = json.dumps({"dataframe_records": frame.to_dict(orient="records")})
    scored = _studio("invoke", created, "-r", "-", input=body)
    assert json.loads(scored) == {"predictions": linear.predict(frame).tolist()}
    key = _studio("keys", created, "--issue", "--label", "mine", "--days", "1").strip()
    (line,) = [line for line in _studio("keys", created).splitlines() if "mine" in line]
    assert "valid until" in line
    assert key not in line
    _studio("keys", created, "--revoke", line.split()[0])
    assert "revoked" in _studio("keys", created)
    assert place.wait_for(lambda: "Ready on port" in _studio("logs", created))


@pytest.mark.parametrize("text", ["[1, 2]", "{"])
def test_invoke_refuses_what_is_no_request(created, text):
    with pytest.raises(InvalidInput, match="JSON"):
        _studio("invoke", created, "-r", "-", input=text)


def test_what_the_server_refuses_is_said(created, table):
    with pytest.raises(InvalidInput, match=r"missing inputs \['age'\]"):
        get_deploy_client("studio").predict(created, table(1).drop(columns="age"))


def test_delete_is_idempotent_and_get_is_not(name):
    _mlflow("delete", "-t", "studio", "--name", name)
    client = get_deploy_client("studio")
    with pytest.raises(NotFound, match=name):
        client.get_deployment(name)
    with pytest.raises(NotFound, match="no deployment"):
        client.predict(endpoint=name, inputs={})
    with pytest.raises(InvalidInput, match="Say which"):
        client.predict(inputs={})


def test_no_wait_and_wrong_options(name, place, models):
    client = get_deploy_client("studio")
    with pytest.raises(InvalidInput, match="'wait' is 'maybe'"):
        client.create_deployment(name, models.linear, config={"wait": "maybe"})
    with pytest.raises(InvalidInput, match="flavor 'onnx' cannot"):
        client.create_deployment(name, models.linear, flavor="onnx")
    created = client.create_deployment(name, models.linear, config={"wait": "false"})
    assert (created["name"], created["flavor"]) == (name, "python_function")
    assert created["key"]
    assert issue_key(place.store, name) != created["key"]
    client.delete_deployment(name)


def test_help_names_every_option():
    from mlflow_plugins.deployments._config import ServingConfig

    text = _mlflow("help", "-t", "studio")
    for option in ServingConfig.__dataclass_fields__:
        assert option in text or option == "environment"


def test_the_module_is_what_mlflow_asks_for():
    kinds = [
        kind
        for kind in vars(plugin).values()
        if isinstance(kind, type)
        and issubclass(kind, BaseDeploymentClient)
        and kind is not BaseDeploymentClient
    ]
    assert kinds == [plugin.StudioDeploymentClient]
    with pytest.raises(InvalidInput, match="'x' is not an option"):
        run_local("studio", "m", "models:/m/1", config={"x": "1"})


def test_the_plugin_is_light():
    heavy = "sklearn", "uvicorn", "starlette.applications", "mlflow_plugins.deployments._scorer"
    code = (
        "import sys, mlflow; before = set(sys.modules); import mlflow_plugins.deployments.plugin;"
        f"print([name for name in {heavy!r} if name in set(sys.modules) - before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stderr
