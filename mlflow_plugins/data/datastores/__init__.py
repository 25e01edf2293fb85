"""Datastores: named places for files without versions, and credentials kept by reference.

The workspace's own lies wherever the MLflow server keeps artifacts. Others are described by Azure
ML's YAML or ours: folders, object storage, web servers, SFTP, databases. A datastore is an asset of
kind ``datastore``; it says where its secrets lie, never what they are. Read
``tests/mlflow_plugins/data/datastores/test_kinds.py`` first.
"""

from mlflow_plugins.data.datastores._base import Datastore
from mlflow_plugins.data.datastores._credentials import hide, is_secret_reference, read_secret
from mlflow_plugins.data.datastores._filesystem import FileDatastore, check_no_way_out
from mlflow_plugins.data.datastores._http import HttpDatastore
from mlflow_plugins.data.datastores._kinds import KINDS, read_document
from mlflow_plugins.data.datastores._query import check_reads_only
from mlflow_plugins.data.datastores._registry import (
    create_datastore,
    default_datastore,
    delete_datastore,
    get_datastore,
    list_datastores,
    open_datastore,
    open_document,
    set_default_datastore,
)
from mlflow_plugins.data.datastores._sql import SqlDatastore, write_rows
from mlflow_plugins.data.datastores._workspace import (
    DATASTORE,
    DEFAULT_DATASTORE,
    WORKSPACE_NAMES,
    WorkspaceDatastore,
)

__all__ = [
    "DATASTORE",
    "DEFAULT_DATASTORE",
    "KINDS",
    "WORKSPACE_NAMES",
    "Datastore",
    "FileDatastore",
    "HttpDatastore",
    "SqlDatastore",
    "WorkspaceDatastore",
    "check_no_way_out",
    "check_reads_only",
    "create_datastore",
    "default_datastore",
    "delete_datastore",
    "get_datastore",
    "hide",
    "is_secret_reference",
    "list_datastores",
    "open_datastore",
    "open_document",
    "read_document",
    "read_secret",
    "set_default_datastore",
    "write_rows",
]
