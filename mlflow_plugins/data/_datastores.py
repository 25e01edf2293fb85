"""Datastores: named places for files that are not versioned, such as ``workspaceblobstore``.

The workspace's own datastore is a record whose artifacts are its files, so it lies wherever the
MLflow server keeps artifacts and is reached through that server alone. Azure's names for the
datastores that every workspace has all mean it.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mlflow import MlflowClient
from mlflow.entities import FileInfo

from mlflow_plugins.core import AlreadyExists, AssetStore, InvalidInput, NotFound, did_you_mean

DATASTORE = "datastore"
DEFAULT_DATASTORE = "workspaceblobstore"

_WORKSPACE_NAMES = (
    DEFAULT_DATASTORE,
    "workspaceartifactstore",
    "workspacefilestore",
    "workspaceworkingdirectory",
)
_ONLY_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Datastore:
    """A place for files.

    Attributes:
        name: Its name.
        record_id: The record whose artifacts its files are.
        client: Client of the tracking store.
    """

    name: str
    record_id: str
    client: MlflowClient

    def uri(self, path: str = "") -> str:
        """Return the URI by which MLflow reads a file or folder of this datastore."""
        return f"runs:/{self.record_id}/{_inside(path)}"

    def address(self, path: str = "") -> str:
        """Return what job files call a place in this datastore."""
        return f"azureml://datastores/{self.name}/paths/{_inside(path)}"

    def upload(self, source: Path, path: str) -> str:
        """Copy a file, or what is in a folder, to a place in this datastore; return its path there.

        Args:
            source: A file or folder on this machine.
            path: Where it goes. A file goes below it if it ends in ``/`` or is empty; otherwise it
                is the file's new name.

        Raises:
            NotFound: There is no such file or folder.
            InvalidInput: The place lies outside of the datastore.
        """
        if not source.exists():
            raise NotFound(f"There is no file or folder {str(source)!r}.")
        target = PurePosixPath(_inside(path))
        if source.is_dir():
            self.client.log_artifacts(self.record_id, str(source), _folder(target))
        elif not path or path.endswith("/"):
            self.client.log_artifact(self.record_id, str(source), _folder(target))
            target /= source.name
        else:
            with tempfile.TemporaryDirectory() as passing:
                renamed = Path(passing) / target.name
                renamed.symlink_to(source.resolve())
                self.client.log_artifact(self.record_id, str(renamed), _folder(target.parent))
        return _inside(str(target))

    def listing(self, path: str = "") -> Iterable[FileInfo]:
        """List what is directly in a folder."""
        files: Iterable[FileInfo] = self.client.list_artifacts(self.record_id, _inside(path))
        return files


def open_datastore(store: AssetStore, name: str = DEFAULT_DATASTORE) -> Datastore:
    """Return a datastore by its name.

    Raises:
        NotFound: There is none of that name.
    """
    if name not in _WORKSPACE_NAMES:
        raise NotFound(
            f"There is no datastore {name!r}. The workspace has: {', '.join(_WORKSPACE_NAMES)} "
            f"(all of them are its own storage).{did_you_mean(name, _WORKSPACE_NAMES)}"
        )
    return Datastore(name, _workspace_record(store), store.records.client)


def _workspace_record(store: AssetStore) -> str:
    """Return the record that holds the workspace's files, making it on first use."""
    try:
        return store.get(DATASTORE, DEFAULT_DATASTORE, _ONLY_VERSION).record_id
    except NotFound:
        pass
    try:
        asset = store.create(
            DATASTORE, DEFAULT_DATASTORE, {"type": "workspace"}, version=_ONLY_VERSION
        )
    except AlreadyExists:  # somebody was faster
        asset = store.get(DATASTORE, DEFAULT_DATASTORE, _ONLY_VERSION)
    return asset.record_id


def _inside(path: str) -> str:
    parts = [part for part in PurePosixPath(path.strip("/")).parts if part != "."]
    if ".." in parts:
        raise InvalidInput(f"The path {path!r} leads out of the datastore. Leave '..' out.")
    return "/".join(parts)


def _folder(path: PurePosixPath) -> str | None:
    return None if str(path) == "." else str(path)
