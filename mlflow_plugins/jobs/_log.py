"""The log of a job: stored in pieces while it grows, read from anywhere.

Artifacts cannot be appended to, so new output becomes a new file ``logs/<offset>.txt`` on the
queue's record; the name says at which byte of the log it begins. A reader that polls fetches only
the pieces it has not seen. Pieces end between characters, never within one.
"""

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import mlflow.artifacts
from mlflow import MlflowClient

from mlflow_plugins.core import Record, upload
from mlflow_plugins.jobs._job import has_outcome, job_record_id, read_state

_FOLDER = "logs"
_PIECE_BYTES = 4 << 20
_READ_BYTES = 1 << 20
_MAX_WAIT_FACTOR = 30
_TAIL_BYTES = 4096
_TAIL_LINES = 10
_LOOK_SECONDS = 0.03
_FIRST_PAUSE_SECONDS = 0.1
_HEADER_SECONDS = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSlice:
    """A part of a log.

    Attributes:
        text: What was stored from the offset on; empty if there is nothing new.
        next_offset: Where to go on reading, in bytes.
        is_complete: The job has ended and this is the last part.
    """

    text: str
    next_offset: int
    is_complete: bool


def read_log(client: MlflowClient, run_id: str, *, offset: int = 0) -> LogSlice:
    """Read a job's log from an offset on, about a mebibyte at a time.

    Args:
        client: Client of the tracking store.
        run_id: The user's run.
        offset: Zero, or the ``next_offset`` of the part before.

    Raises:
        NotFound: There is no such run, or it is not a job's.
    """
    return open_log(client, run_id).read(offset)


def open_log(client: MlflowClient, run_id: str) -> "RecordLog":
    """Return the stored log of a job, to be read more than once.

    Raises:
        NotFound: There is no such run, or it is not a job's.
    """
    return RecordLog(client, read_state(client, job_record_id(client, run_id)))


class RecordLog:
    """The stored log of one job: pieces among the files of the queue's record."""

    def __init__(self, client: MlflowClient, record: Record) -> None:
        self._client = client
        self._record_id = record.id
        self._has_ended = has_outcome(record)
        self._was_asked = True  # by whoever read the record
        self._artifact_uri = record.artifact_uri

    def read(self, offset: int) -> LogSlice:
        """Do as `read_log`."""
        has_ended = self._look()  # asked first: then nothing comes after
        position, content = offset, b""
        pieces = [piece for piece in self._pieces() if piece.end > offset]
        while pieces and len(content) < _READ_BYTES:
            piece = pieces.pop(0)
            content += self._download(piece)[position - piece.start :]
            position = piece.end
        return LogSlice(
            text=content.decode(errors="replace"),
            next_offset=position,
            is_complete=has_ended and not pieces,
        )

    def read_all(self) -> bytes:
        """Return all that has been stored."""
        return b"".join(map(self._download, self._pieces()))

    def store(self, content: bytes, *, offset: int) -> None:
        """Store a piece that begins at an offset."""
        with tempfile.TemporaryDirectory() as folder:
            piece = Path(folder) / f"{offset:015d}.txt"
            piece.write_bytes(content)
            upload(self._client, self._artifact_uri, piece, _FOLDER)

    def _look(self) -> bool:
        """Tell whether the job has ended."""
        if not self._has_ended and not self._was_asked:
            self._has_ended = has_outcome(read_state(self._client, self._record_id))
        self._was_asked = False
        return self._has_ended

    def _pieces(self) -> list["_Piece"]:
        found = mlflow.artifacts.list_artifacts(
            artifact_uri=f"{self._artifact_uri}/{_FOLDER}", tracking_uri=self._client.tracking_uri
        )
        files = sorted(found, key=lambda file: str(file.path))
        starts = [int(Path(file.path).stem) for file in files]
        return [
            _Piece(file.path, start, start + (file.file_size or 0))
            for file, start in zip(files, starts, strict=True)
        ]

    def _download(self, piece: "_Piece") -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=f"{self._artifact_uri}/{_FOLDER}/{Path(piece.path).name}",
                dst_path=folder,
                tracking_uri=self._client.tracking_uri,
            )
            return Path(path).read_bytes()


