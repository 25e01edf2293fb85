"""Data assets: tables and folders with versions, a schema and a digest over all of their content.

A data asset is an asset of kind ``data`` (`mlflow_plugins.core.assets`); its files are artifacts of
the record of its version. Read ``tests/mlflow_plugins/data/test_assets.py`` first.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow_plugins.data._addresses import (
        AssetAddress,
        DatastorePath,
        JobOutput,
        masked,
        parse_azureml,
        scheme_of,
        secrets_in,
    )
    from mlflow_plugins.data._assets import (
        DATA,
        ResolvedInput,
        create_data_asset,
        create_reference,
        download_asset,
        local_path,
        preview,
        resolve_input,
    )
    from mlflow_plugins.data._datasets import as_mlflow_dataset
    from mlflow_plugins.data._digest import content_digest
    from mlflow_plugins.data._exploring import (
        asset_profile,
        cache_folder,
        keep_profile,
        kept_profile,
        open_asset,
    )
    from mlflow_plugins.data._lineage import Lineage, lineage
    from mlflow_plugins.data._listing import ListedFile, Listing, fetch_file, list_files
    from mlflow_plugins.data._places import (
        fetch_place,
        look_up_place,
        program_address,
        put_place,
    )
    from mlflow_plugins.data._profile_process import await_profile, start_profile
    from mlflow_plugins.data._remote import Fingerprint, check_url, fetch, look_up, put
    from mlflow_plugins.data._server_folders import (
        SERVED_SCHEMES,
        check_place,
        serve_others,
    )
    from mlflow_plugins.data._sources import AssetDatasetSource
    from mlflow_plugins.data._studio_uri import studio_uri
    from mlflow_plugins.data._tables import format_of
    from mlflow_plugins.data.datastores import (
        DATASTORE,
        DEFAULT_DATASTORE,
        Datastore,
        WorkspaceDatastore,
        create_datastore,
        open_datastore,
    )

__all__ = [
    "DATA",
    "DATASTORE",
    "DEFAULT_DATASTORE",
    "SERVED_SCHEMES",
    "AssetAddress",
    "AssetDatasetSource",
    "Datastore",
    "DatastorePath",
    "Fingerprint",
    "JobOutput",
    "Lineage",
    "ListedFile",
    "Listing",
    "ResolvedInput",
    "WorkspaceDatastore",
    "as_mlflow_dataset",
    "asset_profile",
    "await_profile",
    "cache_folder",
    "check_place",
    "check_url",
    "content_digest",
    "create_data_asset",
    "create_datastore",
    "create_reference",
    "download_asset",
    "fetch",
    "fetch_file",
    "fetch_place",
    "format_of",
    "keep_profile",
    "kept_profile",
    "lineage",
    "list_files",
    "local_path",
    "look_up",
    "look_up_place",
    "masked",
    "open_asset",
    "open_datastore",
    "parse_azureml",
    "preview",
    "program_address",
    "put",
    "put_place",
    "resolve_input",
    "scheme_of",
    "secrets_in",
    "serve_others",
    "start_profile",
    "studio_uri",
]

_MODULES = {
    **dict.fromkeys(
        (
            *("AssetAddress", "DatastorePath", "JobOutput"),
            *("masked", "parse_azureml", "scheme_of", "secrets_in"),
        ),
        "_addresses",
    ),
    "as_mlflow_dataset": "_datasets",
    **dict.fromkeys(
        (
            "DATASTORE",
            "DEFAULT_DATASTORE",
            "Datastore",
            "WorkspaceDatastore",
            "create_datastore",
            "open_datastore",
        ),
        "datastores",
    ),
    **dict.fromkeys(("ListedFile", "Listing", "fetch_file", "list_files"), "_listing"),
    **dict.fromkeys(("fetch_place", "look_up_place", "program_address", "put_place"), "_places"),
    "content_digest": "_digest",
    **dict.fromkeys(
        ("asset_profile", "cache_folder", "keep_profile", "kept_profile", "open_asset"),
        "_exploring",
    ),
    **dict.fromkeys(("Lineage", "lineage"), "_lineage"),
    "studio_uri": "_studio_uri",
    "format_of": "_tables",
    **dict.fromkeys(("Fingerprint", "check_url", "fetch", "look_up", "put"), "_remote"),
    **dict.fromkeys(("await_profile", "start_profile"), "_profile_process"),
    **dict.fromkeys(("SERVED_SCHEMES", "check_place", "serve_others"), "_server_folders"),
    "AssetDatasetSource": "_sources",
}


def __getattr__(name: str) -> Any:
    """Load on first use: MLflow imports this package in every process that imports MLflow."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES.get(name, '_assets')}")
    return getattr(module, name)
