"""The work of a job on a machine that a remote job backend gave it.

    python -m mlflow_plugins.jobs.work RECORD_ID TOKEN N_CPUS

It acts under the lease of the job's runner, which is on another machine, and needs the MLflow
server and nothing else of ours. It ends by itself when that lease is taken by somebody else, given
back, or without a sign of life for too long: then the runner is gone and nobody waits for it.

It exits with 0 when it has left word of how the job ended, and as if SIGTERM had ended it
otherwise.
"""

import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlflow_plugins.core import (
    LeaseLost,
    Settings,
    connect,
    give_up_soon,
    given_environment,
    prepare_environment,
)
from mlflow_plugins.jobs._attempt import Attempt, Ending
from mlflow_plugins.jobs._hold import Hold
from mlflow_plugins.jobs._job import to_job
from mlflow_plugins.jobs._leftovers import end_leftovers
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs._remote import note_result
from mlflow_plugins.jobs._watch import Watch, Wish
from mlflow_plugins.jobs._work import Work
from mlflow_plugins.jobs.backends.local import LocalBackend
from mlflow_plugins.jobs.compute import Share, Size

_LOG = Path("/dev/stdout")
_INTERRUPTED = 128 + signal.SIGTERM


def main(record_id: str, token: int, n_cpus: int) -> int:
    """Do the work of one attempt; return the exit code of this process."""
    environment = given_environment()
    give_up_soon()  # this process knows better how to wait
    prepare_environment()
    queue = JobQueue(connect())
    try:
        return _work(queue.join(record_id, token=token), n_cpus, environment)
    except LeaseLost:
        return _INTERRUPTED


def _work(hold: Hold, n_cpus: int, environment: Mapping[str, str]) -> int:
    settings = Settings.from_environment()
    watch = Watch(hold, to_job(hold.record).run_id, settings, is_holder=False)
    signal.signal(signal.SIGTERM, lambda *_: watch.ask(Wish.GIVE_BACK))
    attempt = Attempt(hold=hold, record=hold.record, watch=watch, settings=settings)
    folder = Path(tempfile.mkdtemp(prefix="studio-work-"))
    watch.start()
    try:
        ending = Work(
            attempt,
            folder=folder,
            environments=Path.home() / ".cache" / "mlflow-studio" / "environments",
            log=_LOG,
            backend=LocalBackend(),
            environment=environment,
            share=Share(compute="", instances=1, size=Size(cpus=max(1, n_cpus), memory_gib=0)),
        ).run()
        if not isinstance(ending, Ending):
            return _INTERRUPTED
        note_result(attempt, ending)
    finally:
        end_leftovers(folder)
        watch.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
