"""One deadline for everything."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Seconds that may be spent, counted from `started`.

    Attributes:
        seconds: The whole budget.
        clock: Monotonic seconds; injected so that tests need not wait.
        started: Reading of `clock` when the user called.
    """

    seconds: float
    clock: Callable[[], float] = time.monotonic
    started: float = field(default_factory=time.monotonic)

    def spent(self) -> float:
        """Seconds since the start."""
        return self.clock() - self.started

    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.seconds - self.spent()

    @property
    def closing_seconds(self) -> float:
        """What is held back for choosing the ensemble and assembling the predictor."""
        return min(max(0.04 * self.seconds, 0.4), 6.0)

    def left_for_search(self, assembly_seconds: float = 0.0) -> float:
        """Seconds left before the search has to stop.

        Args:
            assembly_seconds: Measured or estimated cost of loading the chosen models.
        """
        return self.left() - self.closing_seconds - assembly_seconds
