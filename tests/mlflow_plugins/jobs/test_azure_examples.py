"""Job files of Azure ML's own examples run as they are.

Azure's files are not ours to keep, so `azure_shapes` has files of the same shapes that always run.
Name a copy of Azure's ``cli`` folder in AZURE_EXAMPLES and the originals run as well. What
lies on public hosts is answered by a server of the test.
"""

import os
import shutil
from pathlib import Path

import mlflow.sklearn
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression

from mlflow_plugins.core import AssetStore, connect
from mlflow_plugins.data import create_data_asset, open_datastore
from mlflow_plugins.jobs import JobStatus, own_metrics, submit_file
from mlflow_plugins.testing import use_tracking_uri
from mlflow_plugins.testing.hosts import public_hosts

SHAPES = Path(__file__).with_name("azure_shapes")
EXAMPLES = Path(os.environ.get("AZURE_EXAMPLES", "/nonexistent")) / "jobs"

# What each log says.
EXPECTED = {
    "basics/echo.yml": ["hello shapes"],
    "basics/variable.yml": ["a word"],
    "basics/literals.yml": ["two words", "42"],
    "basics/organized.yml": ["hello tags"],
    "basics/default-output.yml": [],
    "basics/named-output.yml": [],
    "basics/code.yml": ["copy_model.py", "show.py", "track.py"],
    "basics/data-folder.yml": ["iris.csv"],
    "basics/datastore-file.yml": ["150 rows"],
    "basics/datastore-folder.yml": ["iris.csv", "150 rows"],
    "basics/https-file.yml": ["150 rows"],
    "basics/wasbs-folder.yml": ["iris.csv", "150 rows"],
    "basics/literal-url.yml": [
        "--table: https://shapes.blob.core.windows.net/datasets/iris.csv",
        "150 rows",
    ],
    "basics/tracking.yml": [],
    "basics/model-input.yml": ["MLmodel"],
    "basics/model-output.yml": ["LogisticRegression"],
    "basics/services.yml": ["hello services"],
    "train/job.yml": ["accuracy 0.97"],
    "train/job-docker-context.yml": ["accuracy 0.97"],
}


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    """The variables with which a process sees the public hosts, this one included."""
    folder = tmp_path_factory.mktemp("hosts")
    table = load_iris(as_frame=True).frame.rename(columns={"target": "species"})
    for account in ("shapes", "azuremlexamples"):
        container = folder / "files" / f"{account}.blob.core.windows.net" / "datasets"
        container.mkdir(parents=True)
        table.to_csv(container / "iris.csv", index=False)
        load_diabetes(as_frame=True).frame.to_csv(container / "diabetes.csv", index=False)
    with (
        public_hosts(folder / "files", folder / "certificates") as variables,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables


@pytest.fixture(scope="module")
def agent_variables(public):
    return public


@pytest.fixture(scope="module")
def jobs(tracking_server, agent, tmp_path_factory):
    """All jobs of the shapes, submitted at once, by their files."""
    folder = tmp_path_factory.mktemp("shapes") / "jobs"
    shutil.copytree(SHAPES, folder)
    table = load_iris(as_frame=True).frame
    model = LogisticRegression(max_iter=500).fit(table.drop(columns="target"), table["target"])
    mlflow.sklearn.save_model(model, folder / "model", pip_requirements=["scikit-learn"])
    with use_tracking_uri(tracking_server.uri):
        client = connect()
        sample = tmp_path_factory.mktemp("sample")
        table.to_csv(sample / "iris.csv", index=False)
        for name in ("azure-shapes", "sampledata", "local-folder-example"):
            create_data_asset(AssetStore(client), sample, name=name)
        for place in ("azure-shapes/", "example-data/"):
            open_datastore(AssetStore(client)).upload(sample / "iris.csv", place)
        yield {name: submit_file(client, folder / name) for name in EXPECTED}


def test_each_file_of_the_shapes_is_tested():
    files = {file.relative_to(SHAPES).as_posix() for file in SHAPES.glob("*/*.yml")}
    assert files == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_of_azures_shape_runs(jobs, driver, name):
    ended = driver.wait_for_end(jobs[name])
    assert (ended.status, ended.error) == (JobStatus.COMPLETED, "")
    lines = driver.own_lines(jobs[name])
    assert [line for line in EXPECTED[name] if line not in lines] == []


def test_what_the_jobs_left_is_where_azure_has_it(jobs, driver, client):
    def artifacts(name, folder):
        job = driver.wait_for_end(jobs[name])
        return {one.path for one in client.list_artifacts(job.run_id, folder)}

    assert artifacts("basics/default-output.yml", "outputs") == {"outputs/kept.txt"}
    folder = "outputs/some_output"
    assert artifacts("basics/named-output.yml", folder) == {f"{folder}/kept.txt"}
    run = client.get_run(driver.wait_for_end(jobs["basics/tracking.yml"]).run_id)
    assert (run.data.params, own_metrics(run)) == ({"word": "hello"}, {"number": 1.5})
    [version] = client.search_model_versions("name = 'azure-shapes-copy'")
    assert version.run_id == jobs["basics/model-output.yml"].run_id
    run = client.get_run(jobs["basics/organized.yml"].run_id)
    assert client.get_experiment(run.info.experiment_id).name == "azure-shapes"
    assert run.data.tags["shape"] == "organized"


def test_what_was_read_from_outside_is_noted_on_the_run(jobs, driver, client):
    driver.wait_for_end(jobs["basics/https-file.yml"])
    tag = client.get_run(jobs["basics/https-file.yml"].run_id).data.tags["studio.input.table"]
    assert '"uri": "https://shapes.blob.core.windows.net/datasets/iris.csv"' in tag
    assert all(key in tag for key in ("sha256", "etag", "size_bytes", "modified"))


# ---------------------------------------------------------------- the originals

NOT_HERE = {
    "basics/hello-git.yml": "installs pygit2",
    "basics/hello-notebook.yml": "installs papermill",
    "basics/hello-interactive.yml": "needs tensorflow, and waits ten minutes",
    "single-step/scikit-learn/iris-notebook/job.yml": "needs papermill",
}


def originals():
    files = [*EXAMPLES.glob("basics/*.yml"), *EXAMPLES.glob("single-step/scikit-learn/*/*.yml")]
    names = sorted(file.relative_to(EXAMPLES).as_posix() for file in files)
    return [name for name in names if "pipeline" not in name]


@pytest.mark.slow
@pytest.mark.timeout(900)  # a sweep has twenty trials
@pytest.mark.parametrize("name", originals())
def test_an_example_of_azure_runs_unchanged(jobs, driver, client, name):
    if name in NOT_HERE:
        pytest.skip(NOT_HERE[name])
    job = submit_file(client, EXAMPLES / name)
    driver.wait_until(lambda: driver.get(job).status.is_final, f"{name} ended", seconds=900)
    ended = driver.get(job)
    assert (ended.status, ended.error) == (JobStatus.COMPLETED, "")
