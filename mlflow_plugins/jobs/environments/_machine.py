"""Environments that a machine has, for whoever looks at them, and what is noted of them on runs."""

from pathlib import Path

from mlflow.entities import RunTag

from mlflow_plugins.jobs.environments._cache import Cache, CachedEnvironment
from mlflow_plugins.jobs.environments._prepare import PreparedEnvironment

ENVIRONMENT_TAG = "studio.environment"
HASH_TAG = "studio.environment_hash"
DIFFERENCES_TAG = "studio.environment_differences"


def list_cached(folder: Path) -> list[CachedEnvironment]:
    """Return the environments in an agent's folder for them, the last used first."""
    return Cache(folder).environments()


def read_build_log(folder: Path, environment_hash: str) -> str:
    """Return what was said when an environment was made; empty if it is not there."""
    return Cache(folder).read_log(environment_hash)


def run_tags(prepared: PreparedEnvironment) -> list[RunTag]:
    """Return what a run says about its environment; nothing if it asked for none."""
    told = {
        ENVIRONMENT_TAG: prepared.title,
        HASH_TAG: prepared.hash,
        DIFFERENCES_TAG: "; ".join(prepared.differences),
    }
    return [RunTag(key, value) for key, value in told.items() if value]
