"""Profiles for pages: kept ones at once, others computed beside the server, each only once.

A page asks again and again until the profile is there; whichever of the server's processes is
asked finds it, in the version's artifacts or among this machine's files.
"""

import contextlib
import hashlib
import json
import subprocess
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_plugins.core import Asset, AssetStore, InvalidInput
from mlflow_plugins.studio.pages.data._open_tables import OpenTables

if TYPE_CHECKING:
    from mlflow_plugins.data.explore import TableProfile

_MOST_AT_WORK = 1
_MOST_WAITING = 8
_TIMEOUT_S = 1800.0
_MOST_KNOWN = 4

_Key = tuple[str, str | None]


class Work:
    """One profile that is being computed, or waits for its turn."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.is_over = False
        self.error: Exception | None = None


class Profiles:
    """The profiles that this process knows or has computed."""

    def __init__(self, tables: OpenTables) -> None:
        self._tables = tables
        self._known: OrderedDict[_Key, TableProfile] = OrderedDict()
        self._work: dict[_Key, Work] = {}
        self._lock = threading.Lock()
        self._turn = threading.BoundedSemaphore(_MOST_AT_WORK)

    def ask(
        self, store: AssetStore, asset: Asset, target: str | None = None
    ) -> "TableProfile | Work":
        """Return a profile, or the work on it, which is begun if need be.

        Args:
            store: The asset's store, with the rights of whoever asks.
            asset: A table, read with these rights.
            target: See `explore.profile`.

        Raises:
            InvalidInput: It is no table, or has no such target.
            StudioError: The computation failed; asking again begins anew.
        """
        key = (asset.record_id, target)
        with self._lock:
            found = self._known.get(key)
        found = found or self._read(store, asset, target)
        if found is not None:
            self._note(key, found)
            return found
        with self._lock:
            work = self._work.get(key)
            if work is None:
                if len(self._work) >= _MOST_WAITING:
                    raise InvalidInput(
                        f"{_MOST_WAITING} profiles are waiting to be computed. Try again later."
                    )
                work = self._work[key] = Work()
                is_new = True
            else:
                is_new = False
                if work.is_over:
                    del self._work[key]
        if is_new:
            self._begin(store, asset, target, key, work)
        elif work.error is not None:
            raise work.error
        return work

    def _begin(
        self, store: AssetStore, asset: Asset, target: str | None, key: _Key, work: Work
    ) -> None:
        """Open the table with the rights of whoever asks; the rest needs no rights."""
        stack = contextlib.ExitStack()
        try:
            files = stack.enter_context(self._tables.lend(store, asset)).table.files
        except BaseException:
            with self._lock:
                self._work.pop(key, None)
            raise
        # A daemon, so that a server that is stopped does not wait for it.
        threading.Thread(
            target=self._compute,
            args=(stack, files, result_of(asset, target), target, work),
            name="profile",
            daemon=True,
        ).start()

    def _compute(
        self,
        stack: contextlib.ExitStack,
        files: tuple[Path, ...],
        result: Path,
        target: str | None,
        work: Work,
    ) -> None:
        from mlflow_plugins.data import await_profile, cache_folder, start_profile

        with stack, self._turn:  # the table's files stay as long as they are read
            try:
                cache = cache_folder() / "tables"
                process: subprocess.Popen[bytes] = start_profile(
                    files, target=target, result=result, cache=cache
                )
                await_profile(process, timeout_s=_TIMEOUT_S)
            except Exception as error:  # noqa: BLE001 - handed to whoever asks next
                work.error = error
            finally:
                work.is_over = True

    def _read(self, store: AssetStore, asset: Asset, target: str | None) -> "TableProfile | None":
        from mlflow_plugins.data import keep_profile, kept_profile

        if target is None and (kept := kept_profile(store, asset)):
            return kept
        found = _from_file(result_of(asset, target))
        if found is not None and target is None:
            keep_profile(store, asset, found)
        return found

    def _note(self, key: _Key, found: "TableProfile") -> None:
        with self._lock:
            self._work.pop(key, None)
            self._known[key] = found
            self._known.move_to_end(key)
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)


def result_of(asset: Asset, target: str | None) -> Path:
    """Return where a profile lies on this machine."""
    from mlflow_plugins.data import cache_folder

    about = "" if target is None else "-" + hashlib.sha256(target.encode()).hexdigest()[:16]
    return cache_folder() / "profiles" / f"{asset.record_id}{about}.json"


def _from_file(path: Path) -> "TableProfile | None":
    from mlflow_plugins.data.explore import TableProfile

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    try:
        return TableProfile.from_dict(document)
    except InvalidInput:  # another version of this package wrote it
        path.unlink(missing_ok=True)
        return None
