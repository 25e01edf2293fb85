"""What a job asks of a machine: ``resources.properties`` with ``cpus``, ``gpus``, ``memory``."""

import re
from collections.abc import Mapping
from typing import Any

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._fields import Resources
from mlflow_plugins.jobs.backends._base import Needs

NEEDS = ("cpus", "gpus", "memory", "custom")

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


def needs_of(resources: Resources) -> Needs:
    """Return what a job asks of a machine; properties of other names are not ours.

    Raises:
        InvalidInput: A property has no such value.
    """
    properties = resources.properties or {}
    custom = properties.get("custom") or {}
    if not isinstance(custom, Mapping):
        raise InvalidInput(
            f"Field 'resources.properties.custom' is {custom!r}; it must be a mapping from names "
            "to amounts, such as {disk: 1}."
        )
    return Needs(
        n_cpus=_amount("cpus", properties.get("cpus")),
        n_gpus=_amount("gpus", properties.get("gpus")),
        memory_bytes=_size(properties.get("memory")),
        custom={str(name): _amount(f"custom.{name}", one) or 0.0 for name, one in custom.items()},
    )


def _amount(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        amount = float(value)
    except (TypeError, ValueError):
        amount = -1.0
    if isinstance(value, bool) or not 0 <= amount < float("inf"):
        raise InvalidInput(
            f"Field 'resources.properties.{name}' is {value!r}; it must be a number from 0."
        )
    return amount


def _size(value: Any) -> int | None:
    """Read a size: bytes, or with a unit such as ``4g``, ``4GB`` or ``4Gi``."""
    if value is None:
        return None
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise InvalidInput(
            f"Field 'resources.properties.memory' is {value!r}; it must be a size, such as 4g."
        )
    exponent = " kmgt".index(match[2].lower() or " ")
    return int(float(match[1]) * 1024**exponent)
