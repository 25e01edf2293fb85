"""Places on this machine: an agent's folder, and in it those of its runners.

<agent's folder>/jobs/<record id>-<random>   a runner, in which an agent finds it again
<agent's folder>/environments/               environments that jobs share
"""

import hashlib
import json
import os
import shlex
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from mlflow_plugins.core import Record
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.jobs.compute import Share

JOBS, ENVIRONMENTS = "jobs", "environments"

_IDENTITY, _GIVEN, _DONE = "runner", "given.json", "done"


def plain(folder: Path) -> Path:
    """Return the folder, or one of the same agent whose path needs no quotes in a shell.

    Paths below it are inserted into commands, whose authors cannot know where agents keep them.
    """
    if shlex.quote(str(folder)) == str(folder):
        return folder
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"mlflow-studio-{os.getuid()}-{digest}"


def environments_folder(agent_folder: Path) -> Path:
    """Return where the agent of a folder keeps environments."""
    return plain(agent_folder.absolute()) / ENVIRONMENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an agent gives a runner.

    Attributes:
        record: The job as the agent has just seen it.
        share: What it has of the machine.
        machine_folder: Where the machine's agents meet.
    """

    record: Record
    share: Share
    machine_folder: Path


@dataclass(frozen=True, slots=True)
class RunnerFolder:
    """A runner's place on this machine: ``<record id>-<random>``."""

    path: Path

    @property
    def environments(self) -> Path:
        """Where the agent of this runner keeps environments."""
        return self.path.parents[1] / ENVIRONMENTS

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

    def note_work_done(self) -> None:
        """Write down that the runner only keeps books from now on, and needs no room for that."""
        (self.path / _DONE).touch()

    @property
    def needs_room(self) -> bool:
        """Whether the work of the job is not done."""
        return not (self.path / _DONE).exists()

    def note_given(self, given: Given) -> None:
        """Write down what an agent gives the runner."""
        document = {
            "record": asdict(given.record),
            "share": asdict(given.share),
            "machine_folder": str(given.machine_folder),
        }
        (self.path / _GIVEN).write_text(json.dumps(document))

    def read_given(self) -> Given:
        """Read what `note_given` wrote."""
        document = json.loads((self.path / _GIVEN).read_text())
        return Given(
            record=Record(**document["record"]),
            share=Share.of(document["share"]),
            machine_folder=Path(document["machine_folder"]),
        )

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
