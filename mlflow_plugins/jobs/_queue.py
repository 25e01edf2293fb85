"""The queue: one record of kind ``job`` for each job, in the MLflow store.

The user's run stays the user's; everything the machinery needs is on the record. Its document is
what to run, its lease says who runs it (`core.leases`), its write-once param ``outcome`` how it
ended. Where the job stands is in tags, which only the holder of the lease writes; a wish to cancel
is a tag that anybody may set. MLflow's own status of the record (SCHEDULED, RUNNING or an end)
makes queued and running jobs of all experiments one search.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import (
    Clock,
    Lease,
    Leases,
    NotFound,
    Page,
    Record,
    Records,
    StudioError,
    SystemClock,
    set_once,
    to_record,
)
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.jobs._states import (
    JobStatus,
    after_loss,
    check_move,
    shown_status,
)

JOB = "job"
CANCELLER = "cancel"

_ROLE = {"studio.role": JOB}
_RECORD = "studio.job"
_RUN = "studio.run_id"
_EXPERIMENT = "studio.experiment_id"
_TYPE = "studio.job_type"
_NAME = "studio.display_name"
_COMPUTE = "studio.compute"
_COORDINATOR = "studio.coordinator"
_PARENT = "studio.parent_run_id"
_STATUS = "studio.status"
_ATTEMPT = "studio.attempt"
_STARTED = "studio.started_at"
_ENDED = "studio.ended_at"
_CANCEL = "studio.cancel"
_ERROR = "studio.error"
_OUTCOME = "outcome"
_ERROR_LIMIT = 4000
_LOST = "The process that ran the job was killed in each of {} attempts (out of memory, perhaps)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it stood when it was read.

    Attributes:
        run_id: The user's run.
        record_id: The queue's record of it.
        experiment_id: The user's experiment.
        type: Such as ``command`` or ``automl``.
        display_name: Name of the run.
        status: Where it stands.
        created_at: When it was submitted, in seconds since the epoch.
        started_at: When its command started in the latest attempt; None before that.
        ended_at: None while it goes on.
        compute: What it runs on.
        attempt: Number of the latest attempt; 0 before the first.
        error: Why it failed, if it did.
        created_by: The user, as MLflow knows it.
        is_coordinator: Whether it mostly waits for other jobs and takes no slot.
        parent_run_id: The run of the coordinator that submitted it; empty for a job of its own.
    """

    run_id: str
    record_id: str
    experiment_id: str
    type: str
    display_name: str
    status: JobStatus
    created_at: float
    started_at: float | None
    ended_at: float | None
    compute: str
    attempt: int
    error: str
    created_by: str
    is_coordinator: bool
    parent_run_id: str


def to_job(record: Record) -> Job:
    """Read a job out of its record."""
    tags = record.tags
    return Job(
        run_id=tags[_RUN],
        record_id=record.id,
        experiment_id=tags[_EXPERIMENT],
        type=tags[_TYPE],
        display_name=tags[_NAME],
        status=shown_status(stored_status(record), is_cancel_requested=_CANCEL in tags),
        created_at=record.created_at,
        started_at=_seconds(tags, _STARTED),
        ended_at=_outcome(record).get("ended_at"),
        compute=tags[_COMPUTE],
        attempt=int(tags.get(_ATTEMPT, 0)),
        error=_outcome(record).get("error", ""),
        created_by=record.user,
        is_coordinator=_COORDINATOR in tags,
        parent_run_id=tags.get(_PARENT, ""),
    )


def stored_status(record: Record) -> JobStatus:
    """Return the status without regard to a wish to cancel."""
    return JobStatus(_outcome(record).get("status") or record.tags[_STATUS])


def is_cancel_requested(tags: Mapping[str, str]) -> bool:
    """Tell whether somebody asked to cancel the job."""
    return _CANCEL in tags


def has_job(run: Run) -> bool:
    """Tell whether a run says that it is a job's: then it is in the queue, or was."""
    return _RECORD in run.data.tags


def has_outcome(record: Record) -> bool:
    """Tell whether it is settled how the job ended."""
    return _OUTCOME in record.params


# ---------------------------------------------------------------- what users do


def get_job(client: MlflowClient, run_id: str) -> Job:
    """Read the job that a run belongs to.

    Raises:
        NotFound: There is no such run, or it is not a job's.
    """
    return to_job(read_state(client, job_record_id(client, run_id)))


def job_record_id(client: MlflowClient, run_id: str) -> str:
    """Return the id of the queue's record of a run.

    Raises:
        NotFound: There is no such run, or it is not a job's.
    """
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise NotFound(
            f"There is no run {run_id!r}. See the jobs with: mlflow-studio job list"
        ) from error
    if _RECORD not in run.data.tags:
        raise NotFound(
            f"The run {run_id!r} was not submitted as a job. "
            "See the jobs with: mlflow-studio job list"
        )
    return run.data.tags[_RECORD]


