"""Compute files: Azure ML's ``amlcompute``, ``computeinstance`` and ``kubernetes``, and ours."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.core.asset_types import asset_kind
from mlflow_plugins.jobs._explain import validate
from mlflow_plugins.jobs._fields import Part, Text
from mlflow_plugins.jobs.compute._sizes import azure_size

DEFAULT_MAX_INSTANCES = 4
RAY = "ray"

_SCHEMAS = {
    "amlcompute": "amlcompute",
    "compute": "amlcompute",
    "computeinstance": "computeinstance",
    "kubernetescompute": "kubernetes",
    "kubernetes": "kubernetes",
    "vmcompute": "virtualmachine",
    "virtualmachine": "virtualmachine",
    "localcompute": "local",
    "local": "local",
    "raycompute": RAY,
    RAY: RAY,
}


class _Compute(Part):
    """What compute files of every type may say."""

    schema_: str | None = Field(default=None, alias="$schema", exclude=True)
    name: Text
    description: Text = ""
    tags: dict[str, Text] = {}
    location: Text | None = None
    size: Text | None = None
    cpus: PositiveFloat | None = None
    memory_gib: PositiveFloat | None = None
    gpus: NonNegativeInt | None = None
    min_instances: NonNegativeInt = 0
    max_instances: PositiveInt | None = DEFAULT_MAX_INSTANCES
    idle_time_before_scale_down: NonNegativeFloat = 0
    remote: bool = False
    identity: Any = None
    ssh_settings: Any = None
    network_settings: Any = None


class _Cluster(_Compute):
    """Azure's compute cluster."""

    type: Literal["amlcompute"] = "amlcompute"
    tier: Literal["dedicated", "low_priority"] | None = None
    idle_time_before_scale_down: NonNegativeFloat = 120
    ssh_public_access_enabled: Any = None
    enable_node_public_ip: Any = None
    subnet: Any = None


class _Instance(_Compute):
    """Azure's compute instance: one machine of one person."""

    type: Literal["computeinstance"] = "computeinstance"
    max_instances: PositiveInt | None = 1
    ssh_public_access_enabled: Any = None
    enable_node_public_ip: Any = None
    create_on_behalf_of: Any = None
    setup_scripts: Any = None
    schedules: Any = None
    custom_applications: Any = None
    idle_time_before_shutdown: Any = None
    idle_time_before_shutdown_minutes: Any = None
    enable_sso: Any = None
    enable_root_access: Any = None
    enable_os_patching: Any = None
    release_quota_on_stop: Any = None


class _Attached(_Compute):
    """Something that Azure would attach: a Kubernetes cluster or a virtual machine."""

    type: Literal["kubernetes", "virtualmachine"] = "kubernetes"
    resource_id: Any = None
    namespace: Any = None


class _Local(_Compute):
    """Ours: a share of the machines whose agents serve it."""

    type: Literal["local"] = "local"
    max_instances: PositiveInt | None = None


class _Ray(_Compute):
    """Ours: a Ray cluster, which the job backend ``ray`` reaches."""

    type: Literal["ray"] = "ray"
    address: Text | None = None
    python: Text | None = None
    wait_seconds: PositiveFloat | None = None
    min_instances: NonNegativeInt = Field(default=0, le=1)
    idle_time_before_scale_down: PositiveFloat = 120
    num_cpus: PositiveInt | None = None
    object_store_memory: PositiveInt | None = None


_MODELS: dict[str, type[_Compute]] = {
    "amlcompute": _Cluster,
    "computeinstance": _Instance,
    "kubernetes": _Attached,
    "virtualmachine": _Attached,
    "local": _Local,
    RAY: _Ray,
}

# What the job backend of a Ray cluster is told.
RAY_OPTIONS = (
    *("address", "python", "wait_seconds", "min_instances", "idle_time_before_scale_down"),
    *("num_cpus", "object_store_memory"),
)

# What runs jobs here: everything else that a file may say asks for machines of a cloud.
_APPLIED = frozenset(
    {"name", "type", "description", "tags", "location", "size", "cpus", "memory_gib", "gpus"}
    | {"min_instances", "max_instances", "idle_time_before_scale_down", "remote", *RAY_OPTIONS}
)


def parse_compute(document: Mapping[str, Any]) -> dict[str, Any]:
    """Check a compute file and return its fields with their defaults.

    Raises:
        InvalidInput: The type is not known, fields are unknown or wrong, or min_instances is larger
            than max_instances.
    """
    given = {key: value for key, value in document.items() if value is not None}
    kind = str(given.get("type") or asset_kind(given)).lower()
    if kind not in _SCHEMAS:
        raise InvalidInput(
            f"Field 'type' is {kind!r}, which is not a type of compute. There are: "
            f"{', '.join(_MODELS)}.{did_you_mean(kind, _MODELS)}"
        )
    kind = _SCHEMAS[kind]
    compute = validate(_MODELS[kind], {**given, "type": kind}, what=f"{kind} compute")
    if compute.max_instances is not None and compute.min_instances > compute.max_instances:
        raise InvalidInput(
            f"Field 'min_instances' is {compute.min_instances}, more than 'max_instances' "
            f"({compute.max_instances}). Raise the latter or lower the former."
        )
    return compute.model_dump(exclude_none=True)


def not_applied(fields: Mapping[str, Any]) -> list[str]:
    """List what a compute file asks for and the machines that serve it do not give."""
    missing = [name for name in fields if name not in _APPLIED]
    size = fields.get("size")
    if size is not None and azure_size(size) is None and "cpus" not in fields:
        missing.append(f"size {size!r} (not a known name; give cpus and memory_gib)")
    return missing
