"""Commands as processes of this machine."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mlflow_plugins.core.processes import stop_tree
from mlflow_plugins.jobs.backends._base import Ticket

_GUARD = Path(__file__).with_name("_guard.py")
_SHELL = "/bin/bash"


class LocalProcess:
    """A command below its guard (`_guard`)."""

    def __init__(self, guard: subprocess.Popen[bytes]) -> None:
        self._guard = guard

    def poll(self) -> int | None:
        """Return the exit code once the command has ended, else None."""
        code = self._guard.poll()
        if code is None:
            return None
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        return code if code >= 0 else 128 - code

    def stop(self, grace_seconds: float) -> None:
        """Ask the whole family to end, kill it after the grace, and wait until it is gone."""
        self._guard.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(grace_seconds)
        if self._guard.stdin is not None:
            self._guard.stdin.close()  # tells the guard to kill
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(5.0)
        stop_tree(self._guard.pid, grace_seconds=0.0)
        self._guard.wait()


class LocalBackend:
    """Runs commands on this machine, in the Python environment of the agent."""

    remote_python: str | None = None

    def start(
        self,
        command: str,
        *,
        environment: Mapping[str, str],
        folder: Path | None,
        log: Path,
        ticket: Ticket,  # noqa: ARG002  (the family of a process here needs no name)
    ) -> LocalProcess:
        """Start a command in a shell. See `JobBackend.start`."""
        with log.open("ab") as output:
            guard = subprocess.Popen(
                [sys.executable, "-I", str(_GUARD), _SHELL, "-c", command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
            )
        return LocalProcess(guard)
