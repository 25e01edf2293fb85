"""``mlflow.artifacts`` reads data assets: ``studio-data://NAME/VERSION``."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository  # noqa: TID251

from mlflow_plugins.core import (
    AssetReference,
    AssetStore,
    InvalidInput,
    NotFound,
    connect,
)
from mlflow_plugins.data._content import DATA, download_asset
from mlflow_plugins.data._studio_uri import parse_studio_uri


class AssetArtifactRepository(ArtifactRepository):
    """Files of data assets, checked against their digests, never written.

    MLflow gives the first part of an address to the constructor and the rest to each method.
    """

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """List what is directly in a folder of an asset."""
        with tempfile.TemporaryDirectory() as folder:
            content, root = self._content(path, Path(folder))
            if content.is_file():
                return []
            below = (path or "").strip("/")
            return [
                FileInfo(
                    "/".join(part for part in (below, one.name) if part),
                    one.is_dir(),
                    None if one.is_dir() else one.stat().st_size,
                )
                for one in sorted(content.iterdir())
                if one.resolve().is_relative_to(root)
            ]

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Copy an asset, or a part of it, to a folder; return where it lies."""
        target = Path(dst_path or tempfile.mkdtemp())
        with tempfile.TemporaryDirectory() as folder:
            content, _ = self._content(artifact_path, Path(folder))
            place = target / content.name
            if content.is_dir():
                shutil.copytree(content, place, dirs_exist_ok=True)
            else:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(content, place)
        return str(place)

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            content, _ = self._content(remote_file_path, Path(folder))
            shutil.copyfile(content, local_path)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Refuse: a version never changes."""
        self._refuse(local_file, artifact_path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Refuse: a version never changes."""
        self._refuse(local_dir, artifact_path)

    def _refuse(self, *given: Any) -> None:
        del given
        raise InvalidInput(
            f"{self.artifact_uri} is a data asset, whose versions never change. Create a new one: "
            "mlflow-studio data create PATH --name NAME"
        )

    def _content(self, path: str | None, folder: Path) -> tuple[Path, Path]:
        """Return a place in an asset's content on this machine, and the whole of the content."""
        parts = (self.artifact_uri.rstrip("/"), (path or "").strip("/"))
        uri = parse_studio_uri("/".join(part for part in parts if part))
        is_label = uri.version.startswith("@")
        reference = AssetReference(
            uri.name,
            version=None if is_label else uri.version,
            label=uri.version[1:] if is_label else None,
        )
        store = AssetStore(connect(self.tracking_uri, is_known=True))
        whole = download_asset(store, store.resolve(DATA, reference), folder).resolve()
        if whole.is_file() and uri.path in ("", whole.name):
            return whole, whole
        found = (whole / uri.path).resolve()
        if not found.is_relative_to(whole) or not found.exists():
            raise NotFound(f"The data asset {uri.name}:{uri.version} has no file {uri.path!r}.")
        return found, whole
