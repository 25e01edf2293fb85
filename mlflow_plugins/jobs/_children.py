"""Children: the jobs that a coordinator submits while it runs, each under a key of its own.

A child is an ordinary job; its run stands below its coordinator's run. Code and inputs were stored
with the coordinator, and all its children use them from there. A key is taken by a write-once param
of the coordinator's record, so however often a coordinator is killed and started again, there is
one child for each key.
"""

import getpass
from collections.abc import Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from mlflow_plugins.core import Record
from mlflow_plugins.core.write_once import set_or_read
from mlflow_plugins.jobs._job import Job, to_job
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs._spec import not_applied, parse_command_job
from mlflow_plugins.jobs._submit import enqueue, find_job_compute, kept_document
from mlflow_plugins.jobs.compute import default_compute

_CHILD = "child/"


def submit_child(
    client: MlflowClient,
    parent: Record,
    key: str,
    document: Mapping[str, Any],
    *,
    values: Mapping[str, str | None] | None = None,
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Job:
    """Put a child of a coordinator into the queue, or return the one that has the key already.

    Args:
        client: Client of the tracking store.
        parent: The coordinator's record, with its document.
        key: Names the child among its siblings: letters, digits, dots, dashes and underscores.
        document: A command job. It has no code of its own: the coordinator's is used.
        values: What expressions stand for beside inputs and outputs, by full name.
        inputs: The inputs as they are stored (`_inputs.pin_inputs`); the coordinator's if None.
        tags: More tags for the child's run.

    Raises:
        InvalidInput: The document breaks a rule.
    """
    spec = parent.spec or {}
    parent_run_id = to_job(parent).run_id
    job = parse_command_job(document, more_names=values)
    compute = find_job_compute(client, job)
    backend = (compute or default_compute()).backend
    warnings = not_applied(job, has_compute=compute is not None, backend=backend)
    queue = JobQueue(client)
    run, is_new = _claim(
        client,
        parent,
        key,
        name=job.display_name,
        tags={
            **job.tags,
            "mlflow.user": getpass.getuser(),
            "mlflow.source.name": f"run {parent_run_id}",
            "mlflow.source.type": "PROJECT",
            "studio.job_type": "command",
            MLFLOW_PARENT_RUN_ID: parent_run_id,
            **(tags or {}),
        },
    )
    known = None if is_new else queue.link(run.info.run_id)
    return known or enqueue(
        queue,
        job,
        {
            "type": "command",
            "job": kept_document(job),
            "environment": spec.get("environment", {}),
            "inputs": dict(spec["inputs"] if inputs is None else inputs),
            "values": dict(values or {}),
            "origin": parent_run_id,
            "has_code": spec["has_code"],
            "executables": spec["executables"],
            "warnings": warnings,
        },
        run=run,
        compute=compute or default_compute(),
        parent_run_id=parent_run_id,
    )


def claimed_children(parent: Record) -> dict[str, str]:
    """Return the runs of a coordinator's children by key, as they stand in its record."""
    return {
        key.removeprefix(_CHILD): run_id
        for key, run_id in parent.params.items()
        if key.startswith(_CHILD)
    }


def _claim(
    client: MlflowClient, parent: Record, key: str, *, name: str | None, tags: dict[str, str]
) -> tuple[Run, bool]:
    """Return the one run that the key stands for, and whether it was made by this call."""
    run = client.create_run(to_job(parent).experiment_id, run_name=name, tags=tags)
    client.update_run(run.info.run_id, status="SCHEDULED")
    standing = set_or_read(client, parent.id, _CHILD + key, run.info.run_id)
    if standing is None:
        return run, True
    client.delete_run(run.info.run_id)
    return client.get_run(standing[_CHILD + key]), False
