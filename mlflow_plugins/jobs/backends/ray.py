"""Commands as jobs of a Ray cluster, through its Jobs API.

Ray starts a command on a node that has what it needs. It keeps no queue, no retries and no history,
and loses a log with its node: those stay with us. A submission is named after the job and the
attempt, so submitting it twice is the same as once, and what is left of an earlier attempt is found
by anybody who has the job's key.
"""

import base64
import contextlib
import math
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mlflow_plugins.core import Settings, StudioError, Unreachable
from mlflow_plugins.jobs.backends._base import ProcessLost, Ticket
from mlflow_plugins.jobs.backends._ray_api import (
    Access,
    RayApi,
    jobs_address,
    token_from_environment,
)
from mlflow_plugins.jobs.backends._ray_head import RayHead
from mlflow_plugins.jobs.backends._ray_log import LogTail
from mlflow_plugins.jobs.backends._ray_options import RayOptions

_SHELL = "/bin/bash"
_POLL_SECONDS = 0.2
_ENDS = ("SUCCEEDED", "FAILED", "STOPPED")
_STOPPED = 128 + signal.SIGTERM
_LOSSES = ("JOB_SUPERVISOR_ACTOR_DIED", "JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE")
_STILL_WAITING = "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"
_RESERVE_SECONDS = 3  # between the end of our grace on the node and Ray's own kill
_PENDING_SECONDS = 10.0  # how long what is about to start may take to hear that it shall not

T = TypeVar("T")


class RayBackend:
    """Runs commands on the nodes of a Ray cluster."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Read the options of the compute. See `RayOptions`.

        Raises:
            InvalidInput: An option is not known or has no such value.
        """
        self.options = RayOptions.parse(options or {})
        self.remote_python = self.options.python

    @contextlib.contextmanager
    def cluster(self, is_unwanted: threading.Event | None = None) -> Iterator[RayApi]:
        """Hold the cluster: one that is ours is there and stays until the end of the block.

        Args:
            is_unwanted: Set when nobody waits for a cluster to start any more.

        Raises:
            StudioError: The head cannot be started.
        """
        if self.options.address:
            access = Access(
                address=jobs_address(self.options.address), token=token_from_environment()
            )
            yield RayApi(access)
        else:
            head = RayHead(self.options.folder)
            with head.in_use(self.options.head, is_unwanted=is_unwanted) as access:
                yield RayApi(access)

    def start(
        self,
        command: str,
        *,
        environment: Mapping[str, str],
        folder: Path | None,
        log: Path,
        ticket: Ticket,
    ) -> "RayProcess":
        """Have a command started on a node. See `JobBackend.start`."""
        stop_seconds = Settings.from_environment().stop_seconds
        variables = {
            "RAY_JOB_STOP_WAIT_TIME_S": str(math.ceil(stop_seconds) + _RESERVE_SECONDS),
            **environment,
        }
        needs = ticket.needs
        document = {
            "entrypoint": entrypoint(command, python=self.options.python, folder=folder),
            "submission_id": f"{ticket.key}-{ticket.number}",
            "runtime_env": {"env_vars": variables},
            "metadata": {"mlflow_run_id": ticket.run_id, "mlflow_studio_job": ticket.key},
            "entrypoint_num_cpus": 1 if needs.n_cpus is None else needs.n_cpus,
            "entrypoint_num_gpus": needs.n_gpus,
            "entrypoint_memory": needs.memory_bytes,
            "entrypoint_resources": dict(needs.custom) or None,
        }
        return RayProcess(self, ticket, document, log)


def entrypoint(command: str, *, python: str, folder: Path | None) -> str:
    """Return one line for the shell of a node that runs a command below a guard of its own.

    The command's text is packed, so that whatever it has in it, Ray logs it as one line.
    """
    packed = base64.b64encode(command.encode()).decode()
    guard = f"exec {shlex.quote(python)} -P -m mlflow_plugins.jobs.backends._guard --alone"
    change = f"cd {shlex.quote(str(folder))} && " if folder else ""
    return f'{change}{guard} {_SHELL} -c "$(printf %s {packed} | base64 -d)"'


