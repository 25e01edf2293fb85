"""MLflow's deployments door: ``mlflow deployments … -t studio``, and the agent's reconciler."""

import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.deployments import BaseDeploymentClient, PredictionsResponse

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from mlflow_plugins.core import AssetStore, Settings
    from mlflow_plugins.deployments import Deployment
    from mlflow_plugins.deployments._reconciler import DeploymentReconciler

PICK_UP_SECONDS = 10.0
WAIT_SECONDS = 900.0

_LOGGER = logging.getLogger(__name__)


class StudioDeploymentClient(BaseDeploymentClient):
    """Deployments on the machines where agents run; the target URI is ``studio``."""

    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, str] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Serve a model, and wait until it is served unless the config says ``wait=false``.

        Returns:
            The deployment, with a ``key`` that is not shown again.

        Raises:
            InvalidInput: The name, the URI or an option breaks a rule.
            NotFound: There is no such model.
            AlreadyExists: There is a deployment of this name.
            StudioError: Its server cannot be started; the message says why.
        """
        from mlflow_plugins.deployments import create_deployment

        _check_flavor(flavor)
        store, options, is_waited_for = _store(), *_split_wait(config)
        deployment, key = create_deployment(
            store, name, model_uri, config=options, endpoint=endpoint
        )
        _tell(f"Get a key for it with: mlflow-studio endpoint keys {name} --issue")
        if is_waited_for:
            deployment = _wait(store, deployment)
        return {**_to_dict(deployment), "key": key}

    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, str] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Replace what a deployment serves, without a gap; waits as `create_deployment` does.

        Raises:
            NotFound: There is no such deployment or model.
            InvalidInput: The URI or an option breaks a rule.
            StudioError: The new server cannot be started; the old one goes on serving.
        """
        from mlflow_plugins.deployments import update_deployment

        _check_flavor(flavor)
        store, options, is_waited_for = _store(), *_split_wait(config)
        deployment = update_deployment(
            store, name, model_uri=model_uri, config=options, endpoint=endpoint
        )
        if is_waited_for:
            deployment = _wait(store, deployment)
        return _to_dict(deployment)

    def delete_deployment(
        self,
        name: str,
        config: Mapping[str, str] | None = None,  # noqa: ARG002 - there is nothing to choose
        endpoint: str | None = None,  # noqa: ARG002 - names are unique
    ) -> None:
        """Delete a deployment; one that does not exist is no error."""
        from mlflow_plugins.core import NotFound
        from mlflow_plugins.deployments import delete_deployment

        try:
            delete_deployment(_store(), name)
        except NotFound:
            _LOGGER.info("There is no deployment %r to delete.", name)

    def list_deployments(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """List deployments, of one endpoint or of all, newest first."""
        from mlflow_plugins.deployments import list_deployments

        return [
            _to_dict(one)
            for one in list_deployments(_store())
            if endpoint is None or one.endpoint == endpoint
        ]

    def get_deployment(self, name: str, endpoint: str | None = None) -> dict[str, Any]:
        """Describe a deployment.

        Raises:
            NotFound: There is no such deployment, or it belongs to another endpoint.
        """
        from mlflow_plugins.core import NotFound
        from mlflow_plugins.deployments import get_deployment

        deployment = get_deployment(_store(), name)
        if endpoint is not None and endpoint != deployment.endpoint:
            raise NotFound(
                f"The deployment {name!r} belongs to the endpoint {deployment.endpoint!r}, "
                f"not to {endpoint!r}."
            )
        return _to_dict(deployment)

    def predict(
        self,
        deployment_name: str | None = None,
        inputs: Any = None,
        endpoint: str | None = None,
    ) -> PredictionsResponse:
        """Score a pandas DataFrame or a whole request body.

        Args:
            deployment_name: The deployment.
            inputs: See `mlflow_plugins.deployments.score`.
            endpoint: In place of the deployment: an endpoint that has exactly one.

        Raises:
            NotFound: There is no such deployment or endpoint.
            InvalidInput: The server refuses the inputs, or the endpoint has several deployments.
            Unreachable: The server does not answer.
        """
        from mlflow_plugins.deployments import score

        store = _store()
        name = deployment_name or _only_deployment(store, endpoint)
        return PredictionsResponse(score(store, name, inputs))


def run_local(
    name: str,
    model_uri: str,
    flavor: str | None = None,
    config: Mapping[str, str] | None = None,
) -> None:
    """Serve a model in the foreground on this machine, without a store and without keys.

    Args:
        name: Only for the log.
        model_uri: Any URI of a model.
        flavor: Only ``python_function``.
        config: See `target_help`.

    Raises:
        InvalidInput: An option breaks a rule.
    """
    from mlflow_plugins.core.processes import thread_limits
    from mlflow_plugins.deployments._config import ServingConfig

    _check_flavor(flavor)
    options = ServingConfig.parse(config or {})
    _export({**thread_limits(options.n_threads), **options.environment})

    from mlflow_plugins.deployments.server import serve_model

    _LOGGER.info("Serving %s as %r.", model_uri, name)
    serve_model(model_uri, options)


def target_help() -> str:
    """Return what ``mlflow deployments help -t studio`` prints."""
    return """The target 'studio' serves models where an mlflow-studio agent runs.
The target URI is 'studio'; MLFLOW_TRACKING_URI says which server. Options (-C NAME=VALUE):
  host                     address to listen on (127.0.0.1)
  port                     port to listen on (a free one, kept as long as it stays free)
  n_threads                threads of numeric libraries (1)
  max_batch_rows           rows predicted in one call when requests wait; 1 keeps requests apart
                           (2048 where the model treats rows one by one, else 1)
  max_queue                requests that may wait; more get status 429 (1000)
  max_body_mib             largest request in MiB (64)
  request_timeout_seconds  how long a request may take (60)
  env.NAME                 an environment variable of the server; do not put secrets here
  wait                     'false' returns at once from create and update (true)
Requests need a key: mlflow-studio endpoint keys NAME --issue
See docs/endpoints.md."""


def make_reconciler(
    client: "MlflowClient", settings: "Settings", folder: Path
) -> "DeploymentReconciler":
    """Make the agent's part; see `mlflow_plugins.core.agent`."""
    from mlflow_plugins.deployments._reconciler import DeploymentReconciler

    return DeploymentReconciler(client, settings, folder)


def _store() -> "AssetStore":
    from mlflow_plugins.core import AssetStore, connect

    return AssetStore(connect())


def _to_dict(deployment: "Deployment") -> dict[str, Any]:
    return {**asdict(deployment), "status": str(deployment.status)}


def _check_flavor(flavor: str | None) -> None:
    from mlflow_plugins.core import InvalidInput

    if flavor not in (None, "python_function"):
        raise InvalidInput(
            f"The flavor {flavor!r} cannot be served. Leave it out or use 'python_function', "
            "which every MLflow model with a predict function has."
        )


def _split_wait(config: Mapping[str, str] | None) -> tuple[dict[str, str], bool]:
    from mlflow_plugins.core import InvalidInput

    options = dict(config or {})
    wait = str(options.pop("wait", "true")).lower()
    if wait not in ("true", "false"):
        raise InvalidInput(f"The option 'wait' is {wait!r}. It must be 'true' or 'false'.")
    return options, wait == "true"


def _wait(store: "AssetStore", deployment: "Deployment") -> "Deployment":
    """Wait until a generation is served; return early if no agent takes it up."""
    from mlflow_plugins.core import StudioError
    from mlflow_plugins.deployments import DeploymentStatus
    from mlflow_plugins.deployments._service import is_picked_up, read_generation

    name, started_at = deployment.name, time.monotonic()
    while time.monotonic() - started_at < WAIT_SECONDS:
        asset, deployment = read_generation(store, name, deployment.version)
        if deployment.status is DeploymentStatus.FAILED:
            raise StudioError(f"The deployment {name!r} failed: {deployment.error}")
        if deployment.status is not DeploymentStatus.CREATING:
            return deployment
        if not is_picked_up(asset) and time.monotonic() - started_at > PICK_UP_SECONDS:
            _tell(f"No agent takes up {name!r}; it waits. Start one with: mlflow-studio agent")
            return deployment
        time.sleep(0.3)
    _tell(f"{name!r} is still {deployment.status} after {WAIT_SECONDS:g} seconds.")
    return deployment


def _only_deployment(store: "AssetStore", endpoint: str | None) -> str:
    from mlflow_plugins.core import InvalidInput, NotFound
    from mlflow_plugins.deployments import list_deployments

    if endpoint is None:
        raise InvalidInput("Say which deployment: its name or its endpoint.")
    names = [one.name for one in list_deployments(store) if one.endpoint == endpoint]
    if not names:
        raise NotFound(f"The endpoint {endpoint!r} has no deployment.")
    if len(names) > 1:
        raise InvalidInput(
            f"The endpoint {endpoint!r} has several deployments ({', '.join(sorted(names))}). "
            "Say which one by its name."
        )
    return names[0]


def _tell(text: str) -> None:
    """Say something beside MLflow's own output, which shows only the deployment's name."""
    sys.stderr.write(f"{text}\n")


def _export(variables: Mapping[str, str]) -> None:
    import os

    os.environ.update(variables)
