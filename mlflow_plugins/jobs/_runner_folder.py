"""A runner's place on this machine, in which an agent finds it again."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from mlflow_plugins.core.processes import ProcessIdentity

_IDENTITY = "runner"


@dataclass(frozen=True, slots=True)
class RunnerFolder:
    """A runner's place on this machine: ``<record id>-<random>``."""

    path: Path

    @property
    def record_id(self) -> str:
        """The job's record."""
        return self.path.name.partition("-")[0]

    @property
    def identity(self) -> ProcessIdentity | None:
        """The runner's process; None while it is being started."""
        try:
            return ProcessIdentity.parse((self.path / _IDENTITY).read_text())
        except FileNotFoundError:
            return None

    @property
    def process(self) -> psutil.Process | None:
        """The runner's process if it is alive."""
        return self.identity.find() if self.identity else None

    def remove(self) -> None:
        """Delete the folder and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def note_identity(self, identity: ProcessIdentity) -> None:
        """Write down which process the runner of this folder is.

        Raises:
            FileNotFoundError: The folder is gone, so nobody wants this runner any more.
        """
        draft = self.path / f".{_IDENTITY}"
        draft.write_text(str(identity))
        draft.replace(self.path / _IDENTITY)
