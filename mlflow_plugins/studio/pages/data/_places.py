"""Addresses of the data pages, and the kind of asset that they show."""

from pathlib import PurePosixPath

from mlflow_plugins.core import Asset

LIST, NEW, DETAIL = "/data", "/data/new", "/data/asset/<name>"
IMPORT = "/data/new/<token>"
COMPARE = "/data/asset/<name>/compare"
DATA = "data"

# What `mlflow_plugins.data.explore` opens.
_TABLES = frozenset({".csv", ".tsv", ".parquet", ".pq", ".jsonl", ".ndjson"})


def is_table(asset: Asset) -> bool:
    """Tell whether an asset has rows and columns, by its type and the name of its file."""
    if asset.spec["type"] != "uri_file":
        return bool(asset.spec["type"] == "mltable")
    if asset.spec.get("schema"):  # also a text file that was found to be a table
        return True
    address = str(asset.spec.get("file") or asset.spec.get("path", "")).partition("?")[0]
    return PurePosixPath(address).suffix.lower() in _TABLES
