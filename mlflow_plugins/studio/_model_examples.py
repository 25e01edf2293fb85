"""A request that a model understands: its own input example, else one made from its signature."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

_EXAMPLE, _MODEL = "serving_input_example.json", "MLmodel"
_ROW_FIELDS = {"dataframe_split", "dataframe_records"}
_VALUES: dict[str, Any] = {
    **dict.fromkeys(("double", "float"), 0.0),
    **dict.fromkeys(("long", "integer"), 0),
    "boolean": False,
    "datetime": "2026-01-01T00:00:00",
    "string": "",
}


def request_example(client: MlflowClient, model_uri: str, *, n_rows: int = 2) -> dict[str, Any]:
    """Return a body for ``/invocations`` with so many rows at most.

    Args:
        client: Client of the store.
        model_uri: ``models:/NAME/VERSION``; anything else gives an empty example.
        n_rows: Rows to keep.
    """
    name, _, version = model_uri.removeprefix("models:/").rpartition("/")
    if not model_uri.startswith("models:/") or not version.isdecimal():
        return {"dataframe_records": []}
    place = client.get_model_version_download_uri(name, version)
    example = _read(client, f"{place}/{_EXAMPLE}")
    if example is not None:
        return _shortened(json.loads(example), n_rows)
    description = _read(client, f"{place}/{_MODEL}")
    return {"dataframe_records": [_row_of_signature(description)] if description else []}


def _read(client: MlflowClient, uri: str) -> str | None:
    with TemporaryDirectory() as folder:
        try:
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=folder, tracking_uri=client.tracking_uri
            )
        except (MlflowException, OSError):  # models need not have one
            return None
        return Path(path).read_text(encoding="utf-8")


def _shortened(document: dict[str, Any], n_rows: int) -> dict[str, Any]:
    """Return the example by rows, which is the form that people can change with ease."""
    split = document.get("dataframe_split")
    if not isinstance(split, dict) or "columns" not in split:
        return document
    rows = [dict(zip(split["columns"], row, strict=True)) for row in split["data"][:n_rows]]
    more = {key: value for key, value in document.items() if key not in _ROW_FIELDS}
    return {"dataframe_records": rows, **more}


def _row_of_signature(description: str) -> dict[str, Any]:
    import yaml

    signature = yaml.safe_load(description).get("signature") or {}
    columns = json.loads(signature.get("inputs") or "[]")
    return {
        column["name"]: _VALUES.get(column.get("type"), "")
        for column in columns
        if "name" in column
    }
