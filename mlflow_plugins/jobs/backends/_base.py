"""The contract between a runner and whatever executes a job's command."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from mlflow_plugins.core import InvalidInput

JOB_BACKENDS = "mlflow_studio.job_backends"
LOCAL = "local"


class JobProcess(Protocol):
    """A command that was started, with everything that it starts in turn."""

    def poll(self) -> int | None:
        """Return the exit code once the command has ended, else None.

        128 + n means that signal n ended it. Descendants that the command has left behind
        have ended too.
        """
        ...

    def stop(self, grace_seconds: float) -> None:
        """Ask the command and its descendants to end (SIGTERM); kill what is left after the grace.

        Returns when none of them is alive. Nothing happens if the command has ended.
        """
        ...


class JobBackend(Protocol):
    """Starts commands. Made without arguments; used by one runner."""

    def start(
        self, command: str, *, environment: Mapping[str, str], folder: Path, log: Path
    ) -> JobProcess:
        """Start a command in a shell (``/bin/bash -c``).

        The command must not outlive the calling process, however that one ends: a runner that was
        killed can be replaced only because its command is gone.

        Args:
            command: Text for the shell.
            environment: All of the command's environment variables.
            folder: Working directory.
            log: Existing file to which standard output and error are appended as they come.
        """
        ...


def find_backend(compute: str | None) -> str | None:
    """Return the name of the backend that a job's ``compute`` means, if it is installed."""
    name = (compute or LOCAL).removeprefix("azureml:")
    return name if name in entry_points(group=JOB_BACKENDS).names else None


def load_backend(name: str) -> JobBackend:
    """Make the backend of a kind of compute.

    Raises:
        InvalidInput: None of that name is installed.
    """
    points = {point.name: point for point in entry_points(group=JOB_BACKENDS)}
    if name not in points:
        raise InvalidInput(
            f"There is no job backend {name!r}. Installed are: {', '.join(sorted(points))}."
        )
    backend: JobBackend = points[name].load()()
    return backend