def read_state(client: MlflowClient, record_id: str) -> Record:
    """Read a job's record without its document, which may be a file."""
    return to_record(client.get_run(record_id), spec=None)


def list_jobs(
    client: MlflowClient, *, max_results: int = 50, page_token: str | None = None
) -> Page[Job]:
    """List jobs of all experiments, newest first."""
    page = Records(client).search(JOB, tags=_ROLE, max_results=max_results, page_token=page_token)
    return Page([to_job(record) for record in page.items], page.next_token)


def cancel_job(client: MlflowClient, run_id: str) -> None:
    """Ask for the end of a job; one that nobody has begun ends at once.

    Raises:
        NotFound: There is no such run, or it is not a job's.
        StudioError: The job has ended.
    """
    job = get_job(client, run_id)
    if job.status.is_final:
        raise StudioError(
            f"The job {run_id!r} is {job.status}; only a job that has not ended can be cancelled."
        )
    queue = JobQueue(client)
    queue.records.set_tags(job.record_id, {_CANCEL: repr(queue.clock.now())})
    lease = queue.leases.take(job.record_id, holder=CANCELLER, seconds=30.0)
    if lease is None:  # a runner has it and sees the tag
        return
    if queue.get(job.record_id).status == "SCHEDULED":
        queue.end(lease, JobStatus.CANCELED)
    queue.leases.release(lease)


# ---------------------------------------------------------------- what agents and runners do


