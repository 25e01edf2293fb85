"""Outputs: where the command writes them, and everything that becomes of them."""

import os
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import AssetStore, InvalidInput, StudioError
from mlflow_plugins.data import (
    DatastorePath,
    check_url,
    create_data_asset,
    masked,
    open_datastore,
    parse_azureml,
    program_address,
    put_place,
    scheme_of,
)
from mlflow_plugins.jobs._fields import DIRECT, MODEL_TYPES, Output

OUTPUTS = "outputs"

_READ_ONLY_KINDS = ("http", "sql")


def prepare_output(output: Output, folder: Path, client: MlflowClient, *, run_id: str) -> str:
    """Make the place that the command writes an output to; return what its expression means."""
    if output.mode == DIRECT:
        return _address(output, AssetStore(client)) or f"runs:/{run_id}/{OUTPUTS}/{folder.name}"
    if output.type == "uri_file":
        folder.parent.mkdir(parents=True, exist_ok=True)
    else:
        folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def _address(output: Output, store: AssetStore) -> str | None:
    """Return the address by which the command itself can write an output."""
    return None if output.path is None else program_address(store, output.path)


def is_written(path: Path) -> bool:
    """Tell whether the command has written anything to an output's place."""
    return path.is_file() or (path.is_dir() and any(os.scandir(path)))


def check_outputs(outputs: Mapping[str, Output], store: AssetStore) -> None:
    """Make sure, before a job runs, that its outputs can go where they are to go.

    Raises:
        InvalidInput: A ``path`` is of a kind to which nothing can be written.
        NotFound: One names a datastore that does not exist.
    """
    for name, output in outputs.items():
        try:
            _check_output(output, store)
        except StudioError as error:
            raise type(error)(f"Field 'outputs.{name}': {error.message}") from error


def _check_output(output: Output, store: AssetStore) -> None:
    if output.version is not None and output.name is None:
        raise InvalidInput("it has a version and no name. Give the name of the asset as well.")
    if output.mode == DIRECT and output.name is not None:
        raise InvalidInput(
            "mode is 'direct', so the command writes it where nobody else can tell what it is; it "
            "cannot get a name. Write 'mode: upload', or leave the name out."
        )
    if output.path is None:
        return
    address = parse_azureml(output.path)
    if isinstance(address, DatastorePath):
        _check_datastore(store, address)
    elif address is not None or scheme_of(output.path) in ("", "file", "runs", "models"):
        raise InvalidInput(
            f"path is {masked(output.path)!r}. Outputs are always kept with the run; give an "
            "address to which they go as well, such as "
            "azureml://datastores/workspaceblobstore/paths/PATH, or leave the path out."
        )
    else:
        check_url(output.path, is_folder=False)
        if scheme_of(output.path) in ("http", "https"):
            raise InvalidInput(
                f"path is {masked(output.path)!r}, a web address, to which nothing can be written."
            )


def _check_datastore(store: AssetStore, address: DatastorePath) -> None:
    opened = open_datastore(store, address.datastore)
    if opened.kind in _READ_ONLY_KINDS:
        raise InvalidInput(
            f"path is in the datastore {opened.name!r} of type {opened.kind!r}, to which nothing "
            "can be written. Choose a datastore of another type."
        )


def keep_output(output: Output, path: Path, client: MlflowClient, *, run_id: str) -> list[str]:
    """Store what the command wrote: with its run, at its ``path``, and under its ``name``.

    Returns:
        A sentence about each place beside the run.

    Raises:
        MlflowException: It cannot be stored.
    """
    if path.is_dir():
        client.log_artifacts(run_id, str(path), f"{OUTPUTS}/{path.name}")
    else:
        client.log_artifact(run_id, str(path), OUTPUTS)
    places = []
    if output.path is not None:
        put_place(AssetStore(client), path, output.path)
        places.append(f"is at {masked(output.path)}")
    if output.name is not None and output.type in MODEL_TYPES:
        version = _register_model(output, output.name, path, client, run_id)
        places.append(f"is the model {output.name}, version {version}")
    elif output.name is not None:
        asset = create_data_asset(
            AssetStore(client),
            path,
            name=output.name,
            version=output.version,
            description=output.description or "",
            kind=output.type,
            noted={"made_by": run_id},
        )
        places.append(f"is the data asset {asset.reference}")
    return places


def _register_model(
    output: Output, name: str, path: Path, client: MlflowClient, run_id: str
) -> str:
    if output.type == "mlflow_model" and not (path / "MLmodel").is_file():
        raise InvalidInput(
            f"The output {path.name!r} has the type 'mlflow_model', but the command wrote no file "
            "MLmodel into it. Save a model with mlflow.<flavor>.save_model(model, FOLDER), or "
            "write 'type: custom_model'."
        )
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = client.create_model_version(
        name,
        source=f"{client.get_run(run_id).info.artifact_uri}/{OUTPUTS}/{path.name}",
        run_id=run_id,
        tags={"studio.type": output.type},
        description=output.description,
    )
    return str(version.version)
