"""Batch while busy: what waits while the model works is predicted together, without a timer.

An idle server predicts a request at once; under load, the batches grow by themselves.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from mlflow_plugins.deployments._failures import ScoringFailure
from mlflow_plugins.deployments._requests import ScoringRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[T]):
    request: ScoringRequest
    answer: asyncio.Future[T]


def next_batch(waiting: Iterable[ScoringRequest], max_rows: int) -> list[int]:
    """Choose what is predicted next: the oldest request, and those behind it that fit to it.

    Args:
        waiting: Requests, oldest first; not empty.
        max_rows: Rows of a batch, unless the oldest request alone has more.

    Returns:
        Positions of the chosen requests, in order.
    """
    chosen: list[int] = []
    key, n_rows = None, 0
    for position, request in enumerate(waiting):
        if not chosen:
            chosen, key, n_rows = [position], request.batch_key, request.n_rows
            if key is None:
                break
        elif request.batch_key == key and n_rows + request.n_rows <= max_rows:
            chosen.append(position)
            n_rows += request.n_rows
    return chosen


class Batcher(Generic[T]):
    """Runs one prediction at a time in a thread of its own; requests wait in a bounded queue."""

    def __init__(
        self,
        predict: Callable[[Sequence[ScoringRequest]], Sequence[T]],
        *,
        max_rows: int,
        max_queue: int,
    ) -> None:
        self._predict = predict
        self._max_rows = max_rows
        self._max_queue = max_queue
        self._queue: deque[_Waiting[T]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")

    async def submit(self, request: ScoringRequest) -> T:
        """Wait for the answer to a request; cancelling takes it out of the queue.

        Raises:
            ScoringFailure: Status 429: too many requests wait already.
        """
        if len(self._queue) >= self._max_queue:
            raise ScoringFailure(
                429, f"{len(self._queue)} requests wait already. Try again in a moment."
            )
        item: _Waiting[T] = _Waiting(request, asyncio.get_running_loop().create_future())
        self._queue.append(item)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        try:
            return await item.answer
        finally:
            if item.answer.cancelled() and item in self._queue:
                self._queue.remove(item)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            batch = self._take()
            requests = [item.request for item in batch]
            try:
                answers = await loop.run_in_executor(self._thread, self._predict, requests)
            except Exception as error:  # noqa: BLE001 - it belongs to those who asked
                for item in batch:
                    if not item.answer.done():
                        item.answer.set_exception(error)
                continue
            for item, answer in zip(batch, answers, strict=True):
                if not item.answer.done():
                    item.answer.set_result(answer)
        self._worker = None

    def _take(self) -> list[_Waiting[T]]:
        chosen = next_batch((item.request for item in self._queue), self._max_rows)
        positions = set(chosen)
        batch = [self._queue[position] for position in chosen]
        self._queue = deque(
            item for position, item in enumerate(self._queue) if position not in positions
        )
        return batch
