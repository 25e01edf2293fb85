"""Digests over all of the content: any changed byte, anywhere, changes the digest."""

import hashlib
from pathlib import Path

_BLOCK_BYTES = 1 << 20


def content_digest(path: Path) -> str:
    """Return the SHA-256, in hex, of a file's bytes or of a folder's files and their names.

    A folder's digest does not depend on the order in which the file system lists it.
    """
    if path.is_file():
        return _file_digest(path)
    total = hashlib.sha256()
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        name = file.relative_to(path).as_posix()
        total.update(f"{_file_digest(file)}  {name}\n".encode())
    return total.hexdigest()


def content_size_bytes(path: Path) -> int:
    """Return the size of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(file.stat().st_size for file in files)


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
