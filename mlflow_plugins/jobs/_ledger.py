"""The ledger of a machine: which shares of it its agents have given to jobs.

One small file below a lock, shared by the agents of one user and workspace on one machine, so that
together they give away no more than there is. A share is given back when its runner is gone, which
everybody can see in the runner's folder; nobody has to be alive to write that down.
"""

import fcntl
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlflow_plugins.jobs._runner_folder import RunnerFolder
from mlflow_plugins.jobs.compute import Compute
from mlflow_plugins.jobs.compute._placement import Share
from mlflow_plugins.jobs.compute._sizes import NOTHING, Size

_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A share that a job has, or an idle instance that had one.

    Attributes:
        folder: The runner's.
        share: What the job got.
        taken_at: Seconds since the epoch.
        idle_until: None while the job runs; then when the instance is scaled down.
    """

    folder: Path
    share: Share
    taken_at: float
    idle_until: float | None = None

    @property
    def has_runner(self) -> bool:
        """Whether the runner lives, or is about to, and has work to do."""
        runner = RunnerFolder(self.folder)
        if not self.folder.is_dir() or not runner.needs_room:
            return False
        if runner.identity is None:
            return time.time() - self.taken_at < _START_SECONDS
        return runner.process is not None


@dataclass(slots=True)
class Book:
    """The ledger's content while its lock is held."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def busy(self) -> list[Share]:
        """The shares that jobs have."""
        return [one.share for one in self.entries if one.idle_until is None]

    @property
    def idle(self) -> list[Entry]:
        """The instances that wait for their next job, those first that have waited longest."""
        return [one for one in self.entries if one.idle_until is not None]

    def settle(self, computes: Mapping[str, Compute], now: float) -> None:
        """Take back the shares of runners that are gone, and scale down what was idle for long."""
        kept = []
        for one in self.entries:
            if one.idle_until is not None:
                if now < one.idle_until:
                    kept.append(one)
            elif one.has_runner:
                kept.append(one)
            else:
                kept += _idle_instances(one, computes, now)
        self.entries = kept

    def take(self, folder: Path, share: Share, capacity: Size) -> None:
        """Note that a runner's job gets a share.

        Idle instances of its compute become busy; those of others go if they are in the way.
        """
        for _ in range(share.instances):
            own = next((one for one in self.idle if one.share.compute == share.compute), None)
            if own is not None:
                self.entries.remove(own)
        self.entries.append(Entry(folder=folder, share=share, taken_at=time.time()))
        while self.idle and not _total(self.entries).fits_into(capacity):
            self.entries.remove(self.idle[0])


class Ledger:
    """The ledger of one workspace on this machine."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ledger.json"
        self._lock = folder / "ledger.lock"

    @contextmanager
    def open(self) -> Iterator[Book]:
        """Lock the ledger, hand out its content, and store what has become of it."""
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self._path.read_text() if self._path.exists() else "[]"
            book = Book([_decode(one) for one in json.loads(before)])
            try:
                yield book
            finally:  # what was given away before an error is given away
                after = json.dumps([_encode(one) for one in book.entries])
                if after != before:
                    draft = self._path.with_suffix(".draft")
                    draft.write_text(after)
                    draft.replace(self._path)


def _idle_instances(entry: Entry, computes: Mapping[str, Compute], now: float) -> list[Entry]:
    compute = computes.get(entry.share.compute)
    n_instances = entry.share.instances
    if compute is None or not compute.idle_seconds or compute.is_stopped or not n_instances:
        return []
    size = entry.share.size
    one = Size(cpus=size.cpus / n_instances, memory_gib=size.memory_gib / n_instances)
    share = Share(compute=compute.name, instances=1, size=one)
    until = now + compute.idle_seconds
    idle = Entry(folder=entry.folder, share=share, taken_at=entry.taken_at, idle_until=until)
    return [idle] * n_instances


def _total(entries: list[Entry]) -> Size:
    total = NOTHING
    for one in entries:
        total = Size(
            cpus=total.cpus + one.share.size.cpus,
            memory_gib=total.memory_gib + one.share.size.memory_gib,
            gpus=total.gpus + one.share.size.gpus,
        )
    return total


def _encode(entry: Entry) -> dict[str, Any]:
    return {
        "folder": str(entry.folder),
        "share": asdict(entry.share),
        "taken_at": entry.taken_at,
        "idle_until": entry.idle_until,
    }


def _decode(document: Mapping[str, Any]) -> Entry:
    return Entry(
        folder=Path(document["folder"]),
        share=Share.of(document["share"]),
        taken_at=document["taken_at"],
        idle_until=document["idle_until"],
    )
