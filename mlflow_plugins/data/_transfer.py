"""Files between this machine and a file system of fsspec, and what a file says about itself."""

import posixpath
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mlflow_plugins.core import NotFound, StudioError

LOOK_UP_SECONDS = 10.0

Mask = Callable[[str], str]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a remote file says about itself without being read.

    Attributes:
        etag: The provider's word for this content.
        size_bytes: Its length.
        modified: When it was written, as the provider puts it.
    """

    etag: str = ""
    size_bytes: int | None = None
    modified: str = ""

    def as_document(self) -> dict[str, Any]:
        """Return what is known, as JSON types."""
        known = {"etag": self.etag, "size_bytes": self.size_bytes, "modified": self.modified}
        return {key: value for key, value in known.items() if value not in ("", None)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file or folder in a file system.

    Attributes:
        files: An fsspec file system.
        path: Where in it.
        shown: What people call the place, without secrets.
        mask: Removes the secrets that go with the place from a text.
    """

    files: Any
    path: str
    shown: str
    mask: Mask

    def ask(self) -> Fingerprint:
        """Return what the place says about itself.

        Raises:
            NotFound: There is nothing.
        """
        try:
            if self.files.isdir(self.path):
                return Fingerprint()
            return read_info(self.files.info(self.path))
        except FileNotFoundError:
            raise NotFound(nothing_at(self.shown)) from None

    def ask_all(self) -> dict[str, Fingerprint]:
        """Return what each file below the place says about itself, by its path below it.

        Raises:
            NotFound: There is nothing.
        """
        found = self.files.find(self.path, detail=True)
        if not found:
            raise NotFound(nothing_at(self.shown))
        base = self.path.strip("/")
        return {
            str(name).strip("/").removeprefix(base).strip("/"): read_info(info)
            for name, info in found.items()
        }

    def copy_to(self, folder: Path) -> Path:
        """Copy it into a folder of this machine; return where it lies.

        Raises:
            NotFound: There is nothing.
            StudioError: It cannot be read; the message says why.
        """
        try:
            names = [str(name) for name in self.files.find(self.path)]
            is_file = [name.strip("/") for name in names] == [self.path.strip("/")]
            base = posixpath.dirname(self.path) if is_file else self.path
            targets = [_target(folder, name, base) for name in names]
            for target in targets:
                target.parent.mkdir(parents=True, exist_ok=True)
            self.files.get(names, [str(target) for target in targets])
        except FileNotFoundError:
            raise NotFound(nothing_at(self.shown)) from None
        except StudioError:
            raise
        except Exception as error:  # each provider has exceptions of its own
            raise unreadable(self.shown, error, self.mask) from error
        if not names:
            raise NotFound(nothing_at(self.shown))
        return targets[0] if is_file else folder

    def write(self, source: Path) -> None:
        """Copy a file or a folder of this machine to it.

        Raises:
            StudioError: It cannot be written; the message says why.
        """
        sources = [source] if source.is_file() else _files_below(source)
        places = [
            self.path if source.is_file() else f"{self.path}/{one.relative_to(source).as_posix()}"
            for one in sources
        ]
        try:
            for parent in {posixpath.dirname(place) for place in places}:
                self.files.makedirs(parent, exist_ok=True)
            self.files.put([str(one) for one in sources], places)
        except Exception as error:
            reason = reason_of(error, self.mask)
            raise StudioError(f"{self.shown} cannot be written: {reason}.") from error


def patiently(ask: Callable[[], Answer]) -> Answer | None:
    """Ask, for ten seconds at most; None if there is no answer or no access.

    Raises:
        NotFound: The place answers that there is nothing.
    """
    found: list[Answer | NotFound] = []

    def try_it() -> None:
        try:
            found.append(ask())
        except NotFound as error:
            found.append(error)
        except Exception:  # noqa: BLE001  # whatever it is, whoever fetches it will say it
            return

    thread = threading.Thread(target=try_it, daemon=True)  # storage libraries retry for minutes
    thread.start()
    thread.join(LOOK_UP_SECONDS)
    if not found:
        return None
    if isinstance(found[0], NotFound):
        raise found[0]
    return found[0]


def read_info(info: Mapping[str, Any]) -> Fingerprint:
    """Read what fsspec says about a file, in the words of any provider."""

    def first(*keys: str) -> Any:
        return next((info[key] for key in keys if info.get(key) is not None), "")

    return Fingerprint(
        etag=str(first("etag", "ETag", "md5Hash")).strip('"'),
        size_bytes=info.get("size"),
        modified=str(first("last_modified", "LastModified", "updated", "mtime")),
    )


def _files_below(folder: Path) -> list[Path]:
    return [one for one in folder.rglob("*") if one.is_file()]


def _target(folder: Path, name: str, base: str) -> Path:
    relative = name.lstrip("/").removeprefix(base.strip("/")).lstrip("/")
    target = (folder / relative).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise StudioError(f"The name {name!r} leads out of the folder that it belongs to.")
    return target


# ---------------------------------------------------------------- words


def nothing_at(shown: str) -> str:
    """Say that a place is empty."""
    return f"There is nothing at {shown}. Check the address, and whether it is public."


def unreadable(shown: str, error: Exception, mask: Mask) -> StudioError:
    """Return the error that says why a place cannot be read."""
    return StudioError(
        f"{shown} cannot be read: {reason_of(error, mask)}. Check that this machine reaches it, "
        "and give the agent the credentials for it in its environment if it is not public."
    )


def reason_of(error: Exception, mask: Mask) -> str:
    """Return the first line of an error, without secrets."""
    lines = str(error).strip().splitlines()
    text = mask(lines[0] if lines else type(error).__name__)
    return text[:300].rstrip(".")
