"""What users see while no agent serves the queue. No test here may start one."""

import threading

import pytest
from mlflow.projects import run

from mlflow_plugins.jobs import (
    JobStatus,
    cancel_job,
    compute_status,
    create_compute,
    follow,
    get_job,
    list_jobs,
    list_nodes,
    stop_compute,
)
from mlflow_plugins.jobs._compute_status import why_it_waits
from mlflow_plugins.jobs.compute import NodeSign
from mlflow_plugins.testing import use_tracking_uri


@pytest.fixture(autouse=True)
def _tracking(tracking_server):
    with use_tracking_uri(tracking_server.uri):
        yield


@pytest.fixture
def job_file(tmp_path):
    path = tmp_path / "job.yml"
    path.write_text("command: sleep 600\n")
    return path


def test_without_waiting_it_returns_at_once(driver, client, job_file, capfd):
    submitted = run(str(job_file), backend="studio", synchronous=False)
    assert submitted.get_status() == "SCHEDULED"
    assert f"mlflow-studio job stream {submitted.run_id}" in capfd.readouterr().err
    submitted.cancel()
    assert submitted.get_status() == "KILLED"
    assert submitted.wait() is False


def test_a_queued_job_is_cancelled_without_any_agent(driver):
    job = driver.submit("echo never")
    cancel_job(driver.client, job.run_id)
    assert driver.get(job).status is JobStatus.CANCELED
    assert driver.client.get_run(job.run_id).info.status == "KILLED"
    assert driver.log(job) == ""


def test_a_job_that_nobody_takes_says_so_once(driver, client, monkeypatch):
    monkeypatch.setattr("mlflow_plugins.jobs._follow._PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr("mlflow_plugins.jobs._compute_status.list_nodes", lambda _: [])
    job = driver.submit("true", display_name="lonely")
    said = []
    timer = threading.Timer(3, cancel_job, (client, job.run_id))
    timer.start()
    ended = follow(client, job.run_id, write=said.append, notify=said.append)
    timer.join()
    assert ended.status is JobStatus.CANCELED
    assert said == ["No agent has picked up this job; start one with: mlflow-studio agent"]


def test_a_wait_that_is_interrupted_cancels_the_job(client, job_file, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlflow_plugins.jobs.plugin.SubmittedJob._follow", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(str(job_file), backend="studio", synchronous=False, backend_config={"wait": True})
    newest = list_jobs(client, max_results=1).items[0]
    assert get_job(client, newest.run_id).status is JobStatus.CANCELED


def test_an_agent_that_is_silent_counts_as_gone(client, unique_name):
    sign = NodeSign(client, (unique_name,))
    sign.give({"cpus": 4, "busy": {unique_name: 1}})
    (node,) = [one for one in list_nodes(client) if unique_name in one.computes]
    assert (node.cpus, dict(node.busy)) == (4, {unique_name: 1})
    client.set_tag(sign._record_id, "studio.seen", "1000.5")
    assert unique_name not in {name for one in list_nodes(client) for name in one.computes}
    another = NodeSign(client, ())
    another.give({})  # whoever starts later removes what is long gone
    assert client.get_run(sign._record_id).info.lifecycle_stage == "deleted"
    another.remove()


def test_a_job_that_waits_says_why(driver, client, unique_name):
    create_compute(client, {"name": unique_name, "type": "local", "remote": True})
    job = driver.submit("true", compute=unique_name)
    assert f"mlflow-studio agent --compute {unique_name}" in why_it_waits(client, job)
    sign = NodeSign(client, (unique_name,))
    sign.give({})
    assert "as soon as it has a free place" in why_it_waits(client, job)
    assert compute_status(client, unique_name).state == "Idle"
    stop_compute(client, unique_name)
    assert f"mlflow-studio compute start {unique_name}" in why_it_waits(client, job)
    sign.remove()
    cancel_job(client, job.run_id)
