"""Waiting for a server that is away: work that is done must not be lost to an outage."""

import time
from collections.abc import Callable
from typing import TypeVar

import requests
from mlflow.exceptions import MlflowException

_PATIENCE_SECONDS = 900.0

T = TypeVar("T")


def insist(
    action: Callable[[], T],
    *,
    is_pointless: Callable[[], bool],
    notify: Callable[[Exception], object] = lambda _: None,
) -> T:
    """Do it again until the server answers.

    Args:
        action: What to do; doing it twice must be the same as doing it once.
        is_pointless: Tells that nobody needs it any more.
        notify: Gets the error of every try after which another follows.

    Raises:
        MlflowException: The server refuses, or was away for too long.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return action()
        except (MlflowException, requests.RequestException) as error:
            if not is_passing(error) or is_pointless() or time.monotonic() > deadline:
                raise
            notify(error)
        time.sleep(1.0)


def is_passing(error: Exception) -> bool:
    """Tell whether an error says that the server is away rather than that it refuses."""
    if isinstance(error, MlflowException):
        return error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
    if not isinstance(error, requests.RequestException):
        return False
    return error.response is None or error.response.status_code >= 500
