"""A table in the studio: how long each step of a reader waits for the server, and its memory.

Starts a server with one process, makes the table of `data.py` a data asset, and asks what the page
asks: the first rows, jumps, orders, filters, a search, heads of columns, charts. "Wait" is what the
browser waits for an answer, permission check and JSON included, and "CPU" what the server's process
works for it, on two threads at most; "again" is the next page of the same order or filter. The
profile is from the first question to the answer that has it; its own process works for it.

    python benchmarks/data_pages.py [--rows 1000000 10000000]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import requests
from data import make
from mlflow import MlflowClient

from mlflow_plugins.core import AssetStore
from mlflow_plugins.data import create_data_asset
from mlflow_plugins.testing import servers

Times = tuple[float, float]  # milliseconds: waited, worked

PAGE = 100
COLUMNS = [f"c{place}" for place in range(20)]
BALANCE, COUNTRY, X, Y, SEEN = "c4", "c13", "c6", "c7", "c19"
ABOVE = {BALANCE: {"filterType": "number", "type": "greaterThan", "filter": 5000}}
# Each with another value, so that nothing is known from before.
SORTS = [[[COLUMNS[place], True]] for place in (2, 4, 12, 17)]
SEARCHES = ["word17", "country 3", "user99"]
CHARTS: dict[str, dict[str, Any]] = {
    "histogram": {"kind": "histogram", "x": BALANCE},
    "bars": {"kind": "bar", "x": COUNTRY},
    "box plot by group": {"kind": "box", "y": BALANCE, "by": "c12"},
    "scatter": {"kind": "scatter", "x": X, "y": Y},
    "heat map": {"kind": "heat", "x": X, "y": Y},
    "time series by group": {
        "kind": "time",
        "x": SEEN,
        "y": BALANCE,
        "function": "mean",
        "by": "c12",
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {"HOME": str(folder / "home")}
        with servers.tracking_server(
            folder / "server", app_name="studio", environment=environment
        ) as server:
            for n_rows in options.rows:
                measure(server, make(folder, n_rows), n_rows)


def measure(server: servers.TrackingServer, path: Path, n_rows: int) -> None:
    name = f"table-{n_rows}"
    create_data_asset(AssetStore(MlflowClient(server.uri)), path, name=name)
    page = Page(server, name)
    print(f"\n{n_rows:,} rows, {path.stat().st_size / 1e6:.0f} MB   load {os.getloadavg()[0]:.1f}")
    print(f"{'milliseconds':<34}{'wait':>8}{'CPU':>8}{'again':>10}{'CPU':>8}")
    show("open", page.ask("data-open"), page.ask("data-open"))
    show("first rows", page.rows(), page.rows(offset=PAGE))
    show("jump", page.rows(offset=n_rows // 2), page.rows(offset=n_rows - PAGE))
    show("sort, median of 4 columns", median(page.rows(sort=sort) for sort in SORTS))
    deep = [page.rows(sort=sort, offset=n_rows // 3) for sort in SORTS]
    again = [page.rows(sort=sort, offset=n_rows // 2) for sort in SORTS]
    show("far into these orders", median(deep), median(again))
    both = [[COUNTRY, False], [BALANCE, True]]
    show("sort by two columns", page.rows(sort=both))
    show("filter", page.rows(filters=ABOVE), page.rows(filters=ABOVE, offset=n_rows // 10))
    show("search all columns, median of 3", median(page.rows(search=text) for text in SEARCHES))
    show("filter, search and sort", page.rows(filters=ABOVE, search="word3", sort=SORTS[0]))
    heads = [page.ask("data-summary", columns=[key]) for key in COLUMNS]
    show("head of a column, median of 20", median(heads))
    for kind, choice in CHARTS.items():
        show(f"chart: {kind}", page.ask("data-chart", choice=choice))
    began = time.perf_counter()
    while "working_s" in page.answer("data-profile"):
        time.sleep(0.2)
    print(f"{'profile':<34}{1000 * (time.perf_counter() - began):>8.0f}")
    print(f"largest answer {page.largest_bytes / 1e3:.0f} kB; server processes {memory(server)}")


class Page:
    """Asks what a page asks."""

    def __init__(self, server: servers.TrackingServer, name: str) -> None:
        self.base, self.name = f"{server.uri}/studio/_call/", name
        self.session = requests.Session()
        self.processes = family(server)
        self.largest_bytes = 0

    def answer(self, question: str, **asked: object) -> dict[str, Any]:
        """Return what the server answers."""
        answer = self.session.post(self.base + question, json={"name": self.name, **asked})
        answer.raise_for_status()
        self.largest_bytes = max(self.largest_bytes, len(answer.content))
        document: dict[str, Any] = answer.json()
        return document

    def ask(self, question: str, **asked: object) -> Times:
        """Return how long the answer took, and how long the server worked for it."""
        worked, began = self.worked(), time.perf_counter()
        self.answer(question, **asked)
        return 1000 * (time.perf_counter() - began), 1000 * (self.worked() - worked)

    def rows(self, **asked: object) -> Times:
        """Return how long a page of rows took."""
        return self.ask("data-rows", columns=COLUMNS, limit=PAGE, **asked)

    def worked(self) -> float:
        """Return the CPU seconds of the server until now."""
        return sum(sum(one.cpu_times()[:2]) for one in self.processes)


def median(times: Iterable[Times]) -> Times:
    waits, works = zip(*times, strict=True)
    return statistics.median(waits), statistics.median(works)


def show(what: str, first: Times, again: Times | None = None) -> None:
    more = f"{again[0]:>10.0f}{again[1]:>8.0f}" if again else ""
    print(f"{what:<34}{first[0]:>8.0f}{first[1]:>8.0f}{more}", flush=True)


def family(server: servers.TrackingServer) -> list[psutil.Process]:
    process = psutil.Process(server.pid)
    return [process, *process.children(recursive=True)]


def memory(server: servers.TrackingServer) -> str:
    return ", ".join(f"{one.memory_info().rss / 1e6:.0f} MB" for one in family(server))


if __name__ == "__main__":
    main()
