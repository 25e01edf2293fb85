"""The foundation: records, versioned assets, leases, settings and errors on an MLflow store.

Imports nothing of ours. Everything above agrees through `set_once` (`write_once`): a param of an
MLflow run can be written once, which makes it a compare-and-set on any MLflow server.
"""

from mlflow_plugins.core.asset_types import apply_document, apply_file
from mlflow_plugins.core.assets import Asset, AssetStore, Draft
from mlflow_plugins.core.clock import Clock, SystemClock
from mlflow_plugins.core.connection import (
    check_database,
    connect,
    give_up_soon,
    given_environment,
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
from mlflow_plugins.core.leases import (
    Lease,
    Leases,
    check_lease,
    current_lease,
    has_life,
    is_alive,
    newest_lease,
)
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
from mlflow_plugins.core.write_once import set_once, set_or_read
from mlflow_plugins.core.yaml_files import read_yaml

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
    "apply_document",
    "apply_file",
    "check_database",
    "check_lease",
    "check_name",
    "check_version",
    "connect",
    "current_lease",
    "did_you_mean",
    "give_up_soon",
    "given_environment",
    "has_life",
    "is_alive",
    "is_reference",
    "newest_lease",
    "parse_reference",
    "prepare_environment",
    "read_yaml",
    "set_once",
    "set_or_read",
    "to_record",
    "without_password",
]
