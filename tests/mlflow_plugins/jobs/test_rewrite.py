"""A job's document, written again: submitted, it gives the same job."""

import pytest
from mlflow import MlflowClient

from mlflow_plugins.core import AssetStore
from mlflow_plugins.data import create_data_asset
from mlflow_plugins.jobs import read_document, rewrite_document, submit, submit_received
from mlflow_plugins.jobs._children import submit_child
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.environments import apply


@pytest.fixture
def client(sqlite_uri) -> MlflowClient:
    return MlflowClient(sqlite_uri)


@pytest.fixture
def place(client, tmp_path):
    """A folder with code and tables, one of which is an asset; an environment."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("print(1)")
    (tmp_path / "people.csv").write_text("age,sex\n30,f\n40,m\n")
    create_data_asset(AssetStore(client), tmp_path / "people.csv", name="people")
    apply(client, {"name": "trees", "requirements": ["tiny==1.0"]}, base_folder=tmp_path)
    return tmp_path


SWEEP = {
    "type": "sweep",
    "trial": {
        "command": "python train.py --rate ${{search_space.rate}} --n ${{inputs.n}}",
        "code": "src",
        "environment": "azureml:trees@latest",
    },
    "inputs": {"n": 3},
    "search_space": {"rate": {"type": "uniform", "min_value": 0, "max_value": 1}},
    "sampling_algorithm": {"type": "random", "seed": 7},
    "objective": {"goal": "minimize", "primary_metric": "loss"},
    "limits": {"max_total_trials": 3},
    "experiment_name": "trees",
}
JOBS = [
    {"command": "true"},
    {
        "command": "python train.py ${{inputs.rate}} ${{inputs.table}} ${{inputs.file}}",
        "code": "src",
        "inputs": {
            "rate": 0.1,
            "table": {"type": "uri_file", "path": "azureml:people@latest"},
            "file": {"type": "uri_file", "path": "people.csv"},
        },
        "outputs": {"model": None, "table": {"type": "uri_file"}},
        "environment": "azureml:trees@latest",
        "environment_variables": {"LEVEL": "info"},
        "limits": {"timeout": 60},
        "display_name": "whole",
        "experiment_name": "trees",
        "tags": {"team": "red"},
    },
    {
        "command": "true",
        "environment": {"python": "3.11", "requirements": ["--pre", "pandas>=2", "tiny"]},
    },
    {
        "command": "true",
        "environment": {
            "conda_file": {
                "channels": ["conda-forge"],
                "dependencies": ["python=3.11", "numpy=1.26", {"pip": ["tiny"]}],
            }
        },
    },
    SWEEP,
    {
        "type": "automl",
        "task": "classification",
        "training_data": {"type": "uri_file", "path": "azureml:people:1"},
        "target_column_name": "sex",
        "limits": {"timeout_minutes": 1},
        "experiment_name": "trees",
        "display_name": "search",
    },
]


@pytest.mark.parametrize("document", JOBS)
def test_a_job_is_the_same_when_its_document_is_submitted(client, place, document):
    first = submit(client, document, base_folder=place)
    came = place / "came"
    came.mkdir()
    again = submit_received(client, rewrite_document(client, first.run_id), folder=came)
    before, after = (read_document(client, one.run_id) for one in (first, again))
    assert again.type == first.type
    for part in ("has_code", "executables", "type", "warnings"):
        assert after[part] == before[part]
    assert after["environment"].get("recipe") == before["environment"].get("recipe")
    assert _told(after["inputs"]) == _told(before["inputs"])
    for field in ("command", "outputs", "limits", "tags", "display_name", "experiment_name"):
        assert after["job"].get(field) == before["job"].get(field), field
    if document.get("display_name"):
        assert again.display_name == first.display_name


def test_what_is_written_says_what_was_fixed(client, place):
    job = submit(client, JOBS[1], base_folder=place)
    document = rewrite_document(client, job.run_id)
    assert document["code"] == f"runs:/{job.run_id}/code"
    assert document["environment"] == "azureml:trees:1"
    assert document["inputs"] == {
        "rate": 0.1,
        "table": {"type": "uri_file", "path": "azureml:people:1"},
        "file": {"type": "uri_file", "path": f"runs:/{job.run_id}/inputs/file/people.csv"},
    }
    assert document["outputs"] == {"model": {"type": "uri_folder"}, "table": {"type": "uri_file"}}


def test_a_sweep_is_written_with_its_trial(client, place):
    job = submit(client, SWEEP, base_folder=place)
    document = rewrite_document(client, job.run_id)
    assert document["trial"] == {
        "command": SWEEP["trial"]["command"],
        "code": f"runs:/{job.run_id}/code",
        "environment": "azureml:trees:1",
    }
    assert document["search_space"] == SWEEP["search_space"]


def test_a_trial_is_written_as_a_job_of_its_own(client, place):
    sweep = submit(client, SWEEP, base_folder=place)
    record = JobQueue(client).get(sweep.record_id)
    child = {"command": SWEEP["trial"]["command"], "inputs": {"n": 3}}
    trial = submit_child(client, record, "0", child, values={"search_space.rate": "0.25"})
    document = rewrite_document(client, trial.run_id)
    assert document["command"] == "python train.py --rate 0.25 --n ${{inputs.n}}"
    assert document["code"] == f"runs:/{sweep.run_id}/code"
    assert document["environment"] == "azureml:trees:1"


def _told(inputs):
    """Leave out where a copy lies: with the first run, or with the second."""
    return {name: "copied" if {"file", "uri"} & set(one) else one for name, one in inputs.items()}
