"""Data assets: versioned tables and folders, copied into the store and checked when used."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import mlflow.artifacts
import pyarrow as pa

from mlflow_plugins.core import (
    Asset,
    AssetStore,
    InvalidInput,
    StudioError,
    is_reference,
    parse_reference,
)
from mlflow_plugins.data._digest import content_digest, content_size_bytes
from mlflow_plugins.data._tables import read_rows, summarize

DATA = "data"


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
) -> Asset:
    """Copy a table file or a folder into the store as a version of a data asset.

    A file must be a table (CSV or Parquet) that can be read to its last row: what enters the store
    can be used. A folder is taken as it is.

    Args:
        store: Where to create it.
        path: A file or folder on this machine.
        name: Name of the asset.
        version: A word of the caller's choice; the next number if None.
        tags: The user's tags.
        description: For people.

    Raises:
        InvalidInput: The file is empty, broken or without rows, or a name breaks a rule.
        AlreadyExists: That version exists.
    """
    spec = _folder_spec(path) if path.is_dir() else _table_spec(path)
    draft = store.draft(DATA, name)
    try:
        location = store.add_file(draft, path, "data" if path.is_dir() else None)
    except Exception:
        store.discard(draft)
        raise
    return store.publish(
        draft, {**spec, "path": location}, version=version, tags=tags, description=description
    )


def _table_spec(path: Path) -> dict[str, Any]:
    summary = summarize(path)
    return {
        "type": "uri_file",
        "file": path.name,
        "format": summary.format,
        "n_rows": summary.n_rows,
        "schema": [asdict(column) for column in summary.columns],
        "digest": content_digest(path),
        "size_bytes": content_size_bytes(path),
    }


def _folder_spec(path: Path) -> dict[str, Any]:
    size_bytes = content_size_bytes(path)
    if size_bytes == 0:
        raise InvalidInput(
            f"The folder {str(path)!r} holds no data. A data asset needs at least one file."
        )
    return {"type": "uri_folder", "digest": content_digest(path), "size_bytes": size_bytes}


def download_asset(store: AssetStore, asset: Asset, folder: Path) -> Path:
    """Bring a data asset's content to this machine and check that it is what was stored.

    Args:
        store: The asset's store.
        asset: A data asset.
        folder: Where to put it; a copy that lies there already is used if it is intact.

    Raises:
        StudioError: The stored content is not what the asset's digest says.
    """
    target = folder / asset.record_id / _artifact(asset)
    if not (target.exists() and content_digest(target) == asset.spec["digest"]):
        _fetch(store, asset, target)
    return target


def _fetch(store: AssetStore, asset: Asset, target: Path) -> None:
    """Download beside the target and move it there when it is complete and checked."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as passing:
        fetched = Path(
            mlflow.artifacts.download_artifacts(
                run_id=asset.record_id,
                artifact_path=_artifact(asset),
                dst_path=passing,
                tracking_uri=store.records.client.tracking_uri,
            )
        )
        digest = content_digest(fetched)
        if digest != asset.spec["digest"]:
            raise StudioError(
                f"The content of {asset.reference} has changed since it was stored: its SHA-256 is "
                f"{digest}, and {asset.spec['digest']} was noted. Create a new version from the "
                "original data."
            )
        if target.is_dir():
            shutil.rmtree(target)
        fetched.replace(target)


def _artifact(asset: Asset) -> str:
    """Return where a version's content lies among its record's files."""
    return str(asset.spec.get("file", "data"))


def preview(store: AssetStore, asset: Asset, *, n_rows: int = 100) -> pa.Table:
    """Read the first rows of a table asset.

    Raises:
        InvalidInput: The asset is a folder.
    """
    if asset.spec["type"] != "uri_file":
        raise InvalidInput(f"{asset.reference} is a folder; only tables have rows to look at.")
    with tempfile.TemporaryDirectory() as folder:
        return read_rows(download_asset(store, asset, Path(folder)), n_rows=n_rows)


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
