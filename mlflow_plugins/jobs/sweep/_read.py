"""Reading a sweep: for pages, commands and whoever wants to know."""

import json
from typing import Any

from mlflow import MlflowClient

from mlflow_plugins.core import Record
from mlflow_plugins.jobs._job import job_record_id, to_job
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.sweep._document import sweep_document
from mlflow_plugins.jobs.sweep._entities import Goal, Sweep
from mlflow_plugins.jobs.sweep._ranking import best_trial, pareto_front
from mlflow_plugins.jobs.sweep._results import IMPORTANCES
from mlflow_plugins.jobs.sweep._spec import parse_sweep
from mlflow_plugins.jobs.sweep._trials import read_trials


def read_sweep(client: MlflowClient, run_id: str) -> Sweep:
    """Read a sweep as it stands now, whether it goes on or has ended.

    Args:
        client: Client of the tracking store.
        run_id: The sweep's run.

    Raises:
        NotFound: There is no such run, or it is not a job's.
        InvalidInput: The job is no sweep.
    """
    record = JobQueue(client).get(job_record_id(client, run_id))
    found = client.get_run(run_id).data.tags.get(IMPORTANCES, "{}")
    return to_sweep(client, record, importances=json.loads(found))


def to_sweep(client: MlflowClient, record: Record, *, importances: dict[str, float]) -> Sweep:
    """Put a sweep together from its record and its trials."""
    document = sweep_document(record)
    job = parse_sweep(document)
    trials = read_trials(client, record, job.space)
    goals = tuple(Goal(metric=one.primary_metric, maximize=one.is_maximized) for one in job.goals)
    ending: Any = document.get("early_termination") or document.get("pruner")
    return Sweep(
        run_id=to_job(record).run_id,
        goals=goals,
        search_space=document["search_space"],
        sampling_algorithm=job.sampling_algorithm.model_dump(),
        early_termination={"name": ending} if isinstance(ending, str) else ending,
        max_total_trials=job.limits.max_total_trials,
        max_concurrent_trials=min(
            job.limits.max_concurrent_trials or job.limits.max_total_trials,
            job.limits.max_total_trials,
        ),
        trials=trials,
        best=best_trial(trials, goals),
        pareto_front=pareto_front(trials, goals),
        importances=importances,
    )