class RayProcess:
    """A command on a node, looked after by a thread of this process."""

    def __init__(
        self, backend: RayBackend, ticket: Ticket, document: Mapping[str, Any], log: Path
    ) -> None:
        self._backend = backend
        self._ticket = ticket
        self._document = document
        self._id = str(document["submission_id"])
        self._log = log
        self._wait_seconds = backend.options.wait_seconds
        self._code: int | None = None
        self._error: Exception | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self._id, daemon=True)
        self._thread.start()

    def poll(self) -> int | None:
        """Return the exit code once the command has ended, else None. See `JobProcess.poll`."""
        if self._thread.is_alive():
            return None
        if self._error is not None:
            raise self._error
        return self._code

    def stop(self, grace_seconds: float) -> None:  # noqa: ARG002  (Ray was told at the start)
        """Have Ray stop the command, and wait until it has."""
        self._stopping.set()
        self._thread.join()

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        try:
            with self._backend.cluster(self._stopping) as api:
                self._make_way(api)
                self._submit(api)
                self._code = self._follow(api)
        except Exception as error:  # noqa: BLE001  (it is for whoever polls)
            self._error = error

    def _make_way(self, api: RayApi) -> None:
        """End what is left of earlier attempts at the same job.

        Raises:
            ProcessLost: There is a later one, so this one is not wanted any more.
        """
        while earlier := self._patiently(lambda: self._others(api)):
            for one in earlier:
                with contextlib.suppress(StudioError):
                    act = api.delete if one["status"] in _ENDS else api.stop
                    act(one["submission_id"])
            if self._stopping.wait(_POLL_SECONDS):
                return

    def _others(self, api: RayApi) -> list[dict[str, Any]]:
        own = [
            one
            for one in api.submissions()
            if (one.get("metadata") or {}).get("mlflow_studio_job") == self._ticket.key
            and one["submission_id"] != self._id
        ]
        if any(_number(one["submission_id"]) > self._ticket.number for one in own):
            raise ProcessLost(f"A later attempt than {self._id} runs already.")
        return own

    def _submit(self, api: RayApi) -> None:
        if not self._stopping.is_set():
            self._patiently(lambda: api.submit(self._document))

    def _follow(self, api: RayApi) -> int:
        """Look after the submission until it has ended; return its exit code."""
        tail: LogTail | None = None
        info: dict[str, Any] = {}
        told_at: float | None = None
        try:
            while True:
                info = self._look(api)
                node = info.get("driver_node_id")
                if tail is None and node:
                    tail = LogTail(api, self._id, node, self._log)
                if info["status"] in _ENDS and not self._goes_on_waiting(api, info):
                    break
                if self._stopping.is_set() and told_at is None:
                    told_at = self._tell(api)
                if self._has_never_begun(info, told_at):
                    return _STOPPED
                self._pause(told_at)
        finally:
            if tail is not None:
                tail.finish(is_node_alive=info.get("error_type") not in _LOSSES)
        with contextlib.suppress(StudioError):
            api.delete(self._id)
        return exit_code(info)

    def _look(self, api: RayApi) -> dict[str, Any]:
        try:
            info = self._patiently(lambda: api.info(self._id))
        except Unreachable as error:
            raise ProcessLost(f"The Ray cluster is gone: {error.message}") from error
        if info is not None:
            return info
        if self._stopping.is_set():
            return {"status": "STOPPED"}
        raise ProcessLost(
            f"The Ray cluster does not know the submission {self._id} any more: its head was "
            "started anew."
        )

    def _goes_on_waiting(self, api: RayApi, info: Mapping[str, Any]) -> bool:
        """Submit again what Ray gives up because nothing was free for it in its fixed time."""
        if info.get("error_type") != _STILL_WAITING or self._stopping.is_set():
            return False
        api.delete(self._id)
        self._submit(api)
        return True

    def _tell(self, api: RayApi) -> float | None:
        """Have it stopped; return when Ray took note."""
        with contextlib.suppress(StudioError):
            api.stop(self._id)
            return time.monotonic()
        return None

    @staticmethod
    def _has_never_begun(info: Mapping[str, Any], told_at: float | None) -> bool:
        """Ray stops what waits for a free node once it has one, and not before."""
        is_pending = info["status"] == "PENDING"
        return is_pending and told_at is not None and time.monotonic() - told_at > _PENDING_SECONDS

    def _pause(self, told_at: float | None) -> None:
        if told_at is None:
            self._stopping.wait(_POLL_SECONDS)
        else:
            time.sleep(_POLL_SECONDS)

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask again while the cluster does not answer, as long as the compute says."""
        deadline = time.monotonic() + self._wait_seconds
        while True:
            try:
                return ask()
            except Unreachable:
                if time.monotonic() > deadline or self._stopping.is_set():
                    raise
            self._stopping.wait(1.0)


def _number(submission_id: str) -> int:
    return int(submission_id.rpartition("-")[2])


def exit_code(info: Mapping[str, Any]) -> int:
    """Return the exit code of a submission that has ended.

    Raises:
        ProcessLost: Its node is gone.
        StudioError: It was never started.
    """
    code = info.get("driver_exit_code")
    if code is not None:
        return int(code) if code >= 0 else 128 - int(code)
    if info["status"] != "FAILED":
        return 0 if info["status"] == "SUCCEEDED" else _STOPPED
    reason = str(info.get("message") or "no reason is given").strip().partition("\n")[0][:500]
    if info.get("error_type") in _LOSSES:
        raise ProcessLost(f"The Ray node that ran the job is gone: {reason}")
    raise StudioError(f"Ray could not start the job: {reason}")
