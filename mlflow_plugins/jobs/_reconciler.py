"""The agent's part in jobs: starts runners for queued jobs and looks after jobs that lost theirs.

It does not run jobs and does not need to remember any: what runs on this machine is in the folders
of its runners, and everything else is in the store.
"""

import contextlib
import logging
import signal
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from mlflow import MlflowClient

from mlflow_plugins.core import Record, Settings
from mlflow_plugins.core.agent import wake
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.jobs._environments_here import note_agent
from mlflow_plugins.jobs._job import JOB
from mlflow_plugins.jobs._leftovers import end_leftovers
from mlflow_plugins.jobs._machine_folder import Alarm, machine_folder
from mlflow_plugins.jobs._nursery import Nursery
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs._rooms import Rooms
from mlflow_plugins.jobs._runner_folder import JOBS, Given, RunnerFolder, plain
from mlflow_plugins.jobs.compute import Share

_LOGGER = logging.getLogger(__name__)


_N_LOOKED_AT = 20  # waiting jobs at a time: those after them have to wait anyway


@dataclass(frozen=True, slots=True)
class _Sighting:
    """How a record looked, and since when it has looked so, on the clock of this process."""

    state: tuple[Mapping[str, str], Mapping[str, str]]
    since: float


class JobReconciler:
    """Runs jobs of a workspace on this machine, as many as there is room for.

    Args:
        client: Client of the tracking store.
        settings: Waiting times; `max_jobs` says how large the default share is.
        folder: The agent's own.
        computes: Names of the computes to serve; empty for all that are not remote.
    """

    def __init__(
        self,
        client: MlflowClient,
        settings: Settings,
        folder: Path,
        *,
        computes: tuple[str, ...] = (),
    ) -> None:
        self._queue = JobQueue(client)
        self._settings = settings
        self._folder = plain(folder.absolute()) / JOBS
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shared = machine_folder(self._queue.records, JOB)
        note_agent(self._shared, self._folder.parent)
        self._rooms = Rooms(client, self._shared, computes=computes, n_shares=settings.max_jobs)
        self._alarm = _listen(self._shared)
        self._nursery = Nursery(str(client.tracking_uri), self._folder.parent)
        self._starting: dict[Path, int] = {}
        self._sightings: dict[str, _Sighting] = {}
        self._look_due = self._round_due = 0.0

    def reconcile(self) -> None:
        """Look after runners, then start new ones. See `core.agent.Reconciler`."""
        now = time.monotonic()
        busy = self._look_after_own()
        if now >= self._look_due:
            self._rooms.look()
            self._queue.end_pauses()
            self._look_due = now + self._settings.poll_seconds
        if now >= self._round_due:
            self._look_after_all(now)
            self._round_due = now + self._settings.lease_seconds / 3
        self._start_runners(busy)

    def stop(self) -> None:
        """Have the runners of this machine put their jobs back into the queue."""
        deadline = time.monotonic() + self._settings.stop_seconds + 15.0
        for folder in self._folders():
            if folder.identity is None:
                folder.remove()  # a runner that finds its folder gone does not begin
            elif process := folder.process:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGTERM)
        while any(folder.process for folder in self._folders()) and time.monotonic() < deadline:
            time.sleep(0.1)
        self._nursery.close()
        if self._alarm is not None:
            self._alarm.close()
        self._rooms.close()

    # ------------------------------------------------------------ runners of this machine

    def _folders(self) -> list[RunnerFolder]:
        return [RunnerFolder(path) for path in sorted(self._folder.iterdir()) if path.is_dir()]

    def _look_after_own(self) -> set[str]:
        """Recover the jobs of runners that are gone; return the records of those that live."""
        busy = set()
        for folder in self._folders():
            if folder.process is not None or self._is_starting(folder):
                busy.add(folder.record_id)
            else:
                self._clear(folder)
        return busy

    def _is_starting(self, folder: RunnerFolder) -> bool:
        if folder.identity is not None:
            self._starting.pop(folder.path, None)
            return False
        return self._starting.get(folder.path) == self._nursery.pid

    def _clear(self, folder: RunnerFolder) -> None:
        """Kill what a runner has left, look after its job, and remove its folder."""
        n_killed = end_leftovers(folder.path)
        if n_killed:
            _LOGGER.warning("killed %d processes that job %s left", n_killed, folder.record_id)
        if folder.identity is None or self._recover_job(folder.record_id):
            folder.remove()

    def _recover_job(self, record_id: str) -> bool:
        """Look after a job whose runner is gone; tell whether that could be done now."""
        try:
            status = self._queue.recover(
                record_id,
                holder=str(ProcessIdentity.of()),
                seconds=self._settings.lease_seconds,
            )
        except Exception:  # one job must not keep the others from their turn
            _LOGGER.exception("job %s could not be recovered; it is tried again", record_id)
            return False
        if status is not None:
            _LOGGER.warning("the runner of job %s was gone; the job is %s", record_id, status)
        return True

    # ------------------------------------------------------------ all jobs

    def _look_after_all(self, now: float) -> None:
        """Recover jobs whose runners, wherever they were, give no sign of life.

        Silence counts from when this process first saw it, and only while the store answers: after
        an outage of the server every runner gets the time to speak up, and clocks of different
        machines are not compared.
        """
        known, self._sightings = self._sightings, {}
        for record in self._queue.begun():
            sighting = _Sighting((record.params, record.tags), now)
            earlier = known.get(record.id)
            if earlier is not None and earlier.state == sighting.state:
                sighting = earlier
            if now - sighting.since >= self._settings.lease_seconds:
                self._recover_job(record.id)
            else:
                self._sightings[record.id] = sighting

    def _start_runners(self, busy: set[str]) -> None:
        """Start what there is room for, in the order of the queue."""
        queues = self._rooms.open_queues()
        if not queues:
            return
        waiting = self._queue.waiting(queues, _N_LOOKED_AT + len(busy))
        self._rooms.give([one for one in waiting if one.id not in busy], self._start_runner)

    def _start_runner(self, record: Record, share: Share) -> Path:
        """Have a runner started for a job; return its folder."""
        path = self._folder / f"{record.id}-{uuid.uuid4().hex[:8]}"
        path.mkdir(mode=0o700)
        given = Given(record=record, share=share, machine_folder=self._shared)
        RunnerFolder(path).note_given(given)
        self._starting[path] = self._nursery.pid
        self._nursery.start_runner(record.id, path)
        _LOGGER.info("starting job %s", record.id)
        return path


def _listen(folder: Path) -> Alarm | None:
    """Have nudges wake this agent; without them it looks when its poll comes."""
    try:
        return Alarm(folder, wake)
    except OSError as error:
        _LOGGER.info("jobs of this machine are seen by polling only: %s", error)
        return None
