"""Logs of scoring servers: files on the agent's machine, their ends kept with the record."""

import tempfile
from pathlib import Path

import mlflow.artifacts

from mlflow_plugins.core import AssetStore
from mlflow_plugins.deployments._entities import DEPLOYMENT

LOG_FILE = "server.log"
"""Artifact of a generation's record: the last lines of its server's log."""


def read_log(store: AssetStore, name: str) -> str:
    """Read the last lines of the log of a deployment's newest generation; empty if none yet.

    Raises:
        NotFound: There is no such deployment.
    """
    record_id = store.get(DEPLOYMENT, name).record_id
    client = store.records.client
    if LOG_FILE not in {item.path for item in client.list_artifacts(record_id)}:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        path = mlflow.artifacts.download_artifacts(
            run_id=record_id,
            artifact_path=LOG_FILE,
            dst_path=folder,
            tracking_uri=client.tracking_uri,
        )
        return Path(path).read_text(encoding="utf-8")


def tail(path: Path, n_bytes: int) -> str:
    """Return the end of a text file, from the start of a line; empty if there is no file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        n_skipped = max(0, path.stat().st_size - n_bytes)
        file.seek(n_skipped)
        text = file.read().decode("utf-8", errors="replace")
    return text.partition("\n")[2] if n_skipped else text


def last_lines(path: Path, *, n_lines: int = 3, n_characters: int = 1500) -> str:
    """Return the last lines of a log that say something."""
    lines = [line.strip() for line in tail(path, 8192).splitlines() if line.strip()]
    return " | ".join(lines[-n_lines:])[-n_characters:]
