"""A runner's place on this machine, in which an agent finds it again."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mlflow_plugins.core.processes import ProcessIdentity

_IDENTITY, _GIVEN = "runner", "given.json"


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

    def note_given(self, *, share: Mapping[str, Any], machine_folder: Path) -> None:
        """Write down what of the machine the job gets, and where the machine's agents meet."""
        given = {"share": share, "machine_folder": str(machine_folder)}
        (self.path / _GIVEN).write_text(json.dumps(given))

    def read_given(self) -> dict[str, Any]:
        """Read what `note_given` wrote."""
        given: dict[str, Any] = json.loads((self.path / _GIVEN).read_text())
        return given

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
