"""MLflow's own statuses of a job: that of the user's run, and that of the queue's record."""

import contextlib
from collections.abc import Callable

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import NotFound, Record, Records, set_run_status
from mlflow_plugins.jobs._job import end_tags, outcome_of, stored_status
from mlflow_plugins.jobs._job_tags import RUN
from mlflow_plugins.jobs._states import JobStatus


class Statuses:
    """Makes the statuses of a job's run and record what the job's state says.

    The record comes last: it is what searches find, so whatever is left half done is found again.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._client = records.client

    def show(self, record: Record, status: JobStatus) -> None:
        """Show a state that is not the job's last."""
        with contextlib.suppress(NotFound):
            self._on_run(
                record,
                lambda run_id: set_run_status(self._client, run_id, status.run_status),
            )
        self.set_on_record(record.id, status)

    def show_end(self, record: Record) -> None:
        """Show how the job ended, as its outcome says."""
        status = stored_status(record)
        tags = end_tags(status, outcome_of(record).get("error", ""))
        if not tags.items() <= record.tags.items():
            self._records.set_tags(record.id, tags)
        with contextlib.suppress(NotFound):
            if status is not JobStatus.COMPLETED:  # which MLflow's own status says as well
                self._on_run(record, lambda run_id: self._records.set_tags(run_id, tags))
            self._on_run(
                record, lambda run_id: self._client.set_terminated(run_id, status.run_status)
            )
        self.set_on_record(record.id, status)

    def set_on_record(self, record_id: str, status: JobStatus) -> None:
        """Set MLflow's status of a record in one call; that it also sets an end is no harm here."""
        self._client.set_terminated(record_id, status.run_status)

    def _on_run(self, record: Record, write: Callable[[str], object]) -> None:
        """Write to the user's run.

        Raises:
            NotFound: The user has deleted it.
        """
        run_id = record.tags[RUN]
        try:
            write(run_id)
        except MlflowException as error:
            if is_deleted(self._client, run_id):
                raise NotFound(f"The run {run_id!r} of the job was deleted.") from error
            raise


def is_deleted(client: MlflowClient, run_id: str) -> bool:
    """Tell whether the user has deleted the run of a job."""
    try:
        return bool(client.get_run(run_id).info.lifecycle_stage != "active")
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return True
        raise
