"""The room on this machine: which computes it serves, who has what, and who gets the rest."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from mlflow_plugins.core import Record, SystemClock
from mlflow_plugins.jobs._job import COORDINATORS, to_demand
from mlflow_plugins.jobs._ledger import Book, Ledger
from mlflow_plugins.jobs.backends._base import backend_points
from mlflow_plugins.jobs.compute import (
    Compute,
    Demand,
    NodeSign,
    Share,
    Situation,
    choose,
    default_compute,
    list_computes,
    list_nodes,
    this_machine,
)


class Rooms:
    """Gives the room of this machine to waiting jobs.

    Args:
        client: Client of the tracking store.
        folder: What the agents of this machine share.
        computes: Names of the computes to serve; empty for all that are not remote.
        n_shares: Into how many equal shares the machine is divided where a compute has no size.
    """

    def __init__(
        self, client: MlflowClient, folder: Path, *, computes: tuple[str, ...], n_shares: int
    ) -> None:
        self._client = client
        self._names = computes
        self._ledger = Ledger(folder)
        self._sign = NodeSign(client, computes)
        self._clock = SystemClock()
        self._situation = Situation(
            machine=this_machine(), n_shares=n_shares, computes={}, busy=(), elsewhere={}
        )

    def look(self) -> None:
        """Read what computes there are and what runs on other machines; give a sign of life."""
        computes = {one.name: one for one in self._served(list_computes(self._client))}
        self._situation = replace(self._situation, computes=computes)
        elsewhere: dict[str, int] = {}
        if any(one.max_instances is not None for one in computes.values()):
            elsewhere = self._sign.elsewhere(list_nodes(self._client))
        self._situation = replace(self._situation, elsewhere=elsewhere)
        with self._ledger.open() as book:
            self._settle(book)
            state = self._state(book)
        self._sign.give(state)

    def open_queues(self) -> set[str]:
        """Return the queues from which a job could start now; none if the machine is full."""
        with self._ledger.open() as book:
            situation = self._settle(book)
        computes = [one for one in situation.computes.values() if situation.is_open(one)]
        has_room = any(situation.place(Demand(compute=one.name)) for one in computes)
        queues = {one.name for one in computes} if has_room else set()
        return queues | ({COORDINATORS} if situation.may_coordinate else set())

    def give(self, waiting: Sequence[Record], start: Callable[[Record, Share], Path]) -> None:
        """Start the jobs for which there is room.

        Args:
            waiting: Jobs in the order of the queue.
            start: Starts the runner of a job that gets a share; returns the runner's folder.
        """
        if not waiting:
            return
        with self._ledger.open() as book:
            situation = self._settle(book)
            chosen = choose(situation, [to_demand(one) for one in waiting])
            for place, share in chosen.items():
                folder = start(waiting[place], share)
                book.take(folder, share, situation.machine.size)

    def close(self) -> None:
        """Say that this machine serves no computes any more, as far as this agent goes."""
        self._sign.remove()

    def _served(self, created: Iterable[Compute]) -> list[Compute]:
        computes = {name: default_compute(name) for name in backend_points()}
        computes |= {one.name: one for one in created}
        if self._names:
            return [one for one in computes.values() if one.name in self._names]
        return [one for one in computes.values() if not one.is_remote]

    def _settle(self, book: Book) -> Situation:
        """Bring a book up to date; return the situation that it tells."""
        book.settle(self._situation.computes, self._clock.now())
        return replace(self._situation, busy=book.busy)

    def _state(self, book: Book) -> dict[str, Any]:
        """Return what this node says about itself."""
        machine = self._situation.machine
        sizes = [one.size for one in book.busy]
        return {
            "cpus": machine.size.cpus,
            "memory_gib": machine.size.memory_gib,
            "gpus": machine.size.gpus,
            "busy": _count(one for one in book.busy if not one.is_coordinator),
            "idle": _count(one.share for one in book.idle),
            "n_coordinators": sum(one.is_coordinator for one in book.busy),
            "cpus_in_use": sum(one.cpus for one in sizes),
            "memory_in_use_gib": sum(one.memory_gib for one in sizes),
            "gpus_in_use": sum(one.gpus for one in sizes),
        }


def _count(shares: Iterable[Share]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in shares:
        counts[one.compute] = counts.get(one.compute, 0) + one.instances
    return counts
