"""Jobs on a Ray cluster of two nodes on this machine, with real agents."""

import os
import signal
import stat
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest
import requests

from mlflow_plugins.core import NotAllowed
from mlflow_plugins.core.processes import free_port
from mlflow_plugins.jobs import JobStatus, cancel_job, own_metrics, read_log, submit_file
from mlflow_plugins.jobs.backends._base import Ticket
from mlflow_plugins.jobs.backends._ray_api import Access, RayApi
from mlflow_plugins.jobs.backends._ray_head import RayHead
from mlflow_plugins.jobs.backends.local import LocalBackend
from mlflow_plugins.jobs.backends.ray import RayBackend

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

PATIENCE_SECONDS = 240  # Ray starts a dozen processes; on a busy machine that takes its time

JOB = """
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
command: python count.py ${{inputs.table}} ${{outputs.sum}} --times ${{inputs.times}}
code: src
inputs:
  table: {type: uri_file, path: table.csv}
  times: 2
outputs:
  sum: {type: uri_file}
environment_variables: {WORD: "a 'b' $c"}
compute: local
"""

COUNT = """
import os, sys
from pathlib import Path
import mlflow
values = [int(line) for line in Path(sys.argv[1]).read_text().split()]
total = sum(values) * int(sys.argv[4])
Path(sys.argv[2]).write_text(str(total))
mlflow.log_metric("total", total)
print("total", total, os.environ["WORD"])
"""


