"""Inputs, fixed when a job is submitted.

Every path becomes something that means the same on any machine: a version of a data asset, an URI
that MLflow can read, a copy that is stored with the run, or a URL with what it says about its
content. What can be seen not to exist is refused here; `_fetch` brings the rest to the machine.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient
from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import (
    Asset,
    AssetStore,
    InvalidInput,
    NotFound,
    StudioError,
    is_reference,
    parse_reference,
)
from mlflow_plugins.data import (
    DATA,
    AssetAddress,
    DatastorePath,
    WorkspaceDatastore,
    check_url,
    local_path,
    look_up_place,
    masked,
    open_datastore,
    parse_azureml,
    scheme_of,
)
from mlflow_plugins.jobs._fields import DIRECT, FOLDER_TYPES, MODEL_TYPES, Input
from mlflow_plugins.jobs._spec import CommandJob

INPUTS = "inputs"

_MLFLOW_SCHEMES = ("runs", "models", "mlflow-artifacts")


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedInputs:
    """The inputs of a job as they are stored.

    Attributes:
        documents: By input name: ``{"value"}``, ``{"asset"}``, ``{"uri"}``, ``{"file"}`` or
            ``{"url", "fingerprint"}``; with ``{"mode": "direct"}`` if the command wants the
            address itself, and ``is_folder`` where an address does not tell.
        assets: Data assets by input name.
        uploads: Local files and folders by input name.
    """

    documents: Mapping[str, Mapping[str, Any]]
    assets: Mapping[str, Asset]
    uploads: Mapping[str, Path]


def pin_inputs(
    job: CommandJob, store: AssetStore, client: MlflowClient, *, base_folder: Path, limit_mib: float
) -> PinnedInputs:
    """Fix what the inputs of a job are.

    Args:
        job: The job.
        store: Where data assets are looked up.
        client: Where models are looked up.
        base_folder: What relative paths count from.
        limit_mib: Largest local file or folder that is copied.

    Raises:
        InvalidInput: An input is not there, too large, or an address that cannot be read.
        NotFound: No such asset or model, or nothing lies at an address.
    """
    documents: dict[str, Mapping[str, Any]] = {}
    assets: dict[str, Asset] = {}
    uploads: dict[str, Path] = {}
    for name, given in job.inputs.items():
        try:
            found = _pin(given, store, client, base_folder)
        except StudioError as error:
            raise type(error)(f"Field 'inputs.{name}': {error.message}") from error
        mode = {"mode": DIRECT} if given.mode == DIRECT else {}
        if isinstance(found, Asset):
            assets[name] = found
            documents[name] = {"asset": f"{found.name}:{found.version}", **mode}
        elif isinstance(found, Path):
            _check_local(name, given, found, limit_mib)
            uploads[name] = found
            documents[name] = {"file": found.name, **mode}
        else:
            documents[name] = {**found, **mode}
    return PinnedInputs(documents=documents, assets=assets, uploads=uploads)


def _pin(
    given: Input, store: AssetStore, client: MlflowClient, base_folder: Path
) -> Asset | Path | dict[str, Any]:
    if given.address is None:
        return {"value": None if given.value is None else str(given.value)}
    path, is_model = given.address, given.type in MODEL_TYPES
    address = parse_azureml(path)
    if isinstance(address, AssetAddress):
        path, is_model = address.reference, address.kind == "models"
    elif isinstance(address, DatastorePath):
        return _pin_datastore(address, given, store, client)
    elif address is not None:
        uri = f"runs:/{address.run_id}/{address.artifact_path}"
        _check_artifact(client, uri, given)
        return {"uri": uri}
    if is_reference(path):
        reference = parse_reference(path)
        if not is_model:
            return store.resolve(DATA, reference)
        return {"uri": _model_uri(client, reference.name, reference.version, reference.label)}
    scheme = _scheme(path)
    if scheme in _MLFLOW_SCHEMES:
        return {"uri": _pin_uri(client, given)}
    if scheme in ("", "file"):
        return local_path(path, base_folder=base_folder)
    check_url(path, is_folder=given.type in FOLDER_TYPES)
    return _pin_place(path, given, store)


def _scheme(path: str) -> str:
    """Return the scheme; MLflow's own URIs have one slash, or none."""
    scheme = urlsplit(path).scheme
    return scheme if scheme in _MLFLOW_SCHEMES else scheme_of(path)


# ---------------------------------------------------------------- addresses outside


