"""Environments on disk: made once, used by many processes, dropped when they have not been used.

An environment carries absolute paths, so it cannot be made elsewhere and moved: it is made where it
stays, and it *exists* only once its description ``environment.json`` was renamed into place, which
is the last thing its maker does. Whoever finds a folder without one starts afresh.

One lock per environment (``flock`` on ``<hash>.lock``, which the system drops with its holder):
exclusive to make or to delete it, shared to use it. So an environment that is in use cannot be
deleted, and a maker that is killed leaves nothing that is locked or that counts.
"""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_DESCRIPTION = "environment.json"
_LOG = "build.log"
_ROOT = "root"
_LOCK_SUFFIX = ".lock"
_GLANCES, _GLANCE_SECONDS = 10, 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What the maker of an environment says about it.

    Attributes:
        title: What it was made for.
        python: Version of its Python; empty if it has none.
        packages: What is installed, as ``name==version``.
        differences: In what it is not what was asked for.
    """

    title: str
    python: str
    packages: tuple[str, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedEnvironment:
    """An environment that this machine has.

    Attributes:
        hash: Names it.
        folder: Its programs are in ``bin`` below it.
        title: What it was first made for.
        python: Version of its Python; empty if it has none.
        packages: What is installed, as ``name==version``.
        differences: In what it is not what was asked for.
        size_bytes: On disk; files that it shares with others count.
        created_at: Seconds since the epoch.
        last_used_at: Seconds since the epoch.
        is_in_use: Some process of this machine uses it now.
    """

    hash: str
    folder: Path
    title: str
    python: str
    packages: tuple[str, ...]
    differences: tuple[str, ...]
    size_bytes: int
    created_at: float
    last_used_at: float
    is_in_use: bool


class Lock:
    """A lock of one environment, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, mode: int) -> bool:
        """Try to take or to convert the lock; tell whether it is held now."""
        try:
            fcntl.flock(self.descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait(self, mode: int, check: Callable[[], None]) -> None:
        """Wait for the lock; what `check` raises ends that."""
        while not self.take(mode):
            check()
            time.sleep(0.05)

    def release(self) -> None:
        """Let go of the lock. It is not an error to do so twice."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Cache:
    """The environments in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def use(
        self,
        key: str,
        make: Callable[[Path, int], Built],
        *,
        log: Path,
        check: Callable[[], None] = lambda: None,
        on_wait: Callable[[], None] = lambda: None,
    ) -> tuple[CachedEnvironment, Lock]:
        """Return an environment and a lock that keeps it while it is used.

        Args:
            key: Its hash.
            make: Called with the folder to fill and the lock's descriptor if it is not there yet;
                processes that it starts should inherit the descriptor.
            log: What `make` adds to this file is kept with the environment.
            check: Called while somebody else makes it; an exception ends the waiting.
            on_wait: Called once if somebody else is making it.
        """
        lock = Lock(self._lock_path(key))
        try:
            while True:
                self._take_shared(lock, check, on_wait)
                if self._is_there(key):
                    os.utime(self._description(key))
                    return self._read(key, is_in_use=True), lock
                lock.wait(fcntl.LOCK_EX, check)
                if not self._is_there(key):
                    self._make(key, make, lock, log)
                # Turning an exclusive lock into a shared one is no single step: look again.
        except BaseException:
            lock.release()
            raise

    @staticmethod
    def _take_shared(lock: Lock, check: Callable[[], None], on_wait: Callable[[], None]) -> None:
        for _ in range(_GLANCES):  # somebody may just be looking
            if lock.take(fcntl.LOCK_SH):
                return
            time.sleep(_GLANCE_SECONDS)
        on_wait()
        lock.wait(fcntl.LOCK_SH, check)

    def _make(self, key: str, make: Callable[[Path, int], Built], lock: Lock, log: Path) -> None:
        folder = self.folder / key
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        start = log.stat().st_size if log.exists() else 0
        try:
            built = make(folder / _ROOT, lock.descriptor)
            with log.open("rb") as file:
                file.seek(start)
                (folder / _LOG).write_bytes(file.read())
            self._describe(key, built)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _describe(self, key: str, built: Built) -> None:
        description = {
            **asdict(built),
            "size_bytes": _size(self.folder / key),
            "created_at": time.time(),
        }
        draft = self.folder / key / f".{_DESCRIPTION}"
        with draft.open("w", encoding="utf-8") as file:
            json.dump(description, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._description(key))

    # ------------------------------------------------------------ what is there

    def environments(self) -> list[CachedEnvironment]:
        """Return all environments, the last used first."""
        found = [self._read_if_there(key) for key in self._keys()]
        there = [one for one in found if one is not None]
        return sorted(there, key=lambda one: one.last_used_at, reverse=True)

    def read_log(self, key: str) -> str:
        """Return what was said when an environment was made; empty if it is not there."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / key / _LOG).read_text(encoding="utf-8", errors="replace")
        return ""

    def collect_garbage(self, *, max_count: int, max_bytes: float) -> list[str]:
        """Delete the least recently used beyond a number and a size; none that is in use.

        Returns:
            The hashes of those that were deleted.
        """
        size_bytes, dropped = 0, []
        for position, one in enumerate(self.environments()):
            size_bytes += one.size_bytes
            is_too_much = position >= max_count or size_bytes > max_bytes
            if is_too_much and self.delete(one.hash):
                size_bytes -= one.size_bytes
                dropped.append(one.hash)
        for key in self._keys():
            if not self._is_there(key):
                self.delete(key)  # its maker was killed
        return dropped

    def delete(self, key: str) -> bool:
        """Delete an environment unless it is in use; tell whether it is gone."""
        with self._exclusive(key) as is_held:
            if is_held:
                self._description(key).unlink(missing_ok=True)
                shutil.rmtree(self.folder / key, ignore_errors=True)
            return is_held

    @contextlib.contextmanager
    def _exclusive(self, key: str) -> Iterator[bool]:
        lock = Lock(self._lock_path(key))
        try:
            yield lock.take(fcntl.LOCK_EX)
        finally:
            lock.release()

    def _keys(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        names = sorted(one.name for one in self.folder.iterdir() if one.is_dir())
        return [name for name in names if not name.startswith(".")]  # a tool's own cache

    def _is_there(self, key: str) -> bool:
        """Tell whether an environment is complete, and its Python has not gone from the machine."""
        folder = self.folder / key / _ROOT / "bin"
        return self._description(key).is_file() and not _is_broken_link(folder / "python")

    def _read_if_there(self, key: str) -> CachedEnvironment | None:
        with self._exclusive(key) as is_held:
            try:
                return self._read(key, is_in_use=not is_held)
            except FileNotFoundError:
                return None

    def _read(self, key: str, *, is_in_use: bool) -> CachedEnvironment:
        path = self._description(key)
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return CachedEnvironment(
            hash=key,
            folder=self.folder / key / _ROOT,
            title=stored["title"],
            python=stored["python"],
            packages=tuple(stored["packages"]),
            differences=tuple(stored["differences"]),
            size_bytes=stored["size_bytes"],
            created_at=stored["created_at"],
            last_used_at=path.stat().st_mtime,
            is_in_use=is_in_use,
        )

    def _description(self, key: str) -> Path:
        return self.folder / key / _DESCRIPTION

    def _lock_path(self, key: str) -> Path:
        return self.folder / f"{key}{_LOCK_SUFFIX}"


def _is_broken_link(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _size(folder: Path) -> int:
    return sum(one.lstat().st_size for one in folder.rglob("*") if not one.is_dir())
