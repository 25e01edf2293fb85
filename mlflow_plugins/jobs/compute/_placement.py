"""Which waiting jobs start on a machine: pure rules, no clock and no store.

Jobs start in the order of the queue: priority, then age. One that finds no room keeps later ones
from starting, so that a large job does not wait for ever behind small ones. Room that
``min_instances`` reserves is for that compute alone, unless a job could never run without it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from mlflow_plugins.jobs.backends._base import LOCAL
from mlflow_plugins.jobs.compute._computes import Compute
from mlflow_plugins.jobs.compute._machine import Machine
from mlflow_plugins.jobs.compute._sizes import NOTHING, Size, azure_size

MAX_COORDINATORS = 16
MEDIUM = "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a job asks for.

    Attributes:
        compute: Name of the compute.
        backend: The job backend that runs its command.
        priority: ``high``, ``medium`` or ``low``.
        instances: How many of the compute's instances.
        instance_type: Azure's name of another size than the compute's; empty for that one.
        is_coordinator: Whether it mostly waits for other jobs and takes no room.
    """

    compute: str
    backend: str = LOCAL
    priority: str = MEDIUM
    instances: int = 1
    instance_type: str = ""
    is_coordinator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a job got of a machine.

    Attributes:
        compute: Whose instances they are.
        instances: How many.
        size: All of them together.
        gpus: The GPUs that are the job's alone.
        is_coordinator: It takes no room.
        has_gpus: Whether the machine has GPUs, its own or others.
        note: A sentence for the job's log; empty if it got what the compute promises.
    """

    compute: str
    instances: int
    size: Size
    gpus: tuple[str, ...] = ()
    is_coordinator: bool = False
    has_gpus: bool = False
    note: str = ""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what `dataclasses.asdict` made of a share and JSON kept."""
        size, gpus = Size.of(document["size"]), tuple(document["gpus"])
        return cls(**{**document, "size": size, "gpus": gpus})


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A machine and what has been given away of it.

    Attributes:
        machine: The machine.
        n_shares: Into how many equal shares it is divided where a compute has no size.
        computes: The computes that it serves, by name.
        busy: The shares of jobs that run on it.
        elsewhere: Instances that run on other machines, by compute.
    """

    machine: Machine
    n_shares: int
    computes: Mapping[str, Compute]
    busy: Sequence[Share]
    elsewhere: Mapping[str, int]

    def running(self, compute: str) -> int:
        """Return how many instances of a compute have a job, here and elsewhere."""
        here = sum(
            one.instances for one in self.busy if one.compute == compute and not one.is_coordinator
        )
        return here + self.elsewhere.get(compute, 0)

    def is_open(self, compute: Compute, *, instances: int = 1) -> bool:
        """Tell whether a compute may start that many more instances, if there is room."""
        limit = compute.max_instances
        is_below = limit is None or self.running(compute.name) + instances <= limit
        return is_below and not compute.is_stopped

    @property
    def may_coordinate(self) -> bool:
        """Whether one more coordinator may run."""
        return sum(one.is_coordinator for one in self.busy) < MAX_COORDINATORS

    def place(self, demand: Demand) -> Share | None:
        """Return what a job gets if there is room for it on the machine."""
        compute = self.computes[demand.compute]
        if demand.is_coordinator:
            return Share(compute=compute.name, instances=0, size=NOTHING, is_coordinator=True)
        return self._give(compute, demand, self.instances(demand))

    def instances(self, demand: Demand) -> int:
        """Return how many instances a job gets: not more than its compute may ever have."""
        limit = self.computes[demand.compute].max_instances
        return demand.instances if limit is None else min(demand.instances, limit)

    def _give(self, compute: Compute, demand: Demand, instances: int) -> Share | None:
        whole = self.machine.size
        one = azure_size(demand.instance_type) or compute.instance(self.machine, self.n_shares)
        size = one.times(instances).capped(whole)
        if compute.size is None and not azure_size(demand.instance_type):
            # GPUs are given as wholes: two halves of the machine have its only GPU together.
            size = replace(size, gpus=min(whole.gpus, whole.gpus * instances // self.n_shares))
        taken = {gpu for share in self.busy for gpu in share.gpus}
        free = [gpu for gpu in self.machine.gpus if gpu not in taken]
        if compute.takes_room and not self._has_room(compute, size):
            return None
        return Share(
            compute=compute.name,
            instances=instances,
            size=size if compute.takes_room else NOTHING,
            gpus=tuple(free[: size.gpus]) if compute.takes_room else (),
            has_gpus=bool(self.machine.gpus),
            note=_note(compute, demand, instances, size) if compute.takes_room else "",
        )

    def _has_room(self, compute: Compute, size: Size) -> bool:
        free = self.machine.size
        for share in self.busy:
            if not share.is_coordinator:
                free = free.minus(share.size)
        if not size.fits_into(free):
            return False
        others = [one for one in self.computes.values() if one.name != compute.name]
        could_ever = size.fits_into(_minus_all(self.machine.size, map(self._all_reserved, others)))
        return not could_ever or size.fits_into(_minus_all(free, map(self._idle_reserved, others)))

    def _all_reserved(self, compute: Compute) -> Size:
        """Return the room that a compute keeps for itself when none of its jobs runs."""
        if not compute.min_instances or compute.is_stopped:
            return NOTHING
        one = compute.instance(self.machine, self.n_shares)
        return one.times(compute.min_instances).capped(self.machine.size)

    def _idle_reserved(self, compute: Compute) -> Size:
        """Return the room that a compute keeps for itself beside that of its jobs."""
        if not compute.min_instances or compute.is_stopped:
            return NOTHING
        n_busy = sum(one.instances for one in self.busy if one.compute == compute.name)
        n_idle = max(0, compute.min_instances - n_busy)
        return compute.instance(self.machine, self.n_shares).times(n_idle)


def choose(situation: Situation, waiting: Sequence[Demand]) -> dict[int, Share]:
    """Return which of the waiting jobs start now, by their place in the queue, and what they get.

    Args:
        situation: The machine; nothing of it changes.
        waiting: Jobs in the order of the queue.
    """
    chosen: dict[int, Share] = {}
    held: set[str] = set()  # computes whose first job has to wait
    is_full = False
    for place, demand in enumerate(waiting):
        compute = situation.computes.get(demand.compute)
        if compute is None or compute.is_stopped:
            continue
        share = None
        if demand.is_coordinator:
            share = situation.place(demand) if situation.may_coordinate else None
        elif not is_full and compute.name not in held:
            if situation.is_open(compute, instances=situation.instances(demand)):
                share = situation.place(demand)
                is_full = share is None
            else:
                held.add(compute.name)
        if share is not None:
            chosen[place] = share
            situation = replace(situation, busy=[*situation.busy, share])
    return chosen


def _minus_all(size: Size, others: Iterable[Size]) -> Size:
    for other in others:
        size = size.minus(other)
    return size


def _note(compute: Compute, demand: Demand, instances: int, got: Size) -> str:
    """Say it if the machine has less than the compute promises."""
    one = azure_size(demand.instance_type) or compute.size
    if one is None:
        return ""
    promised = one.times(instances)
    if promised.fits_into(got):
        return ""
    name = demand.instance_type or compute.size_name
    what = f"{instances} x {name}" if instances > 1 else name or "the size of the compute"
    return f"{what} is {promised}; this machine has less, and the job gets {got}."
