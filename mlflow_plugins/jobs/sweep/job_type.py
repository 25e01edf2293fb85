"""The job type ``sweep``: turns its job file into a command job that coordinates the trials."""

import secrets
from pathlib import Path
from typing import Any

from mlflow_plugins.jobs.environments._policy import POLICY_VARIABLE

SWEEP_FILE = "sweep.yml"

_PASSED_ON = (
    *("experiment_name", "name", "display_name", "description", "tags", "compute", "properties"),
    *("inputs", "outputs"),
)


def to_command_job(document: dict[str, Any], base_folder: Path) -> dict[str, Any]:
    """Turn a sweep job's document into a command job's.

    The document is checked in full, so that a mistake is reported before the job is queued. What
    the coordinator reads is ``sweep.yml``: the document with the trial written out (where it was a
    component's file) and with a seed (where it had none), so that it can begin again at any time
    with the same trials.

    Args:
        document: The parsed YAML of a ``type: sweep`` job.
        base_folder: What relative paths in it count from.

    Raises:
        InvalidInput: The document breaks a rule.
        MissingExtra: Its sampler needs a package that is not installed.
    """
    import yaml

    from mlflow_plugins.jobs._spec import not_applied, parse_command_job
    from mlflow_plugins.jobs.sweep._component import with_inline_trial
    from mlflow_plugins.jobs.sweep._optuna import check_names
    from mlflow_plugins.jobs.sweep._spec import parse_sweep
    from mlflow_plugins.jobs.sweep._trial_job import expression_names, trial_document

    document = with_inline_trial(document, base_folder)
    job = parse_sweep(document)
    check_names(job)
    trial = trial_document(job, document.get("inputs") or {}, name="trial")
    trial.pop("compute", None)  # the sweep itself warns of it
    warnings = not_applied(parse_command_job(trial, more_names=expression_names(job.space)))
    inner = {**document, "sampling_algorithm": _with_seed(document["sampling_algorithm"])}
    places = [f" --output {name}=${{{{outputs.{name}}}}}" for name in job.outputs]
    return {
        "type": "command",
        "command": f"python -P -m mlflow_plugins.jobs.sweep {SWEEP_FILE}{''.join(places)}",
        "coordinator": True,
        "files": {SWEEP_FILE: yaml.safe_dump(inner, sort_keys=False, allow_unicode=True)},
        "warnings": warnings,
        **({"code": job.trial.code} if job.trial.code is not None else {}),
        **_environment(document["trial"]),
        **{field: inner[field] for field in _PASSED_ON if inner.get(field) is not None},
    }


def _environment(trial: dict[str, Any]) -> dict[str, Any]:
    """Return what decides on the trials' Python: it is fixed once, when the sweep is submitted."""
    policy = (trial.get("environment_variables") or {}).get(POLICY_VARIABLE)
    return {
        **({"environment": trial["environment"]} if trial.get("environment") else {}),
        **({"environment_variables": {POLICY_VARIABLE: policy}} if policy else {}),
    }


def _with_seed(sampling: str | dict[str, Any]) -> dict[str, Any]:
    given = {"type": sampling} if isinstance(sampling, str) else sampling
    if given["type"] in ("random", "optuna") and given.get("seed") is None:
        return {**given, "seed": secrets.randbelow(2**31)}
    return given
