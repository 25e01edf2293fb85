"""Documents from afar name what came with them, and nothing of the server's disk."""

from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from mlflow_plugins.core import InvalidInput, NotFound, StudioError
from mlflow_plugins.jobs import (
    check_received,
    create_compute,
    get_job,
    read_document,
    submit,
    submit_received,
)


@pytest.fixture
def client(sqlite_uri) -> MlflowClient:
    return MlflowClient(sqlite_uri)


@pytest.fixture
def folder(tmp_path) -> Path:
    """The files that came along: none yet."""
    came = tmp_path / "came"
    came.mkdir()
    return came


@pytest.fixture
def secret(tmp_path) -> Path:
    """A file of the server that is nobody's business."""
    path = tmp_path / "secret.txt"
    path.write_text("root:hunter2")
    return path


def code_of(client, job) -> list[str]:
    return sorted(one.path for one in client.list_artifacts(job.run_id, "code"))


def test_a_document_is_shown_as_what_it_becomes(client, folder):
    create_compute(client, {"name": "cpu", "type": "amlcompute", "max_instances": 2})
    (folder / "train.py").write_text("print(1)")
    document = {
        "command": "python train.py ${{inputs.rate}}",
        "code": "./src",
        "inputs": {"rate": 0.1, "table": {"type": "uri_file", "path": "https://u:p@example.com/x"}},
        "outputs": {"model": {"type": "mlflow_model"}},
        "environment": {"image": "python:3.11"},
        "compute": "azureml:cpu",
        "display_name": "shown",
        "experiment_name": "trees",
    }
    checked = check_received(client, document, folder=folder)
    assert (checked.type, checked.display_name, checked.experiment_name, checked.compute) == (
        *("command", "shown", "trees", "cpu"),
    )
    assert checked.command == "python train.py ${{inputs.rate}}"
    assert dict(checked.inputs) == {"rate": "0.1", "table": "https://u:***@example.com/x"}
    assert dict(checked.outputs) == {"model": "mlflow_model"}
    assert (checked.n_files, checked.code_bytes) == (1, 8)
    assert any("no image is pulled" in one for one in checked.warnings)
    assert client.search_runs(["0"]) == []


@pytest.mark.parametrize(
    ("came", "code", "kept"),
    [
        (["train.py"], None, ["code/train.py"]),
        (["train.py"], "./src", ["code/train.py"]),
        (["src/train.py"], "./src", ["code/train.py"]),
        (["src/train.py"], None, ["code/train.py"]),
        (["src/train.py", "notes.md"], "src", ["code/train.py"]),
        (["src/train.py", "notes.md"], None, ["code/notes.md", "code/src"]),
        (["train.py"], "/home/ann/project", ["code/train.py"]),
    ],
)
def test_the_code_is_what_came_along(client, folder, came, code, kept):
    for name in came:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("print(1)")
    document = {"command": "python train.py", **({"code": code} if code else {})}
    assert code_of(client, submit_received(client, document, folder=folder)) == kept


def test_the_code_of_another_job_is_used_again_with_its_programs(client, folder, tmp_path):
    (tmp_path / "src").mkdir()
    script = tmp_path / "src" / "run.sh"
    script.write_text("echo\n")
    script.chmod(0o755)
    first = submit(client, {"command": "./run.sh", "code": "src"}, base_folder=tmp_path)
    document = {"command": "./run.sh again", "code": f"runs:/{first.run_id}/code"}
    assert check_received(client, document, folder=folder).code_of == first.run_id
    assert list(folder.iterdir()) == []
    again = submit_received(client, document, folder=folder)
    assert code_of(client, again) == ["code/run.sh"]
    assert read_document(client, again.run_id)["executables"] == ["run.sh"]
    with pytest.raises(StudioError, match=r"[Rr]un"):
        submit_received(client, document | {"code": f"runs:/{'0' * 32}/code"}, folder=folder)


def test_a_sweep_is_read_with_its_component(client, folder):
    (folder / "train.py").write_text("print(1)")
    component = {"command": "python train.py ${{inputs.rate}}", "inputs": {"rate": "number"}}
    component["inputs"] = {"rate": {"type": "number"}}
    (folder / "train.yml").write_text(yaml.safe_dump(component | {"code": "."}))
    document = {
        "type": "sweep",
        "trial": "./train.yml",
        "search_space": {"rate": {"type": "uniform", "min_value": 0, "max_value": 1}},
        "sampling_algorithm": "random",
        "objective": {"goal": "minimize", "primary_metric": "loss"},
        "limits": {"max_total_trials": 3},
    }
    checked = check_received(client, document, folder=folder)
    assert (checked.type, checked.command) == ("sweep", "python train.py ${{search_space.rate}}")
    job = submit_received(client, document, folder=folder)
    assert get_job(client, job.run_id).type == "sweep"
    assert code_of(client, job) == ["code/train.py", "code/train.yml"]


