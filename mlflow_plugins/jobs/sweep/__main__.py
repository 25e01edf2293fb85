"""``python -m mlflow_plugins.jobs.sweep sweep.yml``: coordinates the sweep whose job this is."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import Settings, connect
from mlflow_plugins.jobs._document import read_job_file
from mlflow_plugins.jobs._job import job_record_id
from mlflow_plugins.jobs._outputs import OUTPUTS
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.sweep._coordinator import Coordinator
from mlflow_plugins.jobs.sweep._entities import Sweep
from mlflow_plugins.jobs.sweep._patience import insist, say
from mlflow_plugins.jobs.sweep._read import to_sweep
from mlflow_plugins.jobs.sweep._results import check_success, keep_best_outputs, write_results
from mlflow_plugins.jobs.sweep._spec import SweepJob, parse_sweep

_STOPPED = 128 + signal.SIGTERM


def main(arguments: list[str] | None = None) -> int:
    """Coordinate a sweep; return the exit code of this process.

    On SIGTERM it stops between two steps and leaves the trials as they are: if the sweep was
    cancelled, they are cancelled with it, and if it was put back into the queue, they go on.
    """
    parser = argparse.ArgumentParser(prog="python -m mlflow_plugins.jobs.sweep")
    parser.add_argument("sweep_file", type=Path, help="sweep job with its trial written out")
    parser.add_argument("--output", action="append", default=[], metavar="NAME=PATH")
    options = parser.parse_args(arguments)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    try:
        return _run(options, stopping)
    except (MlflowException, requests.RequestException) as error:
        say(f"Error: {error.message if isinstance(error, MlflowException) else error}")
        return 1


def _run(options: argparse.Namespace, stopping: threading.Event) -> int:
    job = parse_sweep(read_job_file(options.sweep_file))
    client = insist(connect, stopping=stopping)
    coordinator = insist(lambda: _begin(client, job, stopping), stopping=stopping)
    if not coordinator.run():
        return _STOPPED
    pairs = (one.split("=", 1) for one in options.output)
    places = {name: Path(path) for name, path in pairs}
    sweep = insist(lambda: _conclude(client, coordinator, places), stopping=stopping)
    _summarise(sweep)
    return 0


def _begin(client: MlflowClient, job: SweepJob, stopping: threading.Event) -> Coordinator:
    record_id = job_record_id(client, os.environ["MLFLOW_RUN_ID"])
    return Coordinator(
        client,
        JobQueue(client).get(record_id),
        job,
        stopping=stopping,
        poll_seconds=Settings.from_environment().poll_seconds,
    )


def _conclude(client: MlflowClient, coordinator: Coordinator, places: dict[str, Path]) -> Sweep:
    record = JobQueue(client).get(coordinator.record_id)
    sweep = to_sweep(client, record, importances=coordinator.search.importances())
    write_results(client, sweep)
    check_success(sweep)
    if sweep.best is not None:
        keep_best_outputs(client, sweep.best, places, Path.cwd() / OUTPUTS)
    return sweep


def _summarise(sweep: Sweep) -> None:
    best = sweep.best
    if best is None or best.values is None:
        return
    scores = ", ".join(
        f"{goal.metric} {value:.6g}" for goal, value in zip(sweep.goals, best.values, strict=True)
    )
    say(f"Best of {len(sweep.trials)} trials: trial {best.number} (run {best.run_id}), {scores}")
    if len(sweep.goals) > 1:
        numbers = ", ".join(str(one.number) for one in sweep.pareto_front)
        say(f"Pareto front: trials {numbers}")
    if sweep.importances:
        shares = ", ".join(f"{name} {share:.2f}" for name, share in sweep.importances.items())
        say(f"Importance of the hyperparameters: {shares}")


if __name__ == "__main__":
    sys.exit(main())
