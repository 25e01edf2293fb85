"""Writing to runs of which enough is known: MLflow's client would read each of them first."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import RunStatus
from mlflow.store.artifact.artifact_repository_registry import (  # noqa: TID251  (where plugins register)
    get_artifact_repository,
)


def set_run_status(client: MlflowClient, run_id: str, status: str) -> None:
    """Set the status of a run that has not ended; `MlflowClient.update_run` reads it first.

    Args:
        client: Client of the tracking store.
        run_id: A run that is not deleted.
        status: Such as ``RUNNING``.

    Raises:
        MlflowException: The run does not exist or is deleted.
    """
    store = client._tracking_client.store
    store.update_run_info(run_id, RunStatus.from_string(status), end_time=None, run_name=None)


def upload(client: MlflowClient, artifact_uri: str, path: Path, folder: str | None = None) -> None:
    """Store a file among the artifacts of a run; `MlflowClient.log_artifact` reads the run first.

    Args:
        client: Client of the tracking store.
        artifact_uri: Where the run's artifacts lie, as its `info` says.
        path: The file.
        folder: Where it goes among them.

    Raises:
        MlflowException: It cannot be stored.
    """
    files = get_artifact_repository(artifact_uri, tracking_uri=str(client.tracking_uri))
    files.log_artifact(str(path), folder)  # type: ignore[no-untyped-call]
