"""Archives from strangers: unpacked within limits, nothing outside of the folder."""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from mlflow_plugins.core import InvalidInput, NotAllowed

MOST_FILES = 10_000
MOST_BYTES = 16 << 30
MOST_RATIO = 200  # text packs at 5 to 20; a bomb at 1000 and more
_SMALL_BYTES = 1 << 20


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
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0] or "\0" in str(name):
        raise NotAllowed(f"{path.name!r} has the name {entry.filename!r}, which leads out of it.")
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


def unpack(path: Path, folder: Path) -> list[Path]:
    """Unpack a ZIP file into a folder; return its files by name. See `check_archive`."""
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
