"""A job as its record in the queue tells it; see `_queue` for what the record is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import NotFound, Record, Records, to_record
from mlflow_plugins.jobs._job_tags import (
    ATTEMPT,
    BACKEND,
    CANCEL,
    COMPUTE,
    COORDINATOR,
    ERROR,
    EXPERIMENT,
    FAILURES,
    INSTANCE_TYPE,
    INSTANCES,
    NAME,
    OUTCOME,
    PARENT,
    PRIORITY,
    QUEUE,
    RECORD,
    RETRY_AT,
    RUN,
    STARTED,
    STATUS,
    TYPE,
)
from mlflow_plugins.jobs._states import JobStatus, shown_status
from mlflow_plugins.jobs.compute import MEDIUM, Demand

JOB = "job"
COORDINATORS = "coordinators"


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
        run_id=tags[RUN],
        record_id=record.id,
        experiment_id=tags[EXPERIMENT],
        type=tags[TYPE],
        display_name=tags[NAME],
        status=shown_status(_settled_status(record), is_cancel_requested=CANCEL in tags),
        created_at=record.created_at,
        started_at=seconds_in(tags, STARTED),
        ended_at=outcome_of(record).get("ended_at"),
        compute=tags[COMPUTE],
        backend=tags.get(BACKEND, tags[COMPUTE]),
        priority=tags.get(PRIORITY, MEDIUM),
        attempt=int(tags.get(ATTEMPT, 0)),
        n_failures=int(tags.get(FAILURES, 0)),
        retry_at=seconds_in(tags, RETRY_AT),
        error=outcome_of(record).get("error", ""),
        created_by=record.user,
        is_coordinator=COORDINATOR in tags,
        parent_run_id=tags.get(PARENT, ""),
    )


def to_demand(record: Record) -> Demand:
    """Read what a waiting job asks for out of its record."""
    return Demand(
        compute=record.tags[COMPUTE],
        backend=record.tags.get(BACKEND, record.tags[COMPUTE]),
        priority=record.tags.get(PRIORITY, MEDIUM),
        instances=int(record.tags.get(INSTANCES, 1)),
        instance_type=record.tags.get(INSTANCE_TYPE, ""),
        is_coordinator=COORDINATOR in record.tags,
    )


def demand_tags(demand: Demand) -> dict[str, str]:
    """Return the tags from which `to_demand` reads."""
    optional = {
        INSTANCES: str(demand.instances) if demand.instances > 1 else "",
        INSTANCE_TYPE: demand.instance_type,
        COORDINATOR: "true" if demand.is_coordinator else "",
    }
    return {
        COMPUTE: demand.compute,
        BACKEND: demand.backend,
        PRIORITY: demand.priority,
        QUEUE: COORDINATORS if demand.is_coordinator else demand.compute,
        **{key: value for key, value in optional.items() if value},
    }


def stored_status(record: Record) -> JobStatus:
    """Return the status without regard to a wish to cancel."""
    return JobStatus(outcome_of(record).get("status") or record.tags[STATUS])


def _settled_status(record: Record) -> JobStatus:
    """Return the status that people may rely on: a beginning or an end that the run shows too."""
    status = stored_status(record)
    if record.status == status.run_status:
        return status
    if status.is_final:
        return JobStatus.FINALIZING
    return JobStatus.QUEUED if record.status == JobStatus.QUEUED.run_status else status


def outcome_of(record: Record) -> dict[str, Any]:
    """Return how the job ended; empty while it goes on."""
    outcome: dict[str, Any] = json.loads(record.params.get(OUTCOME, "{}"))
    return outcome


def end_tags(status: JobStatus, error: str) -> dict[str, str]:
    """Return the tags that say how a job ended, on its record and on the user's run."""
    return {STATUS: str(status)} | ({ERROR: error} if error else {})


def has_outcome(record: Record) -> bool:
    """Tell whether it is settled how the job ended."""
    return OUTCOME in record.params


def is_cancel_requested(tags: Mapping[str, str]) -> bool:
    """Tell whether somebody asked to cancel the job."""
    return CANCEL in tags


def has_job(run: Run) -> bool:
    """Tell whether a run says that it is a job's: then it is in the queue, or was."""
    return RECORD in run.data.tags


def seconds_in(tags: Mapping[str, str], key: str) -> float | None:
    """Return a tag that is a time or a duration; None if it is not there."""
    return float(tags[key]) if key in tags else None


# ---------------------------------------------------------------- reading from the store


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
    if not has_job(run):
        raise NotFound(
            f"The run {run_id!r} was not submitted as a job. "
            "See the jobs with: mlflow-studio job list"
        )
    return str(run.data.tags[RECORD])


def read_document(client: MlflowClient, run_id: str) -> Mapping[str, Any]:
    """Read what a job was asked to do, see `JobQueue.put`.

    Raises:
        NotFound: There is no such run, or it is not a job's.
    """
    return Records(client).get(job_record_id(client, run_id)).spec or {}


def read_state(client: MlflowClient, record_id: str) -> Record:
    """Read a job's record without its document, which may be a file."""
    return to_record(client.get_run(record_id), spec=None)
