"""Whatever is killed: every job runs to one end, and no process is left behind."""

import os
import subprocess
import time
from collections import Counter
from contextlib import ExitStack

import psutil
import pytest

from mlflow_plugins.core import Leases, connect
from mlflow_plugins.core.processes import free_port
from mlflow_plugins.jobs import JobStatus, create_compute, read_log
from mlflow_plugins.jobs._job import has_outcome, read_state
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.compute import Demand
from mlflow_plugins.testing import servers

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


def test_a_job_survives_its_agents(driver, start_agent, gate, tmp_path):
    """Killed, killed with the runner, asked to end: the next agent carries on each time."""
    pids = tmp_path / "pids"
    first = start_agent()
    job = driver.submit(gated(gate, pids))
    wait_until_ready(driver, job)
    first.kill()
    gate.touch()
    ended = driver.wait_for_end(job)  # the runner needs no agent
    assert (ended.status, ended.attempt) == (JobStatus.COMPLETED, 1)

    gate.unlink()
    second = start_agent()
    job = driver.submit(gated(gate, pids))
    wait_until_ready(driver, job)
    runners = second.runners()
    second.kill()
    for runner in runners:
        runner.kill()
    driver.wait_until(lambda: all_gone(driver, pids), "the command died with its runner")
    assert driver.get(job).status is JobStatus.RUNNING

    third = start_agent()
    wait_until_ready(driver, job, 2)
    third.stop()
    assert all_gone(driver, pids)
    assert driver.get(job).status is JobStatus.QUEUED
    assert driver.client.get_run(job.run_id).info.status == "SCHEDULED"

    fourth = start_agent()
    wait_until_ready(driver, job, 3)
    fourth.kill()
    start_agent()
    time.sleep(2)  # the fifth agent finds the fourth one's runner and leaves it alone
    gate.touch()
    ended = driver.wait_for_end(job)
    assert (ended.status, ended.attempt) == (JobStatus.COMPLETED, 2)
    assert driver.own_lines(job) == ["ready", "ready", "ready", "through"]
    assert all_gone(driver, pids)


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


def test_an_agents_folder_may_need_quotes(driver, start_agent, tmp_path):
    (tmp_path / "x.txt").write_text("content\n")
    start_agent("my agent's folder")
    job = driver.submit(
        "cat ${{inputs.x}}", inputs={"x": {"type": "uri_file", "path": str(tmp_path / "x.txt")}}
    )
    assert driver.wait_for_end(job).error == ""
    assert driver.own_lines(job) == ["content"]


def test_a_job_that_the_agent_cannot_read_fails(driver, agent):
    run = driver.client.create_run("0")
    job = JobQueue(driver.client).put(
        {"type": "command", "job": {"from": "the future"}},
        run_id=run.info.run_id,
        experiment_id="0",
        display_name="x",
        demand=Demand(compute="local"),
        user="me",
    )
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.FAILED
    assert "may be older than the submitter" in ended.error


def test_runner_and_guard_killed_at_once(driver, agent, gate, tmp_path):
    pids = tmp_path / "pids"
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


def test_a_job_that_loses_every_runner_fails(driver, agent, gate, tmp_path):
    pids = tmp_path / "pids"
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


def test_a_runner_whose_lease_was_taken_stops_and_writes_nothing(driver, agent, gate, tmp_path):
    pids = tmp_path / "pids"
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
def test_a_job_outlasts_an_outage_of_the_server(driver, agent, gate, tmp_path, tracking_server):
    job = driver.submit(gated(gate, tmp_path / "pids"))
    wait_until_ready(driver, job)
    server = psutil.Process(tracking_server.pid)
    family = [server, *server.children(recursive=True)]
    for process in family:
        process.suspend()
    try:
        gate.touch()
        time.sleep(12)  # longer than a lease
    finally:
        for process in reversed(family):
            process.resume()
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.COMPLETED
    assert ended.attempt == 1
    assert driver.own_lines(job) == ["ready", "through"]


