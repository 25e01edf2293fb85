"""What a tracking store must do for mlflow-studio to be safe on it."""

from mlflow_plugins.testing.contracts._assets import AssetContract
from mlflow_plugins.testing.contracts._leases import LeaseContract
from mlflow_plugins.testing.contracts._records import RecordContract
from mlflow_plugins.testing.contracts._write_once import WriteOnceContract


class StoreContract(WriteOnceContract, RecordContract, AssetContract, LeaseContract):
    """The whole contract of a tracking store.

    It asks for the fixture ``tracking_uri``: the store's URI, the same for all threads and
    processes. Everything is written under fresh names, so one store may be used again and again.
    """
