"""Nodes: the machines whose agents serve computes, and what runs on them.

Every agent keeps one record of kind ``node`` as long as it lives, with a sign of life in it. One
that is silent for a while counts as gone; the next agent to start removes what it left.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import psutil
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import Record, Records, Unreachable, connect

NODE = "node"
SIGN_SECONDS = 10.0

_SEEN = "studio.seen"
_STATE = "studio.node"
_FORGOTTEN_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An agent on a machine as it stood when it last gave a sign of life.

    Attributes:
        host: Name of the machine.
        pid: The agent's process.
        computes: Names of the computes it serves; empty for all that are not remote.
        cpus: Cores of the machine.
        memory_gib: Memory of the machine.
        gpus: GPUs of the machine.
        busy: Instances at work on the machine, by compute; those of other agents there count.
        idle: Instances that wait for their next job, by compute.
        n_coordinators: Jobs that only wait for others.
        cpus_in_use: Cores that jobs have taken.
        memory_in_use_gib: Memory that jobs have taken.
        gpus_in_use: GPUs that jobs have taken.
        cpu_percent: How busy the machine's cores are, whoever uses them.
        memory_percent: How full its memory is.
        seen_at: The last sign of life, in seconds since the epoch.
    """

    host: str
    pid: int
    computes: tuple[str, ...] = ()
    cpus: float = 0
    memory_gib: float = 0
    gpus: int = 0
    busy: Mapping[str, int] = field(default_factory=dict)
    idle: Mapping[str, int] = field(default_factory=dict)
    n_coordinators: int = 0
    cpus_in_use: float = 0
    memory_in_use_gib: float = 0
    gpus_in_use: int = 0
    cpu_percent: float = 0
    memory_percent: float = 0
    seen_at: float = 0

    def serves(self, compute: str, *, is_remote: bool = False) -> bool:
        """Tell whether the agent takes jobs of a compute."""
        return compute in self.computes if self.computes else not is_remote


def list_nodes(client: MlflowClient) -> list[Node]:
    """Return the nodes that gave a sign of life lately."""
    now = time.time()
    records = Records(client).search(NODE, max_results=1000).items
    return [_to_node(one) for one in records if now - _seen(one) < 3 * SIGN_SECONDS]


class NodeSign:
    """An agent's own node: given signs while it lives, removed when it ends."""

    def __init__(self, client: MlflowClient, computes: tuple[str, ...]) -> None:
        self._records = Records(client)
        self._computes = computes
        self._record_id: str | None = None
        self._last: Node | None = None
        self._due = 0.0

    def give(self, state: Mapping[str, Any]) -> None:
        """Note the state of this node, if it has changed or the last sign is old.

        Args:
            state: Fields of `Node` about the machine and its jobs.
        """
        node = Node(host=socket.gethostname(), pid=os.getpid(), computes=self._computes, **state)
        if node == self._last and time.monotonic() < self._due:
            return
        tags = _tags(node)
        if self._record_id is None:
            self._forget_the_dead()
            self._record_id = self._records.create(NODE, {}, name=node.host, tags=tags).id
        else:
            self._records.set_tags(self._record_id, tags)
        self._last, self._due = node, time.monotonic() + SIGN_SECONDS

    def elsewhere(self, nodes: Iterable[Node]) -> dict[str, int]:
        """Return the instances at work on other machines, by compute."""
        by_host = {one.host: one.busy for one in nodes if one.host != socket.gethostname()}
        total: dict[str, int] = {}
        for busy in by_host.values():
            for name, count in busy.items():
                total[name] = total.get(name, 0) + count
        return total

    def remove(self) -> None:
        """Say that this node is gone; where the server is away, its silence will say so."""
        if self._record_id is not None:
            with contextlib.suppress(Unreachable):
                connect(str(self._records.client.tracking_uri), timeout_seconds=2.0)
                self._records.delete(self._record_id)
            self._record_id = None

    def _forget_the_dead(self) -> None:
        now = time.time()
        for record in self._records.search(NODE, max_results=1000).items:
            if now - _seen(record) > _FORGOTTEN_SECONDS:
                with contextlib.suppress(MlflowException):  # another agent was faster
                    self._records.delete(record.id)


def _tags(node: Node) -> dict[str, str]:
    busy = replace(
        node,
        cpu_percent=psutil.cpu_percent(interval=None),
        memory_percent=psutil.virtual_memory().percent,
    )
    return {_STATE: json.dumps(asdict(busy)), _SEEN: repr(time.time())}


def _seen(record: Record) -> float:
    return float(record.tags.get(_SEEN, 0))


def _to_node(record: Record) -> Node:
    state = json.loads(record.tags[_STATE])
    return Node(**{**state, "computes": tuple(state["computes"]), "seen_at": _seen(record)})