class JobQueue:
    """The jobs as agents and runners work on them. Safe to share between threads."""

    def __init__(self, client: MlflowClient, *, clock: Clock | None = None) -> None:
        self.client = client
        self.clock = clock or SystemClock()
        self.records = Records(client)
        self.leases = Leases(client, clock=self.clock)

    def put(
        self,
        spec: Mapping[str, Any],
        *,
        run_id: str,
        experiment_id: str,
        display_name: str,
        compute: str,
        user: str,
        is_coordinator: bool = False,
        parent_run_id: str | None = None,
    ) -> Job:
        """Add a job; agents see it when this returns.

        Args:
            spec: ``{"type": ..., "job": ..., "inputs": ..., "warnings": ...}``, see `_submit`.
            run_id: The user's run.
            experiment_id: The user's experiment.
            display_name: Name of the user's run.
            compute: Name of the backend that runs the command.
            user: Who submits.
            is_coordinator: Whether it mostly waits for other jobs and takes no slot.
            parent_run_id: The run of the coordinator that submits it.
        """
        tags = {
            "mlflow.user": user,
            _RUN: run_id,
            _EXPERIMENT: experiment_id,
            _TYPE: spec["type"],
            _NAME: display_name,
            _COMPUTE: compute,
            _STATUS: JobStatus.QUEUED,
            **({_COORDINATOR: "true"} if is_coordinator else {}),
            **({_PARENT: parent_run_id} if parent_run_id else {}),
        }
        record = self.records.create(
            JOB, spec, role=JOB, name=display_name, tags=tags, status="SCHEDULED"
        )
        self.client.set_tag(run_id, _RECORD, record.id)
        return to_job(record)

    def get(self, record_id: str) -> Record:
        """Read a job's record with its document."""
        return self.records.get(record_id)

    def queued(self, max_results: int) -> list[Record]:
        """Return the jobs that wait, those that have waited longest first."""
        page = self.records.search(
            JOB,
            tags=_ROLE,
            where="attributes.status = 'SCHEDULED'",
            max_results=max_results,
            oldest_first=True,
        )
        return list(page.items)

    def begun(self) -> list[Record]:
        """Return the jobs that are in somebody's hands, or should be."""
        page = self.records.search(
            JOB,
            tags=_ROLE,
            where="attributes.status = 'RUNNING'",
            max_results=1000,
            oldest_first=True,
        )
        return list(page.items)

    def children(self, parent_run_id: str) -> list[Job]:
        """Return the jobs that a coordinator has submitted, oldest first, by one query."""
        page = self.records.search(
            JOB, tags={**_ROLE, _PARENT: parent_run_id}, max_results=50_000, oldest_first=True
        )
        return [to_job(record) for record in page.items]

    def link(self, run_id: str) -> Job | None:
        """Return the job of a run whose submitter may have been gone before the run named it."""
        page = self.records.search(JOB, tags={**_ROLE, _RUN: run_id}, max_results=1)
        if not page.items:
            return None
        self.client.set_tag(run_id, _RECORD, page.items[0].id)
        return to_job(page.items[0])

    def take(self, record_id: str, *, holder: str, seconds: float) -> Lease | None:
        """Take a job; at once if its holder was a process of this machine that is gone."""
        return self.leases.take(
            record_id, holder=holder, seconds=seconds, holder_is_dead=holder_is_dead
        )

    def move(self, lease: Lease, status: JobStatus, *, attempt: int | None = None) -> None:
        """Note that a job has come to a state that is not its last.

        Raises:
            LeaseLost: The caller does not hold the job any more.
            StudioError: The job cannot go there from where it is.
        """
        self.leases.check(lease)
        record = read_state(self.client, lease.record_id)
        old = stored_status(record)
        check_move(old, status)
        tags = {_STATUS: str(status)}
        if attempt is not None:
            tags[_ATTEMPT] = str(attempt)
        if status is JobStatus.RUNNING:
            tags[_STARTED] = repr(self.clock.now())
        self.records.set_tags(record.id, tags)
        if status.run_status != old.run_status:
            self._set_run_status(record, status)

    def end(self, lease: Lease, status: JobStatus, error: str = "") -> None:
        """Settle how a job ended. Only the first outcome of a job counts.

        Raises:
            LeaseLost: The caller does not hold the job any more.
        """
        self.leases.check(lease)
        outcome = {
            "status": str(status),
            "error": error[:_ERROR_LIMIT],
            "ended_at": self.clock.now(),
            "token": lease.token,
        }
        set_once(self.client, lease.record_id, _OUTCOME, json.dumps(outcome))
        self.settle(read_state(self.client, lease.record_id))

    def settle(self, record: Record) -> None:
        """Make the statuses of a job's run and record what its outcome says.

        A coordinator's children end with it, however it ended.
        """
        status = stored_status(record)
        if _COORDINATOR in record.tags:
            self._cancel_children(record.tags[_RUN])
        error = _outcome(record).get("error", "")
        tags = {_STATUS: str(status)} | ({_ERROR: error} if error else {})
        self.records.set_tags(record.id, tags)
        with contextlib.suppress(NotFound):
            self._on_run(record, lambda run_id: self.records.set_tags(run_id, tags))
            self._on_run(
                record, lambda run_id: self.client.set_terminated(run_id, status.run_status)
            )
        self.client.set_terminated(record.id, status.run_status)

    def give_back(self, lease: Lease, *, attempt: int) -> None:
        """Put a job back into the queue.

        Args:
            lease: The caller's.
            attempt: How many attempts have been used up.

        Raises:
            LeaseLost: The caller does not hold the job any more.
        """
        self.move(lease, JobStatus.QUEUED, attempt=attempt)
        self.leases.release(lease)

    def recover(self, record_id: str, *, holder: str, seconds: float) -> JobStatus | None:
        """Look after a job whose runner is gone; None if it is in good hands.

        Returns:
            Where the job stands now: in the queue again, or ended.
        """
        lease = self.take(record_id, holder=holder, seconds=seconds)
        if lease is None:
            return None
        record = read_state(self.client, record_id)
        if has_outcome(record):
            self.settle(record)
            return stored_status(record)
        if stored_status(record) is JobStatus.QUEUED:
            # Its runner or its submitter was gone before it could write anything.
            self.client.update_run(record.id, status=JobStatus.QUEUED.run_status)
            self.leases.release(lease)
            return JobStatus.QUEUED
        attempt = int(record.tags.get(_ATTEMPT, 0))
        status = after_loss(attempt, is_cancel_requested=is_cancel_requested(record.tags))
        if status is JobStatus.QUEUED:
            self.give_back(lease, attempt=attempt)
        else:
            self.end(lease, status, _LOST.format(attempt) if status is JobStatus.FAILED else "")
            self.leases.release(lease)
        return status

    def _cancel_children(self, parent_run_id: str) -> None:
        for job in self.children(parent_run_id):
            if not job.status.is_final:
                with contextlib.suppress(StudioError):  # it has ended meanwhile
                    cancel_job(self.client, job.run_id)

    def _set_run_status(self, record: Record, status: JobStatus) -> None:
        with contextlib.suppress(NotFound):
            self._on_run(
                record,
                lambda run_id: self.client.update_run(run_id, status=status.run_status),
            )
        self.client.update_run(record.id, status=status.run_status)

    def _on_run(self, record: Record, write: Callable[[str], object]) -> None:
        """Write to the user's run.

        Raises:
            NotFound: The user has deleted it.
        """
        run_id = record.tags[_RUN]
        try:
            write(run_id)
        except MlflowException as error:
            if self.is_deleted(run_id):
                raise NotFound(f"The run {run_id!r} of the job was deleted.") from error
            raise

    def is_deleted(self, run_id: str) -> bool:
        """Tell whether the user has deleted the run of a job."""
        try:
            return bool(self.client.get_run(run_id).info.lifecycle_stage != "active")
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return True
            raise


def holder_is_dead(lease: Lease) -> bool:
    """Tell whether a lease's holder was a process of this machine that has ended."""
    try:
        identity = ProcessIdentity.parse(lease.holder)
    except ValueError:
        return False
    return identity.is_local and identity.find() is None


def _outcome(record: Record) -> dict[str, Any]:
    outcome: dict[str, Any] = json.loads(record.params.get(_OUTCOME, "{}"))
    return outcome


def _seconds(tags: Mapping[str, str], key: str) -> float | None:
    return float(tags[key]) if key in tags else None
