"""The job type `automl`: turns its job file into a plain command job."""

from typing import Any

_FILE_NAME = "automl.yml"
_GRACE_SECONDS = 300
_PASSED_ON = ("experiment_name", "display_name", "description", "tags", "compute", "properties")


def to_command_job(document: dict[str, Any]) -> dict[str, Any]:
    """Turn an Azure ML automl job document into a command-job document.

    The document is checked in full, so that a mistake is reported before the job is queued.

    Args:
        document: The parsed YAML of a `type: automl` job.

    Returns:
        The keys of a command job (`type`, `command`, `inputs`, `limits`, `environment_variables`
        and, where given, `experiment_name`, `display_name`, `description`, `tags`, `compute`,
        `properties`) and two more:

        - `files`: file name to text, to be written into the working directory after every
          `${{inputs.NAME}}` in it was replaced by the local path of that input. It holds
          `automl.yml`, the document with its data paths replaced by such placeholders.
        - `warnings`: sentences for whoever submits the job; empty when every field is honoured.

        Every data field (`training_data`, `validation_data`, `test_data`) becomes an input of that
        name with its path and type as they came. `limits.timeout` is the job's timeout in seconds:
        the time budget and five minutes to start and to write the results.

    Raises:
        automl.JobFileError: The document is no automl job, or asks for something impossible.
    """
    import yaml

    from automl._job_file import parse_job

    job = parse_job(document)
    inner = {k: v for k, v in document.items() if k not in {*_PASSED_ON, "environment_variables"}}
    for name, kind in job.data_types.items():
        inner[name] = {"path": f"${{{{inputs.{name}}}}}", "type": kind}
    warning = job.warning()
    return {
        "type": "command",
        "command": f"python -m automl {_FILE_NAME}",
        "inputs": {n: {"type": job.data_types[n], "path": path} for n, path in job.data.items()},
        "files": {_FILE_NAME: yaml.safe_dump(inner, sort_keys=False, allow_unicode=True)},
        "limits": {"timeout": int(job.timeout_seconds) + _GRACE_SECONDS},
        "environment_variables": {
            "OMP_WAIT_POLICY": "PASSIVE",
            **(document.get("environment_variables") or {}),
        },
        "warnings": [warning] if warning else [],
        **{k: document[k] for k in _PASSED_ON if document.get(k) is not None},
    }
