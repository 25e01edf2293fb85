"""Files that were uploaded for a job, laid out as the folder that its document counts from."""

import json
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio._upload_places import remove_upload, uploaded_file

_N_ENTRIES = 10_000
_PIECE = 1 << 20
_UNREADABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError)


def read_tokens(value: str | None) -> list[str]:
    """Return the uploads that a page's field names; none if it holds anything else."""
    try:
        files: Any = json.loads(value or "[]")
        return [str(one["token"]) for one in files]
    except (ValueError, TypeError, KeyError):
        return []


@contextmanager
def laid_out(studio: Studio, tokens: Sequence[str]) -> Iterator[Path]:
    """Lay uploads out in a folder of their own: archives unpacked, other files by their names.

    Raises:
        NotFound: An upload is not known, or not the present user's.
        InvalidInput: An archive cannot be read, or is too large.
    """
    limit_bytes = int(studio.settings.code_mib * 2**20)
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for token in tokens:
            file = uploaded_file(studio, token)
            if file.suffix.lower() == ".zip":
                unpack(file, folder, limit_bytes=limit_bytes)
            else:
                shutil.copyfile(file, folder / file.name)
        yield folder


def forget(studio: Studio, tokens: Sequence[str]) -> None:
    """Remove uploads that nobody needs any more."""
    for token in tokens:
        remove_upload(studio, token)


def unpack(archive: Path, folder: Path, *, limit_bytes: int) -> None:
    """Unpack a zip archive; links in it are left out, and nothing lands outside the folder.

    Raises:
        InvalidInput: It is no zip archive, it is encrypted, it holds too much, or a path in it
            leads out of the folder.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [one for one in opened.infolist() if not _is_link(one)]
            if len(entries) > _N_ENTRIES:
                raise InvalidInput(
                    f"{archive.name} holds {len(entries)} files; at most {_N_ENTRIES} are taken. "
                    "Leave out what the job does not need."
                )
            left = limit_bytes
            for entry in entries:
                target = _target(folder, entry.filename, archive.name)
                if entry.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    left -= _write(opened, entry, target, left, archive.name)
    except _UNREADABLE as error:
        raise InvalidInput(
            f"{archive.name} cannot be unpacked ({error}). Give a zip archive without a password."
        ) from error


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _target(folder: Path, name: str, archive: str) -> Path:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name[:2]:
        raise InvalidInput(f"{archive}: the path {name!r} leads out of the archive. Pack it again.")
    return folder / path


def _write(
    opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, limit_bytes: int, archive: str
) -> int:
    """Unpack one file, as long as there is room for it; return its size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    n_bytes = 0
    with opened.open(entry) as source, target.open("wb") as file:
        while piece := source.read(_PIECE):  # what the archive says of its size may be a lie
            n_bytes += len(piece)
            if n_bytes > limit_bytes:
                raise InvalidInput(
                    f"{archive} holds more than the studio takes. Leave out data, and make data "
                    "assets of it; or raise MLFLOW_STUDIO_CODE_MIB."
                )
            file.write(piece)
    if entry.external_attr >> 16 & stat.S_IXUSR:
        target.chmod(0o755)
    return n_bytes
