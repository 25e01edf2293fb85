"""The process that fits: `python -m automl._worker SOCKET DIRECTORY`.

A host imports the heavy libraries, prepares the data and forks a worker whenever it is told to;
workers share its memory. It stays single-threaded and idle, so it answers at once even while the
workers are deep in compiled code: it can always kill them. It ends, with all of them, when the
parent's end of the socket closes for whatever reason, and removes the directory behind it.

The host speaks two commands on a Unix stream socket: `F` (fork a worker; answers with its process
id, eight bytes, and the worker's socket) and `K` followed by a process id (kill that worker).
"""

import gc
import os
import pickle
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd

from automl._learners import FitJob, Learner, Params
from automl._learners._base import smoothed
from automl._metrics import Metric, TaskName
from automl._prepare import Kind, Preparer
from automl._table import Array, Table

PAYLOAD = "data.pickle"
PREPARED = "prepared.pickle"
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What the host needs; written once by the parent, raw rows included."""

    task: TaskName
    metric: Metric
    n_classes: int
    features: pd.DataFrame
    kinds: Mapping[str, Kind]
    y: Array
    weights: Array | None
    splits: tuple[tuple[Array, Array], ...]
    learners: dict[str, Learner]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldOrder:
    """Fit one fold of one configuration."""

    trial: int
    fold: int
    learner: str
    params: Params
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldResult:
    """A fitted fold.

    Attributes:
        prediction: For the held-out rows, shape (m, K) or (m,).
        path: File with the pickled model.
        load_seconds: What loading it will take, judged by what writing it took.
        error: What went wrong; the other fields are then empty.
    """

    trial: int
    fold: int
    seconds: float
    prediction: Array | None = None
    path: str = ""
    load_seconds: float = 0.0
    error: str | None = None


def fit_fold(payload: Payload, table: Table, order: FoldOrder, directory: Path) -> FoldResult:
    """Fit one fold and keep the model in a file; an exception becomes the result's `error`."""
    started = time.monotonic()
    train, valid = payload.splits[order.fold]
    try:
        job = FitJob(
            task=payload.task,
            n_classes=payload.n_classes,
            train=table.rows(train),
            y_train=payload.y[train],
            valid=table.rows(valid),
            y_valid=payload.y[valid],
            w_train=None if payload.weights is None else payload.weights[train],
            w_valid=None if payload.weights is None else payload.weights[valid],
            seed=(payload.seed * 1009 + order.fold * 31 + order.trial) % (2**31),
            n_threads=1,
            stop_at=started + order.seconds,
            is_mean_absolute=payload.metric.name in {"mae", "normalized_mae"},
        )
        model = payload.learners[order.learner].fit(job, order.params)
        if payload.task == "classification":
            model = smoothed(model, job)
        prediction = model.predict(job.valid)
        path = directory / f"{order.trial}-{order.fold}.pickle"
        fitted = time.monotonic()
        path.write_bytes(pickle.dumps(model, protocol=5))
    except Exception as error:  # noqa: BLE001 - one configuration must not end the search
        reason = "".join(traceback.format_exception_only(error)).strip()
        seconds = time.monotonic() - started
        return FoldResult(trial=order.trial, fold=order.fold, seconds=seconds, error=reason)
    return FoldResult(
        trial=order.trial,
        fold=order.fold,
        seconds=time.monotonic() - started,
        prediction=prediction,
        path=str(path),
        load_seconds=time.monotonic() - fitted,
    )


def _serve(connection: Connection, payload: Payload, table: Table, directory: Path) -> None:
    """Fit what is ordered until the other end closes."""
    while True:
        try:
            order = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(fit_fold(payload, table, order, directory))


def _fork_worker(control: socket.socket, payload: Payload, table: Table, directory: Path) -> int:
    """Fork; the parent keeps its own end of the new socket and gets the process id."""
    ours, theirs = socket.socketpair()
    host = os.getpid()
    pid = os.fork()
    if pid == 0:
        control.close()
        ours.close()
        _die_with_parent(host)
        _serve(Connection(theirs.detach()), payload, table, directory)
        os._exit(0)
    theirs.close()
    socket.send_fds(control, [pid.to_bytes(8, "big")], [ours.fileno()])
    ours.close()
    return pid


def _die_with_parent(parent: int) -> None:
    """Ask Linux for SIGKILL when the host dies; elsewhere a worker ends with its next fold."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _load(directory: Path) -> tuple[Payload, Table]:
    """Load and prepare the data; leave the preparation and its findings for the parent."""
    payload: Payload = pickle.loads((directory / PAYLOAD).read_bytes())
    preparer = Preparer(payload.kinds).fit(payload.features)
    table = preparer.transform(payload.features)
    _ = table.matrix  # computed before forking, so that workers share it
    findings = preparer.findings(payload.features)
    (directory / PREPARED).write_bytes(pickle.dumps((preparer, findings), protocol=5))
    gc.collect()
    gc.freeze()
    return payload, table


def _reap(children: set[int]) -> None:
    for pid in list(children):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            children.discard(pid)


def _kill(pid: int, children: set[int]) -> None:
    """Kill a child and wait for it; a process id that is no longer ours is left alone."""
    _reap(children)
    if pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        children.discard(pid)


def _host(control: socket.socket, directory: Path) -> None:
    children: set[int] = set()
    loaded: tuple[Payload, Table] | None = None
    try:
        while command := control.recv(1):
            if command == b"F":
                loaded = loaded or _load(directory)
                children.add(_fork_worker(control, *loaded, directory))
            elif command == b"K":
                _kill(int.from_bytes(control.recv(8, socket.MSG_WAITALL), "big"), children)
    finally:
        for pid in list(children):
            _kill(pid, children)
        _remove(directory)


def _remove(directory: Path) -> None:
    import shutil

    shutil.rmtree(directory, ignore_errors=True)


def main(arguments: list[str]) -> None:
    """Run the host."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    control = socket.socket(fileno=int(arguments[0]))
    import lightgbm  # noqa: F401
    import sklearn.ensemble
    import sklearn.linear_model  # noqa: F401

    _host(control, Path(arguments[1]))


if __name__ == "__main__":
    # Pickles name the classes of this module by its real name, not by __main__.
    import_module("automl._worker").main(sys.argv[1:])
