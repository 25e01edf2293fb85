"""Environments that a machine has, for whoever looks at them, and what is noted of them on runs."""

from pathlib import Path

from mlflow.entities import RunTag

from mlflow_plugins.jobs.environments._cache import Cache, CachedEnvironment
from mlflow_plugins.jobs.environments._makers import conda_key, uv_key
from mlflow_plugins.jobs.environments._pin import PinnedEnvironment
from mlflow_plugins.jobs.environments._policy import Policy
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


def is_made_from(cached: CachedEnvironment, pinned: PinnedEnvironment) -> bool:
    """Tell whether an environment of this machine is what a pinned one becomes here."""
    recipe = pinned.recipe
    if recipe is None:
        return False
    keys = {uv_key(recipe, policy, cached.python) for policy in (Policy.EXACT, Policy.COMPATIBLE)}
    if recipe.conda is not None:
        keys.add(conda_key(recipe.conda))
    return cached.hash in keys


def run_tags(prepared: PreparedEnvironment) -> list[RunTag]:
    """Return what a run says about its environment; nothing if it asked for none."""
    told = {
        ENVIRONMENT_TAG: prepared.title,
        HASH_TAG: prepared.hash,
        DIFFERENCES_TAG: "; ".join(prepared.differences),
    }
    return [RunTag(key, value) for key, value in told.items() if value]
