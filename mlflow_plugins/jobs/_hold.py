"""A job in the hands of one holder: all that may be done to it under its lease."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from mlflow import MlflowClient

from mlflow_plugins.core import (
    Clock,
    Lease,
    LeaseLost,
    Leases,
    Record,
    Records,
    check_lease,
    set_or_read,
)
from mlflow_plugins.jobs._job import (
    end_tags,
    has_outcome,
    is_cancel_requested,
    read_state,
    stored_status,
)
from mlflow_plugins.jobs._job_tags import (
    ATTEMPT,
    FAILURES,
    OUTCOME,
    RETRY_AT,
    STARTED,
    STATUS,
)
from mlflow_plugins.jobs._states import JobStatus, after_loss, check_move
from mlflow_plugins.jobs._statuses import Statuses

RETRY_RANK = "9 retry"
_ERROR_LIMIT = 4000
_LOST = "The process that ran the job was killed in each of {} attempts (out of memory, perhaps)."
_LOST_ELSEWHERE = "The machine that ran the job was lost in attempt {}, the last one: {}"


class Hold:
    """What the holder of a lease does to a job. Made by `JobQueue.take`.

    It knows the record as it has left it. Nobody else changes the job while the lease lasts, so the
    store is asked whether that is still so only when half of the lease has passed since it was last
    known to stand.

    Attributes:
        lease: The right to work on the job.
        record: The record, but for what others may write at any time: a wish to cancel.
    """

    def __init__(
        self,
        lease: Lease,
        record: Record,
        *,
        records: Records,
        leases: Leases,
        clock: Clock,
        settle: Callable[[Record], None],
    ) -> None:
        self.lease = lease
        self.record = record
        self._records = records
        self._leases = leases
        self._clock = clock
        self._settle = settle
        self._statuses = Statuses(records)
        self._known_at = lease.taken_at
        self._is_over = False

    @property
    def client(self) -> MlflowClient:
        """Client of the tracking store."""
        return self._records.client

    def look(self) -> Record:
        """Read the record as it stands now, whoever holds the job."""
        return read_state(self.client, self.lease.record_id)

    def check(self) -> None:
        """Make sure that the lease still stands.

        Raises:
            LeaseLost: It does not.
        """
        self._leases.check(self.lease)

    def note(self, tags: Mapping[str, str]) -> None:
        """Write on the record what does not change where the job stands."""
        self._records.set_tags(self.lease.record_id, tags)

    def move(
        self,
        status: JobStatus,
        *,
        attempt: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Note that the job has come to a state that is not its last. May be done twice.

        Args:
            status: Where the job stands from now on.
            attempt: How many attempts have been used up.
            tags: More to write on the record.

        Raises:
            LeaseLost: The holder does not hold the job any more.
            StudioError: The job cannot go there from where it is.
        """
        record = self._standing()
        old = stored_status(record)
        if status is not old:
            check_move(old, status)
        news = {**(tags or {}), STATUS: str(status)}
        if attempt is not None:
            news[ATTEMPT] = str(attempt)
        if status is JobStatus.RUNNING:
            news[STARTED] = repr(self._clock.now())
        self._records.set_tags(record.id, news)
        if status.run_status != record.status:
            self._statuses.show(record, status)
        self.record = replace(record, tags={**record.tags, **news}, status=status.run_status)

    def begin(self) -> None:
        """Show what `JobQueue.take` has written with the lease: that an attempt begins."""
        status = stored_status(self.record)
        self._statuses.show(self.record, status)
        self.record = replace(self.record, status=status.run_status)

    def end(self, status: JobStatus, error: str = "") -> None:
        """Settle how the job ended. Only the first outcome of a job counts.

        Raises:
            LeaseLost: The holder does not hold the job any more.
        """
        record = self._standing()
        error = error[:_ERROR_LIMIT]
        outcome = {
            "status": str(status),
            "error": error,
            "ended_at": self._clock.now(),
            "token": self.lease.token,
        }
        value = json.dumps(outcome)
        tags = end_tags(status, error)
        standing = set_or_read(self.client, record.id, OUTCOME, value, tags=tags)
        params = standing or {**record.params, OUTCOME: value}
        self.record = replace(
            record, params=params, tags=record.tags if standing else {**record.tags, **tags}
        )
        self._settle(self.record)

    def give_back(self, *, attempt: int) -> None:
        """Put the job back into the queue.

        Args:
            attempt: How many attempts have been used up.

        Raises:
            LeaseLost: The holder does not hold the job any more.
        """
        self.move(JobStatus.QUEUED, attempt=attempt)
        self.release()

    def try_later(self, *, attempt: int, n_failures: int, seconds: float) -> None:
        """Put a job whose command failed back into the queue, to be tried again after a pause.

        Raises:
            LeaseLost: The holder does not hold the job any more.
        """
        retry_at = self._clock.now() + seconds
        tags = {FAILURES: str(n_failures), RETRY_AT: repr(retry_at)}
        self.move(JobStatus.QUEUED, attempt=attempt, tags=tags)
        self.client.update_run(self.record.id, name=RETRY_RANK)
        self.release()

    def recover(self) -> JobStatus:
        """Look after a job whose holder before this one is gone.

        Returns:
            Where the job stands now: in the queue again, or ended.

        Raises:
            LeaseLost: This one does not hold the job any more.
        """
        record = self._read()
        if has_outcome(record):
            self._settle(record)
            return stored_status(record)
        if stored_status(record) is JobStatus.QUEUED:
            # Its runner or its submitter was gone before it could write anything.
            self._statuses.set_on_record(record.id, JobStatus.QUEUED)
            self.release()
            return JobStatus.QUEUED
        return self._after_loss(record, _LOST.format(record.tags.get(ATTEMPT, 0)))

    def lose(self, reason: str) -> JobStatus:
        """Settle what becomes of the job when an attempt was lost with the machine it ran on.

        Args:
            reason: What happened, for people.

        Returns:
            Where the job stands now: in the queue again, or ended.

        Raises:
            LeaseLost: The holder does not hold the job any more.
        """
        record = self._read()
        error = _LOST_ELSEWHERE.format(record.tags.get(ATTEMPT, 0), reason)
        return self._after_loss(record, error)

    def renew(self) -> None:
        """Give a sign of life.

        Raises:
            LeaseLost: A later holder exists.
        """
        now = self._clock.now()
        self._leases.renew(self.lease)
        self._known_at = now

    def release(self) -> None:
        """Let others have the job; nothing happens if they have it already."""
        self._is_over = True
        self._leases.release(self.lease)

    def _after_loss(self, record: Record, error: str) -> JobStatus:
        attempt = int(record.tags.get(ATTEMPT, 0))
        status = after_loss(
            attempt,
            is_cancel_requested=is_cancel_requested(record.tags),
            n_failures=int(record.tags.get(FAILURES, 0)),
        )
        if status is JobStatus.QUEUED:
            self.give_back(attempt=attempt)
        else:
            self.end(status, error if status is JobStatus.FAILED else "")
            self.release()
        return status

    def _standing(self) -> Record:
        """Return the record, having made sure that it is still this holder's."""
        if self._is_over:
            raise LeaseLost(f"Lease {self.lease.token} on {self.lease.record_id} was given back.")
        is_fresh = self._clock.now() - self._known_at < self.lease.seconds / 2
        return self.record if is_fresh else self._read()

    def _read(self) -> Record:
        now = self._clock.now()
        record = self.look()
        check_lease(self.lease, record.params)
        self.record = replace(record, spec=self.record.spec)
        self._known_at = now
        return self.record
