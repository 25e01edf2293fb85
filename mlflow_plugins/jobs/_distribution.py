"""Starts one command as several processes of this machine that find one another.

    python -m mlflow_plugins.jobs._distribution pytorch --workers 4 -- 'python train.py'

Each process gets the variables that its framework reads: those of ``torch.distributed``, Open MPI's
ranks, or ``TF_CONFIG``. Their output is one stream; where there is more than one process, each line
begins with its name. The first process that fails ends the others, and its exit code is the exit
code of them all.
"""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow_plugins.jobs._fields import Distribution

_HOST = "127.0.0.1"
_SHELL = "/bin/bash"
_GRACE_SECONDS = 5.0


def distributed(distribution: "Distribution | None", command: str) -> str:
    """Return the shell command that starts a job's processes; as it is without a distribution."""
    if distribution is None or distribution.type == "ray":
        return command
    if distribution.type == "tensorflow":
        counts = [f"--workers={distribution.worker_count}"]
        counts.append(f"--parameter-servers={distribution.parameter_server_count}")
    else:
        counts = [f"--workers={distribution.process_count_per_instance}"]
    module = [sys.executable, "-P", "-m", "mlflow_plugins.jobs._distribution"]
    return shlex.join([*module, distribution.type, *counts, "--", command])


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of the processes.

    Attributes:
        name: What its lines in the log begin with.
        environment: The variables that tell it who it is.
        is_server: It serves the others and does not end by itself.
    """

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    is_server: bool = False


def members(kind: str, n_workers: int, n_servers: int = 0) -> list[Member]:
    """Return the processes of a distribution, with free ports of this machine."""
    if kind == "tensorflow":
        return _tensorflow(n_workers, n_servers)
    port = _free_ports(1)[0]
    make = _open_mpi if kind == "mpi" else _torch
    meeting = {"MASTER_ADDR": _HOST, "MASTER_PORT": str(port), "NODE_RANK": "0"}
    return [
        Member(name=f"rank {rank}", environment=meeting | make(rank, n_workers))
        for rank in range(n_workers)
    ]


def _torch(rank: int, n_workers: int) -> dict[str, str]:
    ranks = dict.fromkeys(("RANK", "LOCAL_RANK"), str(rank))
    return ranks | dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(n_workers))


def _open_mpi(rank: int, n_workers: int) -> dict[str, str]:
    prefix = "OMPI_COMM_WORLD_"
    ranks = dict.fromkeys((f"{prefix}RANK", f"{prefix}LOCAL_RANK"), str(rank))
    sizes = dict.fromkeys((f"{prefix}SIZE", f"{prefix}LOCAL_SIZE"), str(n_workers))
    return ranks | sizes | {f"{prefix}NODE_RANK": "0"}


def _tensorflow(n_workers: int, n_servers: int) -> list[Member]:
    tasks = [("ps", index) for index in range(n_servers)]
    tasks += [("worker", index) for index in range(n_workers)]
    places = [f"{_HOST}:{port}" for port in _free_ports(len(tasks))]
    cluster: dict[str, list[str]] = {}
    for (role, _), place in zip(tasks, places, strict=True):
        cluster.setdefault(role, []).append(place)
    return [
        Member(
            name=f"{role} {index}",
            environment={
                "TF_CONFIG": json.dumps(
                    {"cluster": cluster, "task": {"type": role, "index": index}}
                )
            },
            is_server=role == "ps",
        )
        for role, index in tasks
    ]


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind((_HOST, 0))
        return [one.getsockname()[1] for one in sockets]


def mpirun(n_workers: int, command: str) -> list[str] | None:
    """Return the call of this machine's ``mpirun``, or None if it has none."""
    program = shutil.which("mpirun")
    if program is None:
        return None
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    own = ["-prepend-rank"]
    if "Open MPI" in answer.stdout:
        own = ["--allow-run-as-root", "--oversubscribe", "--tag-output"]
    return [program, "-n", str(n_workers), *own, _SHELL, "-c", command]


# ---------------------------------------------------------------- running them


class Family:
    """The processes of one command."""

    def __init__(self, group: list[Member], command: str) -> None:
        self._group = group
        self._processes = [
            subprocess.Popen(
                [_SHELL, "-c", command],
                env={**os.environ, **member.environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            for member in group
        ]
        self._writing = threading.Lock()
        self._readers = [
            threading.Thread(target=self._copy, args=pair, daemon=True)
            for pair in zip(group, self._processes, strict=True)
        ]

    def run(self) -> int:
        """Wait until all have ended, or one has failed; return the exit code."""
        for reader in self._readers:
            reader.start()
        try:
            code = self._wait()
        finally:
            self._end()
        for reader in self._readers:
            reader.join(_GRACE_SECONDS)
        return code

    def _wait(self) -> int:
        while True:
            codes = [process.poll() for process in self._processes]
            failed = next((index for index, code in enumerate(codes) if code), None)
            if failed is not None:
                return self._tell_failure(failed, _plain(codes[failed] or 0))
            if all(
                code == 0 or member.is_server
                for member, code in zip(self._group, codes, strict=True)
            ):
                return 0
            time.sleep(0.05)

    def _tell_failure(self, index: int, code: int) -> int:
        """Say who failed, after the last of its own words."""
        self._readers[index].join(_GRACE_SECONDS)
        self._write(f"[{self._group[index].name}] ended with exit code {code}.\n".encode())
        return code

    def _end(self) -> None:
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()

    def _copy(self, member: Member, process: "subprocess.Popen[bytes]") -> None:
        prefix = f"[{member.name}] ".encode() if len(self._group) > 1 else b""
        for line in process.stdout or ():
            self._write(prefix + line)

    def _write(self, line: bytes) -> None:
        with self._writing:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()


def _plain(code: int) -> int:
    """Return a process's exit code as a shell does: 128 + n if signal n ended it."""
    return code if code >= 0 else 128 - code


def _stop(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    """Start the processes and wait for them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mlflow_plugins.jobs._distribution")
    parser.add_argument("kind", choices=["pytorch", "mpi", "tensorflow"])
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--parameter-servers", type=int, default=0)
    parser.add_argument("command")
    given = parser.parse_args(arguments)
    if given.kind == "mpi" and (call := mpirun(given.workers, given.command)):
        os.execv(call[0], call)  # noqa: S606
    signal.signal(signal.SIGTERM, _stop)
    group = members(given.kind, given.workers, given.parameter_servers)
    return Family(group, given.command).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
