"""Which places on the server's own disk pages may read: none, unless an administrator names them.

A datastore is a record that anybody who may edit datastores can write, so one of type ``local``, or
of a database in a file, must not let a page read whatever the server can.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow_plugins.core import AssetStore, NotAllowed
from mlflow_plugins.data import DatastorePath, parse_azureml
from mlflow_plugins.data.datastores import Datastore, get_datastore, open_datastore

VARIABLE = "MLFLOW_STUDIO_SERVER_FOLDERS"


def open_for_page(store: AssetStore, name: str) -> Datastore:
    """Open a datastore on behalf of a page.

    Raises:
        NotFound: There is none of that name.
        NotAllowed: It lies on the server's disk, where pages may not look.
    """
    opened = open_datastore(store, name)
    check_place(name, get_datastore(store, name).spec)
    return opened


def check_address(store: AssetStore, address: str) -> None:
    """Make sure that pages may read an address that is a datastore's. See `open_for_page`."""
    parsed = parse_azureml(address)
    if isinstance(parsed, DatastorePath):
        open_for_page(store, parsed.datastore)


def check_place(name: str, spec: Mapping[str, Any]) -> None:
    """Make sure that pages may read what a datastore's document describes.

    Raises:
        NotAllowed: It lies on the server's disk, outside of the folders that it may read.
    """
    for reference in (spec.get("credentials") or {}).values():
        _check_secret(name, str(reference))
    path = _path_of(spec)
    if path is None or _is_allowed(path):
        return
    raise NotAllowed(
        f"The datastore {name!r} lies on the server's own disk at {str(path)!r}. Pages read "
        f"nothing there unless an administrator starts the server with {VARIABLE} naming the "
        "folder (several: separated by ':'). Jobs, and mlflow-studio on the command line, can use "
        "it all the same."
    )


def _check_secret(name: str, reference: str) -> None:
    """Refuse a secret in a file of the server's: it would go to a host of the user's choice."""
    kind, _, rest = reference.partition(":")
    if kind == "file" and not _is_allowed(Path(rest).expanduser().resolve()):
        raise NotAllowed(
            f"A credential of the datastore {name!r} is in a file of the server's disk, which "
            f"pages do not read. Name an environment variable (env:NAME), or let {VARIABLE} name "
            "its folder."
        )


def _is_allowed(path: Path) -> bool:
    return any(path.is_relative_to(one) for one in allowed_folders())


def allowed_folders() -> list[Path]:
    """Return the folders of the server's disk that pages may read."""
    named = os.environ.get(VARIABLE, "").split(":")
    return [Path(one).resolve() for one in named if one]


def _path_of(spec: Mapping[str, Any]) -> Path | None:
    """Return where on this disk a place is; None if it is elsewhere."""
    if spec.get("type") == "local":
        return Path(str(spec["path"])).expanduser().resolve()
    if spec.get("type") == "sql":
        scheme, _, rest = str(spec["url"]).partition("://")
        if scheme.partition("+")[0] in ("sqlite", "duckdb"):
            return Path(rest.partition("?")[0].removeprefix("/") or ".").resolve()
    return None
