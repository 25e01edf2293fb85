"""Few tables are open at once, none for long, and each is opened once however many ask."""

import contextvars
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import duckdb
import pandas as pd
import pytest

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore import Filter, SortKey, open_table
from mlflow_plugins.studio.pages.data import _open_tables
from mlflow_plugins.studio.pages.data._grid_query import GridQuery
from mlflow_plugins.studio.pages.data._open_tables import OpenTables, StillOpening

BACKWARDS = GridQuery(sort=(SortKey(column="n", descending=True),))


@pytest.fixture
def opener(tmp_path):
    """Opens a table of ten rows, and notes what was opened."""
    path = tmp_path / "t.parquet"
    pd.DataFrame({"n": range(10)}).to_parquet(path)
    opened = []

    def open_one(_store, asset):
        opened.append(asset.record_id)
        time.sleep(0.05)
        own = tmp_path / f"own-{len(opened)}"
        own.mkdir()
        return open_table(path, cache=tmp_path), own

    open_one.opened, open_one.folder = opened, tmp_path
    return open_one


def asset(name):
    return SimpleNamespace(record_id=name)


def is_closed(table):
    wait_until(lambda: _refuses(table))
    return True


def _refuses(table):
    try:
        table.rows()
    except (duckdb.Error, InvalidInput) as error:  # the latter if it is closed meanwhile
        return "closed" in str(error)
    return False


def test_those_who_ask_at_the_same_time_share_one(opener):
    tables = OpenTables(opener)

    def ask(_):
        with tables.lend(None, asset("a")) as one:
            return one.table

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert opener.opened == ["a"]


def test_the_table_that_was_used_longest_ago_is_closed(opener):
    tables, kept = OpenTables(opener, most=2), {}
    for name in "abac":
        with tables.lend(None, asset(name)) as one:
            kept[name] = one.table
    wait_until(lambda: len(tables) == 2)
    assert is_closed(kept["b"])
    assert kept["a"].n_rows == kept["a"].count() == 10
    wait_until(lambda: not (opener.folder / "own-2").exists())
    assert (opener.folder / "own-1").exists()


def test_a_table_that_is_lent_stays_open(opener):
    tables = OpenTables(opener, most=1, idle_s=0.0)
    with tables.lend(None, asset("a")) as first:
        with tables.lend(None, asset("b")):
            pass
        table = first.table
        assert table.rows(limit=1).num_rows == 1
    wait_until(lambda: len(tables) == 0)
    assert is_closed(table)


def test_an_idle_table_is_closed_without_anybody_asking(opener):
    tables = OpenTables(opener, idle_s=0.2)
    with tables.lend(None, asset("a")) as one:
        table = one.table
    assert len(tables) == 1
    wait_until(lambda: len(tables) == 0)
    wait_until(lambda: not (opener.folder / "own-1").exists())
    assert is_closed(table)


def test_tables_are_closed_with_the_studio_that_opened_them(opener):
    tables = OpenTables(opener)
    tables._set_timer = lambda: None
    with tables.lend(None, asset("a")) as one:
        table = one.table
    del tables
    gc.collect()
    assert is_closed(table)


def wait_until(is_so, seconds=10.0):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_table_that_could_not_be_opened_is_tried_again(opener):
    def refuse(_store, _asset):
        raise InvalidInput("not yet")

    tables = OpenTables(refuse)
    for _ in range(2):
        with pytest.raises(InvalidInput, match="not yet"), tables.lend(None, asset("a")):
            pass
    tables._opener = opener
    with tables.lend(None, asset("a")) as one:
        assert one.table.n_rows == 10


def test_nobody_waits_long_for_a_table_that_takes_long_to_open(opener):
    is_ready = threading.Event()

    def slow(store, asset):
        assert is_ready.wait(10)
        return opener(store, asset)

    tables = OpenTables(slow, patience_s=0.05, idle_s=0.0)
    for _ in range(2):
        with pytest.raises(StillOpening, match="is being opened"), tables.lend(None, asset("a")):
            pass
    is_ready.set()
    tables._patience_s = 10
    with tables.lend(None, asset("a")) as one:
        assert one.table.n_rows == 10
    assert opener.opened == ["a"]


def test_what_went_wrong_after_the_waiting_is_told_once(opener):
    is_ready = threading.Event()

    def refuse(_store, _asset):
        assert is_ready.wait(10)
        raise TimeoutError("the place does not answer")

    tables = OpenTables(refuse, patience_s=0.05)
    with pytest.raises(StillOpening), tables.lend(None, asset("a")):
        pass
    is_ready.set()
    tables._patience_s = 10
    with pytest.raises(TimeoutError, match="does not answer"), tables.lend(None, asset("a")):
        pass
    tables._opener = opener
    with tables.lend(None, asset("a")) as one:
        assert one.table.n_rows == 10


def test_a_table_is_opened_with_the_rights_of_whoever_asked(opener):
    user = contextvars.ContextVar("user")

    def open_as(store, asset):
        assert user.get() == "ann"
        return opener(store, asset)

    user.set("ann")
    with OpenTables(open_as).lend(None, asset("a")) as one:
        assert one.table.n_rows == 10


def test_rows_are_put_in_order_once_for_all_pages(opener, monkeypatch):
    with OpenTables(opener).lend(None, asset("a")) as one:
        calls, real = [], one.table.row_numbers
        monkeypatch.setattr(
            one.table, "row_numbers", lambda **asked: calls.append(asked) or real(**asked)
        )
        with ThreadPoolExecutor(4) as pool:
            orders = list(pool.map(lambda _: one.order(BACKWARDS).tolist(), range(4)))
        assert orders == [list(range(9, -1, -1))] * 4
        few = GridQuery(conditions=(Filter(column="n", operator="<", value=3),))
        assert one.order(few).tolist() == [0, 1, 2]
        assert len(calls) == 2


def test_an_order_that_is_too_large_is_not_kept(opener, monkeypatch):
    monkeypatch.setattr(_open_tables, "_ORDER_BYTES", 39)
    with OpenTables(opener).lend(None, asset("a")) as one:
        assert one.order(BACKWARDS) is None


def test_orders_that_nobody_asks_for_go(opener, monkeypatch):
    monkeypatch.setattr(_open_tables, "_MOST_ORDERS", 2)
    with OpenTables(opener).lend(None, asset("a")) as one:
        for limit in range(5):
            one.order(GridQuery(conditions=(Filter(column="n", operator="<", value=limit),)))
        assert len(one._orders) == 2
