"""What every job backend must do; `mlflow_plugins.jobs.backends._base` has the contract in words.

A remote backend (`JobBackend.remote_python`) is tried with a machine that has this one's files: a
cluster on this machine. Its command may outlive its caller, and must be gone when a later attempt
at the same job begins.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import psutil
import pytest

from mlflow_plugins.jobs.backends._base import JobBackend, JobProcess, Ticket

_SECONDS = 90.0

# Starts a command through the backend named in the arguments and then waits to be killed.
_CALLER = """
import os, sys, time
from importlib import import_module
from pathlib import Path
from mlflow_plugins.jobs.backends._base import Ticket
module, name = sys.argv[1].split(":")
backend = getattr(import_module(module), name)()
folder = Path(sys.argv[2])
environment = {} if backend.remote_python else dict(os.environ)
ticket = Ticket(key=sys.argv[4], number=1)
log = folder / "log"
backend.start(sys.argv[3], environment=environment, folder=folder, log=log, ticket=ticket)
time.sleep(600)
"""


class JobBackendContract:
    """Subclass it, name your backend in `target`, and let pytest find the subclass.

    Attributes:
        target: ``package.module:Class`` of the backend.
    """

    target: str

    @pytest.fixture
    def backend(self) -> JobBackend:
        """Return a backend as a runner would make it."""
        module, name = self.target.split(":")
        made: JobBackend = getattr(import_module(module), name)()
        return made

    @pytest.fixture
    def log(self, tmp_path: Path) -> Path:
        """Return the file that commands write to; it has content already."""
        path = tmp_path / "log"
        path.write_text("before\n", encoding="utf-8")
        return path

    @pytest.fixture
    def start(self, backend: JobBackend, tmp_path: Path, log: Path) -> Callable[..., JobProcess]:
        """Return what starts a command in this test's folder."""

        def start(command: str, **environment: str) -> JobProcess:
            inherited = {} if backend.remote_python else os.environ
            return backend.start(
                command,
                environment={**inherited, **environment},
                folder=tmp_path,
                log=log,
                ticket=Ticket(key=uuid.uuid4().hex, number=1),
            )

        return start

    @pytest.mark.parametrize("code", [0, 3, 255])
    def test_the_exit_code_is_the_commands(
        self, start: Callable[..., JobProcess], code: int
    ) -> None:
        assert _end(start(f"exit {code}")) == code

    def test_a_signal_shows_in_the_exit_code(self, start: Callable[..., JobProcess]) -> None:
        assert _end(start("kill -KILL $$")) == 128 + signal.SIGKILL

    def test_output_is_appended_as_it_comes(
        self, start: Callable[..., JobProcess], log: Path
    ) -> None:
        process = start("echo one; echo two >&2; sleep 600")
        _wait(lambda: "two" in log.read_text(encoding="utf-8"))
        assert log.read_text(encoding="utf-8") == "before\none\ntwo\n"
        assert process.poll() is None
        process.stop(5.0)

    def test_environment_and_folder_are_as_asked(
        self, start: Callable[..., JobProcess], tmp_path: Path, log: Path
    ) -> None:
        assert _end(start('echo "$WORD"; pwd', WORD="a 'b' $c")) == 0
        lines = log.read_text(encoding="utf-8").splitlines()
        assert lines[1:] == ["a 'b' $c", str(tmp_path.resolve())]

    def test_a_command_may_clean_up_when_it_is_stopped(
        self, start: Callable[..., JobProcess], log: Path
    ) -> None:
        process = start("trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.1; done")
        _wait(lambda: "ready" in log.read_text(encoding="utf-8"))
        process.stop(10.0)
        assert "cleaned" in log.read_text(encoding="utf-8")
        assert process.poll() is not None

    def test_what_ignores_the_request_is_killed_with_its_children(
        self, start: Callable[..., JobProcess], tmp_path: Path
    ) -> None:
        process = start("trap '' TERM; sleep 600 & echo $! > child; while :; do sleep 0.1; done")
        child = _pid(tmp_path / "child")
        process.stop(0.5)
        assert process.poll() is not None
        assert not _is_running(child)

    def test_stopping_what_has_ended_does_nothing(self, start: Callable[..., JobProcess]) -> None:
        process = start("exit 4")
        assert _end(process) == 4
        process.stop(1.0)
        assert process.poll() == 4

    def test_nothing_is_left_behind(self, start: Callable[..., JobProcess], tmp_path: Path) -> None:
        process = start("setsid sleep 600 & echo $! > child; exit 0")
        child = _pid(tmp_path / "child")
        assert _end(process) == 0
        _wait(lambda: not _is_running(child))

    def test_a_command_of_a_killed_caller_is_gone_when_the_job_is_tried_again(
        self, backend: JobBackend, tmp_path: Path, log: Path
    ) -> None:
        key = uuid.uuid4().hex
        command = "sleep 600 & echo $! > child; wait"
        caller = subprocess.Popen(
            [sys.executable, "-c", _CALLER, self.target, str(tmp_path), command, key]
        )
        child = _pid(tmp_path / "child")
        caller.kill()
        caller.wait()
        if backend.remote_python is None:
            _wait(lambda: not _is_running(child))
            return
        assert _is_running(child)
        again = backend.start(
            f"kill -0 {child} && exit 7; exit 0",
            environment={},
            folder=tmp_path,
            log=log,
            ticket=Ticket(key=key, number=2),
        )
        assert _end(again) == 0
        assert not _is_running(child)


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {_SECONDS:.0f} s"
        time.sleep(0.05)


def _end(process: JobProcess) -> int | None:
    _wait(lambda: process.poll() is not None)
    return process.poll()


def _pid(path: Path) -> int:
    _wait(lambda: path.exists() and path.read_text(encoding="utf-8").strip() != "")
    return int(path.read_text(encoding="utf-8"))


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
