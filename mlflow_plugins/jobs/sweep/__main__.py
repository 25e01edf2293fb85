"""``python -m mlflow_plugins.jobs.sweep sweep.yml``: coordinates the sweep whose job this is."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from mlflow_plugins.core import Settings, StudioError, connect
from mlflow_plugins.jobs._document import read_job_file
from mlflow_plugins.jobs._outputs import OUTPUTS
from mlflow_plugins.jobs._queue import JobQueue, job_record_id
from mlflow_plugins.jobs.sweep._coordinator import Coordinator
from mlflow_plugins.jobs.sweep._entities import Sweep
from mlflow_plugins.jobs.sweep._read import to_sweep
from mlflow_plugins.jobs.sweep._results import check_success, keep_best_outputs, write_results
from mlflow_plugins.jobs.sweep._spec import parse_sweep

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
    except StudioError as error:
        _say(f"Error: {error.message}")
        return 1


def _run(options: argparse.Namespace, stopping: threading.Event) -> int:
    job = parse_sweep(read_job_file(options.sweep_file))
    client = connect()
    queue = JobQueue(client)
    record_id = job_record_id(client, os.environ["MLFLOW_RUN_ID"])
    coordinator = Coordinator(
        client,
        queue.get(record_id),
        job,
        stopping=stopping,
        poll_seconds=Settings.from_environment().poll_seconds,
    )
    if not coordinator.run():
        return _STOPPED
    sweep = to_sweep(client, queue.get(record_id), importances=coordinator.search.importances())
    write_results(client, sweep)
    check_success(sweep)
    _summarise(sweep)
    if sweep.best is not None:
        places = dict(one.split("=", 1) for one in options.output)
        keep_best_outputs(
            client,
            sweep.best,
            {name: Path(path) for name, path in places.items()},
            Path.cwd() / OUTPUTS,
        )
    return 0


def _summarise(sweep: Sweep) -> None:
    best = sweep.best
    if best is None or best.values is None:
        return
    scores = ", ".join(
        f"{goal.metric} {value:.6g}" for goal, value in zip(sweep.goals, best.values, strict=True)
    )
    _say(f"Best of {len(sweep.trials)} trials: trial {best.number} (run {best.run_id}), {scores}")
    if len(sweep.goals) > 1:
        numbers = ", ".join(str(one.number) for one in sweep.pareto_front)
        _say(f"Pareto front: trials {numbers}")
    if sweep.importances:
        shares = ", ".join(f"{name} {share:.2f}" for name, share in sweep.importances.items())
        _say(f"Importance of the hyperparameters: {shares}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
