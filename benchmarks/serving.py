"""Requests per CPU-second of a studio deployment beside ``mlflow models serve``, in one run.

Both serve the same model from the same environment, started by their real commands, one process
each, one after the other under the same load. Wall times depend on what else the machine does;
requests per second of the server's own CPU time do so much less, and are the figures to compare.

    python benchmarks/serving.py [--seconds 5] [--clients 1 16 64]
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from mlflow_plugins.core import AssetStore, connect
from mlflow_plugins.core.processes import free_port, stop_tree, thread_limits
from mlflow_plugins.deployments import DEPLOYMENT, issue_key
from mlflow_plugins.testing.servers import create_database

N_CATEGORIES, N_NUMBERS, N_ROWS = 8, 6, 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What one load level gave."""

    n_requests: int
    wall_seconds: float
    cpu_seconds: float
    median_ms: float
    p99_ms: float

    @property
    def per_cpu_second(self) -> float:
        """Requests per second of the server's CPU time."""
        return self.n_requests / self.cpu_seconds

    def __str__(self) -> str:
        return (
            f"{self.per_cpu_second:9.0f}/CPU-s {self.n_requests / self.wall_seconds:8.0f}/s "
            f"median {self.median_ms:7.1f} ms  p99 {self.p99_ms:7.1f} ms"
        )


def make_model(folder: Path) -> dict[str, object]:
    """Save a pipeline as one finds them in practice; return one of its rows as a request."""
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rng = np.random.default_rng(0)
    categories = {f"c{n}": rng.choice(list("abcdef"), N_ROWS) for n in range(N_CATEGORIES)}
    numbers = {f"n{n}": rng.normal(size=N_ROWS) for n in range(N_NUMBERS)}
    frame = pd.DataFrame(categories | numbers)
    labels = (frame["n0"] + (frame["c0"] == "a") > 0.5).astype(int)
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), list(categories)),
        (SimpleImputer(), list(numbers)),
    )
    pipeline = make_pipeline(encode, HistGradientBoostingClassifier(max_iter=100)).fit(
        frame, labels
    )
    mlflow.sklearn.save_model(
        pipeline,
        folder,
        signature=infer_signature(frame, labels),
        input_example=frame.head(2),
        serialization_format="cloudpickle",
        pip_requirements=[],
    )
    return {"dataframe_split": frame.head(1).to_dict(orient="split")}


def load(port: int, body: bytes, headers: dict[str, str], n_clients: int, seconds: float) -> Point:
    """Ask in closed loops for some time; the process that listens on the port pays the CPU."""
    server = _listener(port)
    _ask(http.client.HTTPConnection("127.0.0.1", port), body, headers)
    latencies: list[list[float]] = [[] for _ in range(n_clients)]
    ends_at = time.perf_counter() + seconds

    def client(mine: list[float]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while (started := time.perf_counter()) < ends_at:
            _ask(connection, body, headers)
            mine.append(time.perf_counter() - started)

    threads = [threading.Thread(target=client, args=(mine,)) for mine in latencies]
    cpu_before, started = _cpu_seconds(server), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, cpu = time.perf_counter() - started, _cpu_seconds(server) - cpu_before
    milliseconds = sorted(1000 * one for mine in latencies for one in mine)
    return Point(
        n_requests=len(milliseconds),
        wall_seconds=wall,
        cpu_seconds=cpu,
        median_ms=statistics.median(milliseconds),
        p99_ms=milliseconds[int(0.99 * (len(milliseconds) - 1))],
    )


def _ask(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> None:
    connection.request("POST", "/invocations", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit(f"The server answered {answer.status}: {text!r}")


def _listener(port: int) -> psutil.Process:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            for one in process.net_connections("tcp"):
                if one.status == psutil.CONN_LISTEN and one.laddr.port == port:
                    return process
    sys.exit(f"No process listens on port {port}.")


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


@contextmanager
def background(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Run a command as long as the block lasts."""
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        stop_tree(process.pid, grace_seconds=20)


def wait_for_port(port: int, seconds: float = 240) -> None:
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(OSError):
            connection.request("GET", "/ping")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    sys.exit(f"Nothing answers on port {port}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary, chdir(temporary):
        measure(Path(temporary), options.clients, options.seconds)


def measure(folder: Path, clients: list[int], seconds: float) -> None:
    body = json.dumps(make_model(folder / "model")).encode()
    uri = create_database(folder / "mlflow.db", str(folder / "mlruns"))
    environment = {**os.environ, **thread_limits(1), "MLFLOW_TRACKING_URI": uri}
    headers = {"Content-Type": "application/json"}
    python = [sys.executable, "-m", "mlflow"]
    theirs, ours = free_port(), free_port()
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    serve = [*python, "models", "serve", "-m", "model", "--env-manager", "local", "-p", str(theirs)]
    create = [*python, "deployments", "create", "-t", "studio", "--name", "bench", "-m", "model"]
    agent = [str(Path(sys.executable).parent / "mlflow-studio"), "agent"]
    with background(agent, environment, folder), background(serve, environment, folder):
        subprocess.run([*create, "-C", f"port={ours}"], env=environment, check=True, cwd=folder)
        store = AssetStore(connect(uri))
        keyed = {**headers, "Authorization": f"Bearer {issue_key(store, 'bench')}"}
        wait_for_port(theirs)
        wait_for_port(ours)
        for n_clients in clients:
            mlflow_point = load(theirs, body, headers, n_clients, seconds)
            studio_point = load(ours, body, keyed, n_clients, seconds)
            ratio = studio_point.per_cpu_second / mlflow_point.per_cpu_second
            print(f"c={n_clients:<3} mlflow {mlflow_point}")
            print(f"      studio {studio_point}   {ratio:.1f} times per CPU-second")
        store.delete(DEPLOYMENT, "bench")


if __name__ == "__main__":
    main()
