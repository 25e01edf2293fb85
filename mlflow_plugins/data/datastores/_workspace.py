"""The workspace's own datastore: a record whose artifacts are its files.

It lies wherever the MLflow server keeps artifacts and is reached through that server alone. Azure's
names for the datastores that every workspace has all mean it.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.entities import FileInfo

from mlflow_plugins.core import AlreadyExists, Asset, AssetStore, NotFound
from mlflow_plugins.data._digest import content_digest
from mlflow_plugins.data._transfer import Fingerprint, nothing_at
from mlflow_plugins.data.datastores._base import Datastore, inside, target_of

DATASTORE = "datastore"
DEFAULT_DATASTORE = "workspaceblobstore"
WORKSPACE_NAMES = (
    DEFAULT_DATASTORE,
    "workspaceartifactstore",
    "workspacefilestore",
    "workspaceworkingdirectory",
)

_ONLY_VERSION = "1"


@dataclass(frozen=True, slots=True)
class WorkspaceDatastore(Datastore):
    """Files that the MLflow server keeps.

    Attributes:
        name: Its name.
        record_id: The record whose artifacts its files are.
        client: Client of the tracking store.
    """

    name: str
    record_id: str
    client: MlflowClient
    kind: str = "workspace"

    def uri(self, path: str = "") -> str:
        """Return the URI by which MLflow reads a file or folder of this datastore."""
        return f"runs:/{self.record_id}/{inside(path)}"

    def upload(self, source: Path, path: str) -> str:
        """Copy a file, or what is in a folder. See `Datastore.upload`."""
        target = PurePosixPath(target_of(source, path))
        if source.is_dir():
            self.client.log_artifacts(self.record_id, str(source), _folder(target))
        elif target.name == source.name:
            self.client.log_artifact(self.record_id, str(source), _folder(target.parent))
        else:
            with tempfile.TemporaryDirectory() as passing:
                renamed = Path(passing) / target.name
                renamed.symlink_to(source.resolve())
                self.client.log_artifact(self.record_id, str(renamed), _folder(target.parent))
        return inside(str(target))

    def listing(self, path: str = "") -> list[FileInfo]:
        """List what is directly in a folder."""
        return list(self.client.list_artifacts(self.record_id, inside(path)))

    def look_up(self, path: str, *, is_folder: bool = False) -> Fingerprint | None:
        """Return a file's size. See `Datastore.look_up`."""
        del is_folder
        place = PurePosixPath(inside(path))
        if str(place) == ".":
            return Fingerprint()
        files = self.client.list_artifacts(self.record_id, _folder(place.parent))
        found = next((one for one in files if one.path == str(place)), None)
        if found is None:
            raise NotFound(nothing_at(self.address(path)))
        return Fingerprint() if found.is_dir else Fingerprint(size_bytes=found.file_size)

    def fingerprints(self, path: str) -> dict[str, Fingerprint] | None:
        """Return the size and the digest of each file: the server tells sizes alone."""
        with tempfile.TemporaryDirectory() as folder:
            fetched = self.fetch(path, Path(folder), is_folder=True)
            files = [one for one in fetched.rglob("*") if one.is_file()]
            return {
                one.relative_to(fetched).as_posix(): Fingerprint(
                    etag=content_digest(one), size_bytes=one.stat().st_size
                )
                for one in files
            }

    def fetch(self, path: str, folder: Path, *, is_folder: bool = False) -> Path:
        """Copy a file or folder. See `Datastore.fetch`."""
        self.look_up(path, is_folder=is_folder)
        fetched = mlflow.artifacts.download_artifacts(
            self.uri(path), dst_path=str(folder), tracking_uri=self.client.tracking_uri
        )
        return Path(fetched)

    def check(self) -> str:
        """Ask the server for its files."""
        return f"The server keeps {len(self.listing())} files and folders at its top."


def workspace_record(store: AssetStore) -> Asset:
    """Return the record that holds the workspace's files, making it on first use."""
    try:
        return store.get(DATASTORE, DEFAULT_DATASTORE, _ONLY_VERSION)
    except NotFound:
        pass
    try:
        return store.create(
            DATASTORE, DEFAULT_DATASTORE, {"type": "workspace"}, version=_ONLY_VERSION
        )
    except AlreadyExists:  # somebody was faster
        return store.get(DATASTORE, DEFAULT_DATASTORE, _ONLY_VERSION)


def _folder(path: PurePosixPath) -> str | None:
    return None if str(path) == "." else str(path)