def test_an_environment_is_read_from_what_came_along(client, folder):
    (folder / "envs").mkdir()
    (folder / "envs" / "more.txt").write_text("numpy\n")
    (folder / "envs" / "requirements.txt").write_text("-r more.txt\nPandas==2.*\n")
    (folder / "environment.yml").write_text("requirements: envs/requirements.txt\npython: '3.11'\n")
    for environment in (
        {"requirements": "envs/requirements.txt", "python": "3.11"},
        "file:environment.yml",
    ):
        document = {"command": "true", "environment": environment}
        job = submit_received(client, document, folder=folder)
        recipe = read_document(client, job.run_id)["environment"]["recipe"]
        assert recipe["requirements"] == ["numpy", "pandas==2.*"]


PATHS = [
    {"code": "SECRET"},
    {"code": "../"},
    {"inputs": {"x": {"path": "SECRET"}}},
    {"inputs": {"x": {"path": "file://SECRET"}}},
    {"inputs": {"x": {"path": "file:SECRET"}}},
    {"inputs": {"x": {"path": "../secret.txt"}}},
    {"inputs": {"x": {"path": "local://SECRET"}}},
    {"inputs": {"x": {"path": "simplecache::file://SECRET"}}},
    {"inputs": {"x": {"path": "link.txt"}}},
    {"environment": "file:../secret.txt"},
    {"environment": {"reference": "file:../secret.txt"}},
    {"environment": {"conda_file": "SECRET"}},
    {"environment": {"requirements": "../secret.txt"}},
    {"environment": {"requirements": ["-r SECRET"]}},
    {"environment": {"requirements": ["-rSECRET"]}},
    {"environment": {"requirements": ["--requirement=SECRET"]}},
    {"environment": {"conda_file": {"dependencies": [{"pip": ["-r ../secret.txt"]}]}}},
    {"environment": {"requirements": "includes.txt"}},
    {"environment": {"build": {"path": "../"}}},
    {"type": "sweep", "command": None, "trial": "SECRET"},
    {"type": "sweep", "command": None, "trial": {"command": "true", "code": "../"}},
    {
        "type": "sweep",
        "command": None,
        "trial": {"command": "true", "environment": {"requirements": "../secret.txt"}},
    },
    {
        "type": "automl",
        "command": None,
        "task": "classification",
        "target_column_name": "y",
        "training_data": {"path": "SECRET", "type": "uri_file"},
    },
]


@pytest.mark.parametrize("act", [check_received, submit_received])
def test_nothing_of_the_server_is_read(client, folder, secret, act):
    (folder / "includes.txt").write_text("-r ../secret.txt\n")
    (folder / "link.txt").symlink_to(secret)
    for fields in PATHS:
        document = {"command": "true", **_filled(fields, str(secret))}
        with pytest.raises(InvalidInput) as refusal:
            act(client, document, folder=folder)
        assert "hunter2" not in refusal.value.message, fields
        assert str(folder) not in refusal.value.message, fields
    assert client.search_runs(["0"]) == []


def test_what_can_be_refused_names_the_field_and_the_nearest_name(client, folder):
    cases: list[tuple[dict, type[Exception], str]] = [
        ({"comand": "true"}, InvalidInput, "(?s)'comand' is unknown.*Did you mean 'command'"),
        ({"command": "x ${{inputs.y}}"}, InvalidInput, "not defined"),
        ({"command": "x", "code": "src"}, InvalidInput, "'code' is 'src'.*Upload"),
        (
            {"command": "x", "inputs": {"t": {"path": "azureml:nothing:1"}}},
            NotFound,
            r"'inputs\.t'.*nothing",
        ),
        ({"command": "x", "environment": "azureml:none:1"}, NotFound, "'environment'.*none"),
        ({"command": "x", "type": "sweeep"}, InvalidInput, "Did you mean 'sweep'"),
    ]
    for document, kind, words in cases:
        with pytest.raises(kind, match=words):
            check_received(client, document, folder=folder)


def _filled(node, secret: str):
    if isinstance(node, dict):
        return {key: _filled(one, secret) for key, one in node.items()}
    if isinstance(node, list):
        return [_filled(one, secret) for one in node]
    return node.replace("SECRET", secret) if isinstance(node, str) else node
