"""``python -m mlflow_plugins.studio._import_worker``: the work on one large upload.

The task comes as JSON on standard input. How it goes is noted in the upload's folder.
"""

import json
import sys
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.studio._access import UserClient
from mlflow_plugins.studio._import_start import Granted, work
from mlflow_plugins.studio._upload_folder import Upload
from mlflow_plugins.studio.plugin import reach_stores_directly


def main() -> None:
    """Do the task."""
    task = json.load(sys.stdin)
    upload = Upload(Path(task["folder"]))
    upload.note(worker=str(ProcessIdentity.of()), is_own_process=True)
    reach_stores_directly()
    work(_client(task), upload, task["job"], task["document"], task["workspace"])


def _client(task: dict[str, Any]) -> MlflowClient:
    tracking_uri, registry_uri, granted = (
        task["tracking_uri"],
        task["registry_uri"],
        task["granted"],
    )
    if granted is None:
        return MlflowClient(tracking_uri=tracking_uri, registry_uri=registry_uri)
    access = Granted(
        name=granted["name"],
        readable=frozenset(granted["readable"]),
        editable=frozenset(granted["editable"]),
    )
    return UserClient(access, tracking_uri, registry_uri)


if __name__ == "__main__":
    main()
