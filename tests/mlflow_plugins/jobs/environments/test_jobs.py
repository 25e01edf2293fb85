"""Jobs with environments: a real server, a real agent, real packages."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_plugins.core import InvalidInput, NotFound
from mlflow_plugins.jobs import (
    JobStatus,
    cancel_job,
    get_job,
    list_environments_here,
    read_environment_log,
    submit,
)
from mlflow_plugins.jobs.environments import apply, list_cached

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
SHOW = "python -c 'import sys, tiny; print(tiny.VERSION, sys.prefix)'; tiny"


pytestmark = pytest.mark.usefixtures("agent")


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """The file in which the package ``endless`` says which process builds it."""
    return tmp_path_factory.mktemp("endless") / "pid"


@pytest.fixture(scope="module")
def agent_variables(offline, endless):
    return {**offline, "ENDLESS": str(endless)}


def test_a_job_runs_in_its_environment(driver, client, agent, tmp_path):
    (tmp_path / "conda.yml").write_text(
        f"dependencies:\n  - python={OWN}\n  - pip:\n    - tiny==1.0\n"
    )
    document = {
        "command": f'{SHOW}; echo "$MLFLOW_RUN_ID"; echo "$VIRTUAL_ENV"',
        "environment": {"image": "docker.io/python", "conda_file": "conda.yml"},
    }
    job = submit(client, document, base_folder=tmp_path)
    (tmp_path / "conda.yml").unlink()  # nothing of the submitter's is needed any more
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.COMPLETED, ended.error
    [cached] = list_cached(agent.folder / "environments")
    lines = [
        one for one in driver.own_lines(job) if one.startswith(("1.0", "tiny ", "/", job.run_id))
    ]
    assert lines == [f"1.0 {cached.folder}", "tiny 1.0", job.run_id, str(cached.folder)]
    log = driver.log(job)
    assert " + tiny==1.0" in log
    assert "Not applied on this machine: environment image 'docker.io/python'" in log
    tags = client.get_run(job.run_id).data.tags
    assert tags["studio.environment"] == "conda.yml"
    assert tags["studio.environment_hash"] == cached.hash
    assert "studio.environment_differences" not in tags
    assert cached.hash in [one.hash for one in list_environments_here(client)]
    assert " + tiny==1.0" in read_environment_log(client, cached.hash)
    for other in ("0" * 24, ".."):
        with pytest.raises(NotFound, match="No agent of this machine keeps"):
            read_environment_log(client, other)


def test_jobs_share_an_asset(driver, client, tmp_path, unique_name):
    apply(client, {"name": unique_name, "requirements": ["tiny==1.1"]}, base_folder=tmp_path)
    jobs = [driver.submit(SHOW, environment=f"azureml:{unique_name}@latest") for _ in range(2)]
    assert [driver.wait_for_end(job).status for job in jobs] == [JobStatus.COMPLETED] * 2
    n_made = sum("Making the environment" in driver.log(job) for job in jobs)
    assert n_made == 1
    tags = [client.get_run(job.run_id).data.tags for job in jobs]
    assert {one["studio.environment"] for one in tags} == {f"{unique_name}:1"}
    assert len({one["studio.environment_hash"] for one in tags}) == 1


def test_what_this_machine_cannot_give_is_refused_or_noted(driver, client):
    conda = {"dependencies": ["r-base", {"pip": ["tiny==9"]}]}
    exact = driver.submit("tiny", environment={"conda_file": conda})
    near = driver.submit(
        "tiny",
        environment={"conda_file": conda},
        environment_variables={"MLFLOW_STUDIO_ENVIRONMENT": "compatible"},
    )
    ended = driver.wait_for_end(exact)
    assert ended.status is JobStatus.FAILED
    assert "needs what only conda has: r-base" in ended.error
    assert "MLFLOW_STUDIO_ENVIRONMENT: compatible" in ended.error
    ended = driver.wait_for_end(near)
    assert ended.status is JobStatus.COMPLETED, ended.error
    assert "tiny 2.0" in driver.own_lines(near)
    differences = client.get_run(near.run_id).data.tags["studio.environment_differences"]
    assert differences == (
        "tiny==2.0 instead of tiny==9; without r-base: it is not a Python package"
    )


def test_the_workspaces_environment_on_demand(driver):
    job = driver.submit(
        "python -c 'import sys; print(sys.prefix)'",
        environment={"requirements": ["tiny"]},
        environment_variables={"MLFLOW_STUDIO_ENVIRONMENT": "workspace"},
    )
    assert driver.wait_for_end(job).status is JobStatus.COMPLETED
    assert driver.own_lines(job) == [sys.prefix]


def test_a_job_that_installs_changes_nobody(driver, agent):
    job = driver.submit(f"pip install --quiet tiny==1.0 && {SHOW}")
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.COMPLETED, ended.error
    first, second = driver.own_lines(job)[-2:]
    version, _, prefix = first.partition(" ")
    assert (version, second) == ("1.0", "tiny 1.0")
    assert Path(prefix).is_relative_to(agent.folder / "jobs")
    assert not Path(prefix).exists()  # it went with the job
    find = "from importlib.util import find_spec; print(find_spec('tiny'))"
    assert subprocess.check_output([sys.executable, "-c", find]) == b"None\n"


def test_cancelling_ends_the_making(driver, client, agent, endless):
    job = driver.submit("true", environment={"requirements": ["endless"]})
    driver.wait_until(lambda: endless.exists() and endless.read_text(), "the build began")
    assert get_job(client, job.run_id).status is JobStatus.PREPARING
    cancel_job(client, job.run_id)
    assert driver.wait_for_end(job).status is JobStatus.CANCELED
    assert not driver.is_running(int(endless.read_text()))
    assert "endless" not in str(list_cached(agent.folder / "environments"))


def test_what_is_wrong_is_refused_at_submission(driver, client, tmp_path):
    n_before = len(client.search_runs(["0"]))
    with pytest.raises(InvalidInput, match=r"environment.*there is no file"):
        driver.submit("true", environment={"conda_file": "nowhere.yml"})
    with pytest.raises(NotFound, match="Field 'environment': There is no environment asset"):
        driver.submit("true", environment="azureml:nobody-made-this:1")
    assert len(client.search_runs(["0"])) == n_before
