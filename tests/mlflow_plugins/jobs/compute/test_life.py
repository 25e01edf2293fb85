"""Computes at work: real agents, real jobs, and what the machine has as the limit."""

import time
from pathlib import Path

import pytest

from mlflow_plugins.jobs import (
    JobStatus,
    compute_status,
    create_compute,
    list_jobs,
    list_nodes,
    resubmit,
    start_compute,
    stop_compute,
    submit,
    update_compute,
)
from mlflow_plugins.jobs._job import read_state
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.compute import this_machine

pytestmark = pytest.mark.usefixtures("agent")


@pytest.fixture
def compute(client, unique_name):
    """A compute of the shared machine whose instances are small."""
    create_compute(
        client,
        {"name": unique_name, "type": "local", "cpus": 0.1, "memory_gib": 0.4, "max_instances": 2},
    )
    return unique_name


def gated(gate: Path) -> str:
    return f"echo ready; while [ ! -e {gate} ]; do sleep 0.1; done"


def wait_until_running(driver, *jobs):
    driver.wait_until(
        lambda: all(driver.get(job).status is JobStatus.RUNNING for job in jobs), "they run"
    )


def test_a_stopped_compute_starts_nothing_and_what_runs_goes_on(driver, client, compute, tmp_path):
    gate = tmp_path / "gate"
    first = driver.submit(gated(gate), compute=compute)
    wait_until_running(driver, first)
    stop_compute(client, compute)
    time.sleep(1)  # the agent has seen it
    second = driver.submit("true", compute=compute)
    gate.touch()
    assert driver.wait_for_end(first).status is JobStatus.COMPLETED
    driver.wait_for_end(driver.submit("true"))  # others do not wait
    status = compute_status(client, compute)
    assert (status.state, status.queue_length) == ("Stopped", "1")
    assert driver.get(second).status is JobStatus.QUEUED
    start_compute(client, compute)
    assert driver.wait_for_end(second).status is JobStatus.COMPLETED


def test_no_more_instances_than_a_compute_has(driver, client, compute, tmp_path):
    gate = tmp_path / "gate"
    jobs = [driver.submit(gated(gate), compute=compute) for _ in range(3)]
    wait_until_running(driver, *jobs[:2])
    driver.wait_until(lambda: compute_status(client, compute).busy_instances == 2, "it is told")
    status = compute_status(client, compute)
    assert (status.state, status.queue_length, len(status.running)) == ("Running", "1", 2)
    assert list_nodes(client)[0].cpus == this_machine().size.cpus
    update_compute(client, compute, max_instances=3)
    wait_until_running(driver, *jobs)
    gate.touch()
    assert {driver.wait_for_end(job).status for job in jobs} == {JobStatus.COMPLETED}


def test_priority_comes_before_age(driver, client, compute, tmp_path):
    notes = tmp_path / "notes"
    update_compute(client, compute, max_instances=1)
    stop_compute(client, compute)
    time.sleep(1)
    order = ["low", "medium", "high", "medium", "high"]
    jobs = [
        driver.submit(
            f"echo {priority}{n} >> {notes}",
            compute=compute,
            queue_settings={"priority": priority},
        )
        for n, priority in enumerate(order)
    ]
    start_compute(client, compute)
    for job in jobs:
        driver.wait_for_end(job)
    assert notes.read_text().split() == ["high2", "high4", "medium1", "medium3", "low0"]


def test_a_job_that_uses_too_much_memory_is_stopped(driver, compute):
    """Also if it is a grandchild that uses it; the whole family ends."""
    grab = "import time; x = bytearray(800 << 20); print(1, flush=True); time.sleep(600)"
    job = driver.submit(f"(python -c '{grab}' &) ; sleep 600", compute=compute)
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.FAILED
    assert "used more than its memory limit (0.40 GiB)" in ended.error


