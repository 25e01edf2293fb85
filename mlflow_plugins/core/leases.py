"""Leases with fencing tokens on records: at most one holder, and a dead holder is replaced.

Lease n of a record is the write-once param ``lease/n``; whoever sets it first holds the record with
fencing token n. The time of taking is inside that value, so there is no moment between taking a
lease and its first heartbeat in which it looks expired. Later signs of life go to the tag
``studio.heartbeat/n``, which only the holder writes, and giving the record back is the write-once
param ``released/n``, which no late heartbeat can undo.

Clocks of several machines are compared, so a lease must be much longer than their difference.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from mlflow import MlflowClient
from mlflow.entities import Run

from mlflow_plugins.core.clock import Clock, SystemClock
from mlflow_plugins.core.errors import LeaseLost
from mlflow_plugins.core.write_once import set_once, set_or_read

_LEASE = "lease/"
_HEARTBEAT = "studio.heartbeat/"
_RELEASED = "released/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One holder's right to work on one record.

    Attributes:
        record_id: The record's run id.
        token: Fencing token: 1 for the first holder, larger for every later one.
        holder: Who took it, in words that the holder can recognise itself by.
        taken_at: Seconds since the epoch.
        seconds: How long it lasts without a heartbeat.
        nonce: Makes the stored value unique.
    """

    record_id: str
    token: int
    holder: str
    taken_at: float
    seconds: float
    nonce: str

    def encode(self) -> str:
        """Return the value of the write-once param."""
        return "|".join([repr(self.taken_at), repr(self.seconds), self.nonce, self.holder])

    @classmethod
    def decode(cls, record_id: str, token: int, value: str) -> Self:
        """Read what `encode` wrote."""
        taken_at, seconds, nonce, holder = value.split("|", 3)
        return cls(
            record_id=record_id,
            token=token,
            holder=holder,
            taken_at=float(taken_at),
            seconds=float(seconds),
            nonce=nonce,
        )


def current_lease(run: Run) -> Lease | None:
    """Return the newest lease that was ever taken on a record, alive or not."""
    return newest_lease(run.info.run_id, run.data.params)


def newest_lease(record_id: str, params: Mapping[str, str]) -> Lease | None:
    """Do as `current_lease` with the params of the record."""
    tokens = _tokens(params)
    if not tokens:
        return None
    token = max(tokens)
    return Lease.decode(record_id, token, params[f"{_LEASE}{token}"])


def is_alive(lease: Lease, run: Run, now: float) -> bool:
    """Tell whether the newest lease of a record still holds at the time `now`."""
    return has_life(lease, run.data.params, run.data.tags, now)


def has_life(lease: Lease, params: Mapping[str, str], tags: Mapping[str, str], now: float) -> bool:
    """Do as `is_alive` with the params and tags of the record."""
    if f"{_RELEASED}{lease.token}" in params:
        return False
    sign = heartbeat(tags, lease)
    last = max(lease.taken_at, float(sign)) if sign else lease.taken_at
    return now - last < lease.seconds


def heartbeat(tags: Mapping[str, str], lease: Lease) -> str:
    """Return the last sign of life of a lease's holder as it was written; empty before any."""
    return tags.get(f"{_HEARTBEAT}{lease.token}", "")


class Leases:
    """Takes, renews and gives back leases."""

    def __init__(self, client: MlflowClient, *, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock or SystemClock()

    def take(
        self,
        record_id: str,
        *,
        holder: str,
        seconds: float,
        holder_is_dead: Callable[[Lease], bool] = lambda _: False,
        run: Run | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Lease | None:
        """Take the record if nobody holds it; None if somebody does or was faster.

        Args:
            record_id: The record's run id.
            holder: Who asks.
            seconds: How long the lease lasts without a heartbeat.
            holder_is_dead: May say at once what the clock would say later: that the holder of a
                lease that has not expired is gone (its process has ended on this very machine).
            run: The record, if the caller has just read it. Whoever gets the lease knows that no
                other holder has changed the record since then.
            tags: What the new holder writes on the record at the same time.
        """
        run = run or self._client.get_run(record_id)
        standing = current_lease(run)
        now = self._clock.now()
        if standing is not None and is_alive(standing, run, now) and not holder_is_dead(standing):
            return None
        lease = Lease(
            record_id=record_id,
            token=standing.token + 1 if standing else 1,
            holder=holder,
            taken_at=now,
            seconds=seconds,
            nonce=uuid.uuid4().hex,
        )
        key, value = f"{_LEASE}{lease.token}", lease.encode()
        has_lost = set_or_read(self._client, record_id, key, value, tags=tags)
        return None if has_lost else lease

    def renew(self, lease: Lease) -> None:
        """Give a sign of life.

        Raises:
            LeaseLost: A later holder exists: stop, and write nothing more about the record.
        """
        self.check(lease)
        self._client.set_tag(lease.record_id, f"{_HEARTBEAT}{lease.token}", repr(self._clock.now()))

    def check(self, lease: Lease) -> None:
        """Make sure that the lease is the record's newest and was not given back.

        Raises:
            LeaseLost: It is not, or it was.
        """
        check_lease(lease, self._client.get_run(lease.record_id).data.params)

    def release(self, lease: Lease) -> None:
        """Give the record back before the lease ends. Nothing happens if it was lost already."""
        set_once(self._client, lease.record_id, f"{_RELEASED}{lease.token}", lease.nonce)


def check_lease(lease: Lease, params: Mapping[str, str]) -> None:
    """Do as `Leases.check` with the params of the record as they are now.

    Raises:
        LeaseLost: The lease is not the record's newest, or it was given back.
    """
    newest = max(_tokens(params), default=0)
    if f"{_RELEASED}{lease.token}" in params:
        raise LeaseLost(f"Lease {lease.token} on record {lease.record_id} was given back.")
    if newest != lease.token:
        raise LeaseLost(
            f"Lease {lease.token} on record {lease.record_id} was replaced by lease {newest}: "
            "its holder was silent for too long and must stop."
        )


def _tokens(params: Mapping[str, str]) -> list[int]:
    return [int(key.removeprefix(_LEASE)) for key in params if key.startswith(_LEASE)]
