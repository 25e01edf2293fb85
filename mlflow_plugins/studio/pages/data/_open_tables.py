"""Tables that this process keeps open for a while, so that a page does not open one per question.

Few, and not for long: an open table holds DuckDB's memory. Who asks has read the asset with his
own rights before; a record's id belongs to one workspace only. What takes long to open, because it
must be fetched or converted, is opened by a thread of its own, so that no request waits for it.
"""

import contextlib
import contextvars
import shutil
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

from mlflow_plugins.core import Asset, AssetStore, StudioError
from mlflow_plugins.studio.pages.data._grid_query import GridQuery

if TYPE_CHECKING:
    from mlflow_plugins.data.explore import Table

TIMEOUT_S = 20.0
_CONVERSION_S = 1800.0  # of CSV and JSON lines, once for all
_MEMORY = "1GB"
_MOST_OPEN = 3
_IDLE_S = 300.0
_PATIENCE_S = 10.0
_MOST_ORDERS = 8
_ORDER_BYTES = 64 << 20  # of one table; 16 million rows

T = TypeVar("T")
Opener = Callable[[AssetStore, Asset], tuple["Table", Path | None]]


class StillOpening(StudioError):
    """The table is being fetched or converted; whoever asks again later gets it."""

    code = TEMPORARILY_UNAVAILABLE


