"""The machine on which environments are made: its folder for them, its settings, its uv."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlflow_plugins.core import Settings, StudioError
from mlflow_plugins.core.processes import stop_tree
from mlflow_plugins.jobs.environments._pip_settings import uv_options, uv_settings

_TAIL_LINES = 12


class EnvironmentFailed(StudioError):
    """An environment cannot be made on this machine as it is asked for."""


@dataclass(frozen=True)
class Host:
    """Where and for whom environments are made.

    Attributes:
        folder: Where they are kept; made when needed. Several processes may share it.
        log: A file that gets what the tools say, and sentences of ours.
        variables: The environment in which the tools run. It chooses the policy where a job does
            not, and decides where packages come from; so it must be the machine's own, never one
            that a job can change: what is built is shared.
        settings: How many environments are kept.
        check: Called often while something lasts; an exception that it raises ends the work.
    """

    folder: Path
    log: Path
    variables: Mapping[str, str]
    settings: Settings
    check: Callable[[], None] = lambda: None

    def say(self, sentence: str) -> None:
        """Add a sentence of ours to the log."""
        with self.log.open("ab") as file:
            file.write(f"[studio] {sentence}\n".encode())

    def run_uv(self, arguments: Sequence[str], *, log: Path | None, lock: int | None = None) -> int:
        """Run uv; return its exit code. See `run`."""
        return self.run([find_uv(), *arguments], log=log, lock=lock, more=self._uv_variables)

    def run(
        self,
        command: Sequence[str],
        *,
        log: Path | None,
        lock: int | None = None,
        more: Mapping[str, str] | None = None,
    ) -> int:
        """Run a program until it ends; return its exit code.

        Args:
            command: The program and its arguments.
            log: A file that gets all it says; None to drop it.
            lock: A descriptor that the program keeps open, so that a lock on it is held until the
                last of its processes has ended, whatever becomes of this one.
            more: Further environment variables.
        """
        with (log or Path(os.devnull)).open("ab") as output:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",  # no project around the agent's folder has a say
                env={**self.variables, "NO_COLOR": "1", **(more or {})},
                pass_fds=() if lock is None else (lock,),
            )
        try:
            while (code := process.poll()) is None:
                self.check()
                time.sleep(0.02)
        except BaseException:
            stop_tree(process.pid, grace_seconds=1.0)
            process.wait()
            raise
        return code

    def which(self, program: str) -> str | None:
        """Return the path of a program of this machine."""
        return shutil.which(program, path=self.variables.get("PATH", os.defpath))

    @cached_property
    def _uv_variables(self) -> dict[str, str]:
        return {
            **uv_settings(self.variables),
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }

    @cached_property
    def index_options(self) -> list[str]:
        """Options for those of uv's commands that look for packages."""
        return uv_options(self.variables)

    def uv_output(self, arguments: Sequence[str]) -> str:
        """Return what uv prints; empty if it fails."""
        answer = subprocess.run(
            [find_uv(), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            env={**self.variables, **self._uv_variables},
            check=False,
        )
        return answer.stdout if answer.returncode == 0 else ""


def find_uv() -> str:
    """Return the path of the uv that was installed with this distribution."""
    import uv

    return str(uv.find_uv_bin())


def tail(path: Path, start: int) -> str:
    """Return the last lines of a log from a position on, without ours."""
    with path.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").splitlines()
    said = [line for line in lines if line.strip() and not line.startswith("[studio] ")]
    return "\n".join(said[-_TAIL_LINES:])
