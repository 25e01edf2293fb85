"""Data assets: tables and folders with versions, a schema and a digest over all of their content.

A data asset is an asset of kind ``data`` (`mlflow_plugins.core.assets`); its files are artifacts of
the record of its version. Read ``tests/mlflow_plugins/data/test_assets.py`` first.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow_plugins.data._assets import (
        DATA,
        ResolvedInput,
        create_data_asset,
        download_asset,
        local_path,
        preview,
        resolve_input,
    )
    from mlflow_plugins.data._datasets import as_mlflow_dataset
    from mlflow_plugins.data.plugin import AssetDatasetSource

__all__ = [
    "DATA",
    "AssetDatasetSource",
    "ResolvedInput",
    "as_mlflow_dataset",
    "create_data_asset",
    "download_asset",
    "local_path",
    "preview",
    "resolve_input",
]

_MODULES = {"AssetDatasetSource": "plugin", "as_mlflow_dataset": "_datasets"}


def __getattr__(name: str) -> Any:
    """Load on first use: MLflow imports this package in every process that imports MLflow."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES.get(name, '_assets')}")
    return getattr(module, name)
