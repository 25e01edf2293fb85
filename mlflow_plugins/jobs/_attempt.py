"""One attempt at a job: what every part of a runner, here or on another machine, has in hand."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from mlflow import MlflowClient

from mlflow_plugins.core import Record, Settings
from mlflow_plugins.jobs._hold import Hold
from mlflow_plugins.jobs._job import Job, to_job
from mlflow_plugins.jobs._patience import insist
from mlflow_plugins.jobs._spec import CommandJob
from mlflow_plugins.jobs._states import JobStatus
from mlflow_plugins.jobs._watch import Watch, Wish

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job, or one attempt at it, came to its end.

    Attributes:
        status: The job's last one.
        error: Why it failed, if it did.
        is_in_log: Whether the end of the log says more.
        may_retry: Whether it was the command's own failure, which the job may want to try again.
    """

    status: JobStatus
    error: str = ""
    is_in_log: bool = False
    may_retry: bool = False


class Interrupted(Exception):
    """A wish came before the job's own end."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish.value)
        self.wish = wish


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A job in the hands of one holder of its lease.

    Attributes:
        hold: The right to work on it, and where its progress is noted.
        record: The job as it was taken, with its document.
        watch: Says when to stop.
        settings: How long things wait.
    """

    hold: Hold
    record: Record
    watch: Watch
    settings: Settings

    @cached_property
    def job(self) -> Job:
        """The job as it was taken."""
        return to_job(self.record)

    @cached_property
    def spec(self) -> CommandJob:
        """What is to be run."""
        return CommandJob.model_validate((self.record.spec or {})["job"])

    @property
    def client(self) -> MlflowClient:
        """Client of the tracking store."""
        return self.hold.client

    def move(self, status: JobStatus) -> None:
        """Note where the job stands, however long the store is away. See `Hold.move`."""
        self.insist(lambda: self.hold.move(status))

    def obey(self) -> None:
        """Stop here if somebody wishes it.

        Raises:
            Interrupted: Somebody does.
        """
        if self.watch.wish is not None:
            raise Interrupted(self.watch.wish)

    def insist(self, action: Callable[[], T]) -> T:
        """Do it again until the store answers or the job is lost. See `insist`."""
        return insist(action, is_pointless=lambda: self.is_lost)

    @property
    def is_lost(self) -> bool:
        """Whether somebody else holds the job now."""
        return self.watch.wish is Wish.LOST
