"""Data assets as MLflow datasets: what a run used, shown and searched by MLflow itself."""

import json

from mlflow.entities import Dataset

from mlflow_plugins.core import Asset
from mlflow_plugins.data.plugin import AssetDatasetSource


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


_MLFLOW_TYPES = {
    "integer": "long",
    "number": "double",
    "boolean": "boolean",
    "date": "datetime",
    "datetime": "datetime",
}
