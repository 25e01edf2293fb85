"""Latency and throughput of the job queue beside bare subprocesses and Ray Jobs, in one run.

A real server, a real agent, the default compute. The latency is from the call of `submit` until the
command's first line can be read from the store; the throughput is that of jobs that all wait in the
queue when the agent starts.

    python benchmarks/jobs.py [--samples 15] [--jobs 200] [--seconds 0.1]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient

from mlflow_plugins.core import connect
from mlflow_plugins.core.processes import stop_tree
from mlflow_plugins.jobs import JobStatus, follow, get_job, list_jobs, submit
from mlflow_plugins.testing.servers import tracking_server

N_AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one way to run commands gave.

    Attributes:
        first_line_seconds: From the call until the command's first line, for each sample.
        jobs_per_second: Throughput of many short commands; None where it was not measured.
    """

    first_line_seconds: list[float]
    jobs_per_second: float | None = None

    def __str__(self) -> str:
        ordered = sorted(self.first_line_seconds)
        line = f"first line median {statistics.median(ordered):.3f} s, worst {ordered[-1]:.3f} s"
        rate = "" if self.jobs_per_second is None else f"; {self.jobs_per_second:.1f} jobs/s"
        return line + rate


# ---------------------------------------------------------------- ours


@contextmanager
def agent(uri: str, folder: Path) -> Iterator[None]:
    """Run an agent as long as the block lasts."""
    command = [str(Path(sys.executable).parent / "mlflow-studio"), "agent"]
    environment = {
        **os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_STUDIO_MAX_JOBS": str(N_AT_ONCE),
    }  # fmt: skip
    with (folder / "agent.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--folder", str(folder / "agent")],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        stop_tree(process.pid, grace_seconds=30)


def measure_studio(folder: Path, n_samples: int, n_jobs: int, seconds: float) -> Figures:
    with tracking_server(folder, n_workers=2) as server:
        client = connect(server.uri)
        with agent(server.uri, folder):
            wait_for_line(client, submit_command(client, "echo warm"), "warm")
            samples = [sample(client) for _ in range(n_samples)]
        run_ids = [submit_command(client, f"sleep {seconds}") for _ in range(n_jobs)]
        with agent(server.uri, folder):
            rate = throughput(client, run_ids)
    return Figures(first_line_seconds=samples, jobs_per_second=rate)


def submit_command(client: MlflowClient, command: str) -> str:
    return submit(client, {"command": command}, base_folder=Path.cwd()).run_id


def sample(client: MlflowClient) -> float:
    time.sleep(0.5)  # the queue is idle
    started = time.perf_counter()
    run_id = submit_command(client, "echo first line")
    return wait_for_line(client, run_id, "\nfirst line\n") - started


def wait_for_line(client: MlflowClient, run_id: str, line: str) -> float:
    """Follow a job as users do; return when its line came."""
    came_at: list[float] = []
    seen = ""

    def write(text: str) -> None:
        nonlocal seen
        seen += text
        if line in seen and not came_at:
            came_at.append(time.perf_counter())

    follow(client, run_id, write=write)
    return came_at[0]


def throughput(client: MlflowClient, run_ids: list[str]) -> float:
    """Return jobs per second from the first one's start to the last one's end."""
    last = run_ids[-1]
    wait_until(lambda: get_job(client, last).status.is_final, pause=0.5)
    wait_until(lambda: all(one.status.is_final for one in ours(client, run_ids)), pause=0.5)
    jobs = ours(client, run_ids)
    failed = [job for job in jobs if job.status is not JobStatus.COMPLETED]
    if failed:
        sys.exit(f"{len(failed)} jobs did not complete, such as {failed[0]}")
    starts = [job.started_at for job in jobs if job.started_at is not None]
    ends = [job.ended_at for job in jobs if job.ended_at is not None]
    return len(jobs) / (max(ends) - min(starts))


def ours(client: MlflowClient, run_ids: list[str]) -> list:
    wanted = set(run_ids)
    return [job for job in list_jobs(client, max_results=1000).items if job.run_id in wanted]


def wait_until(is_so: Callable[[], bool], *, pause: float, patience: float = 600) -> None:
    ends_at = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > ends_at:
            sys.exit("It takes too long; see the agent's log.")
        time.sleep(pause)


# ---------------------------------------------------------------- the peers


def measure_subprocesses(n_samples: int, n_jobs: int, seconds: float) -> Figures:
    """Run the same commands without a queue, a log that lasts, or anybody who looks after them."""
    shell = ["/bin/bash", "-c"]

    def first_line(_: int) -> float:
        started = time.perf_counter()
        subprocess.run([*shell, "echo first line"], stdout=subprocess.PIPE, check=True)
        return time.perf_counter() - started

    samples = [first_line(number) for number in range(n_samples)]
    started = time.perf_counter()
    with ThreadPoolExecutor(N_AT_ONCE) as pool:
        command = [*shell, f"sleep {seconds}"]
        list(pool.map(lambda _: subprocess.run(command, check=True), range(n_jobs)))
    rate = n_jobs / (time.perf_counter() - started)
    return Figures(first_line_seconds=samples, jobs_per_second=rate)


def measure_ray(n_samples: int) -> dict[str, Figures]:
    """Measure Ray's own Jobs API, and our jobs on the same head."""
    from _ray_jobs import measure

    return {name: Figures(first_line_seconds=one) for name, one in measure(n_samples).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=15)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.1, help="How long each job sleeps.")
    parser.add_argument("--ray-samples", type=int, default=5, help="0 leaves Ray out.")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sizes = (options.samples, options.jobs, options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            "subprocesses": measure_subprocesses(*sizes),
            "studio": measure_studio(Path(folder), *sizes),
        }
    if options.ray_samples:
        figures |= measure_ray(options.ray_samples)
    print(f"{options.jobs} jobs of {options.seconds} s, {N_AT_ONCE} at once")
    for name, one in figures.items():
        print(f"{name:14} {one}")


if __name__ == "__main__":
    main()
