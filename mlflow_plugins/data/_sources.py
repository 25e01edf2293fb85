"""The source of MLflow datasets that are data assets.

MLflow imports this module while it is itself half imported, so everything of ours is imported on
first use.
"""

from typing import Any

from mlflow.data.dataset_source import DatasetSource


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
        from mlflow_plugins.data._content import DATA, download_asset

        store = AssetStore(connect())
        asset = store.get(DATA, self.name, self.version)
        return str(download_asset(store, asset, Path(kwargs.get("folder") or tempfile.mkdtemp())))

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return isinstance(raw_source, str) and raw_source.startswith("azureml:")

    @classmethod
    def _resolve(cls, raw_source: Any) -> "AssetDatasetSource":
        from mlflow_plugins.core import AssetStore, connect, parse_reference
        from mlflow_plugins.data._content import DATA

        asset = AssetStore(connect()).resolve(DATA, parse_reference(raw_source))
        return cls(asset.name, asset.version)

    def to_dict(self) -> dict[Any, Any]:
        """Return what MLflow stores with the run."""
        return {"name": self.name, "version": self.version}

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> "AssetDatasetSource":
        """Read what `to_dict` returned."""
        return cls(source_dict["name"], source_dict["version"])
