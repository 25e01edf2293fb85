"""Which requests go together, and that everyone gets their own answer."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.deployments._batching import Batcher, next_batch
from mlflow_plugins.deployments._failures import ScoringFailure
from mlflow_plugins.deployments._requests import JSON, ScoringRequest


def _request(key, n_rows, body=None):
    return ScoringRequest(media_type=JSON, body=body, n_rows=n_rows, batch_key=key)


requests = st.lists(
    st.builds(_request, st.sampled_from([None, "a", "b"]), st.integers(1, 8)), min_size=1
)


@given(requests, st.integers(1, 12))
def test_a_batch_is_the_oldest_and_those_that_fit_to_it_in_order(waiting, max_rows):
    chosen = next_batch(waiting, max_rows)
    assert chosen[0] == 0
    assert chosen == sorted(set(chosen))
    keys = {waiting[position].batch_key for position in chosen}
    assert len(keys) == 1
    if None in keys:
        assert chosen == [0]
    if len(chosen) > 1:
        assert sum(waiting[position].n_rows for position in chosen) <= max_rows


@given(requests, st.integers(1, 12))
def test_taking_batches_until_none_is_left_serves_all_once(waiting, max_rows):
    left, served = list(enumerate(waiting)), []
    while left:
        chosen = next_batch([request for _, request in left], max_rows)
        served += [left[position][0] for position in chosen]
        left = [item for position, item in enumerate(left) if position not in chosen]
    assert sorted(served) == list(range(len(waiting)))


class _Gate:
    """Predicts by echoing bodies, and lets the test decide when."""

    def __init__(self):
        self.batches = []
        self.is_busy = threading.Event()
        self.is_open = threading.Event()

    def __call__(self, batch):
        self.batches.append([request.body for request in batch])
        self.is_busy.set()
        assert self.is_open.wait(30)
        return [request.body for request in batch]


def test_what_waits_while_the_model_works_is_predicted_together():
    gate = _Gate()

    async def go():
        batcher = Batcher(gate, max_rows=100, max_queue=100)
        first = asyncio.create_task(batcher.submit(_request("a", 1, 0)))
        await asyncio.to_thread(gate.is_busy.wait, 30)
        rest = [asyncio.create_task(batcher.submit(_request("a", 1, n))) for n in range(1, 20)]
        await asyncio.sleep(0)
        gate.is_open.set()
        return [await task for task in [first, *rest]]

    assert asyncio.run(go()) == list(range(20))
    assert gate.batches == [[0], list(range(1, 20))]


def test_a_full_queue_refuses_and_a_cancelled_request_makes_room():
    gate = _Gate()

    async def go():
        batcher = Batcher(gate, max_rows=100, max_queue=2)
        running = asyncio.create_task(batcher.submit(_request("a", 1, "running")))
        await asyncio.to_thread(gate.is_busy.wait, 30)
        waiting = [asyncio.create_task(batcher.submit(_request("a", 1, n))) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ScoringFailure, match="2 requests wait") as refusal:
            await batcher.submit(_request("a", 1, "refused"))
        waiting[0].cancel()
        await asyncio.sleep(0)
        late = asyncio.create_task(batcher.submit(_request("a", 1, "late")))
        await asyncio.sleep(0)
        gate.is_open.set()
        return refusal.value.status, [await task for task in (running, waiting[1], late)]

    assert asyncio.run(go()) == (429, ["running", 1, "late"])
    assert gate.batches == [["running"], [1, "late"]]


def test_an_error_of_the_predictor_reaches_all_who_asked_and_the_next_is_served():
    calls = []

    def predict(batch):
        calls.append(len(batch))
        if len(calls) == 1:
            raise MemoryError
        return [request.body for request in batch]

    async def go():
        batcher = Batcher(predict, max_rows=100, max_queue=100)
        with pytest.raises(MemoryError):
            await batcher.submit(_request("a", 1, "first"))
        return await batcher.submit(_request("a", 1, "second"))

    assert asyncio.run(go()) == "second"
