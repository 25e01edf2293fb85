"""The contract between a runner and whatever executes a job's command."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol

from mlflow_plugins.core import InvalidInput, StudioError

JOB_BACKENDS = "mlflow_studio.job_backends"
LOCAL = "local"
AGENT_FOLDER = "MLFLOW_STUDIO_AGENT_FOLDER"  # the variable that tells a runner where its agent is


class ProcessLost(StudioError):
    """What ran a command is gone, and with it how the command ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a command needs of a machine; None is the backend's own measure.

    Attributes:
        n_cpus: Processors.
        n_gpus: GPUs.
        memory_bytes: Main memory.
        custom: Amounts of whatever else the machines of a compute have.
    """

    n_cpus: float | None = None
    n_gpus: float | None = None
    memory_bytes: int | None = None
    custom: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a backend on other machines has to know about a command.

    Attributes:
        key: Names the job.
        number: Larger for each later attempt at the same job.
        run_id: The run that the job belongs to.
        needs: What it needs of a machine.
    """

    key: str
    number: int
    run_id: str = ""
    needs: Needs = Needs()


class JobProcess(Protocol):
    """A command that was started, with everything that it starts in turn."""

    def poll(self) -> int | None:
        """Return the exit code once the command has ended, else None.

        128 + n means that signal n ended it. Descendants that the command has left behind
        have ended too, and all of its output is in the log.

        Raises:
            ProcessLost: Its machine is gone; another attempt may end well.
            StudioError: It could not be started.
        """
        ...

    def stop(self, grace_seconds: float) -> None:
        """Ask the command and its descendants to end (SIGTERM); kill what is left after the grace.

        Returns when none of them is alive. Nothing happens if the command has ended.
        """
        ...


class JobBackend(Protocol):
    """Starts commands; used by one runner. Made without arguments, or with a mapping of options.

    A *local* backend starts them on this machine. A *remote* one has them started on another
    machine, and so promises less and more:

    * Its command may outlive a caller that was killed. It is ended before a later attempt with the
      same key begins, so that no job runs twice at the same time.
    * The command's environment is the other machine's, with what is given on top, and secrets are
      not among that. Without a folder it has one of that machine's own.
    * The grace of `JobProcess.stop` may be the setting ``stop_seconds`` instead.
    * It tells a command that failed from a machine that is gone (`ProcessLost`), and has copied
      what was written until then.
    * It grants what `Ticket.needs` asks for, or the command waits.

    Attributes:
        remote_python: None for a local backend. For a remote one the Python on the other machines
            in which mlflow-studio is installed; a job's work is then done there by
            `mlflow_plugins.jobs.work`.
    """

    remote_python: str | None

    def start(
        self,
        command: str,
        *,
        environment: Mapping[str, str],
        folder: Path | None,
        log: Path,
        ticket: Ticket,
    ) -> JobProcess:
        """Start a command in a shell (``/bin/bash -c``).

        On a local backend it must not outlive the calling process, however that one ends: a runner
        that was killed can be replaced only because its command is gone.

        Args:
            command: Text for the shell.
            environment: All of the command's environment variables; see above for remote ones.
            folder: Working directory.
            log: Existing file to which standard output and error are appended as they come.
            ticket: Whose command it is.
        """
        ...


@cache
def backend_points() -> Mapping[str, EntryPoint]:
    """Return the installed job backends by name; looking for them takes 20 ms."""
    return {point.name: point for point in entry_points(group=JOB_BACKENDS)}


def find_backend(compute: str | None) -> str | None:
    """Return the name of the backend that a job's ``compute`` means, if it is installed."""
    name = (compute or LOCAL).removeprefix("azureml:")
    return name if name in backend_points() else None


def load_backend(name: str, options: Mapping[str, Any] | None = None) -> JobBackend:
    """Make the backend of a kind of compute.

    Args:
        name: Of the kind.
        options: What the compute's own document says, for kinds that have any.

    Raises:
        InvalidInput: None of that name is installed.
    """
    points = backend_points()
    if name not in points:
        raise InvalidInput(
            f"There is no job backend {name!r}. Installed are: {', '.join(sorted(points))}."
        )
    make = points[name].load()
    backend: JobBackend = make(options) if options else make()
    return backend