def _pin_place(url: str, given: Input, store: AssetStore) -> dict[str, Any]:
    is_folder = given.type in FOLDER_TYPES
    found = look_up_place(store, url, is_folder=is_folder)
    fingerprint = {} if found is None else found.as_document()
    return {"url": url, "fingerprint": fingerprint, "is_folder": is_folder}


def _pin_datastore(
    address: DatastorePath, given: Input, store: AssetStore, client: MlflowClient
) -> dict[str, Any]:
    opened = open_datastore(store, address.datastore)
    if not isinstance(opened, WorkspaceDatastore):
        return _pin_place(opened.address(address.path), given, store)
    uri = opened.uri(address.path)
    _check_artifact(client, uri, given)
    return {"uri": uri}


# ---------------------------------------------------------------- what the server keeps


def _pin_uri(client: MlflowClient, given: Input) -> str:
    """Give a model's URI a version instead of a name for one that moves on."""
    uri = given.path or ""
    parts = urlsplit(uri)
    if parts.scheme == "runs":
        _check_artifact(client, uri, given)
    name, _, version = parts.path.strip("/").partition("/")
    if parts.scheme != "models" or version.isdecimal() or name.startswith("m-"):
        return uri
    name, _, alias = name.partition("@")
    return _model_uri(client, name, None, alias or version)


def _check_artifact(client: MlflowClient, uri: str, given: Input) -> None:
    """Make sure that a run has an artifact, of the type that is asked for.

    Raises:
        NotFound: There is no such run, or it has no such artifact.
        InvalidInput: It is a file where a folder is asked for, or the other way round.
    """
    run_id, _, path = unquote(urlsplit(uri).path).strip("/").partition("/")
    try:
        found = _find_artifact(client, run_id, path.strip("/"))
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise NotFound(f"{given.path!r}: there is no run {run_id!r}.") from error
    if found is None:
        raise NotFound(
            f"There is nothing at {given.path!r}. Put it there first, or correct the path."
        )
    if given.type == "uri_file" and found.is_dir:
        raise InvalidInput(f"Type is 'uri_file', but {given.path!r} is a folder.")
    if given.type == "uri_folder" and not found.is_dir:
        raise InvalidInput(
            f"Type is 'uri_folder', but {given.path!r} is a file. Write 'type: uri_file'."
        )


def _find_artifact(client: MlflowClient, run_id: str, path: str) -> FileInfo | None:
    if not path:
        client.get_run(run_id)
        return FileInfo("", is_dir=True, file_size=None)
    files = client.list_artifacts(run_id, posixpath.dirname(path) or None)
    return next((one for one in files if one.path == path), None)


def _model_uri(client: MlflowClient, name: str, version: str | None, label: str | None) -> str:
    try:
        if version is not None:
            return f"models:/{name}/{client.get_model_version(name, version).version}"
        if label not in (None, "", "latest"):
            return f"models:/{name}/{client.get_model_version_by_alias(name, label).version}"
        versions = [int(one.version) for one in client.search_model_versions(f"name = '{name}'")]
        return f"models:/{name}/{max(versions)}"
    except (MlflowException, ValueError) as error:
        wanted = f"version {version!r}" if version else f"alias {label!r}" if label else "version"
        raise NotFound(f"There is no registered model {name!r} with a {wanted}.") from error


# ---------------------------------------------------------------- what lies on this machine


def _check_local(name: str, given: Input, path: Path, limit_mib: float) -> None:
    if given.type == "uri_file" and path.is_dir():
        raise InvalidInput(f"Field 'inputs.{name}': type is 'uri_file', but {path} is a folder.")
    if given.type == "uri_folder" and not path.is_dir():
        raise InvalidInput(
            f"Field 'inputs.{name}': type is 'uri_folder', but {path} is a file. "
            "Write 'type: uri_file'."
        )
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    size_bytes = sum(file.stat().st_size for file in files)
    if size_bytes > limit_mib * 2**20:
        raise InvalidInput(
            f"Field 'inputs.{name}': {path} has {size_bytes / 2**20:.0f} MiB; local files up to "
            f"{limit_mib:.0f} MiB are copied to the job. Create a data asset of it and write "
            "'path: azureml:NAME@latest'."
        )


def without_secrets(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's inputs with the secrets in their addresses masked, to be shown and kept."""
    return {
        name: {**one, "path": masked(one["path"])} if isinstance(one.get("path"), str) else one
        for name, one in inputs.items()
    }
