"""Data files: Azure ML's YAML for a data asset becomes one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow_plugins.core import Asset, AssetStore, InvalidInput, did_you_mean
from mlflow_plugins.data._assets import DATA, create_data_asset, create_reference, local_path
from mlflow_plugins.data._digest import content_digest
from mlflow_plugins.data._references import is_address, reference_spec
from mlflow_plugins.data.datastores import check_no_way_out

_FIELDS = ("$schema", "name", "version", "description", "tags", "properties", "type", "path")
_TYPES = ("uri_file", "uri_folder", "mltable")
_FOLDERS = ("uri_folder", "mltable")


def apply_data_file(store: AssetStore, document: Mapping[str, Any], *, base_folder: Path) -> Asset:
    """Create the data asset that a document describes.

    What lies on this machine is copied; an address is kept as a reference. Nothing happens if the
    version it names, or the latest one if it names none, has the same content.

    Args:
        store: Where to create it.
        document: With ``name``, ``type`` and ``path``.
        base_folder: What a relative path counts from.

    Raises:
        InvalidInput: A field is unknown, missing or wrong, or nothing lies at the path.
        AlreadyExists: The version exists with other content.
    """
    _check(document)
    kind = str(document.get("type", "uri_folder"))
    version = None if document.get("version") is None else str(document["version"])
    standing = _standing(store, document["name"], version)
    facts: dict[str, Any] = {
        "name": document["name"],
        "version": version,
        "tags": {key: str(value) for key, value in (document.get("tags") or {}).items()},
        "description": str(document.get("description") or ""),
        "kind": kind,
    }
    address = str(document["path"])
    if is_address(address):
        if _is_as(standing, reference_spec(store, address, kind=kind)):
            return standing  # type: ignore[return-value]
        return create_reference(store, address, **facts)
    path = local_path(address, base_folder=base_folder)
    if path.is_dir() != (kind in _FOLDERS):
        what = "a folder" if path.is_dir() else "a file"
        raise InvalidInput(f"Field 'type' is {kind!r}, but {str(path)!r} is {what}.")
    check_no_way_out(path, path)
    if standing is not None and standing.spec["digest"] == content_digest(path):
        return standing
    return create_data_asset(store, path, **facts)


def _is_as(standing: Asset | None, spec: Mapping[str, Any]) -> bool:
    return standing is not None and all(standing.spec.get(key) == spec[key] for key in spec)


def _check(document: Mapping[str, Any]) -> None:
    for field in document:
        if field not in _FIELDS:
            raise InvalidInput(
                f"Field {field!r} is unknown. The fields of a data asset are: "
                f"{', '.join(_FIELDS)}.{did_you_mean(field, _FIELDS)}"
            )
    for field in ("name", "path"):
        if not document.get(field):
            raise InvalidInput(f"Field {field!r} is missing. A data asset needs it.")
    if document.get("type", "uri_folder") not in _TYPES:
        raise InvalidInput(
            f"Field 'type' is {document['type']!r}. It must be one of: {', '.join(_TYPES)}."
        )


def _standing(store: AssetStore, name: str, version: str | None) -> Asset | None:
    latest = store.find(DATA, name)
    if latest is None or version is None:
        return latest
    every = store.versions(DATA, name, include_archived=True)
    return next((one for one in every if one.version == version), None)
