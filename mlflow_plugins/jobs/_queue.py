"""The queue: one record of kind ``job`` for each job, in the MLflow store.

The user's run stays the user's; everything the machinery needs is on the record. Its document is
what to run, its lease says who runs it (`core.leases`), its write-once param ``outcome`` how it
ended. Where the job stands is in tags, which only the holder of the lease writes; a wish to cancel
is a tag that anybody may set. MLflow's own status of the record (SCHEDULED, RUNNING or an end)
makes queued and running jobs of all experiments one search, and the record's run name is its rank
in the queue: names and times of runs are columns by which the store sorts fast, tags are not.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
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
    check_lease,
    has_life,
    newest_lease,
    set_or_read,
    to_record,
)
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.core.records import DRAFT
from mlflow_plugins.jobs._states import (
    JobStatus,
    after_loss,
    check_move,
    shown_status,
)
from mlflow_plugins.jobs.compute import MEDIUM, Compute, Demand

JOB = "job"
CANCELLER = "cancel"

COORDINATORS = "coordinators"

_ROLE = {"studio.role": JOB}
_RANKS = {"high": "1 high", MEDIUM: "2 medium", "low": "3 low"}
_COORDINATOR_RANK, _RETRY_RANK = "0 coordinator", "9 retry"
_ORDER = ("attributes.run_name ASC", "attributes.start_time ASC")
_WAITING = "attributes.status = 'SCHEDULED'"
_RECORD = "studio.job"
_RUN = "studio.run_id"
_EXPERIMENT = "studio.experiment_id"
_TYPE = "studio.job_type"
_NAME = "studio.display_name"
_COMPUTE = "studio.compute"
_BACKEND = "studio.backend"
_QUEUE = "studio.queue"
_PRIORITY = "studio.priority"
_INSTANCES = "studio.instances"
_INSTANCE_TYPE = "studio.instance_type"
_COORDINATOR = "studio.coordinator"
_PARENT = "studio.parent_run_id"
_STATUS = "studio.status"
_ATTEMPT = "studio.attempt"
_FAILURES = "studio.failures"
_RETRY_AT = "studio.retry_at"
_STARTED = "studio.started_at"
_ENDED = "studio.ended_at"
_CANCEL = "studio.cancel"
_ERROR = "studio.error"
_OUTCOME = "outcome"
_ERROR_LIMIT = 4000
_LOST = "The process that ran the job was killed in each of {} attempts (out of memory, perhaps)."
_LOST_ELSEWHERE = "The machine that ran the job was lost in attempt {}, the last one: {}"


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
        backend: The job backend that runs the command.
        priority: ``high``, ``medium`` or ``low``.
        attempt: Number of the latest attempt; 0 before the first.
        n_failures: How often the command has failed and was, or will be, tried again.
        retry_at: When it is tried again, in seconds since the epoch; None if it need not wait.
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
    backend: str
    priority: str
    attempt: int
    n_failures: int
    retry_at: float | None
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
        status=shown_status(_settled_status(record), is_cancel_requested=_CANCEL in tags),
        created_at=record.created_at,
        started_at=_seconds(tags, _STARTED),
        ended_at=_outcome(record).get("ended_at"),
        compute=tags[_COMPUTE],
        backend=tags.get(_BACKEND, tags[_COMPUTE]),
        priority=tags.get(_PRIORITY, MEDIUM),
        attempt=int(tags.get(_ATTEMPT, 0)),
        n_failures=int(tags.get(_FAILURES, 0)),
        retry_at=_seconds(tags, _RETRY_AT),
        error=_outcome(record).get("error", ""),
        created_by=record.user,
        is_coordinator=_COORDINATOR in tags,
        parent_run_id=tags.get(_PARENT, ""),
    )


def to_demand(record: Record) -> Demand:
    """Read what a waiting job asks for out of its record."""
    return Demand(
        compute=record.tags[_COMPUTE],
        backend=record.tags.get(_BACKEND, record.tags[_COMPUTE]),
        priority=record.tags.get(_PRIORITY, MEDIUM),
        instances=int(record.tags.get(_INSTANCES, 1)),
        instance_type=record.tags.get(_INSTANCE_TYPE, ""),
        is_coordinator=_COORDINATOR in record.tags,
    )


def _demand_tags(demand: Demand) -> dict[str, str]:
    optional = {
        _INSTANCES: str(demand.instances) if demand.instances > 1 else "",
        _INSTANCE_TYPE: demand.instance_type,
        _COORDINATOR: "true" if demand.is_coordinator else "",
    }
    return {
        _COMPUTE: demand.compute,
        _BACKEND: demand.backend,
        _PRIORITY: demand.priority,
        _QUEUE: COORDINATORS if demand.is_coordinator else demand.compute,
        **{key: value for key, value in optional.items() if value},
    }


def stored_status(record: Record) -> JobStatus:
    """Return the status without regard to a wish to cancel."""
    return JobStatus(_outcome(record).get("status") or record.tags[_STATUS])


def _settled_status(record: Record) -> JobStatus:
    """Return the status that people may rely on: an end counts once the run says the same."""
    status = stored_status(record)
    is_settled = not status.is_final or record.status == status.run_status
    return status if is_settled else JobStatus.FINALIZING


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


def read_document(client: MlflowClient, run_id: str) -> Mapping[str, Any]:
    """Read what a job was asked to do, see `JobQueue.put`.

    Raises:
        NotFound: There is no such run, or it is not a job's.
    """
    return Records(client).get(job_record_id(client, run_id)).spec or {}


def read_state(client: MlflowClient, record_id: str) -> Record:
    """Read a job's record without its document, which may be a file."""
    return to_record(client.get_run(record_id), spec=None)


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
        demand: Demand,
        user: str,
        client_token: str = "",
        parent_run_id: str | None = None,
    ) -> Job:
        """Add a job; agents see it when this returns.

        Args:
            spec: ``{"type": ..., "job": ..., "inputs": ..., "warnings": ...}``, see `_submit`.
            run_id: The user's run.
            experiment_id: The user's experiment.
            display_name: Name of the user's run.
            demand: Where it is to run, and how much of it.
            user: Who submits.
            client_token: The submitter's name for this submission; of several with the same name
                only the first becomes a job, and the others are answered with that.
            parent_run_id: The run of the coordinator that submits it.
        """
        tags = {
            "mlflow.user": user,
            _RUN: run_id,
            _EXPERIMENT: experiment_id,
            _TYPE: spec["type"],
            _NAME: display_name,
            _STATUS: JobStatus.QUEUED,
            **({_PARENT: parent_run_id} if parent_run_id else {}),
            **_demand_tags(demand),
        }
        rank = _COORDINATOR_RANK if demand.is_coordinator else _RANKS[demand.priority]
        role = DRAFT if client_token else JOB
        record = self.records.create(JOB, spec, role=role, name=rank, tags=tags)
        if client_token:
            params = set_or_read(self.client, *self._place_of(client_token), record.id)
            if params is not None:
                self.records.delete(record.id)
                first = params[self._place_of(client_token)[1]]
                return self._publish(read_state(self.client, first))
        return self._publish(record)

    def find_submission(self, client_token: str) -> Job | None:
        """Return the job that was submitted under a name, if there is one."""
        index_run_id, key = self._place_of(client_token)
        record_id = self.client.get_run(index_run_id).data.params.get(key)
        return None if record_id is None else self._publish(read_state(self.client, record_id))

    def _place_of(self, client_token: str) -> tuple[str, str]:
        """Return the run and the write-once param that say which job has a submitter's name."""
        digest = hashlib.sha256(client_token.encode()).hexdigest()
        index = self.records.index_run_ids(JOB)
        return index[int(digest, 16) % len(index)], f"token/{digest}"

    def _publish(self, record: Record) -> Job:
        """Let agents see a job, unless they do: its submitter may have been gone half way."""
        is_queued = stored_status(record) is JobStatus.QUEUED
        if is_queued and record.status == "RUNNING":
            self.client.set_tag(record.tags[_RUN], _RECORD, record.id)
            if record.role != JOB:
                self.records.set_tags(record.id, {"studio.role": JOB})
            self._set_record_status(record.id, JobStatus.QUEUED)
        return to_job(record)

    def get(self, record_id: str) -> Record:
        """Read a job's record with its document."""
        return self.records.get(record_id)

    def waiting(self, queues: Collection[str], max_results: int) -> list[Record]:
        """Return jobs that may start now, in their order: priority, then age.

        Args:
            queues: Names of computes, and `COORDINATORS` for jobs that wait for others.
            max_results: How many, at most, of each queue.
        """
        first = self._search(_WAITING, max_results)
        records = list(first.items)
        if first.next_token is not None and any(_queue(one) not in queues for one in records):
            # Others stand in the way: ask each queue by itself.
            pages = [
                self._search(f"{_WAITING} and tags.`{_QUEUE}` = '{queue}'", max_results).items
                for queue in queues
            ]
            records = sorted((one for page in pages for one in page), key=_rank)
        now = self.clock.now()
        return [one for one in records if _queue(one) in queues and self._may_start(one, now)]

    def _may_start(self, record: Record, now: float) -> bool:
        """Tell whether a job neither pauses nor has been taken by a runner a moment ago."""
        lease = newest_lease(record.id, record.params)
        is_taken = lease is not None and has_life(lease, record.params, record.tags, now)
        return (_seconds(record.tags, _RETRY_AT) or 0.0) <= now and (
            lease is None or not is_taken or holder_is_dead(lease)
        )

    def end_pauses(self) -> None:
        """Put jobs whose time to be tried again has come back to their places in the queue."""
        now = self.clock.now()
        for record in self._search(f"{_WAITING} and tags.`{_RETRY_AT}` LIKE '%'", 1000).items:
            if float(record.tags[_RETRY_AT]) <= now:
                self.client.update_run(record.id, name=_own_rank(record))
                self.records.delete_tag(record.id, _RETRY_AT)

    def begun(self) -> list[Record]:
        """Return the jobs that are in somebody's hands, or should be."""
        return list(self._search("attributes.status = 'RUNNING'", 1000).items)

    def children(self, parent_run_id: str) -> list[Job]:
        """Return the jobs that a coordinator has submitted, oldest first, by one query."""
        page = self.records.search(
            JOB,
            role=JOB,
            tags={_PARENT: parent_run_id},
            max_results=50_000,
            order_by=("attributes.start_time ASC",),
        )
        return [to_job(record) for record in page.items]

    def link(self, run_id: str) -> Job | None:
        """Return the job of a run whose submitter may have been gone before the run named it."""
        page = self.records.search(JOB, role=JOB, tags={_RUN: run_id}, max_results=1)
        if not page.items:
            return None
        self.client.set_tag(run_id, _RECORD, page.items[0].id)
        return to_job(page.items[0])

    def jobs_on(self, compute: str, *, is_begun: bool, max_results: int) -> list[Job]:
        """Return jobs of a compute that wait, next one first, or that are in somebody's hands."""
        status = "RUNNING" if is_begun else "SCHEDULED"
        where = f"attributes.status = '{status}' and tags.`{_COMPUTE}` = '{compute}'"
        return [to_job(one) for one in self._search(where, max_results).items]

    def reassign(self, job: Job, compute: Compute) -> None:
        """Let a waiting job wait for another compute."""
        queue = COORDINATORS if job.is_coordinator else compute.name
        self.records.set_tags(
            job.record_id,
            {_COMPUTE: compute.name, _BACKEND: compute.backend, _QUEUE: queue},
        )

    def _search(self, where: str, max_results: int) -> Page[Record]:
        return self.records.search(
            JOB, role=JOB, where=where, max_results=max_results, order_by=_ORDER
        )

    def take(
        self, record_id: str, *, holder: str, seconds: float, run: Run | None = None
    ) -> Lease | None:
        """Take a job; at once if its holder was a process of this machine that is gone."""
        return self.leases.take(
            record_id, holder=holder, seconds=seconds, holder_is_dead=holder_is_dead, run=run
        )

    def move(
        self,
        lease: Lease,
        status: JobStatus,
        *,
        attempt: int | None = None,
        tags: Mapping[str, str] | None = None,
        record: Record | None = None,
    ) -> None:
        """Note that a job has come to a state that is not its last.

        Args:
            lease: The caller's.
            status: Where the job stands from now on.
            attempt: How many attempts have been used up.
            tags: More to write on the record.
            record: The record as the caller read it when it took the lease a moment ago.

        Raises:
            LeaseLost: The caller does not hold the job any more.
            StudioError: The job cannot go there from where it is.
        """
        if record is None:
            record = read_state(self.client, lease.record_id)
            check_lease(lease, record.params)
        old = stored_status(record)
        check_move(old, status)
        news = {**(tags or {}), _STATUS: str(status)}
        if attempt is not None:
            news[_ATTEMPT] = str(attempt)
        if status is JobStatus.RUNNING:
            news[_STARTED] = repr(self.clock.now())
        self.records.set_tags(record.id, news)
        if status.run_status != old.run_status:
            self._set_run_status(record, status)

    def end(self, lease: Lease, status: JobStatus, error: str = "") -> None:
        """Settle how a job ended. Only the first outcome of a job counts.

        Raises:
            LeaseLost: The caller does not hold the job any more.
        """
        record = read_state(self.client, lease.record_id)
        check_lease(lease, record.params)
        outcome = {
            "status": str(status),
            "error": error[:_ERROR_LIMIT],
            "ended_at": self.clock.now(),
            "token": lease.token,
        }
        value = json.dumps(outcome)
        params = set_or_read(self.client, lease.record_id, _OUTCOME, value) or {
            **record.params, _OUTCOME: value
        }  # fmt: skip
        self.settle(replace(record, params=params))

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
        self._set_record_status(record.id, status)

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

    def try_later(self, lease: Lease, *, attempt: int, n_failures: int, seconds: float) -> None:
        """Put a job whose command failed back into the queue, to be tried again after a pause.

        Raises:
            LeaseLost: The caller does not hold the job any more.
        """
        retry_at = self.clock.now() + seconds
        tags = {_FAILURES: str(n_failures), _RETRY_AT: repr(retry_at)}
        self.move(lease, JobStatus.QUEUED, attempt=attempt, tags=tags)
        self.client.update_run(lease.record_id, name=_RETRY_RANK)
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
            self._set_record_status(record.id, JobStatus.QUEUED)
            self.leases.release(lease)
            return JobStatus.QUEUED
        return self._after_loss(lease, record, _LOST.format(record.tags.get(_ATTEMPT, 0)))

    def lose(self, lease: Lease, reason: str) -> JobStatus:
        """Settle what becomes of a job whose attempt was lost with the machine that it ran on.

        Args:
            lease: The caller's.
            reason: What happened, for people.

        Returns:
            Where the job stands now: in the queue again, or ended.

        Raises:
            LeaseLost: The caller does not hold the job any more.
        """
        record = read_state(self.client, lease.record_id)
        error = _LOST_ELSEWHERE.format(record.tags.get(_ATTEMPT, 0), reason)
        return self._after_loss(lease, record, error)

    def _after_loss(self, lease: Lease, record: Record, error: str) -> JobStatus:
        attempt = int(record.tags.get(_ATTEMPT, 0))
        status = after_loss(
            attempt,
            is_cancel_requested=is_cancel_requested(record.tags),
            n_failures=int(record.tags.get(_FAILURES, 0)),
        )
        if status is JobStatus.QUEUED:
            self.give_back(lease, attempt=attempt)
        else:
            self.end(lease, status, error if status is JobStatus.FAILED else "")
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
        self._set_record_status(record.id, status)

    def _set_record_status(self, record_id: str, status: JobStatus) -> None:
        """Set MLflow's status of a record in one call; that it also sets an end is no harm here."""
        self.client.set_terminated(record_id, status.run_status)

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


def _queue(record: Record) -> str:
    return record.tags.get(_QUEUE, "")


def _own_rank(record: Record) -> str:
    if _COORDINATOR in record.tags:
        return _COORDINATOR_RANK
    return _RANKS[record.tags.get(_PRIORITY, MEDIUM)]


def _rank(record: Record) -> tuple[str, float]:
    return _own_rank(record), record.created_at


def _outcome(record: Record) -> dict[str, Any]:
    outcome: dict[str, Any] = json.loads(record.params.get(_OUTCOME, "{}"))
    return outcome


def _seconds(tags: Mapping[str, str], key: str) -> float | None:
    return float(tags[key]) if key in tags else None
