"""What a server reads of its own disk for the people whom it serves: nothing, unless told so.

A datastore and an asset by reference are records that anybody who may edit such can write, from far
away as well, so one that names a folder of the server's, a database in a file or a secret in a file
must not let a page read whatever the server can. Agents and the command line read for whoever
started them, and are not concerned.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow_plugins.core import NotAllowed
from mlflow_plugins.data._addresses import AZURE_STORAGE, masked, scheme_of

FOLDERS = "MLFLOW_STUDIO_SERVER_FOLDERS"
# Set in a server's process, and so in those that it starts.
_SERVING = "_MLFLOW_STUDIO_SERVING"

# Not all that fsspec reads: some of its addresses are names for the disk of whoever reads them.
SERVED_SCHEMES = ("azureml", "https", "http", "s3", "s3a", "gs", "gcs", *AZURE_STORAGE)


def serve_others() -> None:
    """Say that this process, and those that it starts, read for others than who started it."""
    os.environ[_SERVING] = "true"


def check_served_datastore(name: str, spec: Mapping[str, Any]) -> None:
    """Make sure that this process may open a datastore. See `check_place`."""
    if _SERVING in os.environ:
        check_place(name, spec)


def check_served_address(address: str) -> None:
    """Make sure that this process may read an address that is not a datastore's.

    Raises:
        NotAllowed: It serves others, and the address may be one of its own disk.
    """
    if _SERVING in os.environ and scheme_of(address) not in SERVED_SCHEMES:
        raise NotAllowed(
            f"The address {masked(address)!r} is not read for a page: it may be one of the "
            f"server's own disk. Pages read: {', '.join(SERVED_SCHEMES)}."
        )


def check_place(name: str, spec: Mapping[str, Any]) -> None:
    """Make sure that pages may read what a datastore's document describes.

    Raises:
        NotAllowed: It, or a secret of it, lies on the server's disk, outside of the folders that it
            may read.
    """
    for reference in (spec.get("credentials") or {}).values():
        _check_secret(name, str(reference))
    path = _path_of(spec)
    if path is None or _is_allowed(path):
        return
    raise NotAllowed(
        f"The datastore {name!r} lies on the server's own disk at {str(path)!r}. Pages read "
        f"nothing there unless an administrator starts the server with {FOLDERS} naming the "
        "folder (several: separated by ':'). Jobs, and mlflow-studio on the command line, can use "
        "it all the same."
    )


def _check_secret(name: str, reference: str) -> None:
    """Refuse a secret in a file of the server's: it would go to a host of the user's choice."""
    kind, _, rest = reference.partition(":")
    if kind == "file" and not _is_allowed(Path(rest).expanduser().resolve()):
        raise NotAllowed(
            f"A credential of the datastore {name!r} is in a file of the server's disk, which "
            f"pages do not read. Name an environment variable (env:NAME), or let {FOLDERS} name "
            "its folder."
        )


def _is_allowed(path: Path) -> bool:
    named = os.environ.get(FOLDERS, "").split(":")
    return any(path.is_relative_to(Path(one).resolve()) for one in named if one)


def _path_of(spec: Mapping[str, Any]) -> Path | None:
    """Return where on this disk a place is; None if it is elsewhere."""
    if spec.get("type") == "local":
        return Path(str(spec["path"])).expanduser().resolve()
    if spec.get("type") == "sql":
        scheme, _, rest = str(spec["url"]).partition("://")
        if scheme.partition("+")[0] in ("sqlite", "duckdb", "access"):
            return Path(rest.partition("?")[0].removeprefix("/") or ".").resolve()
    return None
