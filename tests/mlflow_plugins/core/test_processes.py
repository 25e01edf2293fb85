"""Recognising and ending real processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.core import processes
from mlflow_plugins.core.processes import (
    ProcessIdentity,
    free_port,
    is_port_free,
    stop_tree,
    thread_limits,
)

_SECONDS = 30.0

_STUBBORN_FAMILY = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for generation in ("child", "grandchild"):
    if os.fork():
        break
    pathlib.Path(sys.argv[1], generation).write_text(str(os.getpid()))
else:
    pathlib.Path(sys.argv[1], "ready").touch()
time.sleep(600)
"""

# The module is loaded by its file: importing the package takes seconds.
_PARENT = """
import os, subprocess, sys, time
child, module = sys.argv[1:]
child = subprocess.Popen([sys.executable, "-c", child, module, str(os.getpid())])
print(child.pid, flush=True)
time.sleep(600)
"""
_CHILD = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("processes", sys.argv[1])
module = sys.modules["processes"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.exit_with_parent(int(sys.argv[2]))
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    started = []

    def begin(code: str, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", code, *arguments]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# ---------------------------------------------------------------- identity


@given(host=st.text(min_size=1), pid=st.integers(1, 2**22), started_at=st.floats(0, 1e11))
def test_identity_round_trip(host: str, pid: int, started_at: float):
    identity = ProcessIdentity(host, pid, started_at)
    assert ProcessIdentity.parse(str(identity)) == identity


def test_this_process_finds_itself():
    me = ProcessIdentity.parse(str(ProcessIdentity.of()))
    assert me.is_local
    assert me.host == socket.gethostname()
    found = me.find()
    assert found is not None
    assert found.pid == os.getpid()


def test_a_used_again_id_is_somebody_else():
    assert replace(ProcessIdentity.of(), started_at=1.0).find() is None


def test_another_machine_cannot_be_looked_at():
    elsewhere = replace(ProcessIdentity.of(), host="elsewhere")
    assert not elsewhere.is_local
    assert elsewhere.find() is None


def test_a_dead_process_is_not_found_even_before_it_is_reaped(start):
    process = start("import time; time.sleep(600)")
    identity = ProcessIdentity.of(process.pid)
    assert identity.find() is not None
    os.kill(process.pid, signal.SIGKILL)
    _wait(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert identity.find() is None
    process.wait()
    assert identity.find() is None


# ---------------------------------------------------------------- ending


def test_grandchildren_that_ignore_the_request_are_killed(start, tmp_path: Path):
    process = start(_STUBBORN_FAMILY, str(tmp_path))
    _wait((tmp_path / "ready").exists)
    pids = [int((tmp_path / name).read_text()) for name in ("child", "grandchild")]
    assert all(_is_running(pid) for pid in pids)
    stop_tree(process.pid, grace_seconds=0.2)
    assert not any(_is_running(pid) for pid in [process.pid, *pids])


def test_who_ends_when_asked_is_not_killed(start):
    process = start(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)"
    )
    assert process.stdout.readline() == "ready\n"
    stop_tree(process.pid, grace_seconds=_SECONDS)
    assert process.wait() == 7


def test_children_survive_a_parent_that_ends_well_no_longer_than_it(start, tmp_path: Path):
    process = start(_STUBBORN_FAMILY.replace("SIG_IGN", "SIG_DFL"), str(tmp_path))
    _wait((tmp_path / "ready").exists)
    pids = [int((tmp_path / name).read_text()) for name in ("child", "grandchild")]
    stop_tree(process.pid, grace_seconds=_SECONDS)
    assert not any(_is_running(pid) for pid in [process.pid, *pids])


def test_ending_what_has_ended(start):
    process = start("pass")
    process.wait()
    stop_tree(process.pid, grace_seconds=1.0)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux tells the child")
def test_a_child_ends_with_a_parent_that_is_killed(start):
    parent = start(_PARENT, _CHILD, processes.__file__)
    child_pid = int(parent.stdout.readline())
    assert parent.stdout.readline() == "ready\n"
    os.kill(parent.pid, signal.SIGKILL)
    _wait(lambda: not _is_running(child_pid))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux tells the child")
def test_a_child_whose_parent_is_gone_already_ends_at_once(start):
    orphan = start(_CHILD, processes.__file__, "1")
    assert orphan.wait(_SECONDS) == -signal.SIGTERM


# ---------------------------------------------------------------- ports and threads


def test_a_port_is_free_until_somebody_listens():
    port = free_port()
    assert is_port_free("127.0.0.1", port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_port_free("127.0.0.1", port)


def test_thread_limits():
    limits = thread_limits(3)
    assert limits.pop("OMP_WAIT_POLICY") == "PASSIVE"
    assert set(limits.values()) == {"3"}
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} == set(limits)
