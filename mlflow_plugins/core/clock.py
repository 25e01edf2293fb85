"""Time as an argument: code that measures or compares time takes a `Clock`."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits.

    `now` must be comparable between machines (seconds since the epoch), because leases compare the
    times of several of them.
    """

    def now(self) -> float:
        """Return seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        time.sleep(seconds)
