"""MLflow's dataset-source door: runs that used a data asset say so in MLflow's own words.

MLflow imports this module while it is itself half imported, so everything of ours is imported on
first use.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.data.dataset import Dataset
from mlflow.data.dataset_source import DatasetSource

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.store.artifact.artifact_repo import ArtifactRepository  # noqa: TID251

    from mlflow_plugins.core import Asset


def apply_data(client: "MlflowClient", document: dict[str, Any], *, base_folder: Path) -> "Asset":
    """Create a data asset, for ``mlflow-studio apply``."""
    from mlflow_plugins.core import AssetStore
    from mlflow_plugins.data._files import apply_data_file

    return apply_data_file(AssetStore(client), document, base_folder=base_folder)


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


class AssetDatasetSource(DatasetSource):
    """The source of an MLflow dataset that is a data asset.

    ``mlflow.data.get_source(run_input).load()`` gives a local path wherever the tracking server can
    be reached.
    """

    def __init__(self, name: str, version: str) -> None:
        self.name = name
        self.version = version

    @staticmethod
    def _get_source_type() -> str:
        return "studio"

    def load(self, **kwargs: Any) -> str:
        """Download the asset and return its local path.

        Args:
            kwargs: ``folder``: where to put it; a new temporary folder by default.
        """
        import tempfile
        from pathlib import Path

        from mlflow_plugins.core import AssetStore, connect
        from mlflow_plugins.data._assets import DATA, download_asset

        store = AssetStore(connect())
        asset = store.get(DATA, self.name, self.version)
        return str(download_asset(store, asset, Path(kwargs.get("folder") or tempfile.mkdtemp())))

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return isinstance(raw_source, str) and raw_source.startswith("azureml:")

    @classmethod
    def _resolve(cls, raw_source: Any) -> "AssetDatasetSource":
        from mlflow_plugins.core import AssetStore, connect, parse_reference
        from mlflow_plugins.data._assets import DATA

        asset = AssetStore(connect()).resolve(DATA, parse_reference(raw_source))
        return cls(asset.name, asset.version)

    def to_dict(self) -> dict[Any, Any]:
        """Return what MLflow stores with the run."""
        return {"name": self.name, "version": self.version}

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> "AssetDatasetSource":
        """Read what `to_dict` returned."""
        return cls(source_dict["name"], source_dict["version"])


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