@pytest.mark.slow
def test_three_agents_run_every_job_once_and_do_not_oversubscribe(
    driver, client, start_agent, tmp_path, unique_name
):
    """Agents of one machine share it: of a compute with two instances never three have a job."""
    create_compute(
        client,
        {
            "name": unique_name,
            "type": "local",
            "remote": True,  # for these agents alone
            "cpus": 0.1,
            "memory_gib": 0.5,
            "max_instances": 2,
        },
    )
    notes = tmp_path / "notes"
    jobs = [
        driver.submit(
            f"echo + {n} >> {notes}; sleep 0.1; echo - {n} >> {notes}",
            compute=unique_name,
            queue_settings={"priority": "high" if n >= 12 else "low"},
        )
        for n in range(18)
    ]
    for name in ("one", "two", "three"):
        start_agent(name, MLFLOW_STUDIO_COMPUTES=unique_name)
    ended = [driver.wait_for_end(job) for job in jobs]
    assert {(job.status, job.attempt) for job in ended} == {(JobStatus.COMPLETED, 1)}
    lines = [line.split() for line in notes.read_text().splitlines()]
    assert Counter(n for sign, n in lines if sign == "+") == {str(n): 1 for n in range(18)}
    n_running, most = 0, 0
    for sign, _ in lines:
        n_running += 1 if sign == "+" else -1
        most = max(most, n_running)
    assert most <= 2
    order = [int(n) for sign, n in lines if sign == "+"]
    assert sorted(order[:6]) == [12, 13, 14, 15, 16, 17], "high priority came first"


@pytest.mark.slow
def test_a_killed_server_that_comes_back_loses_no_job(driver, start_agent, tmp_path, gate):
    """One job runs, another waits, while the server is killed and started on the same port."""
    folder = tmp_path / "server"
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(servers.tracking_server(folder, port=port))
        here = type(driver)(connect(server.uri))
        agent = start_agent("agent", server.uri)
        first = here.submit(gated(gate, tmp_path / "pids"))
        wait_until_ready(here, first)
        second = here.submit("echo second", queue_settings={"priority": "low"})
        kill_family(server.pid)
        gate.touch()  # the command ends while nobody can be told
        here.wait_until(lambda: all_gone(here, tmp_path / "pids"), "the command ended")
        stack.enter_context(
            servers.tracking_server(folder, port=port, database_uri=server.database_uri)
        )
        ended = [here.wait_for_end(job) for job in (first, second)]
        assert {(job.status, job.attempt) for job in ended} == {(JobStatus.COMPLETED, 1)}
        assert here.own_lines(first) == ["ready", "through"]
        assert here.own_lines(second) == ["second"]
    agent.stop()  # its server is away, and it ends all the same
    assert not agent.process.is_alive()


def kill_family(pid):
    root = psutil.Process(pid)
    family = [root, *root.children(recursive=True)]
    for process in family:
        process.kill()
    psutil.wait_procs(family)


def test_a_full_disk_fails_the_job_with_its_reason(
    driver, client, start_agent, tmp_path, unique_name
):
    """The agent's folder is on a small file system that a command fills; the next job runs."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a small file system")
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("this system lets nobody make a file system")
    try:
        create_compute(client, {"name": unique_name, "type": "local", "remote": True})
        agent = start_agent("small/agent", MLFLOW_STUDIO_COMPUTES=unique_name)
        fill = "echo begins; head -c 20000000 /dev/zero > outputs/zeros"
        full = driver.submit(fill, compute=unique_name)
        ended = driver.wait_for_end(full)
        assert ended.status is JobStatus.FAILED
        assert "No space left on device" in ended.error
        assert "begins" in driver.log(full)
        after = driver.submit("echo after", compute=unique_name)
        assert driver.wait_for_end(after).status is JobStatus.COMPLETED
        agent.stop()
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)
