"""Whatever is killed: every job runs to one end, and no process is left behind."""

import time
from collections import Counter

import psutil
import pytest

from mlflow_plugins.core import Leases
from mlflow_plugins.jobs import JobStatus, cancel_job, read_log
from mlflow_plugins.jobs._queue import has_outcome, read_state

pytestmark = pytest.mark.fault


@pytest.fixture
def gate(tmp_path):
    """A file for which `gated` commands wait."""
    return tmp_path / "gate"


def gated(gate, pids):
    """A command with a child and a runaway grandchild that waits until the gate is open."""
    return (
        f"(setsid sleep 600 & echo $! >> {pids}); sleep 601 & echo $! >> {pids}; "
        f"echo $$ >> {pids}; echo ready; while [ ! -e {gate} ]; do sleep 0.1; done; echo through"
    )


def wait_until_ready(driver, job, n_times=1):
    driver.wait_until(
        lambda: read_log(driver.client, job.run_id).text.count("ready") >= n_times,
        f"the command began {n_times} times",
    )


def all_gone(driver, pids):
    return not any(driver.is_running(int(line)) for line in pids.read_text().split())


def test_a_job_survives_its_agent(driver, start_agent, gate, tmp_path):
    pids = tmp_path / "pids"
    agent = start_agent()
    job = driver.submit(gated(gate, pids))
    wait_until_ready(driver, job)
    agent.kill()
    successor = start_agent()
    driver.wait_until(lambda: "Agent" in repr(successor), "the next agent began")
    time.sleep(2)
    gate.touch()
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.COMPLETED
    assert ended.attempt == 1
    assert driver.own_lines(job) == ["ready", "through"]
    assert all_gone(driver, pids)


def test_a_job_needs_no_agent_to_end(driver, start_agent, gate, tmp_path):
    agent = start_agent()
    job = driver.submit(gated(gate, tmp_path / "pids"))
    wait_until_ready(driver, job)
    agent.kill()
    gate.touch()
    assert driver.wait_for_end(job).status is JobStatus.COMPLETED
    assert all_gone(driver, tmp_path / "pids")


def test_agent_and_runner_killed(driver, start_agent, gate, tmp_path):
    pids = tmp_path / "pids"
    agent = start_agent()
    job = driver.submit(gated(gate, pids))
    wait_until_ready(driver, job)
    runners = agent.runners()
    agent.kill()
    for runner in runners:
        runner.kill()
    driver.wait_until(lambda: all_gone(driver, pids), "the command died with its runner")
    assert driver.get(job).status is JobStatus.RUNNING
    gate.touch()
    start_agent()
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.COMPLETED
    assert ended.attempt == 2
    assert driver.own_lines(job) == ["ready", "ready", "through"]
    assert all_gone(driver, pids)


def test_runner_and_guard_killed_at_once(driver, start_agent, gate, tmp_path):
    pids = tmp_path / "pids"
    agent = start_agent()
    job = driver.submit(gated(gate, pids))
    wait_until_ready(driver, job)
    for runner in agent.runners():
        guards = runner.children()
        runner.suspend()
        for guard in guards:
            guard.kill()
        runner.kill()
    gate.touch()
    assert driver.wait_for_end(job).status is JobStatus.COMPLETED
    assert all_gone(driver, pids)


def test_a_job_that_loses_every_runner_fails(driver, start_agent, gate, tmp_path):
    pids = tmp_path / "pids"
    agent = start_agent()
    job = driver.submit(gated(gate, pids))
    for attempt in (1, 2, 3):
        wait_until_ready(driver, job, attempt)
        for runner in agent.runners():
            runner.kill()
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.FAILED
    assert "killed in each of 3 attempts" in ended.error
    assert driver.client.get_run(job.run_id).info.status == "FAILED"
    assert all_gone(driver, pids)


def test_an_agent_that_is_asked_to_end_puts_its_jobs_back(driver, start_agent, gate, tmp_path):
    pids = tmp_path / "pids"
    agent = start_agent()
    job = driver.submit(gated(gate, pids))
    wait_until_ready(driver, job)
    agent.stop()
    assert all_gone(driver, pids)
    assert driver.get(job).status is JobStatus.QUEUED
    assert driver.client.get_run(job.run_id).info.status == "SCHEDULED"
    gate.touch()
    start_agent()
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.COMPLETED
    assert ended.attempt == 1
    assert driver.own_lines(job) == ["ready", "ready", "through"]


def test_a_queued_job_is_cancelled_without_any_agent(driver, start_agent):
    job = driver.submit("echo never")
    cancel_job(driver.client, job.run_id)
    assert driver.get(job).status is JobStatus.CANCELED
    assert driver.client.get_run(job.run_id).info.status == "KILLED"
    start_agent()
    other = driver.submit("true")
    driver.wait_for_end(other)
    assert driver.log(job) == ""


@pytest.mark.slow
def test_two_agents_run_each_of_twenty_jobs_once(driver, start_agent, tmp_path):
    notes = tmp_path / "notes"
    jobs = [driver.submit(f"echo {number} >> {notes}") for number in range(20)]
    for name in ("one", "two"):
        start_agent(name, MLFLOW_STUDIO_MAX_JOBS="3")
    ended = [driver.wait_for_end(job) for job in jobs]
    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    assert {job.attempt for job in ended} == {1}
    assert Counter(notes.read_text().split()) == {str(number): 1 for number in range(20)}


def test_a_runner_whose_lease_was_taken_stops_and_writes_nothing(
    driver, start_agent, gate, tmp_path
):
    pids = tmp_path / "pids"
    start_agent()
    job = driver.submit(gated(gate, pids))
    wait_until_ready(driver, job)
    lease = Leases(driver.client).take(
        job.record_id, holder="somebody else", seconds=600, holder_is_dead=lambda _: True
    )
    assert lease is not None
    driver.wait_until(lambda: all_gone(driver, pids), "the command was killed")
    time.sleep(1)
    record = read_state(driver.client, job.record_id)
    assert not has_outcome(record)
    assert record.status == "RUNNING"
    assert driver.client.get_run(job.run_id).info.status == "RUNNING"
    assert "ready" in read_log(driver.client, job.run_id).text
    Leases(driver.client).release(lease)
    gate.touch()
    assert driver.wait_for_end(job).status is JobStatus.COMPLETED


@pytest.mark.slow
def test_a_job_outlasts_an_outage_of_the_server(
    driver, start_agent, gate, tmp_path, tracking_server
):
    start_agent(MLFLOW_STUDIO_LEASE_SECONDS="4")
    job = driver.submit(gated(gate, tmp_path / "pids"))
    wait_until_ready(driver, job)
    server = psutil.Process(tracking_server.pid)
    family = [server, *server.children(recursive=True)]
    for process in family:
        process.suspend()
    try:
        gate.touch()
        time.sleep(10)
    finally:
        for process in reversed(family):
            process.resume()
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.COMPLETED
    assert ended.attempt == 1
    assert driver.own_lines(job) == ["ready", "through"]
