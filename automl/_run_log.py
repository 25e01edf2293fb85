"""The one place that writes to MLflow.

The fit path only puts records into a queue; a thread writes them. The run that is active, or that
`MLFLOW_RUN_ID` names, becomes the parent and is left open; otherwise a run is started and ended.
"""

import hashlib
import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

import numpy as np
import pandas as pd

from automl._task import LogMode, TrialRecord

_NEEDED = ("mlflow", "mlflow-studio", "scikit-learn", "pandas", "numpy", "cloudpickle")
MAX_CHILD_RUNS = 200
_MAX_PARAM_LENGTH = 6000
_logger = logging.getLogger(__name__)


class Log(Protocol):
    """Where a fit reports to."""

    def trial_finished(self, record: TrialRecord) -> None:
        """Take note of a trial; returns at once."""

    def finish(self, predictor: Any) -> None:
        """Write what is left, the model included."""


class Listener:
    """Passes trials on to the caller's own listener."""

    def __init__(self, on_trial: Callable[[TrialRecord], None] | None) -> None:
        self._on_trial = on_trial

    def trial_finished(self, record: TrialRecord) -> None:
        if self._on_trial is not None:
            self._on_trial(record)

    def finish(self, predictor: Any) -> None:
        """Nothing is written."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a search is about, in the words of its run.

    Attributes:
        metric: Name of what is optimised.
        is_higher_better: Its direction.
        log_mode: What goes to MLflow.
        on_trial: The caller's own listener.
        params: Params of the parent run, without their prefix `automl.`.
        tags: Its tags, without the prefix.
    """

    metric: str
    is_higher_better: bool
    log_mode: LogMode
    on_trial: Callable[[TrialRecord], None] | None
    params: dict[str, Any]
    tags: dict[str, str]


@contextmanager
def open_run(make_log: "Callable[[str], RunLog]") -> Iterator[Log]:
    """Log into the run around this call, or into a new one.

    Args:
        make_log: Makes the log of a run from its id.
    """
    import mlflow

    run_id = _surrounding_run_id()
    if run_id is not None:
        log = make_log(run_id)
        try:
            yield log
        finally:
            log.close()
        return
    with mlflow.start_run() as run:
        log = make_log(run.info.run_id)
        try:
            yield log
        finally:
            log.close()


def _surrounding_run_id() -> str | None:
    if "mlflow" in sys.modules and (active := sys.modules["mlflow"].active_run()) is not None:
        return str(active.info.run_id)
    return os.environ.get("MLFLOW_RUN_ID") or None


