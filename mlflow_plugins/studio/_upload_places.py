"""Where uploads lie on the server's disk, and whose they are."""

import hashlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mlflow_plugins.core import NotFound, StudioError
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio._upload_folder import KEEP_SECONDS, Upload

FOLDER_VARIABLE = "MLFLOW_STUDIO_UPLOAD_FOLDER"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def uploads_folder() -> Path:
    """Return the folder of all uploads, made if need be.

    Raises:
        StudioError: It belongs to somebody else, who could read what is sent.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    folder = (
        Path(chosen)
        if chosen
        else Path(tempfile.gettempdir()) / f"mlflow-studio-uploads-{os.getuid()}"
    )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise StudioError(
            f"The folder of uploads, {str(folder)!r}, belongs to another user. Let "
            f"{FOLDER_VARIABLE} name a folder of the server's own."
        )
    return folder


def new_token() -> str:
    """Return a secret by which a browser knows its upload."""
    return secrets.token_urlsafe(32)


def folder_of(studio: Studio, token: str) -> Path:
    """Return the upload's folder; another user's knowledge of the token is of no use to him."""
    owner = hashlib.sha256(f"{studio.access.user()}/{token}".encode()).hexdigest()
    return uploads_folder() / owner


def get_upload(studio: Studio, token: str) -> Upload:
    """Return an upload of the present user's.

    Raises:
        NotFound: It is not known.
    """
    if not _TOKEN.fullmatch(token) or not folder_of(studio, token).is_dir():
        raise NotFound("The upload is not known, or it was left alone too long. Start it again.")
    return Upload(folder_of(studio, token))


def uploaded_file(studio: Studio, token: str) -> Path:
    """Return the file of an upload of the present user's that has one.

    Raises:
        NotFound: It is not known, or nothing has come of it.
    """
    found = get_upload(studio, token).things()
    if not found:
        raise NotFound("Nothing of the upload has come. Start it again.")
    return found[0]


def remove_upload(studio: Studio, token: str) -> None:
    """Remove an upload of the present user's; it is no error if it is gone."""
    if _TOKEN.fullmatch(token):
        Upload(folder_of(studio, token)).remove()


def all_uploads() -> Iterator[Upload]:
    """Return the uploads of all users."""
    for folder in uploads_folder().iterdir():
        if folder.is_dir():
            yield Upload(folder)


def remove_forgotten() -> None:
    """Remove the uploads that nobody has touched for long and that nobody works on."""
    oldest = time.time() - KEEP_SECONDS
    for upload in all_uploads():
        try:
            is_old = upload.folder.stat().st_mtime < oldest
        except FileNotFoundError:  # another process removes it
            continue
        if is_old and upload.state().get("phase") != "running":
            upload.remove()
