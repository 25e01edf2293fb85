"""One upload as it lies on the disk: what is to come, what has come, what is done with it.

Any of the server's processes may be asked next, and all of them may be killed, so nothing about an
upload is kept elsewhere. What has come of a file is as many bytes as the file has: a piece is
checked in memory and then appended under a lock.
"""

import contextlib
import os
import re
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlflow_plugins.core import InvalidInput, NotFound, StudioError
from mlflow_plugins.studio._noted_work import NotedWork, locked, read_json, write_json

PIECE_BYTES = 8 << 20
MOST_FILES = 10_000
KEEP_SECONDS = 24 * 3600.0
SPARE_BYTES = 256 << 20

_MANIFEST, _CONTENT, _WORK = "upload.json", "content", "work"


class WrongOffset(StudioError):
    """A piece does not begin where the last one ended; `received` says where that was."""

    def __init__(self, offset: int, received: int) -> None:
        super().__init__(f"The piece begins at {offset}, but {received} bytes have come.")
        self.received = received


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFile:
    """A file that is to come.

    Attributes:
        path: Below the upload's content, without a way out of it.
        size_bytes: As the browser says.
    """

    path: str
    size_bytes: int


class Upload(NotedWork):
    """One upload; its folder is all there is of it."""

    @classmethod
    def begin(
        cls,
        folder: Path,
        files: Sequence[UploadFile],
        *,
        purpose: str,
        shown: str = "",
        source: Mapping[str, Any] | None = None,
    ) -> "Upload":
        """Make the folder of an upload.

        Args:
            folder: Where; must not be there yet.
            files: What is to come from the browser.
            purpose: ``data`` or ``code``.
            shown: What people call it.
            source: Where it is brought from, if it does not come from the browser.
        """
        made = cls(folder)
        made.content.mkdir(parents=True, mode=0o700)
        document = {
            "purpose": purpose,
            "shown": shown,
            "source": dict(source) if source else None,
            "files": [[one.path, one.size_bytes] for one in files],
        }
        for one in files:
            if one.size_bytes == 0:
                made._path(one).touch()
        write_json(folder / _MANIFEST, document)
        return made

    # ------------------------------------------------------------ what is to come

    @property
    def content(self) -> Path:
        """The folder with what has come."""
        return self.folder / _CONTENT

    @property
    def work(self) -> Path:
        """A folder for what is made of it."""
        path = self.folder / _WORK
        path.mkdir(exist_ok=True, mode=0o700)
        return path

    def manifest(self) -> dict[str, Any]:
        """Return what was said when it began.

        Raises:
            NotFound: It is not there any more.
        """
        found = read_json(self.folder / _MANIFEST)
        if found is None:
            raise NotFound(
                "The upload is not known, or it was left alone too long. Start it again."
            )
        return found

    def files(self) -> list[UploadFile]:
        """Return the files that are to come from the browser."""
        return [UploadFile(path=path, size_bytes=size) for path, size in self.manifest()["files"]]

    def received(self, file: UploadFile) -> int:
        """Return how many bytes of a file have come."""
        with contextlib.suppress(FileNotFoundError):
            return self._path(file).stat().st_size
        return 0

    def is_complete(self) -> bool:
        """Tell whether all bytes of all files have come."""
        return all(self.received(one) == one.size_bytes for one in self.files())

    def missing_bytes(self) -> int:
        """Return how many bytes are still to come."""
        with contextlib.suppress(NotFound):
            return sum(one.size_bytes - self.received(one) for one in self.files())
        return 0

    def things(self) -> list[Path]:
        """Return the files that lie there, by their paths."""
        return sorted(one for one in self.content.rglob("*") if one.is_file())

    def add_piece(self, index: int, offset: int, piece: bytes, *, crc32: int | None) -> int:
        """Append a piece to a file; return how many bytes of it have come then.

        Raises:
            WrongOffset: It begins elsewhere than where the last one ended.
            InvalidInput: It is not what was sent, it is longer than what is to come, or there is no
                such file.
            StudioError: The disk is full.
        """
        listed = self.manifest()["files"]
        if not 0 <= index < len(listed):
            raise InvalidInput(f"The upload has {len(listed)} files, and none with number {index}.")
        file = UploadFile(path=listed[index][0], size_bytes=listed[index][1])
        path = self._path(file)
        if crc32 is not None and zlib.crc32(piece) != crc32:
            raise InvalidInput(
                f"The piece at {offset} of {file.path!r} arrived damaged: its checksum is not what "
                "was sent. Send it again."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path) as target:
            received = int(target.seek(0, os.SEEK_END))
            if offset != received:
                raise WrongOffset(offset, received)
            if received + len(piece) > file.size_bytes:
                raise InvalidInput(
                    f"{file.path!r} was to have {file.size_bytes} bytes, and more have come. Did "
                    "it change meanwhile? Cancel, and choose it again."
                )
            _append(target, piece, received)
        os.utime(self.folder)
        return received + len(piece)

    def _path(self, file: UploadFile) -> Path:
        return self.content / file.path

    def remove(self) -> None:
        """Remove it, and end its worker if that is a process of its own."""
        self.end_process()
        shutil.rmtree(self.folder, ignore_errors=True)


