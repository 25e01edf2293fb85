"""Azure ML's YAML of an import: a query or files of a connection, which is a datastore here."""

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow_plugins.core import Asset, AssetStore, InvalidInput, did_you_mean
from mlflow_plugins.data._assets import create_data_asset
from mlflow_plugins.data.datastores import open_datastore
from mlflow_plugins.data.importing._entities import SqlQuery
from mlflow_plugins.data.importing._import import import_data

_FIELDS = ("$schema", "name", "version", "description", "tags", "properties", "type", "path")
_SOURCES: Mapping[str, tuple[str, ...]] = {
    "database": ("type", "query", "connection"),
    "file_system": ("type", "path", "connection"),
}
_LOGGER = logging.getLogger(__name__)


def apply_import_file(store: AssetStore, document: Mapping[str, Any]) -> Asset:
    """Import what a document describes, now and once.

    Args:
        store: Where to create the asset.
        document: With ``name`` and ``source``; the source's ``connection`` names a datastore.

    Raises:
        InvalidInput: A field is unknown, missing or wrong.
        NotFound: There is no such datastore, or nothing in it.
    """
    source = _check(document)
    if "path" in document:
        _LOGGER.warning(
            "Field 'path' is not applied: what is imported is kept as the data asset %s.",
            document["name"],
        )
    datastore = str(source["connection"]).removeprefix("azureml:")
    facts: dict[str, Any] = {
        "name": document["name"],
        "version": None if document.get("version") is None else str(document["version"]),
        "tags": {key: str(value) for key, value in (document.get("tags") or {}).items()},
        "description": str(document.get("description") or ""),
    }
    if source["type"] == "database":
        query = SqlQuery(datastore=datastore, text=str(source["query"]))
        return import_data(store, query, **facts).asset
    opened = open_datastore(store, datastore)
    noted = {"imported_from": opened.address(str(source["path"]))}
    with tempfile.TemporaryDirectory() as folder:
        opened.fetch(str(source["path"]), Path(folder))
        return create_data_asset(store, Path(folder), kind="uri_folder", noted=noted, **facts)


def _check(document: Mapping[str, Any]) -> Mapping[str, Any]:
    known = (*_FIELDS, "source")
    for field in document:
        if field not in known:
            raise InvalidInput(
                f"Field {field!r} is unknown. The fields of an import are: {', '.join(known)}."
                f"{did_you_mean(field, known)}"
            )
    source = document.get("source")
    if not document.get("name") or not isinstance(source, Mapping):
        raise InvalidInput("Fields 'name' and 'source' are needed by an import.")
    kind = str(source.get("type"))
    if kind not in _SOURCES:
        raise InvalidInput(
            f"Field 'source.type' is {kind!r}. It must be one of: {', '.join(_SOURCES)}."
        )
    if set(source) != set(_SOURCES[kind]):
        raise InvalidInput(
            f"Field 'source' of type {kind!r} needs exactly: {', '.join(_SOURCES[kind])}."
        )
    return source
