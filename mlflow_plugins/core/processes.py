"""Processes that we start: recognising them later, and ending whole families of them."""

import contextlib
import os
import signal
import socket
import time
from dataclasses import dataclass
from typing import Self

import psutil


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process that can be recognised after a restart of whoever started it.

    A process id alone is used again sooner or later; with the host and the time of its start it
    names one process for ever.
    """

    host: str
    pid: int
    started_at: float

    @classmethod
    def of(cls, pid: int | None = None) -> Self:
        """Return the identity of a running process, by default of this one."""
        process = psutil.Process(pid)
        return cls(socket.gethostname(), process.pid, process.create_time())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str()`` of an identity wrote."""
        host, pid, started_at = text.rsplit(":", 2)
        return cls(host, int(pid), float(started_at))

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.started_at!r}"

    @property
    def is_local(self) -> bool:
        """Whether it is, or was, a process of this machine."""
        return self.host == socket.gethostname()

    def find(self) -> psutil.Process | None:
        """Return the process if it runs on this machine, else None."""
        if not self.is_local:
            return None
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started_at) < 0.1 and _is_at_work(process):
                return process
        return None


def stop_tree(pid: int, *, grace_seconds: float) -> None:
    """End a process and all its descendants: ask first, kill what is left after the grace.

    The descendants are listed before anything is asked to end, so that those whose parent ends
    first are found too. Exit codes are left to whoever started the processes.
    """
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    _end(family[:1], signal.SIGTERM, timeout_seconds=grace_seconds)
    _end(family[1:], signal.SIGTERM, timeout_seconds=min(grace_seconds, 2.0))
    _end(family, signal.SIGKILL, timeout_seconds=5.0)


def _end(processes: list[psutil.Process], number: int, *, timeout_seconds: float) -> None:
    """Send a signal to those that still run and wait until none does.

    Not `psutil.wait_procs`: it takes the exit codes away from whoever started the processes.
    """
    alive = [process for process in processes if _is_at_work(process)]
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    deadline = time.monotonic() + timeout_seconds
    while any(map(_is_at_work, alive)) and time.monotonic() < deadline:
        time.sleep(0.02)


def _is_at_work(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def thread_limits(n_threads: int) -> dict[str, str]:
    """Return the environment that keeps a child within its share of the processors.

    Numeric libraries start one thread for each processor; several such processes on one machine
    wait for one another at every barrier and become ten times slower unless waiting is passive.
    """
    count = str(n_threads)
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
    }


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_port_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def exit_with_parent(parent_pid: int) -> None:
    """Have the kernel send this process SIGTERM when its parent dies, however it dies (Linux).

    Args:
        parent_pid: The parent as the child was told; if it is gone already, SIGTERM comes at once.
    """
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)
