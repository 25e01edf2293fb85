"""Data assets as MLflow datasets: what a run used, shown and searched by MLflow itself."""

import json
from typing import Any

from mlflow.data.dataset import Dataset as DatasetObject
from mlflow.entities import Dataset

from mlflow_plugins.core import Asset
from mlflow_plugins.data._sources import AssetDatasetSource


def as_mlflow_dataset(asset: Asset) -> Dataset:
    """Return the entity with which a run notes that it used this asset.

    MLflow keeps one dataset for each name and digest of an experiment, so the digest begins with
    the version: two versions with the same content stay apart.
    """
    source = AssetDatasetSource(asset.name, asset.version)
    columns = [
        {"name": column["name"], "type": _MLFLOW_TYPES.get(column["type"], "string")}
        for column in asset.spec.get("schema", [])
    ]
    return Dataset(
        name=asset.name,
        digest=f"v{asset.version}-{asset.spec['digest'][:12]}"[:36],
        source_type=source._get_source_type(),
        source=json.dumps(source.to_dict()),
        schema=json.dumps({"mlflow_colspec": columns}) if columns else None,
        profile=json.dumps(
            {key: asset.spec[key] for key in ("n_rows", "size_bytes") if key in asset.spec}
        ),
    )


class StudioDataset(DatasetObject):
    """A data asset as the object that ``mlflow.log_input`` takes.

    Attributes:
        asset: The asset.
    """

    def __init__(self, asset: Asset, *, name: str | None, digest: str | None) -> None:
        self.asset = asset
        self._entity = as_mlflow_dataset(asset)
        super().__init__(
            source=AssetDatasetSource(asset.name, asset.version),
            name=name or asset.name,
            digest=digest or self._entity.digest,
        )

    def _compute_digest(self) -> str:
        return str(self._entity.digest)

    @property
    def profile(self) -> Any:
        """Rows and size, where they are known."""
        return json.loads(self._entity.profile or "{}")

    @property
    def schema(self) -> Any:
        """Columns, in MLflow's words; None for what is no table."""
        return json.loads(self._entity.schema) if self._entity.schema else None

    def to_dict(self) -> dict[str, str]:
        """Return what MLflow stores with the run."""
        known = {"schema": self._entity.schema, "profile": self._entity.profile}
        return {**super().to_dict(), **{key: one for key, one in known.items() if one is not None}}


_MLFLOW_TYPES = {
    "integer": "long",
    "number": "double",
    "boolean": "boolean",
    "date": "datetime",
    "datetime": "datetime",
}
