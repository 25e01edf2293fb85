"""Work that outlives its request, noted in a folder for whoever asks next.

Any of the server's processes may be asked how it goes, and any may be killed, so nothing about it
is kept in memory: one file says how far it is and which process does it.
"""

import contextlib
import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow_plugins.core.processes import ProcessIdentity

_STATE = "state.json"
GONE = (
    "The process that did it has ended before it was done, perhaps with the server or for lack of "
    "memory. Nothing was created. Try again: what was sent is still there."
)


@dataclass(frozen=True, slots=True)
class NotedWork:
    """Some work and how far it is; its folder is all there is of it.

    Attributes:
        folder: Made by whoever begins.
    """

    folder: Path

    def state(self) -> dict[str, Any]:
        """Return what was noted last: ``phase`` is ``running``, ``done`` or ``failed``.

        Work whose process is gone has failed.
        """
        found = read_json(self.folder / _STATE) or {}
        if found.get("phase") == "running" and _is_gone(found):
            found |= {"phase": "failed", "message": GONE}
        return found

    def note(self, **values: Any) -> None:
        """Note more; whoever asks sees all of it or what was before."""
        found = read_json(self.folder / _STATE) or {}
        write_json(self.folder / _STATE, found | values | {"updated_at": time.time()})
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.folder)

    def start(self, job: str, **values: Any) -> bool:
        """Claim the work for this process; False if somebody is at it already."""
        with locked(self.folder / "lock"):
            if self.state().get("phase") == "running":
                return False
            (self.folder / _STATE).unlink(missing_ok=True)
            self.note(
                job=job,
                phase="running",
                attempt=uuid.uuid4().hex,
                started_at=time.time(),
                worker=str(ProcessIdentity.of()),
                **values,
            )
            return True

    def fail(self, attempt: str, message: str) -> None:
        """Note that an attempt has failed, unless it has ended or another one has begun."""
        with locked(self.folder / "lock"):
            found = read_json(self.folder / _STATE) or {}
            if found.get("phase") == "running" and found.get("attempt") == attempt:
                self.note(phase="failed", message=message)

    def end_process(self) -> None:
        """End the process that does it, if that does nothing else."""
        state = self.state()
        if state.get("phase") == "running" and state.get("is_own_process"):
            process = ProcessIdentity.parse(str(state["worker"])).find()
            if process is not None:
                process.kill()


def _is_gone(state: Mapping[str, Any]) -> bool:
    identity = ProcessIdentity.parse(str(state["worker"]))
    return identity.is_local and identity.find() is None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[Any]:
    """Open a file for appending, alone among all processes of this machine."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the document in a file; None if there is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Put a document in a file at once: nobody reads half of it."""
    passing = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    passing.write_text(json.dumps(document), encoding="utf-8")
    passing.replace(path)
