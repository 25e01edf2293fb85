"""Computes: named places where jobs run, as assets of kind ``compute``.

What a compute is, is in its versions; whether it is stopped is in a tag of the latest one. The
compute ``local`` is there without being created: the machines of the agents, in equal shares. So is
one for every other job backend that is installed.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlflow import MlflowClient

from mlflow_plugins.core import Asset, AssetStore, InvalidInput, NotFound
from mlflow_plugins.jobs.backends._base import LOCAL, find_backend
from mlflow_plugins.jobs.compute._document import RAY, RAY_OPTIONS, not_applied, parse_compute
from mlflow_plugins.jobs.compute._machine import Machine
from mlflow_plugins.jobs.compute._sizes import Size, azure_size

_LOGGER = logging.getLogger(__name__)

COMPUTE = "compute"

_STOPPED = "stopped"
_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """A named place where jobs run.

    Attributes:
        name: Unique among computes.
        type: ``amlcompute``, ``computeinstance``, ``kubernetes``, ``virtualmachine``, ``local``,
            ``ray``, or the name of a job backend.
        backend: The job backend that runs its commands.
        size: What one instance has; None for an equal share of the machine.
        size_name: As the file says it.
        min_instances: Instances for which room is kept, on each machine that serves it.
        max_instances: Most instances that run at the same time; None for as many as there is room.
        idle_seconds: How long an instance stays after its job, unless another job needs the room.
        is_remote: Only agents that name this compute serve it.
        is_stopped: Nothing new is started on it.
        description: For people.
        tags: The user's tags.
        version: Version of the asset; empty for a compute that nobody has created.
        fields: All fields of its file.
    """

    name: str
    type: str
    backend: str = LOCAL
    size: Size | None = None
    size_name: str = ""
    min_instances: int = 0
    max_instances: int | None = None
    idle_seconds: float = 0
    is_remote: bool = False
    is_stopped: bool = False
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def takes_room(self) -> bool:
        """Whether its jobs run on the machine of the agent; those of Ray run elsewhere."""
        return self.backend != RAY

    @property
    def backend_options(self) -> dict[str, Any]:
        """What its job backend is told; see ``RayOptions``."""
        names = RAY_OPTIONS if self.backend == RAY else ()
        return {name: self.fields[name] for name in names if name in self.fields}

    def instance(self, machine: Machine, n_shares: int) -> Size:
        """Return what one instance is on a machine.

        Args:
            machine: The machine.
            n_shares: Into how many equal shares it is divided where no size is given.
        """
        whole = machine.size
        if self.size is not None:
            return self.size.capped(whole)
        return Size(
            cpus=whole.cpus / n_shares,
            memory_gib=whole.memory_gib / n_shares,
            gpus=whole.gpus // n_shares,
        )


def default_compute(name: str = LOCAL) -> Compute:
    """Return the compute that is there without being created."""
    return Compute(name=name, type=name, backend=name)


# ---------------------------------------------------------------- create and change


def create_compute(client: MlflowClient, document: Mapping[str, Any]) -> Asset:
    """Create a compute, or change the one of that name to what the document says.

    Nothing happens if it stands as described. What the file asks for and no machine here gives is
    one warning of the logger ``mlflow_plugins.jobs.compute``.

    Args:
        client: Client of the tracking store.
        document: A compute file of Azure ML's CLI v2, or one of ours.

    Raises:
        InvalidInput: The document breaks a rule.
    """
    fields = parse_compute(document)
    name = fields["name"]
    if missing := not_applied(fields):
        _LOGGER.warning("Compute %s: not applied: %s", name, ", ".join(missing))
    store = AssetStore(client)
    standing = store.find(COMPUTE, name)
    if standing is not None and dict(standing.spec) == fields:
        return standing
    asset = store.create(
        COMPUTE,
        name,
        fields,
        tags=fields["tags"],
        description=fields["description"],
    )
    if standing is not None and _STOPPED in standing.state:
        store.set_state(asset, {_STOPPED: standing.state[_STOPPED]})
    return asset


def update_compute(client: MlflowClient, name: str, **changes: object) -> Compute:
    """Change some fields of a compute, such as ``max_instances=8``.

    Raises:
        NotFound: Nobody has created it; ``local`` can be created to change it.
        InvalidInput: A field or its value breaks a rule.
    """
    store = AssetStore(client)
    standing = _get(store, name)
    create_compute(client, {**standing.spec, **changes, "name": name})
    return get_compute(client, name)


def stop_compute(client: MlflowClient, name: str) -> Compute:
    """Have a compute start nothing new; what runs goes on.

    Raises:
        NotFound: There is no such compute.
    """
    return _set_stopped(client, name, is_stopped=True)


def start_compute(client: MlflowClient, name: str) -> Compute:
    """Undo `stop_compute`.

    Raises:
        NotFound: There is no such compute.
    """
    return _set_stopped(client, name, is_stopped=False)


def delete_asset(client: MlflowClient, name: str) -> None:
    """Delete a compute, and leave the jobs that wait for it alone.

    Raises:
        NotFound: Nobody has created it.
    """
    store = AssetStore(client)
    _get(store, name)
    store.delete(COMPUTE, name)


def _set_stopped(client: MlflowClient, name: str, *, is_stopped: bool) -> Compute:
    store = AssetStore(client)
    asset = store.find(COMPUTE, name)
    if asset is None:
        compute = get_compute(client, name)  # one that is there without being created
        asset = store.create(COMPUTE, name, {"name": name, "type": compute.type})
    store.set_state(asset, {_STOPPED: str(is_stopped).lower()})
    return get_compute(client, name)


# ---------------------------------------------------------------- read


def get_compute(client: MlflowClient, name: str) -> Compute:
    """Read a compute.

    Raises:
        NotFound: There is no such compute.
    """
    compute = find_compute(client, name)
    if compute is None:
        known = ", ".join(sorted(one.name for one in list_computes(client)))
        raise NotFound(f"There is no compute {name!r}. There are: {known}.")
    return compute


def find_compute(client: MlflowClient, name: str) -> Compute | None:
    """Read a compute; None if there is none of that name."""
    try:
        asset = AssetStore(client).find(COMPUTE, name)
    except InvalidInput:  # no asset can be called so
        return None
    if asset is not None:
        return _to_compute(asset)
    return default_compute(name) if find_backend(name) else None


def list_computes(client: MlflowClient) -> list[Compute]:
    """Read all computes, ``local`` first."""
    assets = AssetStore(client).search(COMPUTE, max_results=_PAGE).items
    created = {asset.name: _to_compute(asset) for asset in assets}
    return list(({LOCAL: default_compute()} | created).values())


def _get(store: AssetStore, name: str) -> Asset:
    try:
        return store.get(COMPUTE, name)
    except NotFound as error:
        raise NotFound(
            f"Nobody has created a compute {name!r}. Create it with: mlflow-studio compute create"
        ) from error


def _to_compute(asset: Asset) -> Compute:
    fields = asset.spec
    kind = fields["type"]
    known = {"amlcompute", "computeinstance", "kubernetes", "virtualmachine", "local"}
    return Compute(
        name=asset.name,
        type=kind,
        backend=LOCAL if kind in known else kind,
        size=_size(fields),
        size_name=fields.get("size", ""),
        min_instances=fields.get("min_instances", 0),
        max_instances=fields.get("max_instances"),
        idle_seconds=fields.get("idle_time_before_scale_down", 0),
        is_remote=fields.get("remote", False),
        is_stopped=asset.state.get(_STOPPED) == "true",
        description=asset.description,
        tags=asset.tags,
        version=asset.version,
        fields=fields,
    )


def _size(fields: Mapping[str, Any]) -> Size | None:
    """Return what an instance has; what the file does not say is what comes with its cores."""
    named = azure_size(fields.get("size", ""))
    own = {key: fields[key] for key in ("cpus", "memory_gib", "gpus") if key in fields}
    if named is None and "cpus" not in own:
        return None
    base = named or Size(cpus=own["cpus"], memory_gib=4 * own["cpus"])
    return Size(
        cpus=own.get("cpus", base.cpus),
        memory_gib=own.get("memory_gib", base.memory_gib),
        gpus=own.get("gpus", base.gpus),
    )