def test_a_job_gets_its_share(driver, client, unique_name):
    n_cores = this_machine().size.cpus
    create_compute(
        client, {"name": unique_name, "type": "amlcompute", "size": "Standard_M128", "tier": None}
    )
    job = driver.submit("echo threads $OMP_NUM_THREADS", compute=f"azureml:{unique_name}")
    driver.wait_for_end(job)
    assert driver.own_lines(job) == [f"threads {n_cores:g}"]
    assert "Standard_M128 is 128 cpus" in driver.log(job).splitlines()[1]
    assert "Standard_M128" not in client.get_run(job.run_id).data.tags.get("studio.warnings", "")


def test_a_command_that_fails_is_tried_again_after_pauses(driver, client, tmp_path):
    notes = tmp_path / "notes"
    job = driver.submit(
        f"echo x >> {notes}; [ $(wc -l < {notes}) -ge 3 ]",
        retry_settings={"max_retries": 2, "backoff": 0.3},
    )
    ended = driver.wait_for_end(job)
    assert (ended.status, ended.attempt, ended.n_failures) == (JobStatus.COMPLETED, 3, 2)
    log = driver.log(job)
    assert "Retry 1 of 2 comes in 0.3 seconds" in log
    assert "Retry 2 of 2 comes in 0.6 seconds" in log
    always = driver.submit("exit 3", retry_settings={"max_retries": 1, "backoff": 0})
    ended = driver.wait_for_end(always)
    assert (ended.status, ended.attempt) == (JobStatus.FAILED, 2)
    assert "exit code 3" in ended.error


def test_a_job_that_pauses_is_in_nobodys_way(driver, client, compute, tmp_path):
    update_compute(client, compute, max_instances=1)
    job = driver.submit(
        "exit 1", compute=compute, retry_settings={"max_retries": 1, "backoff": 600}
    )
    driver.wait_until(lambda: driver.get(job).retry_at, "it pauses")
    assert driver.wait_for_end(driver.submit("true", compute=compute)).error == ""
    assert driver.get(job).status is JobStatus.QUEUED
    queue = JobQueue(client)
    queue.records.set_tags(job.record_id, {"studio.retry_at": "1.0"})
    assert driver.wait_for_end(job).attempt == 2
    assert "studio.retry_at" not in read_state(client, job.record_id).tags


def test_a_job_is_submitted_again_from_what_the_server_keeps(driver, client, tmp_path, compute):
    code = tmp_path / "code"
    code.mkdir()
    (code / "run.sh").write_text('echo "$1 $(cat $2)"\n')
    (tmp_path / "words.txt").write_text("words")
    document = {
        "command": "bash run.sh ${{inputs.who}} ${{inputs.file}}",
        "code": "code",
        "inputs": {"who": "me", "file": {"type": "uri_file", "path": "words.txt"}},
        "display_name": "greeting",
    }
    first = submit(client, document, base_folder=tmp_path)
    driver.wait_for_end(first)
    for file in (code / "run.sh", tmp_path / "words.txt"):
        file.unlink()
    again = resubmit(client, first.run_id)
    other = resubmit(
        client, again.run_id, inputs={"who": "you"}, compute=compute, display_name="another"
    )
    for job in (again, other):
        assert driver.wait_for_end(job).error == ""
    assert driver.own_lines(again) == ["me words"]
    assert driver.own_lines(other) == ["you words"]
    assert (again.display_name, other.display_name) == ("greeting", "another")
    assert driver.get(other).compute == compute
    tags = client.get_run(other.run_id).data.tags
    assert tags["studio.resubmitted_from"] == again.run_id
    found = list_jobs(client, compute=compute, status="completed", text="NOTH", type="command")
    assert [job.run_id for job in found.items] == [other.run_id]
    assert list_jobs(client, compute=compute, status="failed").items == []


def test_a_submission_with_a_name_becomes_one_job(driver, client, unique_name, tmp_path):
    document = {"command": f"echo x >> {tmp_path / 'notes'}"}
    jobs = [
        submit(client, document, base_folder=tmp_path, client_token=unique_name) for _ in range(3)
    ]
    assert len({job.run_id for job in jobs}) == 1
    driver.wait_for_end(jobs[0])
    again = submit(client, document, base_folder=tmp_path, client_token=unique_name)
    assert again.status is JobStatus.COMPLETED
    assert (tmp_path / "notes").read_text() == "x\n"
