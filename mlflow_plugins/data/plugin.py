"""MLflow's dataset-source door: runs that used a data asset say so in MLflow's own words.

MLflow imports this module while it is itself half imported, so everything of ours is imported on
first use.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.data.dataset import Dataset

from mlflow_plugins.data._sources import AssetDatasetSource

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.store.artifact.artifact_repo import ArtifactRepository  # noqa: TID251

    from mlflow_plugins.core import Asset

__all__ = [
    "AssetDatasetSource",
    "apply_data",
    "apply_datastore",
    "apply_import",
    "asset_repository",
    "from_studio",
]


def apply_data(client: "MlflowClient", document: dict[str, Any], *, base_folder: Path) -> "Asset":
    """Create a data asset, for ``mlflow-studio apply``."""
    from mlflow_plugins.core import AssetStore
    from mlflow_plugins.data._files import apply_data_file

    return apply_data_file(AssetStore(client), document, base_folder=base_folder)


def apply_import(client: "MlflowClient", document: dict[str, Any], *, base_folder: Path) -> "Asset":
    """Import a table or files, for ``mlflow-studio apply``."""
    from mlflow_plugins.core import AssetStore
    from mlflow_plugins.data.importing import apply_import_file

    del base_folder  # an import file names no paths of this machine
    return apply_import_file(AssetStore(client), document)


def apply_datastore(
    client: "MlflowClient", document: dict[str, Any], *, base_folder: Path
) -> "Asset":
    """Create or change a datastore, for ``mlflow-studio apply``."""
    from mlflow_plugins.core import AssetStore
    from mlflow_plugins.data.datastores import create_datastore

    if "path" in document and document.get("type") in ("local", "local_folder"):
        folder = base_folder / Path(str(document["path"])).expanduser()
        document = {**document, "path": str(folder.resolve())}
    return create_datastore(AssetStore(client), document)


def from_studio(
    reference: str,
    version: str | None = None,
    *,
    name: str | None = None,
    digest: str | None = None,
) -> Dataset:
    """Make an MLflow dataset of a data asset, for ``mlflow.log_input``.

    Args:
        reference: The asset's name, or ``NAME:VERSION``, ``NAME@LABEL``.
        version: The version, if the reference has none; the latest if neither has.
        name: What MLflow calls the dataset; the asset's name if None.
        digest: What MLflow notes as the content; the asset's own if None.

    Example:
        ``mlflow.log_input(mlflow.data.from_studio("people", "1"), context="training")``
    """
    from mlflow_plugins.core import AssetStore, connect, parse_reference
    from mlflow_plugins.data._assets import DATA
    from mlflow_plugins.data._datasets import StudioDataset

    text = f"{reference}:{version}" if version is not None else reference
    asset = AssetStore(connect()).resolve(DATA, parse_reference(text))
    return StudioDataset(asset, name=name, digest=digest)


def asset_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> "ArtifactRepository":
    """Open ``studio-data://NAME/VERSION`` for ``mlflow.artifacts``."""
    from mlflow_plugins.data.artifacts.plugin import AssetArtifactRepository

    return AssetArtifactRepository(artifact_uri, tracking_uri, registry_uri)
