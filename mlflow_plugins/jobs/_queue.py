"""The queue: one record of kind ``job`` for each job, in the MLflow store.

The user's run stays the user's; everything the machinery needs is on the record. Its document is
what to run, its lease says who runs it (`core.leases`), its write-once param ``outcome`` how it
ended. Where the job stands is in tags, which only the holder of the lease writes (`_hold`); a wish
to cancel is a tag that anybody may set. MLflow's own status of the record (SCHEDULED, RUNNING or an
end) makes queued and running jobs of all experiments one search, and the record's run name is its
rank in the queue: names and times of runs are columns by which the store sorts fast, tags are not.
"""

import contextlib
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

from mlflow_plugins.core import (
    Clock,
    Lease,
    LeaseLost,
    Leases,
    Page,
    Record,
    Records,
    StudioError,
    SystemClock,
    check_lease,
    has_life,
    newest_lease,
    set_or_read,
)
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.core.records import DRAFT
from mlflow_plugins.jobs import _job_tags as job_tags
from mlflow_plugins.jobs._hold import Hold
from mlflow_plugins.jobs._job import (
    COORDINATORS,
    JOB,
    Job,
    demand_tags,
    get_job,
    has_outcome,
    read_state,
    seconds_in,
    stored_status,
    to_job,
)
from mlflow_plugins.jobs._states import JobStatus
from mlflow_plugins.jobs._statuses import Statuses
from mlflow_plugins.jobs.compute import MEDIUM, Compute, Demand

_CANCELLER = "cancel"
_ROLE = {"studio.role": JOB}
_RANKS = {"high": "1 high", MEDIUM: "2 medium", "low": "3 low"}
_COORDINATOR_RANK = "0 coordinator"
_ORDER = ("attributes.run_name ASC", "attributes.start_time ASC")
_WAITING = "attributes.status = 'SCHEDULED'"


def cancel_job(client: MlflowClient, run_id: str) -> None:
    """Ask for the end of a job; one that nobody has begun ends at once.

    Raises:
        NotFound: There is no such run, or it is not a job's.
        StudioError: The job has ended.
    """
    JobQueue(client).cancel(get_job(client, run_id))


