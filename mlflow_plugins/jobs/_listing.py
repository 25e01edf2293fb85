"""Listing jobs by what is known about them; the store does the choosing."""

from mlflow import MlflowClient

from mlflow_plugins.core import InvalidInput, Page, Records, did_you_mean
from mlflow_plugins.jobs._job import JOB, Job, to_job
from mlflow_plugins.jobs._states import JobStatus


def list_jobs(  # noqa: PLR0913  (one for each thing that is known of jobs)
    client: MlflowClient,
    *,
    status: str | None = None,
    type: str | None = None,  # noqa: A002  (the job file's own word)
    compute: str | None = None,
    experiment_id: str | None = None,
    text: str | None = None,
    parents_only: bool = False,
    max_results: int = 50,
    page_token: str | None = None,
) -> Page[Job]:
    """List jobs of all experiments, newest first.

    Args:
        client: Client of the tracking store.
        status: One of `JobStatus`, in any case.
        type: Such as ``command``.
        compute: Name of a compute.
        experiment_id: The user's experiment.
        text: A part of the job's name, in any case.
        parents_only: Leave out what other jobs have submitted, such as the trials of a sweep.
        max_results: Jobs looked at for one page; a page may hold fewer.
        page_token: Where the last page ended.

    Raises:
        InvalidInput: There is no such status.
    """
    exact = {
        "studio.job_type": type,
        "studio.compute": compute,
        "studio.experiment_id": experiment_id,
    }
    tags = {key: value for key, value in exact.items() if value is not None}
    wanted = _read_status(status) if status else None
    clauses = [_clause(wanted)] if wanted else []
    if text:
        pattern = text.replace("'", "_")  # a wildcard for one character: quotes end the pattern
        clauses.append(f"tags.`studio.display_name` ILIKE '%{pattern}%'")
    if parents_only:
        clauses.append("tags.`studio.parent_run_id` IS NULL")
    page = Records(client).search(
        JOB,
        role=JOB,
        tags=tags,
        where=" and ".join(clauses),
        max_results=max_results,
        page_token=page_token,
    )
    jobs = [to_job(record) for record in page.items]
    return Page([job for job in jobs if wanted in (None, job.status)], page.next_token)


def _read_status(given: str) -> JobStatus:
    by_name = {one.lower(): one for one in JobStatus}
    status = by_name.get(given.lower())
    if status is None:
        known = [str(one) for one in JobStatus]
        raise InvalidInput(
            f"{given!r} is not the status of a job. There are: {', '.join(known)}."
            f"{did_you_mean(given, known)}"
        )
    return status


def _clause(status: JobStatus) -> str:
    if status is JobStatus.CANCEL_REQUESTED:
        return "attributes.status = 'RUNNING' and tags.`studio.cancel` LIKE '%'"
    return f"tags.`studio.status` = '{status}'"
