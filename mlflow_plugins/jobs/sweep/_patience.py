"""Outlasting an outage of the server, and saying so in the sweep's log."""

import threading
from collections.abc import Callable
from typing import TypeVar

from mlflow_plugins.jobs import _patience

T = TypeVar("T")


def insist(action: Callable[[], T], *, stopping: threading.Event) -> T:
    """Do something until the server answers. See `mlflow_plugins.jobs._patience.insist`.

    Args:
        action: What to do; doing it twice must be the same as doing it once.
        stopping: Set when this process is to end.
    """
    return _patience.insist(action, is_pointless=stopping.is_set, notify=_say_that_it_waits)


def say(line: str) -> None:
    """Write a line to the sweep's log."""
    print(line, flush=True)  # noqa: T201


def _say_that_it_waits(error: Exception) -> None:
    say(f"The server does not answer; the sweep waits ({type(error).__name__}).")