class RunLog:
    """Writes one search to one parent run and, in mode `trials`, a child run for each trial.

    Args:
        subject: What the search is about.
        run_id: The parent run.
        log_model: Logs the predictor as a model of the run; returns its address.
    """

    def __init__(
        self, subject: Subject, run_id: str, *, log_model: Callable[[Any, str], str]
    ) -> None:
        from mlflow import MlflowClient

        self._subject, self._run_id, self._log_model = subject, run_id, log_model
        self._client = MlflowClient()
        self._experiment_id = self._client.get_run(run_id).info.experiment_id
        self._child_ids: dict[int, str] = {}
        self._best: float | None = None
        self._queue: queue.SimpleQueue[TrialRecord | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="automl-log", daemon=True)
        self._thread.start()

    def trial_finished(self, record: TrialRecord) -> None:
        """Take note of a trial; returns at once."""
        self._queue.put(record)
        if self._subject.on_trial is not None:
            self._subject.on_trial(record)

    def close(self) -> None:
        """Let the thread write what is queued, and end it."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    # -------------------------------------------------------------- the thread

    def _write_all(self) -> None:
        try:
            self._write_opening()
        except Exception:
            _logger.exception("The parent run %s could not be written.", self._run_id)
        while (record := self._queue.get()) is not None:
            try:
                self._write(record)
            except Exception:
                _logger.exception("Trial %d could not be written.", record.number)

    def _write_opening(self) -> None:
        from mlflow.entities import Param, RunTag

        params = [Param(f"automl.{k}", str(v)) for k, v in self._subject.params.items()]
        tags = [RunTag(f"automl.{k}", v) for k, v in self._subject.tags.items()]
        self._client.log_batch(self._run_id, params=params, tags=tags)

    def _write(self, record: TrialRecord) -> None:
        sign = -1.0 if self._subject.is_higher_better else 1.0
        losses = [sign * s for s in (self._best, record.score) if s is not None]
        if record.score is not None and sign * record.score == min(losses):
            self._best = record.score
            self._client.log_metric(
                self._run_id, "automl_best_score", record.score, step=record.number
            )
        if self._subject.log_mode == "trials" and len(self._child_ids) < MAX_CHILD_RUNS:
            self._child_ids[record.number] = self._write_child(record)

    def _write_child(self, record: TrialRecord) -> str:
        from mlflow.entities import Metric, Param, RunTag

        start_ms, end_ms = int(record.started_at * 1000), int(record.ended_at * 1000)
        child = self._client.create_run(
            self._experiment_id,
            start_time=start_ms,
            run_name=f"{record.number:03d} {record.learner}",
            tags={"mlflow.parentRunId": self._run_id},
        )
        run_id = str(child.info.run_id)
        name = self._subject.metric
        metrics = [
            Metric(f"fold_{name}", value, end_ms, step)
            for step, value in enumerate(record.fold_scores)
            if np.isfinite(value)
        ]
        metrics.append(Metric("fit_seconds", record.fit_seconds, end_ms, 0))
        if record.score is not None:
            metrics.append(Metric(name, record.score, end_ms, 0))
        params = {"learner": record.learner} | record.params
        tags = {
            "automl.kind": "trial",
            "automl.state": record.state,
            "automl.learner": record.learner,
        }
        tags |= {"automl.error": record.error[:_MAX_PARAM_LENGTH]} if record.error else {}
        self._client.log_batch(
            run_id,
            metrics=metrics,
            params=[Param(k, str(v)) for k, v in params.items()],
            tags=[RunTag(k, v) for k, v in tags.items()],
        )
        is_failed = record.state == "failed"
        status = "FAILED" if is_failed else "FINISHED" if record.state == "complete" else "KILLED"
        self._client.set_terminated(run_id, status=status, end_time=end_ms)
        return run_id

    # -------------------------------------------------------------- the end

    def finish(self, predictor: Any) -> None:
        """Write leaderboard, guardrails, final scores and the model."""
        from mlflow.entities import Metric, RunTag

        self.close()
        predictor.run_id = self._run_id
        predictor.leaderboard_rows = tuple(
            replace(row, run_id=self._child_ids.get(row.trial))
            for row in predictor.leaderboard_rows
        )
        rows = [asdict(row) for row in predictor.leaderboard_rows]
        self._write_json(_plain(rows), "leaderboard.json")
        self._write_json(predictor.report.as_records(), "guardrails.json")
        self._write_more(predictor)
        predictor.model_uri = self._log_model(predictor, self._run_id)
        now_ms = int(time.time() * 1000)
        values = {
            "automl_best_score": predictor.score,
            predictor.metric: predictor.score,
            "automl_fit_seconds": predictor.fit_seconds,
            "automl_n_trials": float(len(rows)),
            **self._more_values(predictor),
            **{f"test_{name}": value for name, value in predictor.test_scores.items()},
        }
        tags = {
            "automl.best_model_uri": predictor.model_uri,
            "automl.best_learner": predictor.members[0].learner
            if predictor.members
            else "baseline",
            "automl.state": "finished",
        }
        self._client.log_batch(
            self._run_id,
            metrics=[Metric(k, v, now_ms, len(rows)) for k, v in values.items() if np.isfinite(v)],
            tags=[RunTag(k, v) for k, v in tags.items()],
        )

    def _write_more(self, predictor: Any) -> None:
        """Write what only this kind of search has."""

    def _more_values(self, predictor: Any) -> dict[str, float]:  # noqa: ARG002 - the interface
        """Return metrics of the run that only this kind of search has."""
        return {}

    def _write_json(self, value: Any, name: str) -> None:
        self._client.log_text(self._run_id, json.dumps(value, indent=2), name)


def frame_digest(frame: pd.DataFrame) -> str:
    """Return 16 hexadecimal digits that change with any name, value or order of rows."""
    digest = hashlib.sha256(repr([str(c) for c in frame.columns]).encode())
    for i in range(frame.shape[1]):
        series = frame.iloc[:, i]
        try:
            hashed = pd.util.hash_pandas_object(series, index=False)
        except TypeError:  # unhashable values, such as lists
            hashed = pd.util.hash_pandas_object(series.map(repr), index=False)
        digest.update(hashed.to_numpy().tobytes())
    return digest.hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Turn numpy scalars into Python's, for JSON."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def requirements(packages: Iterable[str]) -> list[str]:
    """Pin what loading needs; naming it spares MLflow's inference of 15 seconds and more.

    Args:
        packages: What this model needs beside that which all of ours do.
    """
    pins = []
    for name in (*_NEEDED, *sorted(packages)):
        try:
            pins.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            _logger.debug("%s is not an installed distribution: not pinned.", name)
    return pins
