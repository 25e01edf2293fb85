"""What the pages of datastores share."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mlflow_plugins.core import StudioError

LIST, NEW, DETAIL = "/datastores", "/datastores/new", "/datastores/one/<name>"
KIND = "datastore"

WORDS: Mapping[str, str] = {
    "workspace": "The workspace's own storage",
    "s3": "S3, or a server that speaks it",
    "azure_blob": "Azure Blob Storage",
    "azure_data_lake_gen2": "Azure Data Lake Storage Gen2",
    "azure_file": "Azure Files",
    "gcs": "Google Cloud Storage",
    "http": "Web server",
    "sftp": "SFTP",
    "sql": "Database",
    "local": "Folder",
}

_PATIENCE_S = 20.0

T = TypeVar("T")


def within_patience(work: Callable[[], T], *, what: str) -> T:
    """Return what `work` returns, unless the place takes too long to answer.

    Raises:
        StudioError: It does not answer in time, or whatever `work` raises.
    """
    found: list[T] = []
    raised: list[Exception] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    if raised:
        raise raised[0]
    if thread.is_alive():
        raise StudioError(
            f"{what} does not answer within {_PATIENCE_S:.0f} s. Look whether its address is right "
            "and whether this server may reach it."
        )
    return found[0]


def where(spec: Mapping[str, Any]) -> str:
    """Return in a few words where a datastore is."""
    parts = [
        str(spec[key])
        for key in (
            *("url", "endpoint", "host", "account_name", "bucket", "container_name"),
            *("filesystem", "file_share_name", "path", "prefix"),
        )
        if spec.get(key)
    ]
    return " / ".join(parts)
