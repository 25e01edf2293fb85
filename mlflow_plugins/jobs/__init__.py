"""Jobs: a queue in the MLflow store, runners that survive their agent, logs that can be followed.

A job is a run in the user's experiment plus a record of kind ``job`` that carries its document, its
lease and its outcome (`_queue`). Read ``tests/mlflow_plugins/jobs/test_life.py`` first.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow_plugins.jobs._document import read_job_file
    from mlflow_plugins.jobs._follow import follow
    from mlflow_plugins.jobs._log import LogSlice, read_log
    from mlflow_plugins.jobs._queue import Job, cancel_job, get_job, list_jobs, read_document
    from mlflow_plugins.jobs._states import JobStatus
    from mlflow_plugins.jobs._submit import submit, submit_file, submit_project

__all__ = [
    "Job",
    "JobStatus",
    "LogSlice",
    "cancel_job",
    "follow",
    "get_job",
    "list_jobs",
    "read_document",
    "read_job_file",
    "read_log",
    "submit",
    "submit_file",
    "submit_project",
]

_HOMES = {
    "Job": "_queue",
    "JobStatus": "_states",
    "LogSlice": "_log",
    "cancel_job": "_queue",
    "follow": "_follow",
    "get_job": "_queue",
    "list_jobs": "_queue",
    "read_document": "_queue",
    "read_job_file": "_document",
    "read_log": "_log",
    "submit": "_submit",
    "submit_file": "_submit",
    "submit_project": "_submit",
}


def __getattr__(name: str) -> Any:
    """Load on first use: MLflow imports this package in processes that run no job."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
