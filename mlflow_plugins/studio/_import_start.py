"""Starts the work on an upload beside the request: in a thread if it is little, else a process.

A process of its own keeps a large table out of the server's memory and can be ended; it takes some
seconds to start, so a small table is read where we are.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.utils.workspace_context import ServerWorkspaceContext

from mlflow_plugins.core import AssetStore, InvalidInput
from mlflow_plugins.core.processes import thread_limits
from mlflow_plugins.studio._access import Resource, UserClient
from mlflow_plugins.studio._import_task import BRING, CREATE, run_task
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio._upload_folder import Upload

SMALL_BYTES = 48 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The access of work that outlives its request: what its user might do when he asked for it.

    Attributes:
        name: The user's.
        readable: Ids of experiments.
        editable: Ids of experiments.
    """

    name: str | None
    readable: frozenset[str]
    editable: frozenset[str]
    is_enforced: bool = True

    def user(self) -> str | None:
        """Return the login name."""
        return self.name

    def may_read(self, resource: Resource, key: str) -> bool:
        """Tell whether it is among what was granted."""
        return resource == "experiment" and key in self.readable | self.editable

    def may_edit(self, resource: Resource, key: str) -> bool:
        """Tell whether it is among what was granted."""
        return resource == "experiment" and key in self.editable

    def may_create(self, resource: Resource) -> bool:  # noqa: ARG002
        """No such work makes experiments or models."""
        return False

    def on_created(self, resource: Resource, key: str) -> None:
        """Nothing is created."""


def start_bringing(studio: Studio, upload: Upload) -> None:
    """Bring what an upload's source names to the upload.

    Raises:
        NotAllowed: The user may not change data assets.
    """
    source = upload.manifest()["source"]
    limit = int(studio.settings.upload_mib * (1 << 20))
    _start(studio, upload, BRING, {**source, "limit_bytes": limit}, is_large=False)


def start_creating(studio: Studio, upload: Upload, document: Mapping[str, Any]) -> None:
    """Make a data asset of an upload that has come.

    Raises:
        InvalidInput: It has not come whole.
        NotAllowed: The user may not change data assets.
    """
    if not upload.is_complete():
        raise InvalidInput(
            f"{upload.missing_bytes():,} bytes have not come yet. Let the upload end first."
        )
    n_bytes = sum(one.stat().st_size for one in upload.things())
    _start(studio, upload, CREATE, document, is_large=n_bytes > SMALL_BYTES)


def _start(
    studio: Studio, upload: Upload, job: str, document: Mapping[str, Any], *, is_large: bool
) -> None:
    studio.check_edit("data")
    client = studio.client()
    kinds = ("data", "datastore") if upload.manifest()["source"] else ("data",)
    granted = _granted(studio, client, kinds, is_change=True)
    if not upload.start(job, step="Starting"):
        return
    if is_large:
        _start_process(upload, _task(upload, job, document, client, granted, studio.workspace))
        return
    worker = client if granted is None else _as_granted(client, granted)
    threading.Thread(
        target=work, args=(worker, upload, job, document, studio.workspace), daemon=True
    ).start()


def client_beside(studio: Studio, kinds: Sequence[str], *, is_change: bool) -> MlflowClient:
    """Return a client for work beside the request, with the rights that its user has now.

    Args:
        studio: The studio; asked within the request.
        kinds: Of assets that are read. The first is changed.
        is_change: Whether it is.
    """
    client = studio.client()
    granted = _granted(studio, client, kinds, is_change=is_change)
    return client if granted is None else _as_granted(client, granted)


def _granted(
    studio: Studio, client: MlflowClient, kinds: Sequence[str], *, is_change: bool
) -> Granted | None:
    """Note what the user may do while he can be asked; None where nobody logs in."""
    if not isinstance(client, UserClient):
        return None
    records, access = studio.assets().records, studio.access
    places = [records.experiment_id(kind) for kind in kinds]
    return Granted(
        name=access.user(),
        readable=frozenset(one for one in places if access.may_read("experiment", one)),
        editable=frozenset(places[:1] if is_change else ()),
    )


def _as_granted(client: MlflowClient, granted: Granted) -> MlflowClient:
    return UserClient(granted, client.tracking_uri, client._registry_uri)


def work(
    client: MlflowClient,
    upload: Upload,
    job: str,
    document: Mapping[str, Any],
    workspace: str | None,
) -> None:
    """Do a job in a workspace. See `run_task`."""
    if workspace is None:
        run_task(AssetStore(client), upload, job, document)
        return
    with ServerWorkspaceContext(workspace):
        run_task(AssetStore(client), upload, job, document)


# ---------------------------------------------------------------- in a process of its own


def _task(
    upload: Upload,
    job: str,
    document: Mapping[str, Any],
    client: MlflowClient,
    granted: Granted | None,
    workspace: str | None,
) -> dict[str, Any]:
    return {
        "folder": str(upload.folder),
        "job": job,
        "document": dict(document),
        "tracking_uri": client.tracking_uri,
        "registry_uri": client._registry_uri,
        "workspace": workspace,
        "granted": None
        if granted is None
        else {
            "name": granted.name,
            "readable": sorted(granted.readable),
            "editable": sorted(granted.editable),
        },
    }


def _start_process(upload: Upload, task: Mapping[str, Any]) -> None:
    attempt = str(upload.state()["attempt"])
    environment = {**os.environ, **thread_limits(2), "TMPDIR": str(upload.work)}
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow_plugins.studio._import_worker"],
        env=environment,
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C of a server in a terminal is not meant for it
    )
    if process.stdin is not None:  # the task has addresses of databases: not for a command line
        with process.stdin as pipe:
            pipe.write(json.dumps(task).encode())
    threading.Thread(target=_await, args=(process, upload, attempt), daemon=True).start()


def _await(process: "subprocess.Popen[bytes]", upload: Upload, attempt: str) -> None:
    """Take the exit code, and say so if it ended before it could say anything itself."""
    code = process.wait()
    if code and upload.folder.is_dir():
        upload.fail(
            attempt,
            f"The process that reads the data ended with code {code}; the server's log says more. "
            "Nothing was created. Try again: what was sent is still there.",
        )
