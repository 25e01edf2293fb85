"""Creating, changing, finding and deleting deployments: wishes in the store, obeyed by agents."""

import re
from collections.abc import Mapping
from typing import Any

from mlflow_plugins.core import (
    AlreadyExists,
    Asset,
    AssetStore,
    Clock,
    InvalidInput,
    SystemClock,
)
from mlflow_plugins.deployments import _keys
from mlflow_plugins.deployments._config import ServingConfig, shown
from mlflow_plugins.deployments._entities import DEPLOYMENT, Deployment, DeploymentStatus
from mlflow_plugins.deployments._models import pin_model_uri

FLAVOR = "python_function"
SILENT_SECONDS = 30.0
"""A running server that gave no sign of life for this long counts as unreachable."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SYSTEM_CLOCK = SystemClock()


def create_deployment(
    store: AssetStore,
    name: str,
    model_uri: str,
    *,
    config: Mapping[str, str] | None = None,
    endpoint: str | None = None,
) -> tuple[Deployment, str]:
    """Ask for a model to be served; an agent starts the server.

    Args:
        store: Where to keep it.
        name: 1 to 64 letters, digits, dots, dashes and underscores.
        model_uri: See `pin_model_uri`; an alias is replaced by the version that it means now.
        config: Options; see `ServingConfig`.
        endpoint: The endpoint that it belongs to; its own name if None.

    Returns:
        The deployment and a key for it, which is not shown again.

    Raises:
        InvalidInput: A name, the URI or an option breaks a rule.
        NotFound: There is no such model.
        AlreadyExists: There is a deployment of this name.
    """
    _check_name(name, what="a deployment")
    _check_name(endpoint or name, what="an endpoint")
    taken = AlreadyExists(f"There is a deployment {name!r} already. Update it, or delete it first.")
    if store.exists(DEPLOYMENT, name):
        raise taken
    spec = _spec(store, model_uri, dict(config or {}), endpoint or name)
    asset = store.create(DEPLOYMENT, name, spec)
    if store.versions(DEPLOYMENT, name)[-1].version != asset.version:  # another was faster
        store.delete(DEPLOYMENT, name, asset.version)
        raise taken
    return to_deployment(asset), _keys.issue_key(store, name, label="primary")


def update_deployment(
    store: AssetStore,
    name: str,
    *,
    model_uri: str | None = None,
    config: Mapping[str, str] | None = None,
    endpoint: str | None = None,
    clock: Clock = _SYSTEM_CLOCK,
) -> Deployment:
    """Ask for a new generation; the present one serves until the new one is ready.

    Args:
        store: Where the deployment is kept.
        name: The deployment.
        model_uri: Another model; the same one if None.
        config: Options to change; the others stay.
        endpoint: Another endpoint; the same one if None.
        clock: Tells the time.

    Raises:
        NotFound: There is no such deployment or model.
        InvalidInput: The URI or an option breaks a rule.
    """
    old = store.get(DEPLOYMENT, name)
    _check_name(endpoint or name, what="an endpoint")
    spec = _spec(
        store,
        model_uri or old.spec["model_uri"],
        {**old.spec["config"], **(config or {})},
        endpoint or old.spec["endpoint"],
    )
    copied = _keys.carried_tags(store.records.get(old.record_id).tags, clock.now())
    draft = store.draft(DEPLOYMENT, name)
    # All of this is on the new record from the first moment that anybody can see it.
    store.records.set_tags(draft.record_id, copied)
    new = store.publish(draft, spec)
    _keys.carry_over(store, old.record_id, new.record_id, copied)
    if "url" in old.state:  # still served there
        store.set_state(new, {"url": old.state["url"]})
    return get_deployment(store, name)


def delete_deployment(store: AssetStore, name: str) -> None:
    """Delete a deployment; its server ends within seconds.

    Raises:
        NotFound: There is no such deployment.
    """
    store.set_state(store.get(DEPLOYMENT, name), {"status": DeploymentStatus.DELETING})
    store.delete(DEPLOYMENT, name)


def get_deployment(store: AssetStore, name: str) -> Deployment:
    """Read a deployment.

    Raises:
        NotFound: There is no such deployment.
    """
    return to_deployment(store.get(DEPLOYMENT, name))


def read_generation(store: AssetStore, name: str, version: str) -> tuple[Asset, Deployment]:
    """Read one generation of a deployment.

    Raises:
        NotFound: It does not exist.
    """
    asset = store.get(DEPLOYMENT, name, version)
    return asset, to_deployment(asset)


def is_picked_up(asset: Asset) -> bool:
    """Tell whether an agent has begun to host this generation."""
    return "agent" in asset.state


def list_deployments(store: AssetStore) -> list[Deployment]:
    """Read all deployments, newest first."""
    return [to_deployment(asset) for asset in latest_assets(store)]


def latest_assets(store: AssetStore) -> list[Asset]:
    """Read the newest generation of every deployment."""
    assets: list[Asset] = []
    token: str | None = None
    while True:
        page = store.search(DEPLOYMENT, max_results=200, page_token=token)
        assets += page.items
        token = page.next_token
        if token is None:
            return assets


def to_deployment(asset: Asset, *, clock: Clock = _SYSTEM_CLOCK) -> Deployment:
    """Read a deployment out of its asset."""
    spec, state = asset.spec, asset.state
    return Deployment(
        name=asset.name,
        endpoint=spec["endpoint"],
        model_uri=spec["model_uri"],
        flavor=spec["flavor"],
        status=_status(state, clock.now()),
        url=state.get("url") or None,
        error=state.get("error", ""),
        version=asset.version,
        created_at=asset.created_at,
        created_by=asset.created_by,
        config=shown(spec["config"]),
        record_id=asset.record_id,
    )


def _status(state: Mapping[str, str], now: float) -> DeploymentStatus:
    status = DeploymentStatus(state.get("status", DeploymentStatus.CREATING))
    if status is DeploymentStatus.RUNNING and now - float(state["seen_at"]) > SILENT_SECONDS:
        return DeploymentStatus.UNREACHABLE
    return status


def _spec(
    store: AssetStore, model_uri: str, config: dict[str, str], endpoint: str
) -> dict[str, Any]:
    ServingConfig.parse(config)
    return {
        "endpoint": endpoint,
        "model_uri": pin_model_uri(store.records.client, model_uri),
        "flavor": FLAVOR,
        "config": config,
    }


def _check_name(name: str, *, what: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of {what}. It must start with a letter or digit and "
            "have at most 64 letters, digits, dots, dashes and underscores."
        )
