"""The states of a job and the moves between them.

    Queued ─► Preparing ─► Running ─► Finalizing ─► Completed
      ▲           │           │           │
      └───────────┴───────────┴───────────┘   runner gone or agent stopped: back to the queue
    any of them ─► Failed, Canceled           final; written once

``CancelRequested`` is not a place of its own: it is how a job that has not ended is shown once
somebody asked to cancel it.
"""

from enum import StrEnum

from mlflow_plugins.core import StudioError

N_ATTEMPTS = 3


class JobStatus(StrEnum):
    """Where a job stands, in Azure ML's words."""

    QUEUED = "Queued"
    PREPARING = "Preparing"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in _FINAL

    @property
    def run_status(self) -> str:
        """The status that MLflow's run shows."""
        return _RUN_STATUS.get(self, "RUNNING")


_FINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED})

_RUN_STATUS = {
    JobStatus.QUEUED: "SCHEDULED",
    JobStatus.COMPLETED: "FINISHED",
    JobStatus.FAILED: "FAILED",
    JobStatus.CANCELED: "KILLED",
}

_ENDS = frozenset({JobStatus.FAILED, JobStatus.CANCELED})
_BACK = _ENDS | {JobStatus.QUEUED}

MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: _ENDS | {JobStatus.PREPARING},
    JobStatus.PREPARING: _BACK | {JobStatus.RUNNING},
    JobStatus.RUNNING: _BACK | {JobStatus.FINALIZING},
    JobStatus.FINALIZING: _BACK | {JobStatus.COMPLETED},
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELED: frozenset(),
}


def check_move(old: JobStatus, new: JobStatus) -> None:
    """Make sure that a job may go from one state to another.

    Raises:
        StudioError: It may not.
    """
    if new not in MOVES[old]:
        allowed = ", ".join(sorted(MOVES[old])) or "none: it has ended"
        raise StudioError(f"A job that is {old} cannot become {new}. It may become: {allowed}.")


def shown_status(stored: JobStatus, *, is_cancel_requested: bool) -> JobStatus:
    """Return the status that people see."""
    if is_cancel_requested and not stored.is_final:
        return JobStatus.CANCEL_REQUESTED
    return stored


def after_loss(attempt: int, *, is_cancel_requested: bool) -> JobStatus:
    """Return where a job goes whose runner is gone.

    Args:
        attempt: Number of the attempt that was lost, from 1.
        is_cancel_requested: Whether somebody had asked to cancel the job.
    """
    if is_cancel_requested:
        return JobStatus.CANCELED
    return JobStatus.QUEUED if attempt < N_ATTEMPTS else JobStatus.FAILED