class Cluster:
    """The head, and the agent that has it."""

    def __init__(self, head):
        self.head = head
        self.state = head.state()
        self.api = RayApi(head.access(self.state))

    def nodes(self):
        answer = requests.get(
            f"{self.state.address}/api/v0/nodes",
            headers={"Authorization": f"Bearer {self.head.token_file.read_text()}"},
            timeout=30,
        )
        rows = answer.json()["data"]["result"]["result"]
        return {row["node_id"] for row in rows if row["state"] == "ALIVE"}

    def node_of(self, job):
        for one in self.api.submissions():
            if (one["metadata"] or {}).get("mlflow_run_id") == job.run_id:
                return one["driver_node_id"]
        return None

    @contextmanager
    def second_node(self, folder, driver):
        """Another node; yields the process that has all of it below it."""
        before = self.nodes()
        log = folder / "node.log"
        log.touch()
        process = LocalBackend().start(
            f"exec ray start --block --address={self.state.gcs_address} --num-cpus=2 "
            "--node-ip-address=127.0.0.1 --object-store-memory=80000000 --disable-usage-stats "
            f"--dashboard-agent-listen-port={free_port()} --include-log-monitor=false",
            environment={
                **os.environ,
                **self.head.client_environment(),
                "TMPDIR": str(folder),  # a machine that is killed cleans nothing up
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            folder=folder,
            log=log,
            ticket=Ticket(key="node", number=1),
        )
        try:
            driver.wait_until(lambda: len(self.nodes() - before) == 1, "the second node joined")
            guard = next(
                child
                for child in psutil.Process().children()
                if any("_guard.py" in word for word in child.cmdline())
                and any("--address=" in word for word in child.cmdline())
            )
            yield (self.nodes() - before).pop(), guard
        finally:
            process.stop(3)


@pytest.fixture
def driver(driver):
    driver.wait_until = partial(driver.wait_until, seconds=PATIENCE_SECONDS)
    return driver


@pytest.fixture
def cluster(ray_head):
    return Cluster(ray_head)


@pytest.fixture
def job_file(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "count.py").write_text(COUNT)
    (tmp_path / "table.csv").write_text("1\n2\n3\n")

    def write(compute):
        path = tmp_path / f"{compute}.yml"
        path.write_text(JOB.replace("compute: local", f"compute: {compute}"))
        return path

    return write


def gated(gate, pids):
    return (
        f"(setsid sleep 600 & echo $! >> {pids}); sleep 601 & echo $! >> {pids}; "
        f"echo $$ >> {pids}; echo ready; while [ ! -e {gate} ]; do sleep 0.1; done; echo through"
    )


def wait_until_ready(driver, job):
    driver.wait_until(lambda: "ready" in read_log(driver.client, job.run_id).text, "it began")


def are_gone(driver, pids):
    return not any(driver.is_running(int(line)) for line in pids.read_text().split())


def test_the_same_file_runs_here_and_on_ray(driver, ray_agent, job_file, tmp_path):
    jobs = [submit_file(driver.client, job_file(compute)) for compute in ("local", "ray")]
    ended = [driver.wait_for_end(job) for job in jobs]
    assert [job.error for job in ended] == ["", ""]
    assert [job.compute for job in ended] == ["local", "ray"]
    assert driver.own_lines(jobs[0]) == driver.own_lines(jobs[1]) == ["total 12 a 'b' $c"]
    for job in jobs:
        driver.wait_until(
            lambda j=job: driver.client.get_run(j.run_id).info.status == "FINISHED", "it is shown"
        )
        assert own_metrics(driver.client.get_run(job.run_id)) == {"total": 12.0}
        assert [f.path for f in driver.client.list_artifacts(job.run_id, "outputs")] == [
            "outputs/sum"
        ]


def test_a_failing_command_says_how(driver, ray_agent):
    job = driver.submit("echo one; echo two >&2; exit 3", compute="ray")
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.FAILED
    assert ended.attempt == 1
    assert ended.error.splitlines() == [
        "The command ended with exit code 3.",
        "The end of its log:",
        "one",
        "two",
    ]
    assert driver.own_lines(job) == ["one", "two"]


def test_an_input_that_is_gone_is_named(driver, ray_agent):
    uri = "http://127.0.0.1:1/table.csv"
    job = driver.submit(
        "cat ${{inputs.t}}", compute="ray", inputs={"t": {"type": "uri_file", "path": uri}}
    )
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.FAILED
    assert f"{uri} cannot be read" in ended.error


def test_a_cancelled_job_ends_on_its_node(driver, ray_agent, cluster, tmp_path):
    pids = tmp_path / "pids"
    job = driver.submit(gated(tmp_path / "gate", pids), compute="ray")
    wait_until_ready(driver, job)
    cancel_job(driver.client, job.run_id)
    assert driver.wait_for_end(job).status is JobStatus.CANCELED
    driver.wait_until(lambda: are_gone(driver, pids), "the command is gone")
    driver.wait_until(lambda: cluster.node_of(job) is None, "Ray has forgotten it")


@pytest.mark.fault
def test_a_job_of_a_killed_runner_is_tried_again_after_its_end(driver, ray_agent, tmp_path):
    """No two attempts overlap: each takes a lock that the other would have to wait for."""
    gate, lock = tmp_path / "gate", tmp_path / "lock"
    command = (
        f"exec 9>{lock}; flock --nonblock 9 || {{ echo overlap; exit 9; }}; echo ready; "
        f"while [ ! -e {gate} ]; do sleep 0.1; done; echo through"
    )
    job = driver.submit(command, compute="ray")
    wait_until_ready(driver, job)
    for runner in ray_agent.runners():
        runner.kill()
    driver.wait_until(
        lambda: read_log(driver.client, job.run_id).text.count("ready") == 2, "it began again"
    )
    gate.touch()
    ended = driver.wait_for_end(job)
    assert (ended.status, ended.attempt) == (JobStatus.COMPLETED, 2)
    assert driver.own_lines(job) == ["ready", "ready", "through"]


@pytest.mark.fault
@pytest.mark.slow
def test_a_job_whose_node_is_killed_is_tried_again_on_another(driver, ray_agent, cluster, tmp_path):
    both = {"resources": {"properties": {"cpus": 2}}, "compute": "ray"}
    first_gate, gate, pids = tmp_path / "first", tmp_path / "gate", tmp_path / "pids"
    filler = driver.submit(gated(first_gate, tmp_path / "filler"), **both)
    wait_until_ready(driver, filler)  # the head is full
    with cluster.second_node(tmp_path, driver) as (node, guard):
        job = driver.submit(gated(gate, pids), **both)
        wait_until_ready(driver, job)
        assert cluster.node_of(job) == node
        assert cluster.node_of(filler) != node
        family = [guard, *guard.children(recursive=True)]
        for process in family:
            if process.is_running():
                process.send_signal(signal.SIGKILL)
        driver.wait_until(lambda: "was lost" in read_log(driver.client, job.run_id).text, "noticed")
        assert are_gone(driver, pids)
        first_gate.touch()
        assert driver.wait_for_end(filler).status is JobStatus.COMPLETED
        driver.wait_until(lambda: driver.get(job).attempt == 2, "it is tried again")
        gate.touch()
        ended = driver.wait_for_end(job)
    assert (ended.status, ended.attempt) == (JobStatus.COMPLETED, 2), ended.error
    assert driver.own_lines(job) == ["ready", "ready", "through"]
    log = driver.log(job)
    assert log.index("attempt 1 on") < log.index("Attempt 1 was lost") < log.index("attempt 2 on")
    driver.wait_until(lambda: are_gone(driver, pids), "nothing is left")


def test_a_head_wants_its_token(driver, ray_agent, cluster):
    address, token = cluster.state.address, cluster.head.token_file.read_text()
    assert stat.S_IMODE(cluster.head.token_file.stat().st_mode) == 0o600
    assert requests.get(f"{address}/api/jobs/", timeout=30).status_code == 401
    with pytest.raises(NotAllowed, match=r"answers 403: it wants its token\. Set RAY_AUTH_TOKEN"):
        RayApi(Access(address=address, token="another")).check()
    job = driver.submit("env", compute="ray")
    driver.wait_for_end(job)
    assert token not in driver.log(job)
    assert token not in repr(cluster.head.access(cluster.state))
    assert token not in cluster.head.log_file.read_text()


@pytest.mark.slow
def test_a_head_comes_with_its_first_job_and_goes_when_it_is_idle(tmp_path):
    options = {
        "address": None,
        "folder": str(tmp_path / "ray"),
        "idle_time_before_scale_down": 2,
        "num_cpus": 1,
        "object_store_memory": 80 << 20,
    }
    log = tmp_path / "log"
    log.touch()

    def start(command, number):
        ticket = Ticket(key=f"job{number}", number=1)
        return RayBackend(options).start(
            command, environment={}, folder=tmp_path, log=log, ticket=ticket
        )

    def until(is_so):
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    head = RayHead(tmp_path / "ray")
    assert head.state() is None
    processes = [start(f"echo {number}", number) for number in range(3)]  # one head for all
    until(lambda: head.state() is not None)
    address = head.state().address
    until(lambda: all(process.poll() is not None for process in processes))
    assert [process.poll() for process in processes] == [0, 0, 0]
    assert sorted(log.read_text().split()) == ["0", "1", "2"]
    until(lambda: head.state() is None)
    until(lambda: not processes_with(address))


def processes_with(address):
    port = address.rpartition(":")[2]
    found = psutil.process_iter(["cmdline"])
    return [one for one in found if port in " ".join(one.info["cmdline"] or [])]
