"""Keeping child processes alive until we are asked to stop, and ending all of them then."""

import logging
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from mlflow_plugins.core import Clock, StudioError, SystemClock
from mlflow_plugins.core.processes import stop_tree

_LOGGER = logging.getLogger(__name__)

_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 30.0
_HEALTHY_SECONDS = 60.0
_LOG_TAIL_LINES = 15


@dataclass(slots=True, kw_only=True)
class Child:
    """A process to keep alive.

    Attributes:
        name: For messages.
        command: What to run.
        environment: All of its environment.
        log: File that its output is appended to.
        stop_seconds: How long it may take to end when asked.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_seconds: float
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    delay_seconds: float = field(default=_FIRST_DELAY_SECONDS, init=False)
    restart_at: float | None = field(default=None, init=False)

    def log_tail(self) -> str:
        """Return the last lines of its log."""
        if not self.log.exists():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])


class Supervisor:
    """Starts children, restarts those that end, and stops all of them in reverse order."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._children: list[Child] = []
        self._clock = clock or SystemClock()
        self._stopping = threading.Event()

    def stop_on_signals(self) -> None:
        """Let SIGINT and SIGTERM end `watch` (main thread only)."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    @property
    def is_stopping(self) -> bool:
        """Whether somebody asked to stop."""
        return self._stopping.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait, but not longer than until somebody asks to stop; tell whether somebody did."""
        return self._stopping.wait(seconds)

    def start(self, child: Child) -> None:
        """Start a child and take it into care."""
        self._children.append(child)
        self._spawn(child)

    def check(self, child: Child) -> None:
        """Make sure that a child that is just starting has not ended.

        Raises:
            StudioError: It has; the message holds the end of its log.
        """
        if child.process is not None and child.process.poll() is not None:
            raise StudioError(
                f"The {child.name} ended with exit code {child.process.returncode} while starting. "
                f"The end of its log ({child.log}):\n{child.log_tail()}"
            )

    def watch(self, *, poll_seconds: float = 0.5) -> None:
        """Restart children that end, with growing delays, until somebody asks to stop."""
        while not self.wait(poll_seconds):
            for child in self._children:
                self._look_after(child)

    def stop(self) -> None:
        """End every child and its family, the youngest child first."""
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                stop_tree(child.process.pid, grace_seconds=child.stop_seconds)
                child.process.wait()

    def _look_after(self, child: Child) -> None:
        now = self._clock.now()
        if child.restart_at is not None:
            if now >= child.restart_at:
                self._spawn(child)
            return
        if child.process is None or child.process.poll() is None:
            return
        if now - child.started_at > _HEALTHY_SECONDS:
            child.delay_seconds = _FIRST_DELAY_SECONDS
        _LOGGER.warning(
            "The %s ended with exit code %s; it is started again in %.0f s. Log: %s",
            child.name,
            child.process.returncode,
            child.delay_seconds,
            child.log,
        )
        child.restart_at = now + child.delay_seconds
        child.delay_seconds = min(child.delay_seconds * 2, _LONGEST_DELAY_SECONDS)

    def _spawn(self, child: Child) -> None:
        child.restart_at = None
        child.started_at = self._clock.now()
        with child.log.open("ab") as log:
            # A session of its own: Ctrl-C at the terminal reaches us alone, and we end it in order.
            child.process = subprocess.Popen(
                child.command,
                env=dict(child.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()
