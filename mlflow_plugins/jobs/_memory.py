"""The memory limit of a job: what all of its processes use together, looked at again and again.

Limits of the kernel count one process (RLIMIT) or need rights that an agent may not have (cgroups),
so the runner looks: cheaply at first, and exactly (shared pages counted once) before it acts.
"""

import contextlib
import time

import psutil

_PAUSE_SECONDS = 0.5


class MemoryExceeded(Exception):
    """A job's processes use more memory than its share has."""


class MemoryGuard:
    """Watches the descendants of this process.

    Args:
        limit_gib: What they may use together.
    """

    def __init__(self, limit_gib: float) -> None:
        self._limit_gib = limit_gib
        self._due = 0.0

    def check(self) -> None:
        """Look, unless the last look was a moment ago.

        Raises:
            MemoryExceeded: They use more than they may.
        """
        if not self._limit_gib or time.monotonic() < self._due:
            return
        family = psutil.Process().children(recursive=True)
        limit_bytes = self._limit_gib * 2**30
        if _resident_bytes(family) > limit_bytes and _own_bytes(family) > limit_bytes:
            raise MemoryExceeded(
                f"The job used more than its memory limit ({self._limit_gib:.2f} GiB) and was "
                "stopped. Give it more: resources.instance_count, or a compute with larger "
                "instances (memory_gib or size)."
            )
        self._due = time.monotonic() + _PAUSE_SECONDS


def _resident_bytes(family: list[psutil.Process]) -> int:
    """Return a sum that is never too small: pages that processes share are counted for each."""
    total = 0
    for process in family:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def _own_bytes(family: list[psutil.Process]) -> int:
    """Return the sum in which a page that n processes share counts as 1/n for each."""
    total = 0
    for process in family:
        with contextlib.suppress(psutil.Error):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.uss)
    return total
