"""Environments: which Python and which packages a command gets, made once and shared.

`pin` turns what a file says into a document that never changes; `prepare` turns that into a folder
on a machine. Neither knows of jobs. Read ``tests/mlflow_plugins/jobs/environments`` first.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow_plugins.jobs.environments._assets import (
        apply,
        archive_environment,
        check_environment,
        get_environment,
        list_environments,
        pin_asset,
    )
    from mlflow_plugins.jobs.environments._cache import CachedEnvironment
    from mlflow_plugins.jobs.environments._fields import Environment
    from mlflow_plugins.jobs.environments._host import EnvironmentFailed, Host
    from mlflow_plugins.jobs.environments._machine import (
        is_made_from,
        list_cached,
        read_build_log,
        run_tags,
    )
    from mlflow_plugins.jobs.environments._overlay import installs_packages, overlay
    from mlflow_plugins.jobs.environments._pin import PinnedEnvironment, pin
    from mlflow_plugins.jobs.environments._policy import Policy
    from mlflow_plugins.jobs.environments._prepare import (
        PreparedEnvironment,
        prepare,
        workspace_environment,
    )

__all__ = [
    "CachedEnvironment",
    "Environment",
    "EnvironmentFailed",
    "Host",
    "PinnedEnvironment",
    "Policy",
    "PreparedEnvironment",
    "apply",
    "archive_environment",
    "check_environment",
    "get_environment",
    "installs_packages",
    "is_made_from",
    "list_cached",
    "list_environments",
    "overlay",
    "pin",
    "pin_asset",
    "prepare",
    "read_build_log",
    "run_tags",
    "workspace_environment",
]

_HOMES = {
    "CachedEnvironment": "_cache",
    "Environment": "_fields",
    "EnvironmentFailed": "_host",
    "Host": "_host",
    "PinnedEnvironment": "_pin",
    "Policy": "_policy",
    "PreparedEnvironment": "_prepare",
    "apply": "_assets",
    "archive_environment": "_assets",
    "check_environment": "_assets",
    "get_environment": "_assets",
    "installs_packages": "_overlay",
    "is_made_from": "_machine",
    "list_cached": "_machine",
    "list_environments": "_assets",
    "overlay": "_overlay",
    "pin": "_pin",
    "pin_asset": "_assets",
    "prepare": "_prepare",
    "read_build_log": "_machine",
    "run_tags": "_machine",
    "workspace_environment": "_prepare",
}


def __getattr__(name: str) -> Any:
    """Load on first use: a job file is read in processes that make no environment."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
