"""What the agents and submitters of one workspace on one machine share: a folder, and a nudge.

Nothing in it is needed for long: it is in the system's folder for temporary files, and the store
knows everything else. Two agents of one user on one machine divide that machine between them
(`_ledger`), and whoever puts a job into the queue wakes them at once instead of within a poll.
"""

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from mlflow_plugins.core import Records, StudioError

_NUDGES = "nudges"


def machine_folder(records: Records, kind: str) -> Path:
    """Return this user's folder for a workspace on this machine, making it on first use.

    Args:
        records: Of the workspace; its first index run's id, which is unique, names the folder.
        kind: A kind of record that the workspace has.

    Raises:
        StudioError: Somebody else owns a folder of that name.
    """
    root = Path(tempfile.gettempdir()) / f"mlflow-studio-{os.getuid()}"
    folder = root / records.index_run_ids(kind)[0]
    root.mkdir(mode=0o700, exist_ok=True)
    if root.stat().st_uid != os.getuid():
        raise StudioError(
            f"The folder {str(root)!r} belongs to another user, so agents cannot meet there. "
            "Remove it, or set TMPDIR to another folder."
        )
    (folder / _NUDGES).mkdir(parents=True, exist_ok=True)
    return folder


class Alarm:
    """Calls its owner when somebody on this machine nudges the workspace's agents.

    Raises:
        OSError: The machine gives no such socket; then there is only polling.
    """

    def __init__(self, folder: Path, ring: Callable[[], object]) -> None:
        self._ring = ring
        self._path = folder / _NUDGES / str(os.getpid())
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path))
        threading.Thread(target=self._listen, name="alarm", daemon=True).start()

    def close(self) -> None:
        """Take no more nudges."""
        self._path.unlink(missing_ok=True)
        self._socket.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                self._socket.recv(16)
                self._ring()


def nudge(folder: Path) -> None:
    """Wake the agents that share a folder; it is no harm if there is none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for path in (folder / _NUDGES).iterdir():
            try:
                sender.sendto(b"!", str(path))
            except ConnectionRefusedError:  # its owner was killed
                path.unlink(missing_ok=True)
            except OSError:  # it is being woken already, or has just gone
                continue
