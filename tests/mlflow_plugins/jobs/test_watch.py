"""Work on another machine ends when the holder of its lease is gone."""

from types import SimpleNamespace

import pytest

from mlflow_plugins.core import LeaseLost, Settings
from mlflow_plugins.jobs import _watch
from mlflow_plugins.jobs._job import read_state
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs._watch import Watch, Wish
from mlflow_plugins.jobs.compute import Demand
from mlflow_plugins.testing import ManualClock


@pytest.fixture
def clock(monkeypatch):
    clock = ManualClock()
    monkeypatch.setattr(_watch, "time", SimpleNamespace(monotonic=clock.now))
    return clock


@pytest.fixture
def queue(sqlite_client, clock):
    return JobQueue(sqlite_client, clock=clock)


@pytest.fixture
def record_id(queue):
    run = queue.client.create_run("0")
    job = queue.put(
        {"type": "command"},
        run_id=run.info.run_id,
        experiment_id="0",
        display_name="x",
        demand=Demand(compute="ray", backend="ray"),
        user="me",
    )
    return job.record_id


@pytest.fixture
def hold(queue, record_id):
    return queue.take(record_id, holder="runner", seconds=10.0)


@pytest.fixture
def watch(hold):
    return Watch(hold, "run", Settings(lease_seconds=10.0), is_holder=False)


def test_a_holder_that_gives_signs_is_alive(watch, hold, clock):
    for _ in range(5):
        clock.advance(8)
        hold.renew()
        watch._look()
    assert watch.wish is None
    clock.advance(9)
    watch._look()
    clock.advance(2)
    with pytest.raises(LeaseLost, match="silent"):
        watch._look()


def test_another_holder_is_seen_at_once(watch, queue, record_id, clock):
    watch._look()
    queue.leases.take(record_id, holder="x", seconds=10, holder_is_dead=lambda _: True)
    with pytest.raises(LeaseLost):
        watch._look()


def test_looking_gives_no_sign(watch, queue, record_id, clock):
    before = read_state(queue.client, record_id)
    watch._look()
    assert read_state(queue.client, record_id) == before


def test_a_wish_to_cancel_is_heard(watch, queue, record_id):
    queue.records.set_tags(record_id, {"studio.cancel": "1"})
    watch._look()
    assert watch.wish is Wish.CANCEL
