"""The states of a job and the moves between them.

    Queued ─► Preparing ─► Running ─► Finalizing ─► Completed
      ▲           │           │  └────────┼─►    (a job without outputs)
      └───────────┴───────────┴───────────┘   runner gone, agent stopped, or the command is tried
                                              again: back to the queue
    any of them ─► Failed, Canceled           final; written once

``CancelRequested`` is not a place of its own: it is how a job that has not ended is shown once
somebody asked to cancel it.
"""

from dataclasses import dataclass
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
    JobStatus.RUNNING: _BACK | {JobStatus.FINALIZING, JobStatus.COMPLETED},
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


def after_loss(attempt: int, *, is_cancel_requested: bool, n_failures: int = 0) -> JobStatus:
    """Return where a job goes whose runner is gone.

    Args:
        attempt: Number of the attempt that was lost, from 1.
        is_cancel_requested: Whether somebody had asked to cancel the job.
        n_failures: How many of the attempts before it failed by themselves: they are counted by
            the job's own policy.
    """
    if is_cancel_requested:
        return JobStatus.CANCELED
    return JobStatus.QUEUED if attempt - n_failures < N_ATTEMPTS else JobStatus.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a command that failed is tried again.

    Attributes:
        max_retries: How often, at most.
        backoff: Seconds before the first of them; each later pause is twice as long.
        max_backoff: The longest pause.
    """

    max_retries: int = 0
    backoff: float = 10.0
    max_backoff: float = 3600.0

    def pause(self, n_failures: int) -> float | None:
        """Return the seconds until the next attempt; None if there is none.

        Args:
            n_failures: How often the command has failed so far.

        Example:
            >>> [RetryPolicy(max_retries=2, backoff=10).pause(n) for n in (1, 2, 3)]
            [10.0, 20.0, None]
        """
        if n_failures > self.max_retries:
            return None
        return min(self.max_backoff, float(self.backoff) * 2.0 ** min(n_failures - 1, 64))


def after_failure(
    n_failures: int, policy: RetryPolicy, *, is_cancel_requested: bool
) -> tuple[JobStatus, float]:
    """Return where a job goes whose command failed, and after how many seconds.

    Args:
        n_failures: How often its command has failed, this time included.
        policy: The job's.
        is_cancel_requested: Whether somebody had asked to cancel the job.
    """
    if is_cancel_requested:
        return JobStatus.CANCELED, 0.0
    pause = policy.pause(n_failures)
    return (JobStatus.FAILED, 0.0) if pause is None else (JobStatus.QUEUED, pause)
