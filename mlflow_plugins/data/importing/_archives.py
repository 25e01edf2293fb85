"""Archives from strangers: unpacked within limits, nothing outside of the folder."""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mlflow_plugins.core import InvalidInput, NotAllowed

MOST_FILES = 10_000
MOST_BYTES = 16 << 30
MOST_RATIO = 200  # text packs at 5 to 20; a bomb at 1000 and more
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_SMALL_BYTES = 1 << 20
# `tarfile` raises the last two where a header ends too early.
_DAMAGED = (tarfile.TarError, zlib.error, lzma.LZMAError, OSError, EOFError, TypeError, ValueError)


def is_archive(name: str) -> bool:
    """Tell by its name whether a file is an archive that `unpack` takes."""
    return name.lower().endswith(ARCHIVES)


def check_archive(path: Path) -> list[zipfile.ZipInfo]:
    """Make sure that a ZIP file can be unpacked without harm; return its files.

    Raises:
        InvalidInput: It is no ZIP file, is empty or damaged, or needs a password.
        NotAllowed: It has a name that leads out, a link, or far more content than bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InvalidInput(
            f"{path.name!r} is not a ZIP file, or it is damaged: {error}."
        ) from error
    for entry in entries:
        _check_entry(path, entry)
    if not entries:
        raise InvalidInput(f"{path.name!r} has no files in it.")
    n_bytes = sum(one.file_size for one in entries)
    if len(entries) > MOST_FILES or n_bytes > MOST_BYTES:
        raise NotAllowed(
            f"{path.name!r} unpacks to {len(entries):,} files with {n_bytes / 2**30:.1f} GiB. At "
            f"most {MOST_FILES:,} files and {MOST_BYTES / 2**30:.0f} GiB are unpacked: unpack it "
            "yourself and import the folder."
        )
    return entries


def _check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    _check_entry_name(path, entry.filename)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise NotAllowed(
            f"{path.name!r} has the link {entry.filename!r}. Put the file in its place."
        )
    if entry.flag_bits & 1:
        raise InvalidInput(f"{path.name!r} needs a password. Unpack it and import the files.")
    packed = max(entry.compress_size, 1)
    if entry.file_size > _SMALL_BYTES and entry.file_size / packed > MOST_RATIO:
        raise NotAllowed(
            f"{path.name!r}: {entry.filename!r} unpacks to {entry.file_size / packed:,.0f} times "
            f"its size ({entry.file_size / 2**20:,.0f} MiB). More than {MOST_RATIO} times is not "
            "unpacked: unpack it yourself and import the file."
        )


def _check_entry_name(path: Path, text: str) -> PurePosixPath:
    name = PurePosixPath(text.replace("\\", "/"))
    is_out = name.is_absolute() or ".." in name.parts or "\0" in text
    if is_out or not name.parts or ":" in name.parts[0]:
        raise NotAllowed(f"{path.name!r} has the name {text!r}, which leads out of it.")
    return name


def unpack(path: Path, folder: Path) -> list[Path]:
    """Unpack an archive into a folder; return its files by name. See `check_archive`."""
    return _unpack_zip(path, folder) if path.suffix.lower() == ".zip" else _unpack_tar(path, folder)


def _unpack_tar(path: Path, folder: Path) -> list[Path]:
    """Unpack a TAR file as it is read: what it says of itself beforehand is not known."""
    found: list[Path] = []
    n_bytes = 0
    most_bytes = min(MOST_BYTES, max(_SMALL_BYTES, MOST_RATIO * path.stat().st_size))
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                target = _target_in(folder, path, member)
                if target is None:
                    continue
                if len(found) == MOST_FILES:
                    raise NotAllowed(f"{path.name!r} has more than {MOST_FILES:,} files in it.")
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as copy:
                    for block in _blocks(archive, member):
                        n_bytes += len(block)
                        if n_bytes > most_bytes:
                            raise NotAllowed(
                                f"{path.name!r} unpacks to more than {MOST_RATIO} times its size, "
                                f"or more than {MOST_BYTES / 2**30:.0f} GiB. Unpack it yourself "
                                "and upload the folder."
                            )
                        copy.write(block)
                found.append(target)
    except _DAMAGED as error:
        raise InvalidInput(
            f"{path.name!r} is not a TAR file, or it is damaged: {error}."
        ) from error
    if not found:
        raise InvalidInput(f"{path.name!r} has no files in it.")
    return sorted(set(found))


def _target_in(folder: Path, path: Path, member: tarfile.TarInfo) -> Path | None:
    """Return where a member goes; None for a folder."""
    if member.isdir():
        return None
    name = _check_entry_name(path, member.name)
    if not member.isreg():
        raise NotAllowed(
            f"{path.name!r} has {member.name!r}, which is a link or a device. Put a file in its "
            "place."
        )
    target = folder / name
    if not target.resolve().is_relative_to(folder.resolve()):
        raise NotAllowed(f"{path.name!r}: {member.name!r} leads out of it.")
    return target


def _blocks(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    source = archive.extractfile(member)
    while source is not None and (block := source.read(1 << 20)):
        yield block


def _unpack_zip(path: Path, folder: Path) -> list[Path]:
    found = []
    entries = check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in entries:
                target = folder / PurePosixPath(entry.filename.replace("\\", "/"))
                if not target.resolve().is_relative_to(folder.resolve()):
                    raise NotAllowed(f"{path.name!r}: {entry.filename!r} leads out of it.")
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, target.open("wb") as copy:
                    while block := source.read(1 << 20):
                        copy.write(block)
                found.append(target)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
        raise InvalidInput(f"{path.name!r} is damaged: {error}.") from error
    return sorted(found)
