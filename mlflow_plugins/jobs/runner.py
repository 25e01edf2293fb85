"""The runner: one process that carries out one job, from its lease to its outcome.

It lives in a session of its own, so it survives the agent that had it started; it holds the lease
itself, so the store alone tells every agent that the job is in good hands. If it is killed, its
command is killed with it (`backends`), the lease ends, and an agent puts the job back into the
queue.
"""

import contextlib
import shutil
import signal
import socket
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import (
    LeaseLost,
    Records,
    Settings,
    connect,
    give_up_soon,
    given_environment,
    prepare_environment,
    upload,
)
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.jobs import _job_tags as job_tags
from mlflow_plugins.jobs._attempt import Attempt, Ending
from mlflow_plugins.jobs._hold import Hold
from mlflow_plugins.jobs._job import (
    is_cancel_requested,
    stored_status,
    to_job,
)
from mlflow_plugins.jobs._leftovers import end_leftovers
from mlflow_plugins.jobs._log import LogKeeper, RecordLog, say, tail
from mlflow_plugins.jobs._machine_folder import nudge
from mlflow_plugins.jobs._patience import is_passing
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs._remote import Lost, RemoteWork
from mlflow_plugins.jobs._runner_folder import Given, RunnerFolder
from mlflow_plugins.jobs._states import JobStatus, RetryPolicy, after_failure
from mlflow_plugins.jobs._watch import Watch, Wish
from mlflow_plugins.jobs._work import Work
from mlflow_plugins.jobs.backends._base import LOCAL, load_backend
from mlflow_plugins.jobs.compute import find_compute

LOG_FILE = "std_log.txt"
LOG_FOLDER = "user_logs"


def main(record_id: str, folder: Path) -> int:
    """Carry out a job if nobody else does; return the exit code of this process.

    Args:
        record_id: The job's record.
        folder: An existing folder of this runner's own; it is gone afterwards.
    """
    identity = ProcessIdentity.of()
    runner_folder = RunnerFolder(folder)
    runner_folder.note_identity(identity)
    given = runner_folder.read_given()
    environment = given_environment()
    give_up_soon()  # this process knows better how to wait
    prepare_environment()
    settings = Settings.from_environment()
    queue = JobQueue(connect(is_known=True))
    hold = queue.take(
        record_id,
        holder=str(identity),
        seconds=settings.lease_seconds,
        record=given.record,
        begins=True,
    )
    if hold is not None:
        _carry_out(queue.records, hold, given, folder, settings, environment)
    shutil.rmtree(folder, ignore_errors=True)
    nudge(given.machine_folder)
    return 0


def _carry_out(
    records: Records,
    hold: Hold,
    given: Given,
    folder: Path,
    settings: Settings,
    environment: Mapping[str, str],
) -> None:
    try:
        record = given.record if given.record.spec is not None else records.get(given.record.id)
        if stored_status(given.record) is not JobStatus.QUEUED:  # the runner before this one died
            hold.recover()
            return
        given = replace(given, record=record)
        runner = Runner(hold, given, folder, settings=settings, environment=environment)
    except Exception as error:
        if is_passing(error):
            raise
        reason = f"The agent cannot read the job; it may be older than the submitter: {error}"
        hold.end(JobStatus.FAILED, reason)
        return
    runner.run()


