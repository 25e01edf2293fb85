"""The datastores of a workspace: created, listed, opened, deleted, and which one is the default."""

import logging
from collections.abc import Mapping
from typing import Any

from mlflow_plugins.core import (
    Asset,
    AssetStore,
    InvalidInput,
    NotFound,
    did_you_mean,
)
from mlflow_plugins.data._server_folders import check_served_datastore
from mlflow_plugins.data.datastores._base import Datastore
from mlflow_plugins.data.datastores._filesystem import FileDatastore
from mlflow_plugins.data.datastores._http import HttpDatastore
from mlflow_plugins.data.datastores._kinds import read_document
from mlflow_plugins.data.datastores._sql import SqlDatastore
from mlflow_plugins.data.datastores._workspace import (
    DATASTORE,
    DEFAULT_DATASTORE,
    WORKSPACE_NAMES,
    WorkspaceDatastore,
    workspace_record,
)

_DEFAULT = "default"
_LOGGER = logging.getLogger(__name__)


def create_datastore(store: AssetStore, document: Mapping[str, Any]) -> Asset:
    """Create a datastore, or change one that stands, as a document describes.

    Nothing happens if it stands as described. The place itself is not touched.

    Args:
        store: The workspace's assets.
        document: Azure ML's YAML of a datastore, or ours. See ``docs/datastores.md``.

    Raises:
        InvalidInput: A field is unknown, missing or wrong, or a secret stands in the document.
    """
    read = read_document(document)
    _check_not_ours(read.name, "described by a file")
    standing = store.find(DATASTORE, read.name)
    if standing is not None and dict(standing.spec) == dict(read.spec):
        return standing
    if "account_name" in read.spec and "credentials" not in read.spec:
        _LOGGER.warning(
            "The datastore %s has no credentials: it is read with those in the environment of "
            "each agent, or as a public place.",
            read.name,
        )
    return store.create(
        DATASTORE, read.name, read.spec, tags=read.tags, description=read.description
    )


def open_datastore(store: AssetStore, name: str | None = None) -> Datastore:
    """Return a datastore by its name; the workspace's default one if no name is given.

    Raises:
        NotFound: There is none of that name.
    """
    if name is None:
        name = default_datastore(store)
    if name in WORKSPACE_NAMES:
        return WorkspaceDatastore(name, workspace_record(store).record_id, store.records.client)
    asset = store.find(DATASTORE, name)
    if asset is None:
        known = list_names(store)
        raise NotFound(
            f"There is no datastore {name!r}. The workspace has: {', '.join(known)} "
            f"({', '.join(WORKSPACE_NAMES)} are its own storage).{did_you_mean(name, known)}"
        )
    return _opened(name, asset.spec)


def open_document(document: Mapping[str, Any]) -> Datastore:
    """Open the place that a document describes without storing anything, to try it.

    Raises:
        InvalidInput: A field is unknown, missing or wrong, or a secret stands in the document.
    """
    read = read_document(document)
    _check_not_ours(read.name, "described by a document")
    return _opened(read.name, read.spec)


def _opened(name: str, spec: Mapping[str, Any]) -> Datastore:
    check_served_datastore(name, spec)
    if spec["type"] == "sql":
        return SqlDatastore(name, spec)
    if spec["type"] == "http":
        return HttpDatastore(name, spec)
    return FileDatastore(name, spec, str(spec["type"]))


def get_datastore(store: AssetStore, name: str) -> Asset:
    """Return what is stored about a datastore; of its credentials, where they are.

    Raises:
        NotFound: There is none of that name.
    """
    if name in WORKSPACE_NAMES:
        return workspace_record(store)
    open_datastore(store, name)
    return store.get(DATASTORE, name)


def list_datastores(store: AssetStore) -> list[Asset]:
    """Return all datastores, the workspace's own first."""
    found, token = [workspace_record(store)], None
    while True:
        page = store.search(DATASTORE, page_token=token)
        found += [asset for asset in page.items if asset.name not in WORKSPACE_NAMES]
        token = page.next_token
        if token is None:
            return found


def list_names(store: AssetStore) -> list[str]:
    """Return the names of all datastores, the workspace's own four first."""
    return [*WORKSPACE_NAMES, *(one.name for one in list_datastores(store)[1:])]


def default_datastore(store: AssetStore) -> str:
    """Return the name of the datastore that is meant where none is named."""
    return workspace_record(store).state.get(_DEFAULT) or DEFAULT_DATASTORE


def set_default_datastore(store: AssetStore, name: str) -> None:
    """Make a datastore the one that is meant where none is named.

    Raises:
        NotFound: There is none of that name.
    """
    open_datastore(store, name)
    store.set_state(workspace_record(store), {_DEFAULT: name})


def delete_datastore(store: AssetStore, name: str) -> None:
    """Forget a datastore. What lies at its place stays there.

    Raises:
        NotFound: There is none of that name.
        InvalidInput: It is one of the workspace's own, or the default one.
    """
    _check_not_ours(name, "deleted")
    open_datastore(store, name)
    if default_datastore(store) == name:
        raise InvalidInput(
            f"{name!r} is the workspace's default datastore. Make another one the default first: "
            f"mlflow-studio datastore set-default {DEFAULT_DATASTORE}"
        )
    store.delete(DATASTORE, name)


def _check_not_ours(name: str, what: str) -> None:
    if name in WORKSPACE_NAMES:
        raise InvalidInput(
            f"{name!r} is the workspace's own storage, which cannot be {what}. Choose another name."
        )
