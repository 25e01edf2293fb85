"""The sweep's document as its coordinator gets it, from the queue's record."""

from collections.abc import Mapping
from typing import Any

import yaml

from mlflow_plugins.core import InvalidInput, Record
from mlflow_plugins.jobs._job import to_job
from mlflow_plugins.jobs.sweep.job_type import SWEEP_FILE


def sweep_document(record: Record) -> Mapping[str, Any]:
    """Return the document of a sweep.

    Raises:
        InvalidInput: The job is no sweep.
    """
    files = ((record.spec or {}).get("job") or {}).get("files") or {}
    if SWEEP_FILE not in files:
        job = to_job(record)
        raise InvalidInput(f"The run {job.run_id!r} is a {job.type} job, not a sweep.")
    document: Mapping[str, Any] = yaml.safe_load(files[SWEEP_FILE])
    return document
