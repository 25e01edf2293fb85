"""Submitting: a document becomes a run in the user's experiment and a place in the queue."""

import contextlib
import getpass
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import DatasetInput, InputTag, Param, Run
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from mlflow_plugins.core import AssetStore, InvalidInput, Settings, StudioError, set_run_status
from mlflow_plugins.data import as_mlflow_dataset, masked
from mlflow_plugins.jobs._document import read_job_file
from mlflow_plugins.jobs._inputs import INPUTS, PinnedInputs, pin_inputs, without_secrets
from mlflow_plugins.jobs._job import JOB, Job
from mlflow_plugins.jobs._machine_folder import machine_folder, nudge
from mlflow_plugins.jobs._mlproject import open_project
from mlflow_plugins.jobs._outputs import check_outputs
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs._snapshot import Snapshot, staged, take_snapshot
from mlflow_plugins.jobs._spec import (
    CommandJob,
    not_applied,
    override_inputs,
    parse_command_job,
)
from mlflow_plugins.jobs._types import job_type, to_command_job
from mlflow_plugins.jobs.backends._base import LOCAL
from mlflow_plugins.jobs.compute import Compute, Demand, default_compute, find_compute
from mlflow_plugins.jobs.environments import pin

CODE = "code"
WARNINGS = "studio.warnings"

_DEFAULT_EXPERIMENT = "0"


def submit_file(
    client: MlflowClient,
    path: Path,
    *,
    experiment_id: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    client_token: str = "",
) -> Job:
    """Submit a job file; relative paths in it count from its folder. See `submit`."""
    document = read_job_file(path)
    try:
        return submit(
            client,
            document,
            base_folder=path.absolute().parent,
            experiment_id=experiment_id,
            inputs=inputs,
            source=str(path),
            client_token=client_token,
        )
    except StudioError as error:
        raise type(error)(f"{path}: {error.message}") from error


def submit_project(
    client: MlflowClient,
    uri: str,
    *,
    entry_point: str = "main",
    parameters: Mapping[str, Any] | None = None,
    version: str | None = None,
    experiment_id: str | None = None,
) -> Job:
    """Submit an entry point of an MLproject; its parameters become params of the run.

    Args:
        client: Client of the tracking store.
        uri: See `open_project`.
        entry_point: See `open_project`.
        parameters: See `open_project`.
        version: See `open_project`.
        experiment_id: Where the run goes; MLflow's default experiment if None.

    Raises:
        InvalidInput: There is no such project, or it asks for what cannot be given.
    """
    opened = open_project(uri, entry_point=entry_point, parameters=parameters, version=version)
    with opened as project:
        job = submit(
            client,
            project.document,
            base_folder=project.folder,
            experiment_id=experiment_id,
            source=masked(uri),
        )
    params = [Param(name, value) for name, value in project.parameters.items()]
    client.log_batch(job.run_id, params=params)
    return job


def submit(
    client: MlflowClient,
    document: Mapping[str, Any],
    *,
    base_folder: Path,
    experiment_id: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    source: str = "job",
    client_token: str = "",
) -> Job:
    """Put a job into the queue.

    Everything that can be refused is refused before anything is stored. From then on nothing of the
    submitter's machine is needed: code, local inputs and versions of assets are fixed.

    Args:
        client: Client of the tracking store.
        document: A job in the format of Azure ML's CLI v2.
        base_folder: What relative paths in it count from.
        experiment_id: Where the run goes; the document's ``experiment_name`` or MLflow's default
            experiment if None.
        inputs: Other values for some of the document's inputs.
        source: What the run shows as its source.
        client_token: A name for this submission, of the caller's choice. Whoever got no answer may
            submit again under the same name: there will be one job, and both are answered with it.

    Raises:
        InvalidInput: The document breaks a rule, or something that it names is not there.
        NotFound: It refers to an asset that does not exist.
    """
    queue = JobQueue(client)
    if client_token and (earlier := queue.find_submission(client_token)):
        return earlier
    settings = Settings.from_environment()
    command_job = to_command_job(document, base_folder=base_folder)
    job = parse_command_job(override_inputs(command_job, inputs))
    pinned = pin_inputs(
        job,
        AssetStore(client),
        client,
        base_folder=base_folder,
        limit_mib=settings.code_mib,
    )
    check_outputs(job.outputs, AssetStore(client))
    environment = pin(
        job.environment,
        AssetStore(client),
        base_folder=base_folder,
        variables=job.environment_variables,
    )
    code = None
    if job.code is not None:
        code = take_snapshot((base_folder / job.code).resolve(), limit_mib=settings.code_mib)
    compute = find_job_compute(client, job)
    backend = (compute or default_compute()).backend
    warnings = [
        *environment.not_applied,
        *not_applied(job, has_compute=compute is not None, backend=backend),
    ]
    run = _create_run(client, job, experiment_id, _tags(job, document, code, warnings, source))
    with failing_with_block(client, run):
        if code is not None:
            _store_code(client, run, code)
        store_inputs(client, run, pinned)
        return enqueue(
            queue,
            job,
            {
                "type": job_type(document),
                "job": kept_document(job),
                "inputs": dict(pinned.documents),
                "environment": environment.document(),
                "has_code": code is not None,
                "executables": list(code.executables) if code else [],
                "warnings": warnings,
            },
            run=run,
            compute=compute or default_compute(),
            client_token=client_token,
        )


