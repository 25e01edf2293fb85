"""Resuming: the trials of an earlier sweep count as known to a new one."""

import json
from collections.abc import Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._children import claimed_children
from mlflow_plugins.jobs._job import job_record_id, to_job
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.sweep import _trials
from mlflow_plugins.jobs.sweep._document import sweep_document
from mlflow_plugins.jobs.sweep._spec import SweepJob, parse_sweep


def read_earlier(client: MlflowClient, run_id: str, job: SweepJob) -> list[Run]:
    """Return the runs of the ended trials that a sweep begins with, oldest first.

    They are those of the earlier sweep, after those that it was itself begun with.

    Args:
        client: Client of the tracking store.
        run_id: The earlier sweep's run.
        job: The new sweep.

    Raises:
        InvalidInput: It is no sweep, or one with another search space or other objectives.
    """
    record = JobQueue(client).get(job_record_id(client, run_id))
    earlier = parse_sweep(sweep_document(record))
    if _essence(earlier) != _essence(job):
        raise InvalidInput(
            f"Field 'resume_from': the sweep {run_id!r} has another search space or other "
            "objectives. A sweep can be resumed only with the same ones."
        )
    runs = read_earlier(client, earlier.resume_from, job) if earlier.resume_from else []
    claimed = claimed_children(record).values()
    own = {run.info.run_id: run for run in _trials.read_runs(client, to_job(record))}
    kept = [own[one] for one in claimed if one in own]
    kept.sort(key=lambda run: int(run.data.tags[_trials.NUMBER]))
    return runs + [run for run in kept if _trials.is_settled(run)]


def _essence(job: SweepJob) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(
        job.model_dump_json(include={"search_space", "objective", "objectives"})
    )
    return content
