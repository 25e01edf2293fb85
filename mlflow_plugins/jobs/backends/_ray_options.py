"""What a compute of type ``ray`` may say."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from mlflow_plugins.jobs._explain import validate
from mlflow_plugins.jobs._fields import Part
from mlflow_plugins.jobs.backends._base import AGENT_FOLDER

_ADDRESS = "RAY_API_SERVER_ADDRESS"  # the variable that Ray's own client reads
_OBJECT_STORE_BYTES = 100 << 20


class HeadOptions(Part):
    """How a head on this machine is started.

    Attributes:
        keep: Whether it stays when nobody uses it.
        idle_seconds: How long it stays when nobody uses it.
        n_cpus: Processors that it offers; all of the machine's if None.
        object_store_bytes: Shared memory for objects of Ray's own.
    """

    keep: bool = False
    idle_seconds: PositiveFloat = 120.0
    n_cpus: PositiveInt | None = None
    object_store_bytes: PositiveInt = _OBJECT_STORE_BYTES


class RayOptions(Part):
    """A compute of type ``ray``: a cluster at an address, or a head of our own on this machine.

    Attributes:
        address: Of the cluster's dashboard (``http://head:8265``) or ``ray://head:10001``; the
            variable ``RAY_API_SERVER_ADDRESS`` if it is left out, and without that a head here.
        python: The Python on the nodes that has ``mlflow-studio[ray]``.
        wait_seconds: How long a cluster may be silent before a job gives up on it.
        min_instances: 1 keeps a head of our own running.
        idle_time_before_scale_down: Seconds that it stays when it has nothing to do.
        num_cpus: Processors that it offers.
        object_store_memory: Bytes of shared memory for Ray's objects.
        folder: Where the agent keeps what it knows about its head.
    """

    address: str | None = Field(default_factory=lambda: os.environ.get(_ADDRESS) or None)
    python: str = "python"
    wait_seconds: PositiveFloat = 60.0
    min_instances: NonNegativeInt = Field(default=0, le=1)
    idle_time_before_scale_down: PositiveFloat = 120.0
    num_cpus: PositiveInt | None = None
    object_store_memory: PositiveInt = _OBJECT_STORE_BYTES
    folder: Path = Field(
        default_factory=lambda: ray_folder(Path(os.environ.get(AGENT_FOLDER, ".")))
    )

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Read the fields of a compute's document that are not every compute's.

        Raises:
            InvalidInput: A field is not known or has no such value.
        """
        return validate(cls, document, what="compute of type ray")

    @property
    def head(self) -> HeadOptions:
        """How a head of our own is started."""
        return HeadOptions(
            keep=self.min_instances > 0,
            idle_seconds=self.idle_time_before_scale_down,
            n_cpus=self.num_cpus,
            object_store_bytes=self.object_store_memory,
        )


def ray_folder(agent_folder: Path) -> Path:
    """Return the place of an agent's own head below the agent's folder."""
    return agent_folder / "ray"