@dataclass(frozen=True, slots=True)
class _Piece:
    path: str
    start: int
    end: int


class LogKeeper:
    """Stores what a growing local file gets, in the background.

    The command's first output is stored at once, together with the runner's own lines before it,
    which wait for it a moment; what follows comes within moments. Later pieces come at an
    interval that grows with their number, so that a job that talks for days leaves thousands of
    pieces, not a hundred thousand.
    """

    def __init__(
        self,
        log: RecordLog,
        path: Path,
        *,
        seconds: float,
        may_write: Callable[[], bool],
    ) -> None:
        self._log = log
        self._path = path
        self._seconds = seconds
        self._may_write = may_write
        self._offset = path.stat().st_size
        self._n_pieces = 0
        self._size_at_start = self._offset
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begin to look after the file."""
        self._size_at_start = self._path.stat().st_size
        self._thread.start()

    def close(self) -> None:
        """Store the rest and end.

        Raises:
            MlflowException: The rest could not be stored.
        """
        self._closing.set()
        self._thread.join()
        while self._may_write() and self._store_next(is_last=True):
            pass

    def _run(self) -> None:
        due = time.monotonic() + _HEADER_SECONDS
        while not self._closing.wait(_LOOK_SECONDS):
            size = self._path.stat().st_size
            has_spoken = self._n_pieces == 0 and size > self._size_at_start
            if size == self._offset or (time.monotonic() < due and not has_spoken):
                continue
            with contextlib.suppress(Exception):  # the server may be back for the next piece
                if self._may_write():
                    self._store_next(is_last=False)
            due = time.monotonic() + pause_after(self._n_pieces, self._seconds)

    def _store_next(self, *, is_last: bool) -> bool:
        """Store one piece; tell whether there was one."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            content = file.read(_PIECE_BYTES)
        whole = len(content) if is_last else whole_characters(content)
        if whole == 0:
            return False
        self._log.store(content[:whole], offset=self._offset)
        self._offset += whole
        self._n_pieces += 1
        return True


def say(path: Path, sentence: str) -> None:
    """Append a line of our own to a log, on a line of its own."""
    with contextlib.suppress(OSError):  # a full disk must not keep a job from its end
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END) if file.seekable() else 0
            is_in_line = end > 0 and _last_byte(file) != b"\n"
        with path.open("ab") as file:
            file.write(f"{chr(10) * is_in_line}[studio] {sentence}\n".encode())


def tail(path: Path) -> list[str]:
    """Return the last lines of a log that are not ours."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return [line for line in lines if not line.startswith("[studio] ")][-_TAIL_LINES:]


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read()


def pause_after(n_pieces: int, seconds: float) -> float:
    """Return how long to wait after that many pieces of a log.

    Example:
        >>> [pause_after(n, 1.0) for n in (0, 1, 2, 3, 30, 10_000)]
        [0.0, 0.1, 0.2, 0.4, 2.0, 30.0]
    """
    if n_pieces == 0:
        return 0.0
    slow = seconds * min(1 + n_pieces // 30, _MAX_WAIT_FACTOR)
    return float(min(slow, _FIRST_PAUSE_SECONDS * 2.0 ** min(n_pieces - 1, 20)))


def whole_characters(content: bytes) -> int:
    """Return how many of the bytes end with a complete UTF-8 character.

    Example:
        >>> whole_characters("aé".encode()[:2])
        1
    """
    for back in range(1, min(4, len(content)) + 1):
        byte = content[-back]
        if byte & 0b1100_0000 == 0b1000_0000:  # inside a character
            continue
        needed = 4 if byte >= 0b1111_0000 else 3 if byte >= 0b1110_0000 else 2
        is_cut = byte >= 0b1100_0000 and back < needed
        return len(content) - back if is_cut else len(content)
    return len(content)
