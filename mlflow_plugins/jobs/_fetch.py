"""Inputs, brought to the machine of the job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow.artifacts
from mlflow import MlflowClient

from mlflow_plugins.core import Asset, AssetStore, parse_reference
from mlflow_plugins.data import (
    DATA,
    content_digest,
    download_asset,
    fetch_place,
    look_up_place,
    masked,
    program_address,
)
from mlflow_plugins.jobs._fields import DIRECT
from mlflow_plugins.jobs._inputs import INPUTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An input on this machine.

    Attributes:
        value: What its expression stands for; None if an optional input has no value.
        stamp: What was read, for the run, if its address could have had another content.
        has_changed: Whether it is seen to be another content than at submission.
    """

    value: str | None
    stamp: Mapping[str, Any] = field(default_factory=dict)
    has_changed: bool = False


def fetch_input(
    document: Mapping[str, Any], client: MlflowClient, *, run_id: str, name: str, folder: Path
) -> Fetched:
    """Bring one input to this machine.

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
        return Fetched(value=document["value"])
    if document.get("mode") == DIRECT:
        return _address(document, client, run_id, name)
    if "asset" in document:
        store = AssetStore(client)
        return Fetched(value=str(download_asset(store, _asset(store, document), folder)))
    folder.mkdir(parents=True, exist_ok=True)
    if "url" in document:
        return _fetch_url(document, AssetStore(client), folder)
    if "file" in document:
        path = f"{INPUTS}/{name}/{document['file']}"
        return Fetched(value=_download(client, folder, run_id=run_id, artifact_path=path))
    value = _download(client, folder, artifact_uri=document["uri"])
    return Fetched(value=value, stamp=_stamp(document["uri"], Path(value)))


def _address(document: Mapping[str, Any], client: MlflowClient, run_id: str, name: str) -> Fetched:
    """Return the address by which the command itself can read an input."""
    if "asset" in document:
        path = str(_asset(AssetStore(client), document).spec["path"])
        return Fetched(value=program_address(AssetStore(client), path))
    if "file" in document:
        return Fetched(value=f"runs:/{run_id}/{INPUTS}/{name}/{document['file']}")
    if "uri" in document:
        return Fetched(value=document["uri"])
    url = document["url"]
    value = program_address(AssetStore(client), url)
    return Fetched(value=value, stamp={"uri": masked(url), **document["fingerprint"]})


def _asset(store: AssetStore, document: Mapping[str, Any]) -> Asset:
    return store.resolve(DATA, parse_reference(document["asset"]))


def _fetch_url(document: Mapping[str, Any], store: AssetStore, folder: Path) -> Fetched:
    url, is_folder = document["url"], document["is_folder"]
    found = look_up_place(store, url, is_folder=is_folder)
    fingerprint = {} if found is None else found.as_document()
    path = fetch_place(store, url, folder, is_folder=is_folder)
    before = document["fingerprint"]
    return Fetched(
        value=str(path),
        stamp={**_stamp(masked(url), path), **fingerprint},
        has_changed=any(before[key] != fingerprint[key] for key in before.keys() & fingerprint),
    )


def _stamp(uri: str, path: Path) -> dict[str, Any]:
    """Return what says later which content it was; a version of a model says so by itself."""
    if urlsplit(uri).scheme == "models":
        return {"uri": uri}
    return {"uri": uri, "sha256": content_digest(path)}


def _download(client: MlflowClient, folder: Path, **source: str) -> str:
    return str(
        mlflow.artifacts.download_artifacts(
            **source, dst_path=str(folder), tracking_uri=client.tracking_uri
        )
    )
