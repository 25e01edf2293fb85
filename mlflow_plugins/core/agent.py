"""The agent: looks at the store again and again and makes the world match it.

An agent keeps nothing in memory that the store does not have, so it can be killed at any moment and
the next one carries on; any number may run, on any machine that reaches the server. What it does is
the sum of its reconcilers, which features register under the entry-point group
``mlflow_studio.reconcilers``.
"""

import logging
import signal
import threading
from collections.abc import Callable, Collection, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType
from typing import Protocol

from mlflow import MlflowClient

from mlflow_plugins.core.settings import Settings

RECONCILERS = "mlflow_studio.reconcilers"

_LOGGER = logging.getLogger(__name__)

_woken = threading.Event()


def wake() -> None:
    """Have the agent of this process look now instead of after its poll."""
    _woken.set()


class Reconciler(Protocol):
    """One feature's part of an agent.

    Made by a factory ``(client, settings, folder) -> Reconciler`` that the entry point names; the
    folder is the agent's own, on this machine.
    """

    def reconcile(self) -> None:
        """Look once and act; return within about a second. Called again and again.

        An error is logged and the next call comes as usual, so one that concerns a single item must
        be handled here, lest it keep the other items from their turn.
        """
        ...

    def stop(self) -> None:
        """End what runs on this machine because the agent was asked to end."""
        ...


def load_reconcilers(
    client: MlflowClient, settings: Settings, folder: Path, *, only: Collection[str] = ()
) -> list[Reconciler]:
    """Make one reconciler of every kind that is installed, or of those that are named."""
    return [
        point.load()(client, settings, folder)
        for point in sorted(entry_points(group=RECONCILERS), key=lambda point: point.name)
        if not only or point.name in only
    ]


class Agent:
    """Runs reconcilers until it is asked to stop."""

    def __init__(self, reconcilers: Sequence[Reconciler], *, poll_seconds: float) -> None:
        self._reconcilers = reconcilers
        self._poll_seconds = poll_seconds
        self._stopping = threading.Event()

    def run(self) -> None:
        """Reconcile until `request_stop` or, in the main thread, until SIGTERM or SIGINT."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_signal)
            signal.signal(signal.SIGINT, self._on_signal)
        while not self._stopping.is_set():
            _woken.clear()
            for reconciler in self._reconcilers:
                if not self._stopping.is_set():
                    _attempt(reconciler, reconciler.reconcile, "it is tried again")
            if not self._stopping.is_set():
                _woken.wait(self._poll_seconds)
        for reconciler in self._reconcilers:
            _attempt(reconciler, reconciler.stop, "the others are stopped as well")

    def request_stop(self) -> None:
        """Let `run` end after the reconciler that is at work now."""
        self._stopping.set()
        wake()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.request_stop()


def _attempt(reconciler: Reconciler, act: Callable[[], None], consequence: str) -> None:
    try:
        act()
    except Exception:  # whatever it is, the agent must go on: the server may be back soon
        _LOGGER.exception("%s failed; %s", type(reconciler).__name__, consequence)
