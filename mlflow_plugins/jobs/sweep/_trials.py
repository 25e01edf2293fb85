"""Trials as they stand in the store: children of the sweep's run, with tags of the coordinator."""

import json
from collections.abc import Sequence
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import Record
from mlflow_plugins.jobs._children import claimed_children
from mlflow_plugins.jobs._job import Job, to_job
from mlflow_plugins.jobs._system_metrics import own_metrics
from mlflow_plugins.jobs.sweep._entities import Trial, TrialState
from mlflow_plugins.jobs.sweep._space import Point, SearchSpace, as_text
from mlflow_plugins.jobs.sweep._spec import MAX_TRIALS

NUMBER = "studio.sweep.trial"
PRUNED = "studio.sweep.pruned"
_POINT = "studio.sweep.point"
_STATE = "studio.sweep.state"
_VALUES = "studio.sweep.values"
_ERROR = "studio.error"

_PARAM_CHARACTERS = 6000  # MLflow's limit

_RUN_STATES = {
    "SCHEDULED": TrialState.QUEUED,
    "FINISHED": TrialState.COMPLETED,
    "FAILED": TrialState.FAILED,
    "KILLED": TrialState.CANCELED,
}


def trial_key(number: int) -> str:
    """Return the key of a trial among the sweep's children."""
    return f"trial-{number}"


def trial_tags(number: int, point: Point) -> dict[str, str]:
    """Return the tags of a trial's run from its beginning on."""
    return {NUMBER: str(number), _POINT: json.dumps(dict(point))}


def read_runs(client: MlflowClient, sweep: Job) -> list[Run]:
    """Return the runs that were made for trials of a sweep, by one query.

    A run may be among them that is no trial's: its maker was killed before it could claim the
    trial for it (`_children`).
    """
    page = client.search_runs(
        [sweep.experiment_id],
        f"tags.`mlflow.parentRunId` = '{sweep.run_id}'",
        max_results=MAX_TRIALS,
    )
    runs = list(page)
    while page.token:
        page = client.search_runs(
            [sweep.experiment_id],
            f"tags.`mlflow.parentRunId` = '{sweep.run_id}'",
            max_results=MAX_TRIALS,
            page_token=page.token,
        )
        runs += page
    return [run for run in runs if NUMBER in run.data.tags]


def read_trials(client: MlflowClient, sweep: Record, space: SearchSpace) -> tuple[Trial, ...]:
    """Return the trials of a sweep by number."""
    claimed = set(claimed_children(sweep).values())
    runs = [run for run in read_runs(client, to_job(sweep)) if run.info.run_id in claimed]
    return tuple(sorted((to_trial(run, space) for run in runs), key=lambda one: one.number))


def point_of(run: Run) -> dict[str, Any]:
    """Return the point of a trial."""
    point: dict[str, Any] = json.loads(run.data.tags[_POINT])
    return point


def to_trial(run: Run, space: SearchSpace) -> Trial:
    """Read a trial out of its run."""
    tags = run.data.tags
    state = tags.get(_STATE)
    params = {
        name: value
        for name, value in space.values(point_of(run)).items()
        if not isinstance(value, dict)
    }
    return Trial(
        number=int(tags[NUMBER]),
        run_id=run.info.run_id,
        name=run.info.run_name or "",
        state=TrialState(state) if state else _RUN_STATES.get(run.info.status, TrialState.RUNNING),
        params=params,
        values=tuple(json.loads(tags[_VALUES])) if tags.get(_VALUES) else None,
        metrics=own_metrics(run),
        started_at=run.info.start_time / 1000,
        ended_at=run.info.end_time / 1000 if run.info.end_time else None,
        reason=tags.get(PRUNED) or tags.get(_ERROR, ""),
    )


def is_settled(run: Run) -> bool:
    """Tell whether the coordinator has noted how a trial ended."""
    return _STATE in run.data.tags


def settle(
    client: MlflowClient,
    run: Run,
    space: SearchSpace,
    *,
    state: TrialState,
    values: Sequence[float] | None,
) -> None:
    """Note on a trial's run how it ended, and its hyperparameters as params.

    They become params only now, and only those that the command has not logged itself: a param can
    be written once, and a script that logs its own ``16.0`` for our ``16`` must not fail for it.
    """
    texts = {
        name: as_text(value)
        for name, value in space.values(point_of(run)).items()
        if not isinstance(value, dict) and name not in run.data.params
    }
    client.log_batch(
        run.info.run_id,
        params=[Param(name, t) for name, t in texts.items() if len(t) <= _PARAM_CHARACTERS],
        tags=[RunTag(_STATE, state), *([RunTag(_VALUES, json.dumps(values))] if values else [])],
    )


def read_history(client: MlflowClient, run_id: str, metric: str) -> list[float]:
    """Return all values that a trial has logged of a metric, in their order."""
    try:
        logged = client.get_metric_history(run_id, metric)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # the run was deleted
            return []
        raise
    return [one.value for one in sorted(logged, key=lambda one: (one.step, one.timestamp))]


def latest_sign(run: Run, metric: str) -> tuple[float, int, int] | None:
    """Return what changes whenever a run logs a metric; None before the first time."""
    for one in run.data.to_proto().metrics:
        if one.key == metric:
            return one.value, one.timestamp, one.step
    return None
