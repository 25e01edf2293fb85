"""Submitting a job again, with changes: from what the server keeps, not from anybody's disk."""

import getpass
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.entities import Run

from mlflow_plugins.core import AssetStore, NotFound, Settings, parse_reference, set_run_status
from mlflow_plugins.data import DATA
from mlflow_plugins.jobs._inputs import INPUTS, PinnedInputs, pin_inputs
from mlflow_plugins.jobs._job import Job, job_record_id
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs._spec import CommandJob, not_applied, override_inputs, parse_command_job
from mlflow_plugins.jobs._submit import (
    CODE,
    WARNINGS,
    enqueue,
    failing_with_block,
    find_job_compute,
    kept_document,
    store_inputs,
)
from mlflow_plugins.jobs.compute import default_compute

_KEPT_TAGS = ("mlflow.source.git.commit", "mlflow.source.name", "mlflow.source.type")


def resubmit(
    client: MlflowClient,
    run_id: str,
    *,
    inputs: Mapping[str, Any] | None = None,
    compute: str | None = None,
    display_name: str | None = None,
    base_folder: Path | None = None,
    client_token: str = "",
) -> Job:
    """Submit a job again as a new run, with the code and the inputs that it had.

    Args:
        client: Client of the tracking store.
        run_id: The run of the earlier job, in whatever state it is.
        inputs: Other values for some inputs; versions of the others stay as they were.
        compute: Another compute.
        display_name: Another name.
        base_folder: What relative paths in `inputs` count from; the current folder if None.
        client_token: See `submit`.

    Raises:
        NotFound: There is no such run, it is not a job's, or the compute does not exist.
        InvalidInput: An input does not exist, or its value breaks a rule.
    """
    queue = JobQueue(client)
    if client_token and (earlier := queue.find_submission(client_token)):
        return earlier
    record = queue.get(job_record_id(client, run_id))
    document: Mapping[str, Any] = record.spec or {}
    job = _changed(document, inputs, compute, display_name)
    target = find_job_compute(client, job)
    if compute is not None and target is None:
        raise NotFound(f"There is no compute {compute!r}. See: mlflow-studio compute list")
    pinned = _pin(client, job, document["inputs"], set(inputs or {}), base_folder or Path.cwd())
    backend = (target or default_compute()).backend
    warnings = not_applied(job, has_compute=target is not None, backend=backend)
    source = client.get_run(run_id)
    run = _create_run(client, job, source, document["type"], warnings)
    with failing_with_block(client, run):
        if "origin" not in document:  # a child's files are its coordinator's
            _copy_files(client, source, run, {CODE} if document["has_code"] else set(), pinned)
        store_inputs(client, run, pinned)
        return enqueue(
            queue,
            job,
            {**document, **_news(job, pinned, warnings)},
            run=run,
            compute=target or default_compute(),
            client_token=client_token,
        )


def _changed(
    document: Mapping[str, Any],
    inputs: Mapping[str, Any] | None,
    compute: str | None,
    display_name: str | None,
) -> CommandJob:
    given = {"compute": compute, "display_name": display_name}
    changes = {key: value for key, value in given.items() if value is not None}
    return parse_command_job(
        {**override_inputs(document["job"], inputs), **changes}, more_names=document.get("values")
    )


def _pin(
    client: MlflowClient,
    job: CommandJob,
    before: Mapping[str, Mapping[str, Any]],
    changed: set[str],
    base_folder: Path,
) -> PinnedInputs:
    """Fix the changed inputs anew; the others are what they were."""
    store = AssetStore(client)
    only = {name: one for name, one in job.inputs.items() if name in changed}
    fresh = pin_inputs(
        job.model_copy(update={"inputs": only}),
        store,
        client,
        base_folder=base_folder,
        limit_mib=Settings.from_environment().code_mib,
    )
    kept = {name: one for name, one in before.items() if name not in changed}
    assets = {
        name: store.resolve(DATA, parse_reference(one["asset"]))
        for name, one in kept.items()
        if "asset" in one
    }
    return PinnedInputs(
        documents={**kept, **fresh.documents},
        assets={**assets, **fresh.assets},
        uploads=fresh.uploads,
    )


def _create_run(
    client: MlflowClient, job: CommandJob, source: Run, kind: str, warnings: list[str]
) -> Run:
    kept = {key: source.data.tags[key] for key in _KEPT_TAGS if key in source.data.tags}
    tags = {
        **job.properties,
        **job.tags,
        **kept,
        "mlflow.user": getpass.getuser(),
        "studio.job_type": kind,
        "studio.resubmitted_from": source.info.run_id,
    }
    tags |= {WARNINGS: "; ".join(warnings)} if warnings else {}
    name = job.display_name or job.name or source.info.run_name
    run = client.create_run(source.info.experiment_id, run_name=name, tags=tags)
    set_run_status(client, run.info.run_id, "SCHEDULED")
    return run


def _copy_files(
    client: MlflowClient, source: Run, run: Run, folders: set[str], pinned: PinnedInputs
) -> None:
    """Copy what the earlier run keeps for the job: its code, and local files that were inputs."""
    kept = {name for name, one in pinned.documents.items() if "file" in one}
    folders = folders | {f"{INPUTS}/{name}" for name in kept - set(pinned.uploads)}
    for folder in sorted(folders):
        with tempfile.TemporaryDirectory() as passing:
            path = mlflow.artifacts.download_artifacts(
                run_id=source.info.run_id,
                artifact_path=folder,
                dst_path=passing,
                tracking_uri=client.tracking_uri,
            )
            client.log_artifacts(run.info.run_id, path, folder)


def _news(job: CommandJob, pinned: PinnedInputs, warnings: list[str]) -> dict[str, Any]:
    return {
        "job": kept_document(job),
        "inputs": dict(pinned.documents),
        "warnings": warnings,
    }
