"""Distributions: real processes that know who they are."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import psutil
import pytest

from mlflow_plugins.jobs._distribution import distributed, members, mpirun
from mlflow_plugins.jobs._spec import parse_command_job


def launch(distribution, command, **options):
    job = parse_command_job({"command": command, "distribution": distribution})
    return subprocess.run(
        ["/bin/bash", "-c", distributed(job.distribution, command)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def without_mpirun(tmp_path):
    """An environment in which there is a shell and no MPI."""
    for program in ("bash", "echo", "sleep"):
        (tmp_path / program).symlink_to(f"/bin/{program}")
    return {**os.environ, "PATH": str(tmp_path)}


def test_no_distribution_changes_nothing():
    assert distributed(None, "python train.py") == "python train.py"


def test_pytorch_processes_find_one_another():
    answer = launch(
        {"type": "pytorch", "process_count_per_instance": 3},
        "echo $RANK $LOCAL_RANK $WORLD_SIZE $LOCAL_WORLD_SIZE $NODE_RANK $MASTER_ADDR $MASTER_PORT",
    )
    assert answer.returncode == 0
    lines = sorted(answer.stdout.splitlines())
    assert [line.partition(" 127")[0] for line in lines] == [
        f"[rank {rank}] {rank} {rank} 3 3 0" for rank in range(3)
    ]
    assert len({line.split()[-1] for line in lines}) == 1


def test_mpi_without_mpirun_gives_open_mpis_ranks(tmp_path):
    answer = launch(
        {"type": "mpi", "process_count_per_instance": 2},
        "echo $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE, $OMPI_COMM_WORLD_LOCAL_RANK",
        env=without_mpirun(tmp_path),
    )
    assert sorted(answer.stdout.splitlines()) == ["[rank 0] 0 of 2, 0", "[rank 1] 1 of 2, 1"]


@pytest.mark.parametrize(
    ("version", "own"),
    [
        ("mpirun (Open MPI) 4.1.4", ["--allow-run-as-root", "--oversubscribe", "--tag-output"]),
        ("HYDRA build details:", ["-prepend-rank"]),
    ],
)
def test_an_mpirun_that_is_there_is_used(tmp_path, monkeypatch, version, own):
    program = tmp_path / "mpirun"
    program.write_text(f"#!/bin/bash\necho '{version}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert mpirun(4, "x") == [str(program), "-n", "4", *own, "/bin/bash", "-c", "x"]


def test_tensorflow_ends_when_its_workers_have_ended():
    answer = launch(
        {"type": "tensorflow", "worker_count": 2, "parameter_server_count": 1},
        'case "$TF_CONFIG" in *\'"type": "ps"\'*) exec sleep 300;; *) echo done;; esac',
    )
    assert answer.returncode == 0
    assert sorted(answer.stdout.splitlines()) == ["[worker 0] done", "[worker 1] done"]


def test_tensorflows_cluster_is_the_same_for_all():
    configs = [json.loads(one.environment["TF_CONFIG"]) for one in members("tensorflow", 2, 1)]
    [cluster] = {json.dumps(one["cluster"]) for one in configs}
    assert {role: len(places) for role, places in json.loads(cluster).items()} == {
        "ps": 1,
        "worker": 2,
    }
    tasks = [(one["task"]["type"], one["task"]["index"]) for one in configs]
    assert tasks == [("ps", 0), ("worker", 0), ("worker", 1)]


def test_one_that_fails_ends_all():
    answer = launch(
        {"type": "pytorch", "process_count_per_instance": 2},
        'if [ "$RANK" = 1 ]; then exit 3; fi; exec sleep 300',
    )
    assert answer.returncode == 3
    assert answer.stdout == "[rank 1] ended with exit code 3.\n"


def test_one_process_has_a_plain_log():
    answer = launch({"type": "pytorch"}, "echo alone; kill -9 $$")
    assert answer.returncode == 128 + signal.SIGKILL
    assert answer.stdout == "alone\n[rank 0] ended with exit code 137.\n"


def test_being_asked_to_end_ends_all():
    job = parse_command_job(
        {
            "command": "echo $$; exec sleep 300",
            "distribution": {"type": "pytorch", "process_count_per_instance": 2},
        }
    )
    command = shlex.split(distributed(job.distribution, job.command))
    assert command[0] == sys.executable
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        pids = [int(process.stdout.readline().split()[-1]) for _ in range(2)]
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
    deadline = time.monotonic() + 30
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)
