"""The work of a job: bring its code and inputs here, run its command, keep its outputs.

A job on this machine's compute is worked on within its runner. One on another machine is worked on
there (`work`), while the runner keeps the lease, the log and the outcome.
"""

import contextlib
import json
import logging
import signal
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import mlflow.artifacts
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import InvalidInput, LeaseLost
from mlflow_plugins.core.processes import thread_limits
from mlflow_plugins.jobs import _bindings
from mlflow_plugins.jobs._attempt import Attempt, Ending, Interrupted
from mlflow_plugins.jobs._distribution import distributed
from mlflow_plugins.jobs._fetch import fetch_input
from mlflow_plugins.jobs._fields import DIRECT
from mlflow_plugins.jobs._leftovers import MARK
from mlflow_plugins.jobs._log import say
from mlflow_plugins.jobs._memory import MemoryExceeded, MemoryGuard
from mlflow_plugins.jobs._outputs import OUTPUTS, is_written, keep_output, prepare_output
from mlflow_plugins.jobs._states import JobStatus
from mlflow_plugins.jobs._submit import CODE
from mlflow_plugins.jobs._system_metrics import system_metrics
from mlflow_plugins.jobs._watch import Wish
from mlflow_plugins.jobs.backends._base import JobBackend, JobProcess, Ticket
from mlflow_plugins.jobs.compute import Share
from mlflow_plugins.jobs.environments import (
    Host,
    PinnedEnvironment,
    PreparedEnvironment,
    installs_packages,
    overlay,
    prepare,
    run_tags,
    workspace_environment,
)

_LOGGER = logging.getLogger(__name__)


