"""From a search to the registry."""

from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

_LOGGED_MODEL = "models:/m-"


def register_best_model(client: MlflowClient, run_id: str, name: str) -> Any:
    """Make a search's best model the next version of a registered model.

    Args:
        client: Client of the store.
        run_id: The search's run.
        name: Of the registered model; made if it does not exist.

    Raises:
        MlflowException: The run has no model, or the name cannot be used.
    """
    model_uri = client.get_run(run_id).data.tags.get("automl.best_model_uri", "")
    if not model_uri.startswith(_LOGGED_MODEL):
        raise MlflowException.invalid_parameter_value(
            f"The run {run_id!r} has no model of an AutoML search. Wait until the search has ended."
        )
    if not name.strip():
        raise MlflowException.invalid_parameter_value("The registered model needs a name.")
    model = client.get_logged_model(model_uri.removeprefix("models:/"))
    try:
        client.create_registered_model(name.strip())
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return client.create_model_version(
        name.strip(), model.artifact_location, run_id=run_id, model_id=model.model_id
    )
