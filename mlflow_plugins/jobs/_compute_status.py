"""How a compute is doing: its state, its nodes, its queue, and why a job of it has to wait."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow import MlflowClient

from mlflow_plugins.jobs._job import Job
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.backends._base import LOCAL
from mlflow_plugins.jobs.compute import (
    Compute,
    Node,
    default_compute,
    delete_asset,
    get_compute,
    list_computes,
    list_nodes,
)

QUEUE_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeStatus:
    """A compute and what happens on it.

    Attributes:
        compute: What it is.
        nodes: The agents that serve it.
        queued: Jobs that wait for it, next one first; `QUEUE_LIMIT` at most.
        running: Jobs that run on it.
    """

    compute: Compute
    nodes: Sequence[Node]
    queued: Sequence[Job]
    running: Sequence[Job]

    @property
    def state(self) -> str:
        """``Stopped``, ``Unserved`` (no agent serves it), ``Running`` or ``Idle``."""
        if self.compute.is_stopped:
            return "Stopped"
        if not self.nodes:
            return "Unserved"
        return "Running" if self.running else "Idle"

    @property
    def queue_length(self) -> str:
        """How many jobs wait, such as ``3`` or ``100+``."""
        return f"{len(self.queued)}{'+' * (len(self.queued) >= QUEUE_LIMIT)}"

    @property
    def busy_instances(self) -> int:
        """Instances that have a job."""
        return sum(one.busy.get(self.compute.name, 0) for one in self._machines)

    @property
    def idle_instances(self) -> int:
        """Instances that wait for one: kept by ``min_instances`` or not yet scaled down."""
        name = self.compute.name
        return sum(
            max(one.idle.get(name, 0), self.compute.min_instances - one.busy.get(name, 0))
            for one in self._machines
        )

    @property
    def note(self) -> str:
        """A sentence if no machine has what one instance should have."""
        size = self.compute.size
        if size is None or not self.nodes:
            return ""
        largest = max(self.nodes, key=lambda one: (one.cpus, one.memory_gib))
        if size.cpus <= largest.cpus and size.memory_gib <= largest.memory_gib:
            return ""
        return (
            f"An instance is {size}; {largest.host} has {largest.cpus:g} cpus and "
            f"{largest.memory_gib:.1f} GiB, and a job gets that."
        )

    @property
    def _machines(self) -> list[Node]:
        """One node of each machine: those of one machine tell the same."""
        return list({one.host: one for one in self.nodes}.values())


def compute_status(client: MlflowClient, name: str) -> ComputeStatus:
    """Read how one compute is doing.

    Raises:
        NotFound: There is no such compute.
    """
    compute = get_compute(client, name)
    return _status(JobQueue(client), compute, list_nodes(client))


def list_compute_status(client: MlflowClient) -> list[ComputeStatus]:
    """Read how all computes are doing, ``local`` first."""
    queue, nodes = JobQueue(client), list_nodes(client)
    return [_status(queue, compute, nodes) for compute in list_computes(client)]


def _status(queue: JobQueue, compute: Compute, nodes: Sequence[Node]) -> ComputeStatus:
    return ComputeStatus(
        compute=compute,
        nodes=[one for one in nodes if one.serves(compute.name, is_remote=compute.is_remote)],
        queued=queue.jobs_on(compute.name, is_begun=False, max_results=QUEUE_LIMIT),
        running=queue.jobs_on(compute.name, is_begun=True, max_results=QUEUE_LIMIT),
    )


def delete_compute(client: MlflowClient, name: str) -> None:
    """Delete a compute; jobs that wait for it run on ``local``.

    Raises:
        NotFound: Nobody has created it.
    """
    delete_asset(client, name)
    queue = JobQueue(client)
    if name != LOCAL:
        while waiting := queue.jobs_on(name, is_begun=False, max_results=QUEUE_LIMIT):
            for job in waiting:
                queue.reassign(job, default_compute())


def why_it_waits(client: MlflowClient, job: Job) -> str:
    """Say in one sentence why a queued job has not begun."""
    status = compute_status(client, job.compute)
    if status.compute.is_stopped:
        return (
            f"The compute {job.compute!r} is stopped; start it with: "
            f"mlflow-studio compute start {job.compute}"
        )
    if not status.nodes:
        option = f" --compute {job.compute}" if status.compute.is_remote else ""
        return f"No agent has picked up this job; start one with: mlflow-studio agent{option}"
    return "The job is still queued; an agent takes it as soon as it has a free place."
