"""Inputs and outputs: fixed when a job is submitted, brought to the machine when it runs.

At submission every path becomes one of three things that mean the same on any machine and for
ever: a version of a data asset, an URI that MLflow can read, or a copy that is stored with the run.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow.artifacts
import requests
from mlflow import MlflowClient
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
from mlflow_plugins.data import DATA, create_data_asset, download_asset, local_path
from mlflow_plugins.jobs._fields import Input, Output
from mlflow_plugins.jobs._spec import CommandJob

INPUTS, OUTPUTS = "inputs", "outputs"

_MODEL_TYPES = ("mlflow_model", "custom_model", "triton_model")
_URI_SCHEMES = ("runs", "models", "mlflow-artifacts", "http", "https")


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedInputs:
    """The inputs of a job as they are stored.

    Attributes:
        documents: By input name: ``{"value"}``, ``{"asset"}``, ``{"uri"}`` or ``{"file"}``.
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
        NotFound: No such asset or model.
    """
    documents: dict[str, Mapping[str, Any]] = {}
    assets: dict[str, Asset] = {}
    uploads: dict[str, Path] = {}
    for name, given in job.inputs.items():
        try:
            found = _pin(given, store, client, base_folder)
        except StudioError as error:
            raise type(error)(f"Field 'inputs.{name}': {error.message}") from error
        if isinstance(found, Asset):
            assets[name] = found
            documents[name] = {"asset": f"{found.name}:{found.version}"}
        elif isinstance(found, Path):
            _check_local(name, given, found, limit_mib)
            uploads[name] = found
            documents[name] = {"file": found.name}
        else:
            documents[name] = found
    return PinnedInputs(documents=documents, assets=assets, uploads=uploads)


def _pin(
    given: Input, store: AssetStore, client: MlflowClient, base_folder: Path
) -> Asset | Path | dict[str, Any]:
    if given.path is None:
        return {"value": None if given.value is None else str(given.value)}
    if is_reference(given.path) and given.type in _MODEL_TYPES:
        reference = parse_reference(given.path)
        return {"uri": _model_uri(client, reference.name, reference.version, reference.label)}
    if is_reference(given.path):
        return store.resolve(DATA, parse_reference(given.path))
    if urlsplit(given.path).scheme in _URI_SCHEMES:
        return {"uri": _pin_uri(client, given.path)}
    return local_path(given.path, base_folder=base_folder)


def _pin_uri(client: MlflowClient, uri: str) -> str:
    """Give a model's URI a version instead of a name for one that moves on."""
    parts = urlsplit(uri)
    name, _, version = parts.path.strip("/").partition("/")
    if parts.scheme != "models" or version.isdecimal() or name.startswith("m-"):
        return uri
    name, _, alias = name.partition("@")
    return _model_uri(client, name, None, alias or version)


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


# ---------------------------------------------------------------- on the machine of the job


def fetch_input(
    document: Mapping[str, Any], client: MlflowClient, *, run_id: str, name: str, folder: Path
) -> str | None:
    """Bring one input to this machine; return what its expression stands for.

    Args:
        document: What `pin_inputs` made of it.
        client: Client of the tracking store.
        run_id: The user's run.
        name: The input's name.
        folder: Where it goes.

    Raises:
        MlflowException: It cannot be fetched.
    """
    if "value" in document:
        value: str | None = document["value"]
        return value
    if "asset" in document:
        store = AssetStore(client)
        asset = store.resolve(DATA, parse_reference(document["asset"]))
        return str(download_asset(store, asset, folder))
    folder.mkdir(parents=True, exist_ok=True)
    if "file" in document:
        path = f"{INPUTS}/{name}/{document['file']}"
        return _download(client, folder, run_id=run_id, artifact_path=path)
    if urlsplit(document["uri"]).scheme in ("http", "https"):
        return str(_download_file(document["uri"], folder))
    return _download(client, folder, artifact_uri=document["uri"])


def _download(client: MlflowClient, folder: Path, **source: str) -> str:
    return str(
        mlflow.artifacts.download_artifacts(
            **source, dst_path=str(folder), tracking_uri=client.tracking_uri
        )
    )


def _download_file(uri: str, folder: Path) -> Path:
    target = folder / (Path(urlsplit(uri).path).name or "download")
    try:
        with requests.get(uri, stream=True, timeout=60) as answer:
            answer.raise_for_status()
            with target.open("wb") as file:
                for block in answer.iter_content(1 << 20):
                    file.write(block)
    except requests.RequestException as error:
        raise StudioError(f"{uri} cannot be downloaded: {error}") from error
    return target


def prepare_output(output: Output, folder: Path) -> Path:
    """Make the place that the command writes an output to; return what its expression means."""
    if output.type == "uri_file":
        folder.parent.mkdir(parents=True, exist_ok=True)
    else:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep_output(output: Output, path: Path, client: MlflowClient, *, run_id: str) -> str | None:
    """Store what the command wrote as artifacts of its run.

    Returns:
        The reference of the data asset that was created, if the job asks for one.

    Raises:
        MlflowException: It cannot be stored.
    """
    if path.is_dir():
        client.log_artifacts(run_id, str(path), f"{OUTPUTS}/{path.name}")
    else:
        client.log_artifact(run_id, str(path), OUTPUTS)
    if output.name is None or output.type not in ("uri_file", "uri_folder"):
        return None
    asset = create_data_asset(
        AssetStore(client),
        path,
        name=output.name,
        version=output.version,
        description=output.description or "",
    )
    return asset.reference


def is_written(path: Path) -> bool:
    """Tell whether the command has written anything to an output's place."""
    return path.is_file() or (path.is_dir() and any(os.scandir(path)))
