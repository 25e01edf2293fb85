"""Outlasting an outage of the server: what was asked of it is asked again."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import requests
from mlflow.exceptions import MlflowException

from mlflow_plugins.jobs.runner import is_passing

PATIENCE_SECONDS = 900.0
_PAUSE_SECONDS = 2.0

T = TypeVar("T")


def insist(action: Callable[[], T], *, stopping: threading.Event) -> T:
    """Do something until the server answers.

    Args:
        action: Can be done again when it was done half.
        stopping: Set when this process is to end.

    Raises:
        MlflowException: The server refuses, or it was away for too long.
        RequestException: It was away for too long.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return action()
        except (MlflowException, requests.RequestException) as error:
            if not is_passing(error) or stopping.is_set() or time.monotonic() > deadline:
                raise
            say(f"The server does not answer; the sweep waits ({type(error).__name__}).")
        stopping.wait(_PAUSE_SECONDS)


def say(line: str) -> None:
    """Write a line to the sweep's log."""
    print(line, flush=True)  # noqa: T201