class JobQueue:
    """The jobs as agents and runners work on them. Safe to share between threads."""

    def __init__(self, client: MlflowClient, *, clock: Clock | None = None) -> None:
        self.client = client
        self.clock = clock or SystemClock()
        self.records = Records(client)
        self.leases = Leases(client, clock=self.clock)
        self._statuses = Statuses(self.records)

    def put(
        self,
        spec: Mapping[str, Any],
        *,
        run: Run,
        demand: Demand,
        user: str,
        client_token: str = "",
        parent_run_id: str | None = None,
    ) -> Job:
        """Add a job; agents see it when this returns.

        Args:
            spec: ``{"type": ..., "job": ..., "inputs": ..., "warnings": ...}``, see `_submit`.
            run: The user's run.
            demand: Where it is to run, and how much of it.
            user: Who submits.
            client_token: The submitter's name for this submission; of several with the same name
                only the first becomes a job, and the others are answered with that.
            parent_run_id: The run of the coordinator that submits it.
        """
        tags = {
            "mlflow.user": user,
            job_tags.RUN: run.info.run_id,
            job_tags.EXPERIMENT: run.info.experiment_id,
            job_tags.ARTIFACTS: run.info.artifact_uri,
            job_tags.TYPE: spec["type"],
            job_tags.NAME: run.info.run_name or run.info.run_id,
            job_tags.STATUS: JobStatus.QUEUED,
            **({job_tags.PARENT: parent_run_id} if parent_run_id else {}),
            **demand_tags(demand),
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
            self.client.set_tag(record.tags[job_tags.RUN], job_tags.RECORD, record.id)
            if record.role != JOB:
                self.records.set_tags(record.id, {"studio.role": JOB})
            self._statuses.set_on_record(record.id, JobStatus.QUEUED)
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
                self._search(
                    f"{_WAITING} and tags.`{job_tags.QUEUE}` = '{queue}'", max_results
                ).items
                for queue in queues
            ]
            records = sorted((one for page in pages for one in page), key=_rank)
        now = self.clock.now()
        return [one for one in records if _queue(one) in queues and self._may_start(one, now)]

    def _may_start(self, record: Record, now: float) -> bool:
        """Tell whether a job neither pauses nor has been taken by a runner a moment ago."""
        lease = newest_lease(record.id, record.params)
        is_taken = lease is not None and has_life(lease, record.params, record.tags, now)
        return (seconds_in(record.tags, job_tags.RETRY_AT) or 0.0) <= now and (
            lease is None or not is_taken or holder_is_dead(lease)
        )

    def end_pauses(self) -> None:
        """Put jobs whose time to be tried again has come back to their places in the queue."""
        now = self.clock.now()
        for record in self._search(
            f"{_WAITING} and tags.`{job_tags.RETRY_AT}` LIKE '%'", 1000
        ).items:
            if float(record.tags[job_tags.RETRY_AT]) <= now:
                self.client.update_run(record.id, name=_own_rank(record))
                self.records.delete_tag(record.id, job_tags.RETRY_AT)

    def begun(self) -> list[Record]:
        """Return the jobs that are in somebody's hands, or should be."""
        return list(self._search("attributes.status = 'RUNNING'", 1000).items)

    def children(self, parent_run_id: str) -> list[Job]:
        """Return the jobs that a coordinator has submitted, oldest first, by one query."""
        page = self.records.search(
            JOB,
            role=JOB,
            tags={job_tags.PARENT: parent_run_id},
            max_results=50_000,
            order_by=("attributes.start_time ASC",),
        )
        return [to_job(record) for record in page.items]

    def link(self, run_id: str) -> Job | None:
        """Return the job of a run whose submitter may have been gone before the run named it."""
        page = self.records.search(JOB, role=JOB, tags={job_tags.RUN: run_id}, max_results=1)
        if not page.items:
            return None
        self.client.set_tag(run_id, job_tags.RECORD, page.items[0].id)
        return to_job(page.items[0])

    def jobs_on(self, compute: str, *, is_begun: bool, max_results: int) -> list[Job]:
        """Return jobs of a compute that wait, next one first, or that are in somebody's hands."""
        status = "RUNNING" if is_begun else "SCHEDULED"
        where = f"attributes.status = '{status}' and tags.`{job_tags.COMPUTE}` = '{compute}'"
        return [to_job(one) for one in self._search(where, max_results).items]

    def reassign(self, job: Job, compute: Compute) -> None:
        """Let a waiting job wait for another compute."""
        queue = COORDINATORS if job.is_coordinator else compute.name
        self.records.set_tags(
            job.record_id,
            {
                job_tags.COMPUTE: compute.name,
                job_tags.BACKEND: compute.backend,
                job_tags.QUEUE: queue,
            },
        )

    def _search(self, where: str, max_results: int) -> Page[Record]:
        return self.records.search(
            JOB, role=JOB, where=where, max_results=max_results, order_by=_ORDER
        )

    def take(
        self,
        record_id: str,
        *,
        holder: str,
        seconds: float,
        record: Record | None = None,
        begins: bool = False,
    ) -> Hold | None:
        """Take a job; at once if its holder was a process of this machine that is gone.

        Args:
            record_id: The job's record.
            holder: Who asks.
            seconds: How long the lease lasts without a sign of life.
            record: The record, if the caller has read it a moment ago.
            begins: Begin an attempt with it if the job waits for one. The caller goes on with
                `Hold.begin`.
        """
        record = record or read_state(self.client, record_id)
        tags: dict[str, str] = {}
        if begins and stored_status(record) is JobStatus.QUEUED:
            attempt = int(record.tags.get(job_tags.ATTEMPT, 0)) + 1
            tags = {job_tags.STATUS: JobStatus.PREPARING.value, job_tags.ATTEMPT: str(attempt)}
        lease = self.leases.take(
            record_id,
            holder=holder,
            seconds=seconds,
            holder_is_dead=holder_is_dead,
            record=record,
            tags=tags,
        )
        if lease is None:
            return None
        return self._hold(lease, replace(record, tags={**record.tags, **tags}))

    def join(self, record_id: str, *, token: int) -> Hold:
        """Return the hold that somebody has on a job, for work that is done on their behalf.

        Args:
            record_id: The job's record.
            token: Fencing token of their lease.

        Raises:
            LeaseLost: They do not hold the job any more, or it has ended.
        """
        record = self.get(record_id)
        lease = newest_lease(record_id, record.params)
        if lease is None or lease.token != token or has_outcome(record):
            raise LeaseLost(f"Attempt {token} at the job {record_id} is not wanted any more.")
        check_lease(lease, record.params)
        return self._hold(lease, record)

    def _hold(self, lease: Lease, record: Record) -> Hold:
        return Hold(
            lease,
            record,
            records=self.records,
            leases=self.leases,
            clock=self.clock,
            settle=self.settle,
        )

    def settle(self, record: Record) -> None:
        """Make the statuses of a job's run and record what its outcome says.

        A coordinator's children end with it, however it ended.
        """
        if job_tags.COORDINATOR in record.tags:
            self._cancel_children(record.tags[job_tags.RUN])
        self._statuses.show_end(record)

    def recover(self, record_id: str, *, holder: str, seconds: float) -> JobStatus | None:
        """Look after a job whose runner is gone; None if it is in good hands.

        Returns:
            Where the job stands now: in the queue again, or ended.
        """
        hold = self.take(record_id, holder=holder, seconds=seconds)
        return None if hold is None else hold.recover()

    def cancel(self, job: Job) -> None:
        """Ask for the end of a job; one that nobody has begun ends at once.

        Raises:
            StudioError: The job has ended.
        """
        if job.status.is_final:
            raise StudioError(
                f"The job {job.run_id!r} is {job.status}; "
                "only a job that has not ended can be cancelled."
            )
        self.records.set_tags(job.record_id, {job_tags.CANCEL: repr(self.clock.now())})
        hold = self.take(job.record_id, holder=_CANCELLER, seconds=30.0)
        if hold is None:  # a runner has it and sees the tag
            return
        if stored_status(hold.record) is JobStatus.QUEUED:
            hold.end(JobStatus.CANCELED)
        hold.release()

    def _cancel_children(self, parent_run_id: str) -> None:
        for job in self.children(parent_run_id):
            if not job.status.is_final:
                with contextlib.suppress(StudioError):  # it has ended meanwhile
                    self.cancel(job)


def holder_is_dead(lease: Lease) -> bool:
    """Tell whether a lease's holder was a process of this machine that has ended."""
    try:
        identity = ProcessIdentity.parse(lease.holder)
    except ValueError:
        return False
    return identity.is_local and identity.find() is None


def _queue(record: Record) -> str:
    return record.tags.get(job_tags.QUEUE, "")


def _own_rank(record: Record) -> str:
    if job_tags.COORDINATOR in record.tags:
        return _COORDINATOR_RANK
    return _RANKS[record.tags.get(job_tags.PRIORITY, MEDIUM)]


def _rank(record: Record) -> tuple[str, float]:
    return _own_rank(record), record.created_at