@contextlib.contextmanager
def failing_with_block(client: MlflowClient, run: Run) -> Iterator[None]:
    """Have a run whose submission breaks off say so, instead of waiting for ever."""
    try:
        yield
    except BaseException:
        client.set_terminated(run.info.run_id, "FAILED")
        raise


def enqueue(
    queue: JobQueue,
    job: CommandJob,
    document: Mapping[str, Any],
    *,
    run: Run,
    compute: Compute,
    client_token: str = "",
    parent_run_id: str | None = None,
) -> Job:
    """Put a job whose run is complete into the queue of a compute, and wake the agents here.

    Args:
        queue: The queue.
        job: What to run.
        document: The same as the record keeps it, with what its inputs are.
        run: The user's run.
        compute: Where it is to run.
        client_token: See `submit`.
        parent_run_id: The run of the coordinator that submits it.
    """
    submitted = queue.put(
        document,
        run=run,
        demand=Demand(
            compute=compute.name,
            backend=compute.backend,
            priority=job.queue_settings.priority,
            instances=job.resources.instance_count,
            instance_type=job.resources.instance_type or "",
            is_coordinator=job.coordinator,
        ),
        user=getpass.getuser(),
        client_token=client_token,
        parent_run_id=parent_run_id,
    )
    if submitted.run_id != run.info.run_id:  # somebody else was faster with the same token
        queue.client.delete_run(run.info.run_id)
    with contextlib.suppress(OSError, StudioError):  # agents look by themselves as well
        nudge(machine_folder(queue.records, JOB))
    return submitted


def find_job_compute(client: MlflowClient, job: CommandJob) -> Compute | None:
    """Return the compute that a job names, or None if there is none of that name.

    Raises:
        InvalidInput: It never has as many instances as the job asks for.
    """
    name = (job.compute or LOCAL).removeprefix("azureml:")
    compute = find_compute(client, name)
    count = job.resources.instance_count
    if compute and compute.max_instances is not None and count > compute.max_instances:
        raise InvalidInput(
            f"Field 'resources.instance_count' is {count}, and the compute {name!r} has at most "
            f"{compute.max_instances} instances. Ask for fewer, or change it with: "
            f"mlflow-studio compute update {name} --max-instances {count}"
        )
    return compute


def kept_document(job: CommandJob) -> dict[str, Any]:
    """Return the document that is kept: without what was fixed, and with nothing to hide."""
    kept = job.model_dump(exclude_defaults=True, exclude={"code", "environment"})
    return {**kept, "inputs": without_secrets(kept.get("inputs", {}))}


def _create_run(
    client: MlflowClient, job: CommandJob, experiment_id: str | None, tags: dict[str, str]
) -> Run:
    run = client.create_run(
        _experiment_id(client, experiment_id, job.experiment_name),
        run_name=job.display_name or job.name,
        tags=tags,
    )
    set_run_status(client, run.info.run_id, "SCHEDULED")
    return run


def _experiment_id(client: MlflowClient, given: str | None, name: str | None) -> str:
    """Prefer what the submitter says; MLflow's default experiment says nothing."""
    if name is None or given not in (None, _DEFAULT_EXPERIMENT):
        return given or _DEFAULT_EXPERIMENT
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    try:
        return str(client.create_experiment(name))
    except MlflowException:  # somebody was faster
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            raise
        return str(experiment.experiment_id)


def _tags(
    job: CommandJob,
    document: Mapping[str, Any],
    code: Snapshot | None,
    warnings: list[str],
    source: str,
) -> dict[str, str]:
    commit = _git_commit(code.folder) if code else None
    optional = {
        "mlflow.note.content": job.description,
        "mlflow.source.git.commit": commit,
        "mlflow.parentRunId": job.parent_job_name,
        WARNINGS: "; ".join(warnings),
    }
    return {
        **job.properties,
        **job.tags,
        "mlflow.user": getpass.getuser(),
        "mlflow.source.name": source,
        "mlflow.source.type": "PROJECT",
        "studio.job_type": job_type(document),
        **{key: value for key, value in optional.items() if value},
    }


def _git_commit(folder: Path) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    answer = subprocess.run(
        [git, "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None if answer.returncode == 0 else None


def _store_code(client: MlflowClient, run: Run, code: Snapshot) -> None:
    with staged(code) as folder:
        client.log_artifacts(run.info.run_id, str(folder), CODE)


def store_inputs(client: MlflowClient, run: Run, pinned: PinnedInputs) -> None:
    """Copy local inputs to a run, and note on it which data assets it uses."""
    run_id = run.info.run_id
    for name, path in pinned.uploads.items():
        place = f"{INPUTS}/{name}"
        if path.is_dir():
            client.log_artifacts(run_id, str(path), f"{place}/{path.name}")
        else:
            client.log_artifact(run_id, str(path), place)
    datasets = [
        DatasetInput(as_mlflow_dataset(asset), [InputTag(MLFLOW_DATASET_CONTEXT, name)])
        for name, asset in pinned.assets.items()
    ]
    if datasets:
        client.log_inputs(run_id, datasets)