class OpenTable:
    """A table, and the row numbers of the questions that were asked last."""

    def __init__(self) -> None:
        self.users = 0
        self.last_used = time.monotonic()
        self.was_told = False
        self._opened: Future[tuple[Table, Path | None]] = Future()
        self._orders: OrderedDict[GridQuery, Future[np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def table(self) -> "Table":
        """The table; only for those to whom it was lent."""
        return self._opened.result()[0]

    @property
    def is_broken(self) -> bool:
        """Whether it could not be opened."""
        return self._opened.done() and self._opened.exception() is not None

    def open(self, opener: Callable[[], tuple["Table", Path | None]]) -> None:
        """Open it; called once, the others `wait`."""
        with contextlib.suppress(Exception):  # told to those who wait
            _fulfil(self._opened, opener)

    def wait(self, seconds: float) -> None:
        """Wait until it is open.

        Raises:
            StillOpening: It takes longer.
            StudioError: Whatever its opener raised.
        """
        try:
            self._opened.result(seconds)
        except TimeoutError:
            if self._opened.done():  # its opener's own
                self.was_told = True
                raise
            raise StillOpening(
                "The table is being opened: it is fetched and, unless it is Parquet, converted, "
                "once for all. Ask again in a moment."
            ) from None
        except Exception:
            self.was_told = True
            raise

    def close(self) -> None:
        """Free its memory, and what was fetched for it alone."""
        if self.is_broken or not self._opened.done():
            return
        table, folder = self._opened.result()
        table.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def knows(self, query: GridQuery) -> bool:
        """Whether the order of a question is there already."""
        with self._lock:
            return query in self._orders

    def order(self, query: GridQuery) -> np.ndarray | None:
        """Return the numbers of the rows that a question is about, in its order.

        They are computed once for all of its pages. None if they would take too much memory:
        then each page has to be asked for by itself.
        """
        table = self.table
        # One file's numbers are its places; with several, the upper bits say which file.
        kind = np.uint32 if len(table.files) == 1 and table.n_rows < 1 << 32 else np.int64
        n_bytes = table.n_rows * np.dtype(kind).itemsize
        if n_bytes > _ORDER_BYTES:
            return None
        with self._lock:
            known = self._orders.get(query)
            if known is not None:
                self._orders.move_to_end(query)
            else:
                mine = self._orders[query] = Future()
                most = min(_MOST_ORDERS, max(1, _ORDER_BYTES // max(1, n_bytes)))
                while len(self._orders) > most:
                    self._orders.popitem(last=False)
        if known is not None:
            return known.result()
        try:
            _fulfil(
                mine,
                lambda: table.row_numbers(filters=query.conditions, sort=query.sort).astype(kind),
            )
        except BaseException:
            with self._lock:
                self._orders.pop(query, None)
            raise
        return mine.result()


class OpenTables:
    """The open tables of one process, by the ids of their records.

    Args:
        opener: Opens an asset's table; may return a folder that goes when the table is closed.
        most: How many may be open while nobody uses them.
        idle_s: Seconds without a question after which one is closed.
        patience_s: Most seconds that a request waits for a table to be opened.
    """

    def __init__(
        self,
        opener: Opener | None = None,
        *,
        most: int = _MOST_OPEN,
        idle_s: float = _IDLE_S,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._opener = opener or open_for_page
        self._most = most
        self._idle_s = idle_s
        self._patience_s = patience_s
        self._open: OrderedDict[str, OpenTable] = OrderedDict()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        weakref.finalize(self, _close_all, self._open)  # DuckDB wants to be closed before the end

    @contextmanager
    def lend(self, store: AssetStore, asset: Asset) -> Iterator[OpenTable]:
        """Lend an asset's table, opened if need be; it stays open as long as it is lent.

        Raises:
            InvalidInput: The asset is no table.
            StudioError: Its content is not what was noted.
            StillOpening: It takes long to open; whoever asks again later gets it.
        """
        with self._lock:
            one = self._open.get(asset.record_id)
            if one is None or (one.is_broken and one.was_told):
                one = self._open[asset.record_id] = OpenTable()
                one.users += 1  # who opens it
                self._start(one, store, asset)
            one.users += 1
            self._open.move_to_end(asset.record_id)
        try:
            one.wait(self._patience_s)
            yield one
        finally:
            self._give_back(one)

    def _start(self, one: OpenTable, store: AssetStore, asset: Asset) -> None:
        def work() -> None:
            try:
                one.open(lambda: self._opener(store, asset))
            finally:
                self._give_back(one)

        # The request's context has the user and the workspace; the store asks for both.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(work,), name="open-table", daemon=True).start()

    def _give_back(self, one: OpenTable) -> None:
        with self._lock:
            one.users -= 1
            one.last_used = time.monotonic()
        self.close_idle()

    def close_idle(self) -> None:
        """Close what nobody has used for long, and the oldest if too many are open."""
        now = time.monotonic()
        with self._lock:
            free = [
                (key, one)
                for key, one in self._open.items()
                if one.users == 0 and not one.is_broken
            ]
            n_too_many = len(self._open) - self._most
            closing = [
                (key, one)
                for place, (key, one) in enumerate(free)
                if place < n_too_many or now - one.last_used >= self._idle_s
            ]
            broken = [
                key
                for key, one in self._open.items()
                if one.is_broken
                and one.users == 0
                and (one.was_told or now - one.last_used >= self._idle_s)
            ]
            for key in [*broken, *(key for key, _ in closing)]:
                del self._open[key]
            self._set_timer()
        for _, one in closing:
            one.close()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def _set_timer(self) -> None:
        if self._open and self._timer is None:
            self._timer = threading.Timer(self._idle_s + 1, self._on_timer)
            self._timer.daemon = True
            self._timer.start()

    def _on_timer(self) -> None:
        with self._lock:
            self._timer = None
        self.close_idle()


def _close_all(tables: "OrderedDict[str, OpenTable]") -> None:
    while tables:
        _, one = tables.popitem()
        one.close()


def open_for_page(store: AssetStore, asset: Asset) -> tuple["Table", Path | None]:
    """Open an asset's table with the limits of a page.

    What an asset by reference points to is fetched anew, to see whether it has changed, into a
    folder of its own: another process may be reading what it has fetched.
    """
    from mlflow_plugins.data import cache_folder, open_asset
    from mlflow_plugins.data.explore import Limits

    own = None
    if asset.spec.get("is_reference"):
        own = Path(tempfile.mkdtemp(prefix="mlflow-studio-table-"))
    cache = own or cache_folder()
    limits = Limits(
        memory=_MEMORY,
        timeout_s=TIMEOUT_S,
        write_timeout_s=_CONVERSION_S,
        temp_folder=cache / "tables" / "spill",
    )
    try:
        return open_asset(store, asset, cache=cache, limits=limits), own
    except BaseException:
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)
        raise


def _fulfil(promise: "Future[T]", work: Callable[[], T]) -> None:
    try:
        promise.set_result(work())
    except BaseException as error:
        promise.set_exception(error)
        raise
