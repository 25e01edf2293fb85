"""Uvicorn with an end that no client notices, and what one server process does meanwhile."""

import asyncio
import logging
import os
import socket
import stat
import sys
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from mlflow_plugins.deployments._app import ScoringApp

DRAIN_SECONDS = 1.5
"""How long clients with open connections are told to close them before we do."""

_OUTPUT_LIMIT_BYTES = 8 * 2**20
_LOGGER = logging.getLogger(__name__)


class ScoringServer(uvicorn.Server):
    """Serves an app on a listening socket until it is asked to end.

    Then it takes no new connections, answers what is under way with ``Connection: close``, and ends
    when no connection is left or after `DRAIN_SECONDS`; requests that still run then have
    `finish_seconds` more.
    """

    def __init__(self, app: ScoringApp, *, finish_seconds: float) -> None:
        super().__init__(
            uvicorn.Config(
                app.to_asgi(),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=max(1, round(finish_seconds)),
            )
        )
        self.is_serving = asyncio.Event()
        self._app = app
        self._drain_until: float | None = None

    def drain(self, reason: str) -> None:
        """Begin to end. May be called from any thread, more than once."""
        if not self._app.is_draining:
            _LOGGER.info("This server ends: %s.", reason)
            self._app.is_draining = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal, end at once at the second."""
        if self._app.is_draining:
            super().handle_exit(sig, frame)
        self.drain(f"signal {sig}")

    async def on_tick(self, counter: int) -> bool:
        """Uvicorn's beat, ten times a second; True ends the server."""
        self.is_serving.set()
        if self._app.is_draining:
            if self._drain_until is None:
                self._drain_until = time.monotonic() + DRAIN_SECONDS
                for one in self.servers:
                    one.close()
            if not self.server_state.connections or time.monotonic() > self._drain_until:
                return True
        return await super().on_tick(counter)


async def run(
    server: ScoringServer,
    listener: socket.socket,
    *,
    on_ready: Callable[[], None],
    look: Callable[[], None],
    watch_seconds: float,
) -> None:
    """Serve until the end, looking at the store now and then in a thread.

    Args:
        server: Not started yet.
        listener: The socket to serve on.
        on_ready: Called when requests are answered.
        look: What is done every now and then.
        watch_seconds: How often.
    """

    async def watch() -> None:
        await server.is_serving.wait()
        on_ready()
        while True:
            await asyncio.to_thread(look)
            limit_output()
            await asyncio.sleep(watch_seconds)

    watching = asyncio.create_task(watch())
    try:
        await server.serve(sockets=[listener])
    finally:
        watching.cancel()


def limit_output() -> None:
    """Empty this process's log when it has grown too long; only if it is a file."""
    facts = os.fstat(sys.stderr.fileno())
    if stat.S_ISREG(facts.st_mode) and facts.st_size > _OUTPUT_LIMIT_BYTES:
        os.ftruncate(sys.stderr.fileno(), 0)
        _LOGGER.info("The log had grown to %d bytes; it begins anew here.", facts.st_size)
