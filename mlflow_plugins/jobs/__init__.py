"""Jobs: a queue in the MLflow store, runners that survive their agent, logs that can be followed.

A job is a run in the user's experiment plus a record of kind ``job`` that carries its document, its
lease and its outcome (`_queue`). Read ``tests/mlflow_plugins/jobs/test_life.py`` first.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow_plugins.jobs._compute_status import (
        ComputeStatus,
        compute_status,
        delete_compute,
        list_compute_status,
    )
    from mlflow_plugins.jobs._document import read_job_file
    from mlflow_plugins.jobs._environments_here import (
        list_environments_here,
        read_environment_log,
    )
    from mlflow_plugins.jobs._follow import follow
    from mlflow_plugins.jobs._job import Job, get_job, read_document
    from mlflow_plugins.jobs._listing import list_jobs
    from mlflow_plugins.jobs._log import LogSlice, read_log
    from mlflow_plugins.jobs._queue import cancel_job
    from mlflow_plugins.jobs._received import CheckedJob, check_received, submit_received
    from mlflow_plugins.jobs._resubmit import resubmit
    from mlflow_plugins.jobs._rewrite import rewrite_document
    from mlflow_plugins.jobs._states import JobStatus
    from mlflow_plugins.jobs._submit import submit, submit_file, submit_project
    from mlflow_plugins.jobs._system_metrics import own_metrics
    from mlflow_plugins.jobs.compute import (
        Compute,
        Node,
        create_compute,
        get_compute,
        list_computes,
        list_nodes,
        start_compute,
        stop_compute,
        update_compute,
    )

__all__ = [
    "CheckedJob",
    "Compute",
    "ComputeStatus",
    "Job",
    "JobStatus",
    "LogSlice",
    "Node",
    "cancel_job",
    "check_received",
    "compute_status",
    "create_compute",
    "delete_compute",
    "follow",
    "get_compute",
    "get_job",
    "list_compute_status",
    "list_computes",
    "list_environments_here",
    "list_jobs",
    "list_nodes",
    "own_metrics",
    "read_document",
    "read_environment_log",
    "read_job_file",
    "read_log",
    "resubmit",
    "rewrite_document",
    "start_compute",
    "stop_compute",
    "submit",
    "submit_file",
    "submit_project",
    "submit_received",
    "update_compute",
]

_HOMES = {
    "CheckedJob": "_received",
    "Compute": "compute",
    "ComputeStatus": "_compute_status",
    "Job": "_job",
    "JobStatus": "_states",
    "LogSlice": "_log",
    "Node": "compute",
    "cancel_job": "_queue",
    "check_received": "_received",
    "compute_status": "_compute_status",
    "create_compute": "compute",
    "delete_compute": "_compute_status",
    "follow": "_follow",
    "get_compute": "compute",
    "get_job": "_job",
    "read_document": "_job",
    "list_compute_status": "_compute_status",
    "list_computes": "compute",
    "list_environments_here": "_environments_here",
    "list_jobs": "_listing",
    "list_nodes": "compute",
    "own_metrics": "_system_metrics",
    "read_environment_log": "_environments_here",
    "read_job_file": "_document",
    "read_log": "_log",
    "resubmit": "_resubmit",
    "rewrite_document": "_rewrite",
    "start_compute": "compute",
    "stop_compute": "compute",
    "submit": "_submit",
    "submit_file": "_submit",
    "submit_project": "_submit",
    "submit_received": "_received",
    "update_compute": "compute",
}


def __getattr__(name: str) -> Any:
    """Load on first use: MLflow imports this package in processes that run no job."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
