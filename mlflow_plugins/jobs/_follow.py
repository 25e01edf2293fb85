"""Following a job: its log as it comes, until it has ended."""

import time
from collections.abc import Callable

from mlflow import MlflowClient

from mlflow_plugins.jobs._compute_status import why_it_waits
from mlflow_plugins.jobs._job import Job, get_job
from mlflow_plugins.jobs._log import open_log
from mlflow_plugins.jobs._states import JobStatus

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 10.0


def follow(
    client: MlflowClient,
    run_id: str,
    *,
    write: Callable[[str], object],
    notify: Callable[[str], object] = lambda _: None,
) -> Job:
    """Hand on a job's log until the job has ended; return the job as it ended.

    Args:
        client: Client of the tracking store.
        run_id: The user's run.
        write: Gets the log, part by part.
        notify: Gets one sentence if the job waits long, with the reason.

    Raises:
        NotFound: There is no such run, or it is not a job's.
    """
    log, offset = open_log(client, run_id), 0
    patience_ends = time.monotonic() + _PATIENCE_SECONDS
    while True:
        part = log.read(offset)
        offset = part.next_offset
        if part.text:
            write(part.text)
        if part.is_complete and (job := get_job(client, run_id)).status.is_final:
            return job
        if offset == 0 and time.monotonic() > patience_ends:
            _say_why_it_waits(client, run_id, notify)
            patience_ends = float("inf")
        if not part.text:
            time.sleep(_POLL_SECONDS)


def _say_why_it_waits(client: MlflowClient, run_id: str, notify: Callable[[str], object]) -> None:
    job = get_job(client, run_id)
    if job.status is JobStatus.QUEUED:
        notify(why_it_waits(client, job))
