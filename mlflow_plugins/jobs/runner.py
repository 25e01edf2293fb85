"""The runner: one process that carries out one job, from its lease to its outcome.

It lives in a session of its own, so it survives the agent that had it started; it holds the lease
itself, so the store alone tells every agent that the job is in good hands. If it is killed, its
command is killed with it (`backends`), the lease ends, and an agent puts the job back into the
queue.
"""

import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import mlflow.artifacts
import requests
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import (
    InvalidInput,
    Lease,
    LeaseLost,
    Record,
    Settings,
    connect,
    prepare_environment,
)
from mlflow_plugins.core.processes import ProcessIdentity, thread_limits
from mlflow_plugins.jobs import _bindings
from mlflow_plugins.jobs._inputs import (
    OUTPUTS,
    fetch_input,
    is_written,
    keep_output,
    prepare_output,
)
from mlflow_plugins.jobs._ledger import decode_share
from mlflow_plugins.jobs._leftovers import MARK, end_leftovers
from mlflow_plugins.jobs._log import LogKeeper, read_whole_log
from mlflow_plugins.jobs._machine_folder import nudge
from mlflow_plugins.jobs._memory import MemoryExceeded, MemoryGuard
from mlflow_plugins.jobs._queue import (
    JobQueue,
    has_outcome,
    is_cancel_requested,
    read_state,
    stored_status,
    to_job,
)
from mlflow_plugins.jobs._runner_folder import RunnerFolder
from mlflow_plugins.jobs._spec import CommandJob
from mlflow_plugins.jobs._states import JobStatus, RetryPolicy, after_failure
from mlflow_plugins.jobs._submit import CODE
from mlflow_plugins.jobs._watch import Watch, Wish
from mlflow_plugins.jobs.backends._base import JobProcess, load_backend

_LOGGER = logging.getLogger(__name__)

LOG_FILE = "std_log.txt"
LOG_FOLDER = "user_logs"

_PATIENCE_SECONDS = 900.0
_TAIL_LINES = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job, or one attempt, came to its end; only a command's own failure may be retried."""

    status: JobStatus
    error: str = ""
    may_retry: bool = False


