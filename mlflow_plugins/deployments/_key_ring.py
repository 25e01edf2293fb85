"""Who may score: the keys as a running server knows them."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from mlflow_plugins.core import Clock, SystemClock
from mlflow_plugins.deployments._failures import ScoringFailure
from mlflow_plugins.deployments._keys import Key, find_key

LOOKUP_SECONDS = 0.5
"""Unknown keys make the server look into the store at most once in this time."""

_SYSTEM_CLOCK = SystemClock()
_LOGGER = logging.getLogger(__name__)


class Guard(Protocol):
    """Decides whether a request may be answered."""

    async def check(self, authorization: str | None) -> None:
        """Return if the header admits; otherwise raise a ScoringFailure (401 or 503)."""
        ...


class OpenDoor:
    """Admits everybody: for a server that a person runs for themselves."""

    async def check(self, _authorization: str | None) -> None:
        """Return always."""


class KeyRing:
    """Knows the hashes of the valid keys, and looks them up again when an unknown key comes.

    Args:
        read: Reads the keys from the store; called in a thread.
        clock: Tells the time.
    """

    def __init__(self, read: Callable[[], Iterable[Key]], *, clock: Clock = _SYSTEM_CLOCK) -> None:
        self._read = read
        self._clock = clock
        self._keys: Sequence[Key] = ()
        self._lock = asyncio.Lock()
        self._looked_up_at = float("-inf")

    def replace(self, keys: Iterable[Key]) -> None:
        """Take over keys that were read elsewhere."""
        self._keys = tuple(keys)

    async def check(self, authorization: str | None) -> None:
        """Admit the bearer of a valid key.

        Raises:
            ScoringFailure: 401 without one, 503 if the store cannot be asked about an unknown one.
        """
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise ScoringFailure(
                401, "A key is needed. Send it in the header 'Authorization: Bearer KEY'."
            )
        text = text.strip()
        if not self._knows(text):
            await self._look_up(time.monotonic())
            if not self._knows(text):
                raise ScoringFailure(
                    401,
                    "This key is not, or no longer, a key of this deployment. "
                    "Get one with: mlflow-studio endpoint keys NAME --issue",
                )

    def _knows(self, text: str) -> bool:
        return find_key(self._keys, text, self._clock.now()) is not None

    async def _look_up(self, asked_at: float) -> None:
        """Read the keys, unless somebody did since `asked_at`; all who wait share one reading."""
        async with self._lock:
            if self._looked_up_at > asked_at:
                return
            await asyncio.sleep(max(0.0, self._looked_up_at + LOOKUP_SECONDS - time.monotonic()))
            self._looked_up_at = time.monotonic()
            try:
                self.replace(await asyncio.to_thread(self._read))
            except Exception as error:
                _LOGGER.warning("The keys cannot be read now (%s).", type(error).__name__)
                raise ScoringFailure(
                    503, "This key is not known here, and the store cannot be asked now."
                ) from error
