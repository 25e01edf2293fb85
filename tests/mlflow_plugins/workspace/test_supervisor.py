"""The supervisor: children come back, growing pauses between, and all end with it."""

import os
import sys
import threading

import psutil
import pytest

from mlflow_plugins.core import StudioError
from mlflow_plugins.workspace import Child, Supervisor


def child(tmp_path, script: str, name: str = "child") -> Child:
    return Child(
        name=name,
        command=[sys.executable, "-c", script],
        environment=dict(os.environ),
        log=tmp_path / f"{name}.log",
        stop_seconds=2.0,
    )


def wait_until(condition, seconds: float = 20.0) -> None:
    end = threading.Event()
    for _ in range(int(seconds * 20)):
        if condition():
            return
        end.wait(0.05)
    raise AssertionError("the condition never held")


def test_a_child_that_ends_is_started_again(tmp_path):
    supervisor = Supervisor()
    one = child(tmp_path, "print('started', flush=True); import time; time.sleep(600)")
    supervisor.start(one)
    watcher = threading.Thread(target=supervisor.watch, kwargs={"poll_seconds": 0.05})
    watcher.start()
    try:
        assert one.process is not None
        first = one.process.pid
        wait_until(lambda: "started" in one.log_tail())
        one.process.kill()
        wait_until(lambda: one.log_tail().count("started") == 2)
        assert one.process.pid != first
        assert one.delay_seconds == 2.0
    finally:
        supervisor._on_signal(15, None)
        watcher.join()
        supervisor.stop()
    assert one.process.poll() is not None


def test_stopping_ends_grandchildren_too(tmp_path):
    script = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import signal, time; "
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'])\n"
        "print(p.pid, flush=True); time.sleep(600)"
    )
    supervisor = Supervisor()
    one = child(tmp_path, script)
    supervisor.start(one)
    wait_until(lambda: one.log_tail().strip().isdigit())
    grandchild = int(one.log_tail())
    supervisor.stop()
    assert not psutil.pid_exists(grandchild) or (
        psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE
    )


def test_a_child_that_cannot_start_says_why(tmp_path):
    supervisor = Supervisor()
    one = child(tmp_path, "raise SystemExit('no such database')")
    supervisor.start(one)
    assert one.process is not None
    one.process.wait()
    with pytest.raises(StudioError, match=r"exit code 1 while starting(.|\n)*no such database"):
        supervisor.check(one)