def _append(target: Any, piece: bytes, received: int) -> None:
    try:
        target.write(piece)
        target.flush()
    except OSError as error:
        with contextlib.suppress(OSError):
            target.truncate(received)  # a half piece would be taken for one that has come
        raise StudioError(
            f"The server could not store the piece ({error.strerror}). Make room on its disk; "
            "sending goes on from here."
        ) from error


# ---------------------------------------------------------------- rules


def checked_files(given: Sequence[Mapping[str, Any]]) -> list[UploadFile]:
    """Return the files that a browser says it will send, with paths that stay inside.

    Raises:
        InvalidInput: There are none, too many, two with one name, or one without name or size.
    """
    if not given:
        raise InvalidInput("No file is named. Choose at least one file.")
    if len(given) > MOST_FILES:
        raise InvalidInput(
            f"There are {len(given):,} files; at most {MOST_FILES:,} are taken at once. Pack them "
            "into a zip or tar archive."
        )
    files = [_checked_file(one) for one in given]
    seen: set[str] = set()
    for file in files:
        if file.path in seen:
            raise InvalidInput(f"Two files are called {file.path!r}. Rename one of them.")
        seen.add(file.path)
    return files


def _checked_file(given: Mapping[str, Any]) -> UploadFile:
    size_bytes = given.get("size_bytes")
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or size_bytes < 0:
        raise InvalidInput(f"The size of a file is {size_bytes!r}. It must be a number of bytes.")
    text = str(given.get("path") or "").replace("\\", "/")
    if re.match(r"[A-Za-z]:/", text):
        text = text[2:]
    parts = [cleaned_name(part) for part in PurePosixPath(text).parts if part not in ("/", "..")]
    if not parts or not all(parts):
        raise InvalidInput("The file has no name. Choose a file with a name.")
    return UploadFile(path="/".join(parts), size_bytes=size_bytes)


def cleaned_name(text: str) -> str:
    """Return a file name of plain characters; an empty text if nothing of it is left."""
    return re.sub(r"[^\w.()@+, -]", "_", text).strip(". ")[-120:]


def check_room(place: Path, n_bytes: int, others: Sequence[Upload]) -> None:
    """Make sure that a disk can hold what is to come, beside what others are still sending.

    Raises:
        InvalidInput: It cannot.
    """
    free = shutil.disk_usage(place).free
    promised = sum(other.missing_bytes() for other in others)
    left = free - promised - SPARE_BYTES
    if n_bytes > left:
        also = f", of which other uploads need {in_words(promised)}" if promised else ""
        raise InvalidInput(
            f"There is no room for {in_words(n_bytes)} on the server's disk: {in_words(free)} are "
            f"free{also}, and {in_words(SPARE_BYTES)} are kept free. Make room, or let "
            "MLFLOW_STUDIO_UPLOAD_FOLDER name a folder on a larger disk."
        )


def in_words(n_bytes: float) -> str:
    """Return a number of bytes as people write it."""
    if n_bytes < 1 << 30:
        return f"{n_bytes / 2**20:.0f} MiB"
    return f"{n_bytes / 2**30:.1f} GiB"
