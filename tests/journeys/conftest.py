"""A workspace as its user starts it: the real command, in a folder of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from mlflow_plugins.core.processes import free_port

START_SECONDS = 180


@dataclass(kw_only=True)
class Workspace:
    """A running ``mlflow-studio up``."""

    folder: Path
    uri: str
    process: "subprocess.Popen[str]"

    def wait_until_ready(self) -> str:
        """Return what it printed until it said that it is ready."""
        printed = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            printed += line
            if "Press Ctrl-C" in line:
                return printed
        raise AssertionError(f"it ended without being ready:\n{printed}")

    def family(self) -> list[psutil.Process]:
        """Return its descendants."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def agents(self) -> list[psutil.Process]:
        """Return the processes of its agent: one, or none while it is being started again."""
        found = []
        for process in self.family():
            with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                if "agent" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=90)


@pytest.fixture
def start_workspace(tmp_path: Path) -> Iterator[Callable[..., Workspace]]:
    """Start workspaces in this test's folder; they are stopped at its end."""
    started: list[Workspace] = []

    def start(*arguments: str, wait: bool = True, **environment: str) -> Workspace:
        port = free_port()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow_plugins.cli", "up"),
                *("--folder", str(tmp_path / "workspace"), "--port", str(port)),
                *("--workers", "1", *arguments),
            ],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        workspace = Workspace(
            folder=tmp_path / "workspace", uri=f"http://127.0.0.1:{port}", process=process
        )
        started.append(workspace)
        if wait:
            workspace.wait_until_ready()
        return workspace

    yield start
    for workspace in started:
        with workspace.process:  # closes its pipe
            if workspace.process.poll() is None:
                workspace.stop()


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait for a condition, with a generous deadline."""

    def wait(condition: Callable[[], object], *, seconds: float = 60, what: str = "it") -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.2)
        raise AssertionError(f"{what} did not happen within {seconds} s")

    return wait


def answers(uri: str) -> bool:
    """Tell whether a server answers there."""
    try:
        return requests.get(uri, timeout=5).ok
    except requests.RequestException:
        return False
