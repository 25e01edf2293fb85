"""Online deployments: models behind an HTTP address, kept running by agents.

A deployment is an asset of kind ``deployment`` (`mlflow_plugins.core.assets`); each update is a new
version of it, a *generation*. The way of one request: ``_app`` (HTTP) → ``_key_ring`` (who) →
``_requests`` (what) → ``_batching`` (when) → ``_scorer`` (the answer). The way of one wish:
``_service`` (store) → ``_reconciler`` (which) → ``_hosting`` (process) → ``server``. Read
``tests/mlflow_plugins/deployments/test_server.py`` first.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow_plugins.deployments._entities import DEPLOYMENT, Deployment, DeploymentStatus
    from mlflow_plugins.deployments._keys import Key, issue_key, list_keys, revoke_key
    from mlflow_plugins.deployments._log import read_log
    from mlflow_plugins.deployments._score import score
    from mlflow_plugins.deployments._service import (
        create_deployment,
        delete_deployment,
        get_deployment,
        list_deployments,
        update_deployment,
    )

__all__ = [
    "DEPLOYMENT",
    "Deployment",
    "DeploymentStatus",
    "Key",
    "create_deployment",
    "delete_deployment",
    "get_deployment",
    "issue_key",
    "list_deployments",
    "list_keys",
    "read_log",
    "revoke_key",
    "score",
    "update_deployment",
]

_MODULES = {
    "DEPLOYMENT": "_entities",
    "Deployment": "_entities",
    "DeploymentStatus": "_entities",
    "Key": "_keys",
    "issue_key": "_keys",
    "list_keys": "_keys",
    "read_log": "_log",
    "revoke_key": "_keys",
    "score": "_score",
}


def __getattr__(name: str) -> Any:
    """Load on first use: MLflow imports this package in every process that imports MLflow."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES.get(name, '_service')}")
    return getattr(module, name)
