"""The content of data assets, brought to this machine and verified."""

import shutil
import tempfile
from pathlib import Path

import mlflow.artifacts

from mlflow_plugins.core import Asset, AssetStore, StudioError
from mlflow_plugins.data._digest import content_digest
from mlflow_plugins.data._references import fetch_reference

DATA = "data"
FOLDER = "data"


def download_asset(store: AssetStore, asset: Asset, folder: Path) -> Path:
    """Bring a data asset's content to this machine and check that it is what was noted.

    Args:
        store: The asset's store.
        asset: A data asset.
        folder: Where to put it; a copy that lies there already is used if it is intact.

    Raises:
        StudioError: The content is not what the asset's digest says.
    """
    if asset.spec.get("is_reference"):
        return fetch_reference(store, asset, folder / asset.record_id)
    target = folder / home_of(asset) / _artifact(asset)
    if not (target.exists() and content_digest(target) == asset.spec["digest"]):
        _fetch(store, asset, target)
    return target


def _fetch(store: AssetStore, asset: Asset, target: Path) -> None:
    """Download beside the target and move it there when it is complete and checked."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as passing:
        fetched = Path(
            mlflow.artifacts.download_artifacts(
                run_id=home_of(asset),
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


def home_of(asset: Asset) -> str:
    """Return the record that has a version's files: its own, or that of one with the same."""
    return str(asset.spec.get("stored_in", asset.record_id))


def _artifact(asset: Asset) -> str:
    """Return where a version's content lies among its record's files."""
    return str(asset.spec.get("file", FOLDER))
