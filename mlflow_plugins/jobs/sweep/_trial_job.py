"""The command job that one trial is."""

from collections.abc import Mapping
from typing import Any

from mlflow_plugins.jobs.sweep._space import Point, SearchSpace, as_text
from mlflow_plugins.jobs.sweep._spec import SEARCH_SPACE, SweepJob

_VARIABLE = "AZUREML_SWEEP_"
_OWN = {"name", "version", "path"}  # of an output: they are the sweep's, not each trial's


def trial_document(job: SweepJob, inputs: Mapping[str, Any], *, name: str) -> dict[str, Any]:
    """Return the command job of a trial; what the hyperparameters are comes separately.

    Args:
        job: The sweep.
        inputs: The sweep's inputs, with the values that the submitter gave.
        name: Of the trial's run.
    """
    trial = job.trial.model_dump(exclude_defaults=True, exclude={"code"})
    resources = job.trial.resources or job.resources
    fields = {
        **trial,
        "type": "command",
        "display_name": name,
        "inputs": dict(inputs),
        "outputs": {
            output: one.model_dump(exclude_defaults=True, exclude=_OWN)
            for output, one in job.outputs.items()
        },
        "compute": job.compute,
        "resources": resources.model_dump(exclude_defaults=True) if resources else None,
        "queue_settings": job.queue_settings,
        "services": job.services,
        "identity": job.identity,
        "limits": {"timeout": job.limits.trial_timeout} if job.limits.trial_timeout else None,
    }
    return {field: value for field, value in fields.items() if value is not None}


def with_variables(document: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a trial's document with its hyperparameters as variables, as Azure ML gives them."""
    own = {f"{_VARIABLE}{name}": as_text(v) for name, v in params.items() if "." not in name}
    given = document.get("environment_variables") or {}
    return {**document, "environment_variables": {**own, **given}}


def expression_values(space: SearchSpace, point: Point) -> dict[str, str | None]:
    """Return what ``${{search_space.NAME}}`` means in a trial; None where nothing was drawn."""
    values = space.values(point)
    return {
        f"{SEARCH_SPACE}.{name}": as_text(values[name]) if name in values else None
        for name in space.names()
    }


def expression_names(space: SearchSpace) -> dict[str, object]:
    """Return what expressions may name, with None for what is not drawn for every trial."""
    return {
        f"{SEARCH_SPACE}.{name}": name if is_always else None
        for name, is_always in space.names().items()
    }