class _Interrupted(Exception):
    """A wish came before the job's own end."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish.value)
        self.wish = wish


def main(record_id: str, folder: Path) -> int:
    """Carry out a job if nobody else does; return the exit code of this process.

    Args:
        record_id: The job's record.
        folder: An existing folder of this runner's own; it is gone afterwards.
    """
    identity = ProcessIdentity.of()
    runner_folder = RunnerFolder(folder)
    runner_folder.note_identity(identity)
    shared = Path(runner_folder.read_given()["machine_folder"])
    environment = dict(os.environ)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "2"  # this process knows better when to wait
    prepare_environment()
    settings = Settings.from_environment()
    queue = JobQueue(connect(is_known=True))
    run = queue.client.get_run(record_id)
    seconds = settings.lease_seconds
    lease = queue.take(record_id, holder=str(identity), seconds=seconds, run=run)
    if lease is not None:
        _carry_out(queue, lease, run, folder, settings, environment)
    shutil.rmtree(folder, ignore_errors=True)
    nudge(shared)
    return 0


def _carry_out(
    queue: JobQueue,
    lease: Lease,
    run: Run,
    folder: Path,
    settings: Settings,
    environment: Mapping[str, str],
) -> None:
    try:
        record = queue.records.complete(run)
        if has_outcome(record):  # its runner was gone before it could say so everywhere
            return queue.settle(record)
        if stored_status(record) is not JobStatus.QUEUED:
            return queue.leases.release(lease)  # its runner died; an agent decides what follows
        runner = Runner(queue, lease, record, folder, settings=settings, environment=environment)
    except Exception as error:
        if is_passing(error):
            raise
        reason = f"The agent cannot read the job; it may be older than the submitter: {error}"
        return queue.end(lease, JobStatus.FAILED, reason)
    return runner.run()


class Runner:
    """Carries out the job whose lease it was given."""

    def __init__(
        self,
        queue: JobQueue,
        lease: Lease,
        record: Record,
        folder: Path,
        *,
        settings: Settings,
        environment: Mapping[str, str],
    ) -> None:
        self._queue = queue
        self._client = queue.client
        self._lease = lease
        self._record: Record | None = record
        self._job = to_job(record)
        self._document: Mapping[str, Any] = record.spec or {}
        self._spec = CommandJob.model_validate(self._document["job"])
        self._folder = folder
        self._settings = settings
        self._share = decode_share(RunnerFolder(folder).read_given()["share"])
        self._environment = environment
        self._log_path = folder / LOG_FILE
        self._watch = Watch(queue, lease, self._job.run_id, settings)
        self._attempt = self._job.attempt + 1

    def run(self) -> None:
        """Do everything, whatever happens on the way."""
        signal.signal(signal.SIGTERM, lambda *_: self._watch.ask(Wish.GIVE_BACK))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._watch.start()
        try:
            self._insist(self._begin)
            log = self._open_log()
            try:
                ending = self._perform()
            finally:
                end_leftovers(self._folder)
            self._finish(log, ending)
        except LeaseLost:
            self._watch.ask(Wish.LOST)
        finally:
            self._watch.close()

    # ------------------------------------------------------------ the stages

    def _perform(self) -> Ending | Wish:
        try:
            values = self._prepare()
            code = self._run_command(values)
            if self._has_outputs():
                self._insist(lambda: self._move(JobStatus.FINALIZING))
                self._keep_outputs()
        except _Interrupted as interruption:
            return interruption.wish
        except LeaseLost:
            raise
        except (TimeoutError, MemoryExceeded) as error:
            return Ending(status=JobStatus.FAILED, error=str(error), may_retry=True)
        except MlflowException as error:
            return Ending(status=JobStatus.FAILED, error=error.message)
        except Exception as error:  # whatever it was, the job must come to an end
            _LOGGER.exception("job %s failed", self._job.run_id)
            return Ending(status=JobStatus.FAILED, error=f"{type(error).__name__}: {error}")
        if code == 0:
            return Ending(status=JobStatus.COMPLETED)
        reason = explain_exit(code, self._log_path)
        return Ending(status=JobStatus.FAILED, error=reason, may_retry=True)

    def _open_log(self) -> LogKeeper:
        earlier = (
            read_whole_log(self._client, self._lease.record_id) if self._lease.token > 1 else b""
        )
        self._log_path.write_bytes(earlier)
        log = LogKeeper(
            self._client,
            self._lease.record_id,
            self._log_path,
            seconds=self._settings.log_seconds,
            may_write=lambda: self._watch.wish is not Wish.LOST,
        )
        self._say(f"{self._job.display_name}: attempt {self._attempt} on {socket.gethostname()}")
        if self._share.note:
            self._say(self._share.note)
        if self._document["warnings"]:
            self._say("Not applied on this machine: " + "; ".join(self._document["warnings"]))
        log.start()
        return log

    def _prepare(self) -> dict[str, str | None]:
        """Bring code and inputs here; return what the expressions stand for."""
        if self._document["has_code"]:
            self._fetch_code()
        self._code.mkdir(exist_ok=True)
        (self._code / OUTPUTS).mkdir(exist_ok=True)
        values: dict[str, str | None] = {}
        for name, document in self._document["inputs"].items():
            self._obey()
            values[f"inputs.{name}"] = fetch_input(
                document,
                self._client,
                run_id=self._job.run_id,
                name=name,
                folder=self._folder / "inputs" / name,
            )
        for name, output in self._spec.outputs.items():
            values[f"outputs.{name}"] = str(prepare_output(output, self._output(name)))
        for name, text in self._spec.files.items():
            self._write_file(name, _bindings.resolve(text, values, where=f"files.{name}"))
        return values

    def _fetch_code(self) -> None:
        mlflow.artifacts.download_artifacts(
            run_id=self._job.run_id,
            artifact_path=CODE,
            dst_path=str(self._folder),
            tracking_uri=self._client.tracking_uri,
        )
        for name in self._document["executables"]:
            (self._code / name).chmod(0o755)

    def _write_file(self, name: str, text: str) -> None:
        path = (self._code / name).resolve()
        if not path.is_relative_to(self._code.resolve()):
            raise InvalidInput(f"The file {name!r} would be outside of the job's folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _run_command(self, values: Mapping[str, str | None]) -> int:
        command = _bindings.resolve(self._spec.command, values, where="command")
        self._obey()
        process = load_backend(self._job.backend).start(
            command,
            environment=self._command_environment(),
            folder=self._code,
            log=self._log_path,
        )
        try:
            self._insist(lambda: self._move(JobStatus.RUNNING))
            return self._attend(process)
        except BaseException:
            is_lost = self._watch.wish is Wish.LOST
            process.stop(0.0 if is_lost else self._settings.stop_seconds)
            raise

    def _attend(self, process: JobProcess) -> int:
        """Wait for the command's end.

        Raises:
            TimeoutError: It took longer than it may.
            MemoryExceeded: It used more memory than it may.
        """
        timeout = self._spec.limits.timeout
        deadline = time.monotonic() + timeout if timeout else float("inf")
        memory = MemoryGuard(self._share.size.memory_gib)
        while (code := process.poll()) is None:
            self._obey()
            memory.check()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"The command ran longer than limits.timeout allows ({timeout} seconds) and "
                    "was stopped. Give it more time, or less to do."
                )
            time.sleep(0.03)
        return code

    def _has_outputs(self) -> bool:
        return bool(self._spec.outputs) or is_written(self._code / OUTPUTS)

    def _keep_outputs(self) -> None:
        for name, output in self._spec.outputs.items():
            path = self._output(name)
            if not is_written(path):
                self._say(f"The command has written nothing to the output {name!r}.")
                continue
            reference = self._insist(
                lambda o=output, p=path: keep_output(  # type: ignore[misc]
                    o, p, self._client, run_id=self._job.run_id
                )
            )
            if reference:
                self._say(f"The output {name!r} is the data asset {reference}.")
        default = self._code / OUTPUTS
        if is_written(default):
            self._insist(
                lambda: self._client.log_artifacts(self._job.run_id, str(default), OUTPUTS)
            )

    def _finish(self, log: LogKeeper, ending: Ending | Wish) -> None:
        if ending is Wish.LOST:
            return None
        if ending is Wish.GIVE_BACK:
            self._say("The agent was asked to end; the job goes back into the queue.")
            self._insist(log.close)
            self._insist(lambda: self._queue.give_back(self._lease, attempt=self._attempt - 1))
            return None
        if isinstance(ending, Wish):
            ending = Ending(status=JobStatus.CANCELED)
        if ending.may_retry and self._spec.retry_settings.max_retries:
            return self._finish_attempt(log, ending)
        return self._finish_job(log, ending)

    def _finish_attempt(self, log: LogKeeper, ending: Ending) -> None:
        """Have a command that failed tried again, if its job allows that once more."""
        policy = RetryPolicy(**self._spec.retry_settings.model_dump())
        n_failures = self._job.n_failures + 1
        tags = self._insist(lambda: read_state(self._client, self._lease.record_id)).tags
        status, pause = after_failure(
            n_failures, policy, is_cancel_requested=is_cancel_requested(tags)
        )
        if status is not JobStatus.QUEUED:
            return self._finish_job(log, replace(ending, status=status))
        self._say(
            f"Failed. {ending.error.partition(chr(10))[0]} Retry {n_failures} of "
            f"{policy.max_retries} comes in {pause:g} seconds."
        )
        self._insist(log.close)
        return self._insist(
            lambda: self._queue.try_later(
                self._lease, attempt=self._attempt, n_failures=n_failures, seconds=pause
            )
        )

    def _finish_job(self, log: LogKeeper, ending: Ending) -> None:
        self._say(f"{ending.status}. {ending.error.partition(chr(10))[0]}".rstrip())
        self._insist(log.close)
        with contextlib.suppress(MlflowException, requests.RequestException):
            self._client.log_artifact(self._job.run_id, str(self._log_path), LOG_FOLDER)
        self._insist(lambda: self._queue.end(self._lease, ending.status, ending.error))

    # ------------------------------------------------------------ small things

    @property
    def _code(self) -> Path:
        return self._folder / CODE

    def _output(self, name: str) -> Path:
        return self._folder / OUTPUTS / name

    def _command_environment(self) -> dict[str, str]:
        own = {
            **thread_limits(max(1, int(self._share.size.cpus))),
            **self._gpu_environment(),
            "PYTHONUNBUFFERED": "1",
            **self._spec.environment_variables,
            "MLFLOW_TRACKING_URI": absolute_uri(str(self._client.tracking_uri)),
            "MLFLOW_RUN_ID": self._job.run_id,
            "MLFLOW_EXPERIMENT_ID": self._job.experiment_id,
            MARK: str(self._folder),
        }
        merged = {**self._environment, **own}
        merged["PATH"] = f"{Path(sys.executable).parent}:{merged.get('PATH', os.defpath)}"
        merged.pop("MLFLOW_EXPERIMENT_NAME", None)
        return merged

    def _gpu_environment(self) -> dict[str, str]:
        """Show the job its own GPUs alone; where the machine has none, there is nothing to hide."""
        if not self._share.has_gpus:
            return {}
        return {"CUDA_VISIBLE_DEVICES": ",".join(self._share.gpus)}

    def _begin(self) -> None:
        """Note that this attempt begins; only once can the record be as it was when it was read."""
        record, self._record = self._record, None
        status = JobStatus.PREPARING
        self._queue.move(self._lease, status, attempt=self._attempt, record=record)

    def _move(self, status: JobStatus) -> None:
        self._queue.move(self._lease, status)

    def _obey(self) -> None:
        if self._watch.wish is not None:
            raise _Interrupted(self._watch.wish)

    def _say(self, sentence: str) -> None:
        with contextlib.suppress(OSError):  # a full disk must not keep the job from its end
            with self._log_path.open("rb") as file:
                is_in_line = file.seek(0, os.SEEK_END) > 0 and _last_byte(file) != b"\n"
            with self._log_path.open("ab") as file:
                file.write(f"{chr(10) * is_in_line}[studio] {sentence}\n".encode())

    def _insist(self, action: Callable[[], T]) -> T:
        """Do it again until the server answers; work that is done must not be lost to an outage."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return action()
            except (MlflowException, requests.RequestException) as error:
                is_lost = self._watch.wish is Wish.LOST
                if not is_passing(error) or is_lost or time.monotonic() > deadline:
                    raise
            time.sleep(1.0)


def is_passing(error: Exception) -> bool:
    """Tell whether an error says that the server is away rather than that it refuses."""
    if isinstance(error, MlflowException):
        return error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
    if not isinstance(error, requests.RequestException):
        return False
    return error.response is None or error.response.status_code >= 500


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read()


def explain_exit(code: int, log: Path) -> str:
    """Say why a command failed, with the end of what it said."""
    reason = f"The command ended with exit code {code}."
    if code == 127:
        reason = "The command ended with exit code 127: a program that it calls was not found."
    elif code > 128:
        with contextlib.suppress(ValueError):
            reason = f"The command was ended by the signal {signal.Signals(code - 128).name}."
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").splitlines()
    own = [line for line in lines if not line.startswith("[studio] ")][-_TAIL_LINES:]
    return "\n".join([reason, *(["The end of its log:", *own] if own else [])])


def absolute_uri(uri: str) -> str:
    """Return a tracking URI that means the same in any working directory."""
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not uri.startswith(f"{prefix}/"):
        return f"{prefix}{Path(uri.removeprefix(prefix)).absolute()}"
    return uri
