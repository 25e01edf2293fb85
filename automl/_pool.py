"""The parent's side of the fitting processes."""

import contextlib
import os
import pickle
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from automl._errors import AutoMLError
from automl._guardrails import Finding
from automl._prepare import Preparer
from automl._worker import PAYLOAD, PREPARED, FoldOrder, FoldResult, Payload

_QUIET_THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
}


@dataclass(eq=False, slots=True)
class Worker:
    """One worker process and what it is doing."""

    pid: int
    connection: Connection
    order: FoldOrder | None = None
    kill_at: float = float("inf")


class PoolDiedError(AutoMLError):
    """The fitting processes could not start or are gone."""


class WorkerPool:
    """A host process and its workers; none of them outlives this object or this process.

    Creating the pool only starts the host, whose imports take a second or two; `start` hands over
    the data and waits for the workers.
    """

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="automl-"))
        self.workers: list[Worker] = []
        self._control, theirs = socket.socketpair()
        self._log = (self.directory / "host.log").open("wb")
        try:
            self._host = subprocess.Popen(
                [sys.executable, "-m", "automl._worker", str(theirs.fileno()), str(self.directory)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                env=os.environ | _QUIET_THREADS | {"PYTHONPATH": _python_path()},
            )
        finally:
            theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self, payload: Payload, *, n_workers: int, timeout_seconds: float) -> None:
        """Give the data to the host and start the workers.

        The host prepares the data first; where time is short there are fewer workers, or none.

        Raises:
            PoolDiedError: The host ended before it was ready.
        """
        import cloudpickle

        (self.directory / PAYLOAD).write_bytes(cloudpickle.dumps(payload, protocol=5))
        for _ in range(n_workers):
            self._control.sendall(b"F")
        self._control.settimeout(max(timeout_seconds, 0.01))
        with contextlib.suppress(TimeoutError):
            for _ in range(n_workers):
                self.workers.append(self._receive_worker())

    def _receive_worker(self) -> Worker:
        answer, descriptors, _, _ = socket.recv_fds(self._control, 8, 1)
        if len(answer) < 8:
            raise PoolDiedError(f"The fitting process could not start: {self._last_words()}")
        return Worker(int.from_bytes(answer, "big"), Connection(descriptors[0]))

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = (self.directory / "host.log").read_text(errors="replace").strip().splitlines()
            return lines[-1] if lines else "it left no message."
        return "it left no message."

    def prepared(self) -> tuple[Preparer, tuple[Finding, ...]]:
        """Return the preparation that the workers' data went through, and what it found."""
        found: tuple[Preparer, tuple[Finding, ...]] = pickle.loads(
            (self.directory / PREPARED).read_bytes()
        )
        return found

    def order(self, worker: Worker, order: FoldOrder, *, kill_at: float) -> None:
        """Let an idle worker fit a fold."""
        worker.order, worker.kill_at = order, kill_at
        with contextlib.suppress(OSError):  # a dead worker is noticed when its answer is read
            worker.connection.send(order)

    def results(self, timeout_seconds: float) -> Iterable[tuple[Worker, FoldResult | None]]:
        """Wait for finished folds; None stands for a worker that died."""
        busy: dict[Any, Worker] = {w.connection: w for w in self.workers if w.order}
        for connection in wait(list(busy), timeout=max(timeout_seconds, 0.0)):
            worker = busy[connection]
            try:
                result: FoldResult | None = worker.connection.recv()
            except (EOFError, OSError):
                result = None
            yield worker, result

    def replace(self, worker: Worker) -> None:
        """Kill a worker, whatever it is doing, and start a fresh one in its place.

        Raises:
            PoolDiedError: The host is gone, and all workers with it.
        """
        self.kill(worker)
        try:
            self._control.sendall(b"F")
            self._control.settimeout(10.0)
            self.workers.append(self._receive_worker())
        except OSError as error:
            raise PoolDiedError("The fitting processes were ended from outside.") from error

    def kill(self, worker: Worker) -> None:
        """Kill a worker, whatever it is doing."""
        self.workers.remove(worker)
        worker.connection.close()
        with contextlib.suppress(OSError):  # without a host there are no workers either
            self._control.sendall(b"K" + worker.pid.to_bytes(8, "big"))

    def close(self) -> None:
        """End every process and remove every file."""
        for worker in self.workers:
            worker.connection.close()
        self.workers = []
        self._control.close()
        try:
            self._host.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            self._host.kill()  # its workers die with it
            self._host.wait()
        self._log.close()
        _remove_leftovers(self.directory)


def _remove_leftovers(directory: Path) -> None:
    import shutil

    shutil.rmtree(directory, ignore_errors=True)


def _python_path() -> str:
    """This process's import path, for a child that must find the same modules."""
    return os.pathsep.join(str(Path(p).absolute()) if p else str(Path.cwd()) for p in sys.path)
