"""MLflow's project-backend door, ``mlflow run ... -b studio``, and the agent's door."""

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import ExecutionException
from mlflow.projects.backend.abstract_backend import AbstractBackend
from mlflow.projects.submitted_run import SubmittedRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from mlflow_plugins.core import Asset, Settings
    from mlflow_plugins.jobs import Job
    from mlflow_plugins.jobs._reconciler import JobReconciler

_JOB_FILES = (".yml", ".yaml")
COMPUTES_VARIABLE = "MLFLOW_STUDIO_COMPUTES"

_OWN_KEYS = ("wait", "client_token")
_MLFLOW_KEYS = (
    "ENV_MANAGER",
    "SYNCHRONOUS",
    "DOCKER_ARGS",
    "STORAGE_DIR",
    "build_image",
    "docker_auth",
)


def make_reconciler(client: "MlflowClient", settings: "Settings", folder: Path) -> "JobReconciler":
    """Make the agent's part that runs jobs, those of the computes that the environment names."""
    from mlflow_plugins.jobs._reconciler import JobReconciler

    names = os.environ.get(COMPUTES_VARIABLE, "").split(",")
    computes = tuple(name.strip() for name in names if name.strip())
    return JobReconciler(client, settings, folder, computes=computes)


def apply_compute(
    client: "MlflowClient", document: dict[str, Any], *, base_folder: Path
) -> "Asset":
    """Create or change a compute, for ``mlflow-studio apply``.

    A document of type ``local`` that names a path describes a datastore.
    """
    from mlflow_plugins.data.plugin import apply_datastore
    from mlflow_plugins.jobs.compute import create_compute

    if document.get("type") == "local" and "path" in document:
        return apply_datastore(client, document, base_folder=base_folder)
    return create_compute(client, document)


class StudioBackend(AbstractBackend):
    """Submits job files and MLprojects to the queue of the tracking server."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: dict[str, Any],
        version: str | None,
        backend_config: dict[str, Any],
        tracking_uri: str,
        experiment_id: str,
    ) -> "SubmittedJob":
        """Submit a job file or a project, and follow the job if ``{"wait": true}`` asks for it.

        Raises:
            ExecutionException: It is refused, or the job that was waited for failed.
        """
        from mlflow_plugins.core import StudioError, connect
        from mlflow_plugins.jobs import submit_file, submit_project

        del tracking_uri  # MLflow has set it
        try:
            wait, client_token = _read_config(backend_config)
            client = connect()
            if project_uri.lower().endswith(_JOB_FILES):  # it has one command and no versions
                path = Path(project_uri)
                job = submit_file(
                    client,
                    path,
                    experiment_id=experiment_id,
                    inputs=params,
                    client_token=client_token,
                )
            else:
                job = submit_project(
                    client,
                    project_uri,
                    entry_point=entry_point,
                    parameters=params,
                    version=version,
                    experiment_id=experiment_id,
                )
        except StudioError as error:
            raise ExecutionException(error.message) from error
        submitted = SubmittedJob(client, job)
        is_waited_for = bool(backend_config.get("SYNCHRONOUS"))
        submitted.announce(is_followed=wait or is_waited_for)
        if wait and not is_waited_for:
            submitted.wait_or_raise()
        return submitted


class SubmittedJob(SubmittedRun):
    """A job as MLflow's project API sees it."""

    def __init__(self, client: "MlflowClient", job: "Job") -> None:
        self._client = client
        self._job = job

    @property
    def run_id(self) -> str:
        """The user's run."""
        return self._job.run_id

    def announce(self, *, is_followed: bool) -> None:
        """Say on standard error which run it is, and what will not be applied."""
        run = self._client.get_run(self.run_id)
        _tell(f"Submitted job {self._job.display_name} (run {self.run_id}).")
        if not is_followed:
            _tell(f"Follow it with: mlflow-studio job stream {self.run_id}")
        if warnings := run.data.tags.get("studio.warnings"):
            _tell(f"Warning: not applied on this machine: {warnings}")

    def wait(self) -> bool:
        """Write the job's log to standard output until the job has ended; tell if it succeeded."""
        return self._follow().status == "Completed"

    def wait_or_raise(self) -> None:
        """Wait; cancel the job on Ctrl-C.

        Raises:
            ExecutionException: The job did not succeed.
        """
        try:
            job = self._follow()
        except KeyboardInterrupt:
            self.cancel()
            raise
        if job.status != "Completed":
            raise ExecutionException(f"Job (run {self.run_id}) is {job.status}. {job.error}")

    def get_status(self) -> str:
        """Return the status of the run."""
        return str(self._client.get_run(self.run_id).info.status)

    def cancel(self) -> None:
        """Cancel the job and give it some seconds to end."""
        from mlflow_plugins.core import StudioError
        from mlflow_plugins.jobs import cancel_job, get_job

        try:
            cancel_job(self._client, self.run_id)
        except StudioError:  # it has ended
            return
        deadline = time.monotonic() + 15.0
        while time.monotonic() < deadline:
            if get_job(self._client, self.run_id).status.is_final:
                return
            time.sleep(0.5)

    def _follow(self) -> "Job":
        from mlflow_plugins.jobs import follow

        def write(text: str) -> None:
            sys.stdout.write(text)
            sys.stdout.flush()

        return follow(self._client, self.run_id, write=write, notify=_tell)


def _read_config(config: dict[str, Any]) -> tuple[bool, str]:
    """Return whether to wait, and the name of the submission.

    Raises:
        InvalidInput: There is a key that means nothing here, or a value of the wrong kind.
    """
    from mlflow_plugins.core import InvalidInput, did_you_mean

    for key in config:
        if key not in (*_OWN_KEYS, *_MLFLOW_KEYS):
            raise InvalidInput(
                f"The backend configuration has the unknown key {key!r}. The studio backend knows: "
                f"{', '.join(_OWN_KEYS)}.{did_you_mean(key, _OWN_KEYS)}"
            )
    value = config.get("wait", False)
    if not isinstance(value, bool):
        raise InvalidInput(
            f"In the backend configuration, 'wait' is {json.dumps(value)}. "
            "It must be true or false."
        )
    token = config.get("client_token", "")
    if not isinstance(token, str):
        raise InvalidInput(
            f"In the backend configuration, 'client_token' is {json.dumps(token)}. "
            "It must be a text: a name for this submission."
        )
    return value, token


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
