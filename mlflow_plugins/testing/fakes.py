"""Stand-ins for what a test must hold in its hand."""

import threading


class ManualClock:
    """A clock that moves only when it is told to; sleeping moves it. Safe between threads.

    Example:
        >>> clock = ManualClock(100.0)
        >>> clock.advance(5)
        >>> clock.now()
        105.0
    """

    def __init__(self, now: float = 1_000_000.0) -> None:
        self._now = now
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return seconds since the epoch."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Let that much time pass at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let that much time pass."""
        with self._lock:
            self._now += seconds