class Work:
    """One attempt at the work of a job, in a folder of this machine."""

    def __init__(
        self,
        attempt: Attempt,
        *,
        folder: Path,
        environments: Path,
        log: Path,
        backend: JobBackend,
        environment: Mapping[str, str],
        share: Share,
    ) -> None:
        """Read the job's document.

        Args:
            attempt: The job.
            folder: An existing folder for this attempt alone.
            environments: Where this machine keeps the Python environments of jobs.
            log: Existing file that the output is appended to.
            backend: Starts the command on this machine.
            environment: What the command inherits.
            share: What it has of this machine.
        """
        self._attempt = attempt
        self._client = attempt.client
        self._job = attempt.job
        self._document: Mapping[str, Any] = attempt.record.spec or {}
        self._spec = attempt.spec
        self._folder = folder
        self._environments = environments
        self._log = log
        self._backend = backend
        self._environment = environment
        self._share = share
        self._python = workspace_environment()

    def run(self) -> Ending | Wish:
        """Do it; return how it ended, or the wish that ended it.

        Raises:
            LeaseLost: Somebody else has the job.
        """
        try:
            values = self._prepare()
            code = self._run_command(values)
            if self._has_outputs():
                self._attempt.move(JobStatus.FINALIZING)
                self._keep_outputs()
        except Interrupted as interruption:
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
        reason = explain_exit(code)
        return Ending(status=JobStatus.FAILED, error=reason, is_in_log=True, may_retry=True)

    def _prepare(self) -> dict[str, str | None]:
        """Bring code and inputs here; return what the expressions stand for."""
        has_own_files = not self._spec.coordinator  # a coordinator's are for its children
        if self._document["has_code"] and has_own_files:
            self._fetch_code()
        self._code.mkdir(exist_ok=True)
        (self._code / OUTPUTS).mkdir(exist_ok=True)
        values: dict[str, str | None] = dict(self._document.get("values", {}))
        for name, document in self._document["inputs"].items() if has_own_files else ():
            self._attempt.obey()
            values[f"inputs.{name}"] = self._fetch_input(name, document)
        for name, output in self._spec.outputs.items():
            values[f"outputs.{name}"] = prepare_output(
                output, self._output(name), self._client, run_id=self._job.run_id
            )
        for name, text in self._spec.files.items():
            if has_own_files:
                text = _bindings.resolve(text, values, where=f"files.{name}")  # noqa: PLW2901
            self._write_file(name, text)
        if has_own_files:
            command = _bindings.resolve(self._spec.command, values, where="command")
            self._python = self._prepare_environment(command)
        return values

    def _prepare_environment(self, command: str) -> PreparedEnvironment:
        """Make the Python ready in which the command runs, and note on the run which it is."""
        host = Host(
            folder=self._environments,
            log=self._log,
            variables={**self._environment, MARK: str(self._folder)},
            settings=self._attempt.settings,
            check=self._attempt.obey,
        )
        pinned = PinnedEnvironment.model_validate(self._document.get("environment", {}))
        python = prepare(pinned, host)
        if noted := run_tags(python):
            self._attempt.insist(lambda: self._client.log_batch(self._job.run_id, tags=noted))
        if installs_packages(command, self._code):
            python = overlay(python, self._folder / "python", host)
        return python

    def _fetch_code(self) -> None:
        mlflow.artifacts.download_artifacts(
            run_id=self._origin,
            artifact_path=CODE,
            dst_path=str(self._folder),
            tracking_uri=self._client.tracking_uri,
        )
        for name in self._document["executables"]:
            (self._code / name).chmod(0o755)

    def _fetch_input(self, name: str, document: Mapping[str, Any]) -> str | None:
        run_id = self._job.run_id
        folder = self._folder / "inputs" / name
        fetched = fetch_input(document, self._client, run_id=self._origin, name=name, folder=folder)
        if fetched.has_changed:
            self._say(f"The input {name!r} has changed since the job was submitted.")
        if fetched.stamp:
            self._client.set_tag(run_id, f"studio.input.{name}", json.dumps(fetched.stamp))
        return fetched.value

    def _write_file(self, name: str, text: str) -> None:
        path = (self._code / name).resolve()
        if not path.is_relative_to(self._code.resolve()):
            raise InvalidInput(f"The file {name!r} would be outside of the job's folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _run_command(self, values: Mapping[str, str | None]) -> int:
        command = distributed(
            self._spec.distribution,
            _bindings.resolve(self._spec.command, values, where="command"),
        )
        environment = self._command_environment()
        self._attempt.obey()
        process = self._backend.start(
            command,
            environment=environment,
            folder=self._code,
            log=self._log,
            ticket=Ticket(
                key=self._attempt.hold.lease.record_id,
                number=self._attempt.hold.lease.token,
                run_id=self._job.run_id,
            ),
        )
        try:
            self._attempt.move(JobStatus.RUNNING)
            with self._system_metrics(environment):
                return self._attend(process)
        except BaseException:
            process.stop(0.0 if self._attempt.is_lost else self._attempt.settings.stop_seconds)
            raise

    def _system_metrics(self, environment: Mapping[str, str]) -> AbstractContextManager[None]:
        if self._job.is_coordinator:  # it waits; the machines of its children are measured
            return nullcontext()
        return system_metrics(
            self._job.run_id,
            tracking_uri=str(self._client.tracking_uri),
            environment=environment,
            is_first=self._attempt.hold.lease.token == 1,
        )

    def _attend(self, process: JobProcess) -> int:
        """Wait for the command's end.

        Raises:
            TimeoutError: It took longer than it may.
            MemoryExceeded: It used more memory than it may.
        """
        timeout = self._spec.limits.timeout
        started_at = time.monotonic()
        deadline = started_at + timeout if timeout else float("inf")
        memory = MemoryGuard(self._share.size.memory_gib)
        while (code := process.poll()) is None:
            self._attempt.obey()
            memory.check()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"The command ran longer than limits.timeout allows ({timeout} seconds) and "
                    "was stopped. Give it more time, or less to do."
                )
            time.sleep(_pause_after(time.monotonic() - started_at))
        return code

    def _has_outputs(self) -> bool:
        return bool(self._spec.outputs) or is_written(self._code / OUTPUTS)

    def _keep_outputs(self) -> None:
        for name, output in self._spec.outputs.items():
            path = self._output(name)
            if output.mode == DIRECT:
                continue
            if not is_written(path):
                self._say(f"The command has written nothing to the output {name!r}.")
                continue
            places = self._attempt.insist(
                lambda o=output, p=path: keep_output(  # type: ignore[misc]
                    o, p, self._client, run_id=self._job.run_id
                )
            )
            for place in places:
                self._say(f"The output {name!r} {place}.")
        default = self._code / OUTPUTS
        if is_written(default):
            self._attempt.insist(
                lambda: self._client.log_artifacts(self._job.run_id, str(default), OUTPUTS)
            )

    # ------------------------------------------------------------ small things

    @property
    def _origin(self) -> str:
        """The run whose artifacts are the job's code and local inputs: its parent's or its own."""
        return str(self._document.get("origin", self._job.run_id))

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
        merged.pop("MLFLOW_EXPERIMENT_NAME", None)
        return self._python.variables(merged)

    def _gpu_environment(self) -> dict[str, str]:
        """Show the job its own GPUs alone; where the machine has none, there is nothing to hide."""
        if not self._share.has_gpus:
            return {}
        return {"CUDA_VISIBLE_DEVICES": ",".join(self._share.gpus)}

    def _say(self, sentence: str) -> None:
        say(self._log, sentence)


def _pause_after(seconds: float) -> float:
    """Return how long to wait before the next look at a command that has run so long.

    Example:
        >>> [_pause_after(seconds) for seconds in (0.0, 0.2, 600.0)]
        [0.005, 0.02, 0.05]
    """
    return min(0.05, max(0.005, seconds / 10))


def explain_exit(code: int) -> str:
    """Say why a command failed."""
    if code == 127:
        return "The command ended with exit code 127: a program that it calls was not found."
    if code > 128:
        with contextlib.suppress(ValueError):
            return f"The command was ended by the signal {signal.Signals(code - 128).name}."
    return f"The command ended with exit code {code}."


def absolute_uri(uri: str) -> str:
    """Return a tracking URI that means the same in any working directory."""
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not uri.startswith(f"{prefix}/"):
        return f"{prefix}{Path(uri.removeprefix(prefix)).absolute()}"
    return uri
