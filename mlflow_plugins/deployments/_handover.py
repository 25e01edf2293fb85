"""Listening sockets that outlive a server process.

A new generation gets the very socket on which the old one listens, through a Unix socket in the
folder of the deployment (SCM_RIGHTS). Both then take connections from one queue, so the old one can
stop without a connection being refused, and the address never changes.
"""

import contextlib
import errno
import socket
import threading
import time
from pathlib import Path

from mlflow_plugins.core import StudioError

_BACKLOG = 2048


def bind(host: str, port: int, *, is_chosen: bool) -> socket.socket:
    """Return a listening socket.

    Args:
        host: Name or address.
        port: Port; 0 for a free one.
        is_chosen: Whether the user wants this port. Otherwise any other will do if it is taken.

    Raises:
        StudioError: The port is taken or not allowed.
    """
    attempts = 25 if is_chosen else 1  # one that ends now may still hold it
    for attempt in range(attempts):
        try:
            return _listen(host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and attempt < attempts - 1:
                time.sleep(0.2)
            elif error.errno == errno.EADDRINUSE and not is_chosen and port:
                return _listen(host, 0)
            else:
                raise StudioError(
                    f"The server cannot listen on {host}:{port} ({error.strerror}). "
                    "Choose another port or host, or leave the port out to get a free one."
                ) from error
    raise AssertionError


def _listen(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    # The protocol is named because asyncio sends small packets at once (TCP_NODELAY) only then.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def offer(listener: socket.socket, path: Path) -> None:
    """Give the listening socket to every later generation that asks; never ends.

    Args:
        listener: The socket that this process listens on.
        path: The Unix socket, relative to the working directory because its length is limited.
    """
    path.unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(path))
    path.chmod(0o600)
    door.listen()

    def serve() -> None:
        while True:
            with contextlib.suppress(OSError):
                guest, _ = door.accept()
                with guest:
                    if listener.fileno() >= 0:  # else this server ends already
                        socket.send_fds(guest, [b"."], [listener.fileno()])

    threading.Thread(target=serve, name="handover", daemon=True).start()


def take_over(path: Path) -> socket.socket | None:
    """Return the socket on which another process listens, or None if it is gone."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as guest:
        guest.settimeout(5.0)
        guest.connect(str(path))
        _, numbers, _, _ = socket.recv_fds(guest, 1, 1)
        if numbers:
            return socket.socket(fileno=numbers[0])
    return None
