"""The foundation: records, versioned assets, leases, settings and errors on an MLflow store.

Imports nothing of ours. Everything above agrees through `set_once` (`write_once`): a param of an
MLflow run can be written once, which makes it a compare-and-set on any MLflow server.
"""

from mlflow_plugins.core.assets import Asset, AssetStore, Draft
from mlflow_plugins.core.clock import Clock, SystemClock
from mlflow_plugins.core.connection import (
    check_database,
    connect,
    prepare_environment,
    without_password,
)
from mlflow_plugins.core.errors import (
    AlreadyExists,
    InvalidInput,
    LeaseLost,
    MissingExtra,
    NotAllowed,
    NotFound,
    StudioError,
    Unreachable,
    did_you_mean,
)
from mlflow_plugins.core.leases import Lease, Leases, current_lease, is_alive
from mlflow_plugins.core.names import (
    LATEST,
    AssetReference,
    check_name,
    check_version,
    is_reference,
    parse_reference,
)
from mlflow_plugins.core.records import Page, Record, Records, to_record
from mlflow_plugins.core.settings import Settings
from mlflow_plugins.core.write_once import set_once

__all__ = [
    "LATEST",
    "AlreadyExists",
    "Asset",
    "AssetReference",
    "AssetStore",
    "Clock",
    "Draft",
    "InvalidInput",
    "Lease",
    "LeaseLost",
    "Leases",
    "MissingExtra",
    "NotAllowed",
    "NotFound",
    "Page",
    "Record",
    "Records",
    "Settings",
    "StudioError",
    "SystemClock",
    "Unreachable",
    "check_database",
    "check_name",
    "check_version",
    "connect",
    "current_lease",
    "did_you_mean",
    "is_alive",
    "is_reference",
    "parse_reference",
    "prepare_environment",
    "set_once",
    "to_record",
    "without_password",
]
