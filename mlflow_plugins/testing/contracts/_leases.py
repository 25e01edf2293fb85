"""Leases: at most one holder, and one that was silent for too long is fenced off."""

import random

import pytest
from mlflow import MlflowClient

from mlflow_plugins.core import LeaseLost, Leases, Record, Records, connect, current_lease, is_alive
from mlflow_plugins.testing.concurrency import in_processes, in_threads
from mlflow_plugins.testing.contracts._base import StoreCase
from mlflow_plugins.testing.fakes import ManualClock

N_CLAIMERS, N_JOBS = 8, 100
_SECONDS = 30.0


class LeaseContract(StoreCase):
    """Fenced leases on records."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Return the time that both holders see."""
        return ManualClock()

    @pytest.fixture
    def leases(self, client: MlflowClient, clock: ManualClock) -> Leases:
        """Return leases on that time."""
        return Leases(client, clock=clock)

    def test_one_holder_at_a_time(self, leases: Leases, record: Record) -> None:
        """While it is held nobody else gets it, not even its holder under the same name."""
        first = leases.take(record.id, holder="one", seconds=_SECONDS)
        assert first is not None
        assert (first.token, first.holder, first.record_id) == (1, "one", record.id)
        assert leases.take(record.id, holder="two", seconds=_SECONDS) is None
        assert leases.take(record.id, holder="one", seconds=_SECONDS) is None

    def test_heartbeats_keep_it(
        self, leases: Leases, record: Record, clock: ManualClock, client: MlflowClient
    ) -> None:
        """Each sign of life counts from when it was given."""
        lease = leases.take(record.id, holder="one", seconds=_SECONDS)
        assert lease is not None
        for _ in range(3):
            clock.advance(_SECONDS - 1)
            leases.renew(lease)
        clock.advance(_SECONDS - 1)
        assert leases.take(record.id, holder="two", seconds=_SECONDS) is None
        run = client.get_run(record.id)
        assert current_lease(run) == lease
        assert is_alive(lease, run, clock.now())
        assert not is_alive(lease, run, clock.now() + 1)

    def test_an_expired_holder_is_fenced(
        self, leases: Leases, record: Record, clock: ManualClock, client: MlflowClient
    ) -> None:
        """Whoever was silent for too long is replaced under a larger token and finds out."""
        old = leases.take(record.id, holder="old", seconds=_SECONDS)
        assert old is not None
        clock.advance(_SECONDS)
        new = leases.take(record.id, holder="new", seconds=_SECONDS)
        assert new is not None
        assert new.token > old.token
        with pytest.raises(LeaseLost, match="replaced by lease 2"):
            leases.renew(old)
        with pytest.raises(LeaseLost, match="replaced by lease 2"):
            leases.check(old)
        leases.release(old)  # comes too late and harms nobody
        leases.renew(new)
        assert current_lease(client.get_run(record.id)) == new
        assert leases.take(record.id, holder="third", seconds=_SECONDS) is None

    def test_silence_without_a_successor_is_forgiven(
        self, leases: Leases, record: Record, clock: ManualClock
    ) -> None:
        """A holder that comes back before anybody else took over carries on."""
        lease = leases.take(record.id, holder="one", seconds=_SECONDS)
        assert lease is not None
        clock.advance(_SECONDS * 2)
        leases.renew(lease)
        assert leases.take(record.id, holder="two", seconds=_SECONDS) is None

    def test_release_lets_the_next_one_in(self, leases: Leases, record: Record) -> None:
        """Given back, it can be taken at once, and a late heartbeat does not take it back."""
        first = leases.take(record.id, holder="one", seconds=_SECONDS)
        assert first is not None
        leases.release(first)
        leases.release(first)
        with pytest.raises(LeaseLost, match="was given back"):
            leases.renew(first)
        second = leases.take(record.id, holder="two", seconds=_SECONDS)
        assert second is not None
        assert second.token == 2

    def test_a_holder_known_to_be_dead_is_replaced_at_once(
        self, leases: Leases, record: Record
    ) -> None:
        """Who can see that the holder is gone need not wait for the clock."""
        first = leases.take(record.id, holder="dead|one", seconds=_SECONDS)
        second = leases.take(
            record.id, holder="two", seconds=_SECONDS, holder_is_dead=lambda lease: lease == first
        )
        assert second is not None
        assert second.token == 2
        third = leases.take(
            record.id, holder="three", seconds=_SECONDS, holder_is_dead=lambda _: False
        )
        assert third is None

    def test_each_job_is_claimed_exactly_once(self, tracking_uri: str, shared_kind: str) -> None:
        """Eight threads with clients of their own compete for a hundred jobs."""
        job_ids = _create_jobs(tracking_uri, shared_kind, N_JOBS)
        claims = in_threads(N_CLAIMERS, lambda index: _claim(index, tracking_uri, job_ids))
        _check_claims(claims, job_ids)

    def test_each_job_is_claimed_by_one_process(self, tracking_uri: str, shared_kind: str) -> None:
        """Four processes compete for twenty jobs."""
        job_ids = _create_jobs(tracking_uri, shared_kind, 20)
        _check_claims(in_processes(4, _claim, tracking_uri, job_ids), job_ids)

    def test_an_expired_job_gets_one_successor(self, tracking_uri: str, record: Record) -> None:
        """Six threads find a dead holder at the same moment: one replaces it."""
        clock = ManualClock()
        dead = Leases(connect(tracking_uri), clock=clock).take(
            record.id, holder="dead", seconds=_SECONDS
        )
        assert dead is not None
        clock.advance(_SECONDS)
        taken = in_threads(
            6,
            lambda index: Leases(connect(tracking_uri), clock=clock).take(
                record.id, holder=str(index), seconds=_SECONDS
            ),
        )
        assert [lease.token for lease in taken if lease is not None] == [2]


def _create_jobs(uri: str, kind: str, n: int) -> list[str]:
    records = Records(connect(uri))
    records.experiment_id(kind)
    quarter = n // 4
    made = in_threads(4, lambda _: [records.create(kind, {}).id for _ in range(quarter)])
    return [job_id for part in made for job_id in part]


def _claim(index: int, uri: str, job_ids: list[str]) -> list[str]:
    """Try to take every job, beginning anywhere, as agents that see the same queue do."""
    leases = Leases(connect(uri))
    order = random.Random(index).sample(job_ids, len(job_ids))  # noqa: S311
    return [
        job_id
        for job_id in order
        if leases.take(job_id, holder=f"claimer {index}", seconds=3600) is not None
    ]


def _check_claims(claims: list[list[str]], job_ids: list[str]) -> None:
    claimed = [job_id for part in claims for job_id in part]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == set(job_ids)
