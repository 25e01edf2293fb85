"""A table of gigabytes through the studio's page: how fast, and how much memory the server takes.

Starts a server with two processes, sends a CSV file in the pieces that a browser sends, has it read
to its last row and stored as Parquet, and watches the memory of every process meanwhile. Beside it:
how long the same bytes take to be written to the same disk by a plain copy.

    python benchmarks/upload.py [--gib 3] [--as-it-is]
"""

import argparse
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import requests

from mlflow_plugins.testing import servers

BLOCK_ROWS = 100_000
PATIENCE_S = 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=3.0)
    parser.add_argument("--as-it-is", action="store_true", help="store the CSV file itself")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blocks = Blocks(int(options.gib * 2**30))
        print(f"{blocks.size_bytes / 2**30:.2f} GiB, {blocks.n_rows:,} rows")
        print(f"  a plain copy to this disk: {copied(blocks, folder / 'plain.csv'):.0f} s")
        environment = {"MLFLOW_STUDIO_UPLOAD_FOLDER": str(folder / "uploads")}
        with servers.tracking_server(
            folder / "server", app_name="studio", n_workers=2, environment=environment
        ) as server:
            measure(server, blocks, as_it_is=options.as_it_is)


class Blocks:
    """A CSV file that is made as it is sent: one block of rows again and again."""

    def __init__(self, size_bytes: int) -> None:
        rng = np.random.default_rng(0)
        places = rng.choice(["Köln", "Bonn", "Ulm", "Jena"], BLOCK_ROWS)
        numbers = rng.normal(0, 1, (BLOCK_ROWS, 4)).round(4)
        lines = [
            f"{n},{place},{a},{b},{c},{d}\n"
            for n, (place, (a, b, c, d)) in enumerate(zip(places, numbers, strict=True))
        ]
        self.header = b"id,place,a,b,c,d\n"
        self.block = "".join(lines).encode()
        self.n_blocks = max(1, size_bytes // len(self.block))
        self.size_bytes = len(self.header) + self.n_blocks * len(self.block)
        self.n_rows = self.n_blocks * BLOCK_ROWS

    def pieces(self, n_bytes: int) -> Iterator[bytes]:
        """Return the file in pieces."""
        waiting = bytearray(self.header)
        for _ in range(self.n_blocks):
            waiting += self.block
            while len(waiting) >= n_bytes:
                yield bytes(waiting[:n_bytes])
                del waiting[:n_bytes]
        if waiting:
            yield bytes(waiting)


def copied(blocks: Blocks, path: Path) -> float:
    began = time.perf_counter()
    with path.open("wb") as file:
        for piece in blocks.pieces(8 << 20):
            file.write(piece)
    seconds = time.perf_counter() - began
    path.unlink()
    return seconds


class Watch(threading.Thread):
    """The most memory that each process of a server has taken."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.server = psutil.Process(pid)
        self.peaks: dict[int, float] = {}
        self.names: dict[int, str] = {}
        self.is_over = False

    def run(self) -> None:
        """Look until it is over."""
        while not self.is_over:
            for process in [self.server, *self.server.children(recursive=True)]:
                try:
                    used = process.memory_info().rss / 2**20
                    self.names[process.pid] = " ".join(process.cmdline())
                except psutil.Error:
                    continue
                self.peaks[process.pid] = max(self.peaks.get(process.pid, 0.0), used)
            time.sleep(0.1)

    def most(self, *, of_workers: bool) -> float:
        """Return the most of any process, in MiB: of the server's own, or of those that read."""
        found = [
            peak
            for pid, peak in self.peaks.items()
            if ("_import_worker" in self.names[pid]) == of_workers
        ]
        return max(found, default=0.0)


def measure(server: servers.TrackingServer, blocks: Blocks, *, as_it_is: bool) -> None:
    base = f"{server.uri}/studio/_upload"
    requests.get(f"{server.uri}/studio/_dash-layout", timeout=60)
    watch = Watch(server.pid)
    watch.start()
    time.sleep(0.5)
    before = watch.most(of_workers=False)
    files = [{"path": "large.csv", "size_bytes": blocks.size_bytes}]
    begun = requests.post(base, json={"files": files}, timeout=60)
    begun.raise_for_status()
    token, at, began = begun.json()["token"], 0, time.perf_counter()
    with requests.Session() as session:
        for piece in blocks.pieces(begun.json()["piece_bytes"]):
            address = f"{base}/{token}?offset={at}&crc32={zlib.crc32(piece)}"
            session.put(address, data=piece, timeout=120).raise_for_status()
            at += len(piece)
    seconds = time.perf_counter() - began
    print(f"  sent: {seconds:.0f} s, {blocks.size_bytes / 2**20 / seconds:.0f} MiB/s")
    print(
        f"  a server process: {before:.0f} MiB before, {watch.most(of_workers=False):.0f} at most"
    )
    began = time.perf_counter()
    wish = {"name": "large", "as_it_is": as_it_is}
    requests.post(f"{base}/{token}/finish", json=wish, timeout=60).raise_for_status()
    slowest = 0.0
    while (state := asked(f"{base}/{token}"))["phase"] == "running":
        slowest = max(slowest, state["seconds"])
        time.sleep(1)
    if state["phase"] != "done":
        raise SystemExit(state["message"])
    watch.is_over = True
    print(f"  made an asset: {time.perf_counter() - began:.0f} s")
    print(f"  a server process: {watch.most(of_workers=False):.0f} MiB at most")
    print(f"  the process that reads: {watch.most(of_workers=True):.0f} MiB at most")
    print(f"  slowest answer meanwhile: {slowest:.2f} s")


def asked(address: str) -> dict:
    began = time.perf_counter()
    found = requests.get(address, timeout=60).json()
    return found | {"seconds": time.perf_counter() - began}


if __name__ == "__main__":
    main()
