"""Exploring a table of millions of rows, beside pandas, and its profile beside ydata-profiling.

Makes a table of 20 columns (numbers, texts, categories, dates, missing values) as Parquet, and
measures in one run what a user waits for: the first rows, a page sorted by each column, a filtered
page, and the profile. pandas gets what it needs for that, the whole file in memory: its first rows
wait for it. Its profile is `describe` and `nunique`, a part of ours. Each tool runs in a process of
its own, so that the peak of memory is its own.

    python benchmarks/data.py [--rows 1000000 10000000] [--profile-rows 20000]

ydata-profiling needs an older pandas than ours. Install it into an environment of its own:

    python -m venv /tmp/ydata
    /tmp/ydata/bin/pip install ydata-profiling pyarrow "setuptools<81"
    python benchmarks/data.py --ydata-python /tmp/ydata/bin/python
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

CHUNK_ROWS = 250_000
PAGE = 100
REPEATS = 3

# Figures of the same content: all columns, all correlations, missing values, duplicates.
YDATA = """
import json, resource, sys, time
import pandas as pd
frame = pd.read_parquet(sys.argv[1])
began = time.perf_counter()
from ydata_profiling import ProfileReport
report = ProfileReport(frame, minimal=False, progress_bar=False, interactions={"targets": []})
report.get_description()
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"profile": seconds, "peak MB": peak}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--profile-rows", type=int, default=20_000, help="beside ydata-profiling")
    parser.add_argument("--ydata-python", default=sys.executable)
    parser.add_argument("--folder", type=Path, help="keep tables here and use them again")
    parser.add_argument("--tool", choices=sorted(TOOLS), help=argparse.SUPPRESS)
    parser.add_argument("--table", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.tool:
        print(json.dumps(TOOLS[options.tool](options.table)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        for n_rows in options.rows:
            compare_tools(make(folder, n_rows), n_rows)
        compare_profiles(make(folder, options.profile_rows), options)


def compare_tools(table: Path, n_rows: int) -> None:
    print(f"\n{n_rows:,} rows, {table.stat().st_size / 1e6:.0f} MB   load {os.getloadavg()[0]:.1f}")
    found = {tool: in_own_process(tool, table) for tool in ("studio", "pandas")}
    print(f"{'seconds':<28}{'studio':>10}{'pandas':>10}")
    for name in found["studio"]:
        cells = "".join(f"{found[tool].get(name, float('nan')):>10.2f}" for tool in found)
        print(f"{name:<28}{cells}")


def compare_profiles(table: Path, options: argparse.Namespace) -> None:
    print(f"\nprofile of {options.profile_rows:,} rows beside ydata-profiling, minimal=False")
    check = [options.ydata_python, "-c", "import ydata_profiling"]
    if subprocess.run(check, capture_output=True, check=False).returncode != 0:
        print("ydata-profiling is not installed; the head of this file says how to get it")
        return
    ours = in_own_process("profile", table)
    command = [options.ydata_python, "-W", "ignore", "-c", YDATA, str(table)]
    theirs = json.loads(run(command).splitlines()[-1])
    print(f"{'':<28}{'studio':>10}{'ydata':>10}")
    for name, value in theirs.items():
        print(f"{name:<28}{ours[name]:>10.2f}{value:>10.2f}")


def in_own_process(tool: str, table: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--tool", tool, "--table", str(table)]
    found: dict[str, float] = json.loads(run(command).splitlines()[-1])
    return found


def run(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


# ---------------------------------------------------------------- the tools


def studio(path: Path) -> dict[str, float]:
    from mlflow_plugins.data.explore import Filter, SortKey, open_table

    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as cache:
        began = time.perf_counter()
        table = open_table(path, cache=Path(cache))
        table.rows(limit=PAGE)
        figures["open and first rows"] = time.perf_counter() - began
        sorts = [
            median(
                lambda name=column.name: table.rows(sort=[SortKey(column=name, descending=True)])
            )
            for column in table.columns
        ]
        figures["sort, median of columns"] = statistics.median(sorts)
        figures["sort, slowest column"] = max(sorts)
        filters = [
            Filter(column="balance", operator=">", value=9_000.0),
            Filter(column="country", operator="=", value="country 3"),
        ]
        figures["filter, first rows"] = median(lambda: table.rows(filters=filters))
        figures["filter, count"] = median(lambda: table.count(filters=filters))
        table.close()
    return figures | profile(path)


def profile(path: Path) -> dict[str, float]:
    from mlflow_plugins.data.explore import open_table
    from mlflow_plugins.data.explore import profile as make_profile

    with tempfile.TemporaryDirectory() as cache, open_table(path, cache=Path(cache)) as table:
        began, cpu = time.perf_counter(), time.process_time()
        make_profile(table)
        seconds = time.perf_counter() - began
        cpu = time.process_time() - cpu
    return {"profile": seconds, "profile, CPU": cpu, "peak MB": peak_mb()}


def pandas(path: Path) -> dict[str, float]:
    import pandas as pd

    figures: dict[str, float] = {}
    began = time.perf_counter()
    frame = pd.read_parquet(path)
    frame.head(PAGE)
    figures["open and first rows"] = time.perf_counter() - began
    sorts = [
        once(lambda name=name: frame.sort_values(name, ascending=False, kind="stable").head(PAGE))
        for name in ("id", "balance", "n_orders", "segment", "email", "seen")
    ]
    figures["sort, median of columns"] = statistics.median(sorts)
    figures["sort, slowest column"] = max(sorts)

    def chosen() -> pd.DataFrame:
        return frame[(frame["balance"] > 9_000.0) & (frame["country"] == "country 3")]

    figures["filter, first rows"] = median(lambda: chosen().head(PAGE))
    figures["filter, count"] = median(lambda: len(chosen()))
    figures["profile"] = once(lambda: (frame.describe(include="all"), frame.nunique()))
    return figures | {"peak MB": peak_mb()}


TOOLS: dict[str, Callable[[Path], dict[str, float]]] = {
    "studio": studio,
    "pandas": pandas,
    "profile": profile,
}


def once(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def median(call: Callable[[], object]) -> float:
    return statistics.median(once(call) for _ in range(REPEATS))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---------------------------------------------------------------- the table


def make(folder: Path, n_rows: int, seed: int = 0) -> Path:
    """Write the table in pieces; the same seed gives the same rows."""
    import pyarrow.parquet

    path = folder / f"table-{n_rows}.parquet"
    if path.exists():
        return path
    generator = np.random.default_rng(seed)
    writer = None
    for start in range(0, n_rows, CHUNK_ROWS):
        piece = rows(generator, start, min(CHUNK_ROWS, n_rows - start))
        writer = writer or pyarrow.parquet.ParquetWriter(path, piece.schema)
        writer.write_table(piece)
    writer.close()
    return path


def rows(generator: np.random.Generator, start: int, n: int) -> object:
    import pyarrow as pa

    def gaps(values: np.ndarray, share: float) -> pa.Array:
        return pa.array(values, mask=generator.random(n) < share)

    def labels(codes: np.ndarray, prefix: str, count: int) -> np.ndarray:
        return np.array([f"{prefix} {i}" for i in range(count)], dtype=object)[codes]

    words = np.array([f"word{i}" for i in range(2_000)])
    x = generator.normal(size=n)
    amount = np.round(generator.lognormal(3.0, 1.2, n), 2)
    seconds = generator.integers(0, 3 * 365 * 86_400, n)
    seen = (seconds + 1_577_836_800).astype("datetime64[s]")
    people = generator.integers(0, 2_000_000, n)
    notes = words[generator.integers(0, 2_000, (n, 4))]
    columns = {
        "id": np.arange(start, start + n),
        "age": generator.integers(18, 95, n).astype(np.int16),
        "income": gaps(amount * 120.0, 0.05),
        "amount": amount,
        "balance": generator.normal(1_000.0, 5_000.0, n),
        "score": generator.random(n),
        "x": x,
        "y": 0.6 * x + 0.8 * generator.normal(size=n),
        "ratio": gaps(generator.beta(2.0, 5.0, n), 0.2),
        "n_orders": generator.poisson(2.5, n),
        "n_visits": gaps(generator.geometric(0.05, n), 0.1),
        "is_member": generator.random(n) < 0.3,
        "segment": labels(generator.integers(0, 8, n), "segment", 8),
        "country": labels(np.minimum(generator.geometric(0.04, n), 200) - 1, "country", 200),
        "city": labels(generator.integers(0, 20_000, n), "city", 20_000),
        "product": gaps(labels(generator.integers(0, 500, n), "product", 500), 0.1),
        "email": [f"user{one}@example.org" for one in people],
        "note": [" ".join(one) for one in notes],
        "day": seen.astype("datetime64[D]"),
        "seen": seen.astype("datetime64[us]"),
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


if __name__ == "__main__":
    main()
