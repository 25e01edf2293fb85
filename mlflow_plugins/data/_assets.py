"""Data assets: versioned tables and folders, copied into the store and checked when used."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from mlflow_plugins.core import (
    Asset,
    AssetStore,
    InvalidInput,
    check_name,
    is_reference,
    parse_reference,
)
from mlflow_plugins.data._content import DATA, FOLDER, download_asset, home_of
from mlflow_plugins.data._digest import content_digest, content_size_bytes
from mlflow_plugins.data._references import is_address, reference_spec
from mlflow_plugins.data._tables import SUFFIXES, read_rows, summarize, table_fields, type_name

MLTABLE_FILE = "MLTable"

__all__ = [
    "DATA",
    "ResolvedInput",
    "create_data_asset",
    "create_reference",
    "download_asset",
    "local_path",
    "preview",
    "resolve_input",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedInput:
    """Where an input of a job lies on this machine, and the asset it came from, if any."""

    path: Path
    asset: Asset | None


def create_data_asset(
    store: AssetStore,
    path: Path,
    *,
    name: str,
    version: str | None = None,
    tags: Mapping[str, str] | None = None,
    description: str = "",
    kind: str | None = None,
    noted: Mapping[str, Any] | None = None,
) -> Asset:
    """Copy a file or a folder into the store as a version of a data asset.

    A file that is a table (CSV or Parquet, by its name) must be readable to its last row: what
    enters the store can be used. Other files and folders are taken as they are. Content that
    another version of the asset has is not stored twice.

    Args:
        store: Where to create it.
        path: A file or folder on this machine.
        name: Name of the asset.
        version: A word of the caller's choice; the next number if None.
        tags: The user's tags.
        description: For people.
        kind: ``uri_file``, ``uri_folder`` or ``mltable``; None finds out.
        noted: More to store about where it came from.

    Raises:
        InvalidInput: The file is empty, broken or without rows, or a name breaks a rule.
        AlreadyExists: That version exists.
    """
    spec = {**(noted or {}), **_spec_of(store, path, kind)}
    more: dict[str, Any] = {"version": version, "tags": tags, "description": description}
    if twin := _same_content(store, name, spec):
        place = {"path": twin.spec["path"], "stored_in": home_of(twin)}
        if "file" in twin.spec:
            place["file"] = twin.spec["file"]
        return store.create(DATA, name, {**spec, **place}, **more)
    draft = store.draft(DATA, name)
    try:
        location = store.add_file(draft, path, FOLDER if path.is_dir() else None)
    except Exception:
        store.discard(draft)
        raise
    return store.publish(draft, {**spec, "path": location}, **more)


def create_reference(
    store: AssetStore,
    address: str,
    *,
    name: str,
    kind: str,
    version: str | None = None,
    tags: Mapping[str, str] | None = None,
    description: str = "",
) -> Asset:
    """Make a version of a data asset whose content stays where it is.

    Args:
        store: Where to create it.
        address: In a datastore, in storage that can be read, or on the web.
        name: Name of the asset.
        kind: ``uri_file``, ``uri_folder`` or ``mltable``.
        version: A word of the caller's choice; the next number if None.
        tags: The user's tags.
        description: For people.

    Raises:
        InvalidInput: It is an address that cannot be read or has a secret in it.
        NotFound: There is nothing.
        AlreadyExists: That version exists.
    """
    check_name(name, what="name of a data asset")
    spec = reference_spec(store, address, kind=kind)
    return store.create(DATA, name, spec, version=version, tags=tags, description=description)


def _spec_of(store: AssetStore, path: Path, kind: str | None) -> dict[str, Any]:
    if not path.is_dir():
        return _table_spec(path) if path.suffix.lower() in SUFFIXES else _file_spec(path)
    if kind == "mltable" or (kind is None and (path / MLTABLE_FILE).is_file()):
        return _mltable_spec(store, path)
    return _folder_spec(path)


def _table_spec(path: Path) -> dict[str, Any]:
    return table_fields(summarize(path)) | _file_spec(path)


def _file_spec(path: Path) -> dict[str, Any]:
    size_bytes = content_size_bytes(path)
    if size_bytes == 0:
        raise InvalidInput(f"The file {path.name!r} is empty. A data asset needs content.")
    return {
        "type": "uri_file",
        "file": path.name,
        "digest": content_digest(path),
        "size_bytes": size_bytes,
    }


def _folder_spec(path: Path) -> dict[str, Any]:
    size_bytes = content_size_bytes(path)
    if size_bytes == 0:
        raise InvalidInput(
            f"The folder {str(path)!r} holds no data. A data asset needs at least one file."
        )
    return {"type": "uri_folder", "digest": content_digest(path), "size_bytes": size_bytes}


def _mltable_spec(store: AssetStore, path: Path) -> dict[str, Any]:
    """Check the MLTable file; if all of its data comes along, read that to the last row."""
    from mlflow_plugins.data.mltable import load

    spec = _folder_spec(path) | {"type": "mltable"}
    table = load(path, store=store, stay_inside=True)
    if any(is_address(one.address) or is_reference(one.address) for one in table.blueprint.paths):
        return spec
    with table.reader() as reader:
        schema = reader.schema
        n_rows = sum(batch.num_rows for batch in reader)
    return spec | {
        "n_rows": n_rows,
        "schema": [{"name": one.name, "type": type_name(one.type)} for one in schema],
    }


def _same_content(store: AssetStore, name: str, spec: Mapping[str, Any]) -> Asset | None:
    """Return a version of the asset with the same content in the store, if there is one."""
    if store.find(DATA, name) is None:
        return None
    kinds = ("uri_file",) if spec["type"] == "uri_file" else ("uri_folder", "mltable")
    return next(
        (
            one
            for one in store.versions(DATA, name, include_archived=True)
            if one.spec.get("digest") == spec["digest"]
            and one.spec.get("type") in kinds
            and not one.spec.get("is_reference")
        ),
        None,
    )


def preview(store: AssetStore, asset: Asset, *, n_rows: int = 100) -> pa.Table:
    """Read the first rows of a table asset.

    Raises:
        InvalidInput: The asset is a folder, or a file that is no table.
    """
    if asset.spec["type"] == "uri_folder":
        raise InvalidInput(f"{asset.reference} is a folder; only tables have rows to look at.")
    with tempfile.TemporaryDirectory() as folder:
        path = download_asset(store, asset, Path(folder))
        if asset.spec["type"] == "uri_file":
            return read_rows(path, n_rows=n_rows)
        from mlflow_plugins.data.mltable import load

        return load(path, store=store, stay_inside=True).to_arrow(n_rows=n_rows)


def resolve_input(
    store: AssetStore, text: str, *, base_folder: Path, folder: Path
) -> ResolvedInput:
    """Find what a job file calls ``path``: an asset reference, a ``file:`` URI or a path.

    Args:
        store: Where assets are looked up.
        text: Such as ``azureml:adult@latest`` or ``./data/train.csv``.
        base_folder: What relative paths count from: the job file's folder.
        folder: Where a referenced asset's content is put.

    Raises:
        NotFound: No such asset.
        InvalidInput: Nothing lies at that path, or it is a kind of address that is not read.
    """
    if is_reference(text):
        asset = store.resolve(DATA, parse_reference(text))
        return ResolvedInput(path=download_asset(store, asset, folder), asset=asset)
    return ResolvedInput(path=local_path(text, base_folder=base_folder), asset=None)


def local_path(text: str, *, base_folder: Path) -> Path:
    """Return the path on this machine that a job file means.

    Raises:
        InvalidInput: Nothing lies there, or it is a kind of address that is not read.
    """
    scheme = urlsplit(text).scheme
    if scheme not in ("", "file"):
        raise InvalidInput(
            f"{text!r} is an address that cannot be read. "
            "Give a path, a file: URI, or a data asset such as azureml:NAME:VERSION."
        )
    plain = unquote(urlsplit(text).path) if scheme == "file" else text
    path = (base_folder / plain).resolve()
    if not path.exists():
        raise InvalidInput(
            f"There is no file or folder {text!r} (looked for at {str(path)!r}). "
            "Relative paths count from the folder of the file they are written in."
        )
    return path