class Runner:
    """Carries out the job whose lease it was given."""

    def __init__(
        self,
        hold: Hold,
        given: Given,
        folder: Path,
        *,
        settings: Settings,
        environment: Mapping[str, str],
    ) -> None:
        self._hold = hold
        self._client = hold.client
        self._folder = folder
        self._log_path = folder / LOG_FILE
        record = given.record
        self._watch = Watch(hold, to_job(record).run_id, settings)
        if is_cancel_requested(record.tags):
            self._watch.ask(Wish.CANCEL)
        self._attempt = Attempt(hold=hold, record=record, watch=self._watch, settings=settings)
        self._number = self._attempt.job.attempt + 1
        self._share = given.share
        self._machine_folder = given.machine_folder
        self._work = self._make_work(environment)

    def run(self) -> None:
        """Do everything, whatever happens on the way."""
        signal.signal(signal.SIGTERM, lambda *_: self._watch.ask(Wish.GIVE_BACK))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._watch.start()
        try:
            self._attempt.insist(self._hold.begin)
            log = self._open_log()
            try:
                ending = self._work.run()
            finally:
                end_leftovers(self._folder)
            self._free_room()
            self._finish(log, ending)
        except LeaseLost:
            self._watch.ask(Wish.LOST)
        finally:
            self._watch.close()

    def _free_room(self) -> None:
        """Let the next job begin while this one's log and outcome are stored."""
        with contextlib.suppress(OSError):  # a full disk; it is free once this process has ended
            RunnerFolder(self._folder).note_work_done()
            nudge(self._machine_folder)

    def _make_work(self, environment: Mapping[str, str]) -> Work | RemoteWork:
        backend = load_backend(self._attempt.job.backend, self._backend_options())
        if backend.remote_python is not None:
            return RemoteWork(self._attempt, log=self._log_path, backend=backend)
        return Work(
            self._attempt,
            folder=self._folder,
            environments=RunnerFolder(self._folder).environments,
            log=self._log_path,
            backend=backend,
            environment=environment,
            share=self._share,
        )

    def _backend_options(self) -> dict[str, Any]:
        """Return what the job's compute says about where its backend reaches other machines."""
        job = self._attempt.job
        compute = find_compute(self._client, job.compute) if job.backend != LOCAL else None
        return compute.backend_options if compute else {}

    def _open_log(self) -> LogKeeper:
        record = self._attempt.record
        files = RecordLog(self._client, record)
        self._log_path.write_bytes(files.read_all() if self._hold.lease.token > 1 else b"")
        log = LogKeeper(
            files,
            self._log_path,
            seconds=self._attempt.settings.log_seconds,
            may_write=lambda: not self._attempt.is_lost,
        )
        name = self._attempt.job.display_name
        self._say(f"{name}: attempt {self._number} on {socket.gethostname()}")
        if self._share.note:
            self._say(self._share.note)
        if warnings := (record.spec or {})["warnings"]:
            self._say("Not applied on this machine: " + "; ".join(warnings))
        log.start()
        return log

    def _finish(self, log: LogKeeper, ending: Ending | Wish | Lost) -> None:
        if ending is Wish.LOST:
            return None
        if isinstance(ending, Lost):
            reason = ending.reason
            self._say(f"Attempt {self._number} was lost. {reason}")
            self._attempt.insist(log.close)
            self._attempt.insist(lambda: self._hold.lose(reason))
            return None
        if ending is Wish.GIVE_BACK:
            self._say("The agent was asked to end; the job goes back into the queue.")
            self._attempt.insist(log.close)
            self._attempt.insist(lambda: self._hold.give_back(attempt=self._number - 1))
            return None
        if isinstance(ending, Wish):
            ending = Ending(status=JobStatus.CANCELED)
        if ending.may_retry and self._retry_policy.max_retries:
            return self._finish_attempt(log, ending)
        return self._finish_job(log, ending)

    @cached_property
    def _retry_policy(self) -> RetryPolicy:
        return RetryPolicy(**self._attempt.spec.retry_settings.model_dump())

    def _finish_attempt(self, log: LogKeeper, ending: Ending) -> None:
        """Have a command that failed tried again, if its job allows that once more."""
        policy = self._retry_policy
        n_failures = self._attempt.job.n_failures + 1
        tags = self._attempt.insist(self._hold.look).tags
        status, pause = after_failure(
            n_failures, policy, is_cancel_requested=is_cancel_requested(tags)
        )
        if status is not JobStatus.QUEUED:
            return self._finish_job(log, replace(ending, status=status))
        self._say(
            f"Failed. {ending.error.partition(chr(10))[0]} Retry {n_failures} of "
            f"{policy.max_retries} comes in {pause:g} seconds."
        )
        self._attempt.insist(log.close)
        return self._attempt.insist(
            lambda: self._hold.try_later(attempt=self._number, n_failures=n_failures, seconds=pause)
        )

    def _finish_job(self, log: LogKeeper, ending: Ending) -> None:
        self._say(f"{ending.status}. {ending.error.partition(chr(10))[0]}".rstrip())
        self._attempt.insist(log.close)
        with contextlib.suppress(MlflowException, requests.RequestException):
            self._store_whole_log()
        status, error = ending.status, self._explain(ending)
        self._attempt.insist(lambda: self._hold.end(status, error))

    def _store_whole_log(self) -> None:
        """Put the log among the files of the user's run, where people look for it."""
        place = self._attempt.record.tags.get(job_tags.ARTIFACTS)
        if place is None:
            self._client.log_artifact(self._attempt.job.run_id, str(self._log_path), LOG_FOLDER)
        else:
            upload(self._client, place, self._log_path, LOG_FOLDER)

    def _explain(self, ending: Ending) -> str:
        lines = tail(self._log_path) if ending.is_in_log else []
        return "\n".join([ending.error, *(["The end of its log:", *lines] if lines else [])])

    def _say(self, sentence: str) -> None:
        say(self._log_path, sentence)
