"""Datastores as pages open them: nothing on the server's own disk, unless it was told so."""

from mlflow_plugins.core import AssetStore
from mlflow_plugins.data import DatastorePath, check_place, parse_azureml
from mlflow_plugins.data.datastores import Datastore, get_datastore, open_datastore


def open_for_page(store: AssetStore, name: str) -> Datastore:
    """Open a datastore on behalf of a page.

    Raises:
        NotFound: There is none of that name.
        NotAllowed: It lies on the server's disk, where pages may not look.
    """
    check_place(name, get_datastore(store, name).spec)
    return open_datastore(store, name)


def check_address(store: AssetStore, address: str) -> None:
    """Make sure that pages may read an address that is a datastore's. See `open_for_page`."""
    parsed = parse_azureml(address)
    if isinstance(parsed, DatastorePath):
        open_for_page(store, parsed.datastore)
