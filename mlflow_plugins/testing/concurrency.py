"""The same function in many threads, or many processes, that begin at the same moment."""

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

T = TypeVar("T")

_START_SECONDS = 120.0

_PRELOADED = ["mlflow_plugins.core", "mlflow.store.tracking.sqlalchemy_store"]
_barrier: Barrier


def in_threads(n: int, function: Callable[[int], T]) -> list[T]:
    """Call ``function(0) ... function(n - 1)`` in threads at the same time; return the answers."""
    barrier = threading.Barrier(n)

    def call(index: int) -> T:
        barrier.wait(_START_SECONDS)
        return function(index)

    with ThreadPoolExecutor(n) as executor:
        return list(executor.map(call, range(n)))


def in_processes(n: int, function: Callable[..., T], *arguments: Any) -> list[T]:
    """Call ``function(i, *arguments)`` for i < n, each in a process of its own; return the answers.

    The processes are forked from a clean one that has imported MLflow and opened nothing, so they
    start fast and share no connection.

    Args:
        n: How many processes.
        function: A function that can be imported by its name.
        arguments: Anything that can be pickled.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    barrier = context.Barrier(n)
    with ProcessPoolExecutor(
        n, mp_context=context, initializer=_keep, initargs=(barrier,)
    ) as executor:
        futures = [executor.submit(_call, function, index, *arguments) for index in range(n)]
        return [future.result() for future in futures]


def _keep(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - a barrier reaches a worker only through its initializer
    _barrier = barrier


def _call(function: Callable[..., T], *arguments: Any) -> T:
    _barrier.wait(_START_SECONDS)  # a waiting process takes no second task: each gets exactly one
    return function(*arguments)
