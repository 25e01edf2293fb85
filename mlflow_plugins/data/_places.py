"""Addresses of data wherever it lies: in a datastore of the workspace, or anywhere else."""

from pathlib import Path

from mlflow_plugins.core import AssetStore
from mlflow_plugins.data._addresses import DatastorePath, parse_azureml
from mlflow_plugins.data._remote import fetch, list_remote, look_up, put
from mlflow_plugins.data._server_folders import check_served_address
from mlflow_plugins.data._transfer import Fingerprint
from mlflow_plugins.data.datastores import open_datastore


def look_up_place(store: AssetStore, address: str, *, is_folder: bool) -> Fingerprint | None:
    """Ask what lies at an address; None if it does not say (no access from here, no answer).

    Args:
        store: Where datastores are looked up.
        address: Of a datastore's place (``azureml://datastores/...``), or any other that is read.
        is_folder: Whether it must be a folder.

    Raises:
        NotFound: The place answers that there is nothing, or there is no such datastore.
    """
    parsed = parse_azureml(address)
    if isinstance(parsed, DatastorePath):
        opened = open_datastore(store, parsed.datastore)
        return opened.look_up(parsed.path, is_folder=is_folder)
    check_served_address(address)
    return look_up(address, is_folder=is_folder)


def fetch_place(store: AssetStore, address: str, folder: Path, *, is_folder: bool) -> Path:
    """Copy what lies at an address into a folder of this machine; return where it lies.

    Raises:
        NotFound: There is nothing, or there is no such datastore.
        StudioError: It cannot be read; the message says why.
    """
    parsed = parse_azureml(address)
    if isinstance(parsed, DatastorePath):
        opened = open_datastore(store, parsed.datastore)
        return opened.fetch(parsed.path, folder, is_folder=is_folder)
    check_served_address(address)
    return fetch(address, folder, is_folder=is_folder)


def put_place(store: AssetStore, source: Path, address: str) -> None:
    """Copy a file or folder of this machine to an address; below it if it ends in ``/``.

    Raises:
        InvalidInput: Nothing can be written there.
        StudioError: It cannot be written; the message says why.
    """
    parsed = parse_azureml(address)
    is_below = source.is_file() and address.endswith("/")
    if isinstance(parsed, DatastorePath):
        target = f"{parsed.path}/" if is_below else parsed.path
        open_datastore(store, parsed.datastore).upload(source, target)
    else:
        check_served_address(address)
        put(source, f"{address}{source.name}" if is_below else address)


def program_address(store: AssetStore, address: str) -> str:
    """Return the address by which a program itself reaches a place (mode ``direct``)."""
    parsed = parse_azureml(address)
    if isinstance(parsed, DatastorePath):
        return open_datastore(store, parsed.datastore).uri(parsed.path)
    return address


def list_place(store: AssetStore, address: str) -> dict[str, Fingerprint] | None:
    """Return what each file below an address says about itself, by its path below it.

    None if the place does not answer, or not to this machine.

    Raises:
        NotFound: There is nothing, or there is no such datastore.
    """
    parsed = parse_azureml(address)
    if isinstance(parsed, DatastorePath):
        return open_datastore(store, parsed.datastore).fingerprints(parsed.path)
    check_served_address(address)
    return list_remote(address)
