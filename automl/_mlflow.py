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
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from automl._checks import Plan
from automl._predictor import AutoMLPredictor
from automl._task import TrialRecord

_NEEDED = ("mlflow", "mlflow-studio", "scikit-learn", "pandas", "numpy", "cloudpickle")
MAX_CHILD_RUNS = 200
_MAX_PARAM_LENGTH = 6000
_EXAMPLE_ROWS = 3
_logger = logging.getLogger(__name__)


class Log(Protocol):
    """Where a fit reports to."""

    def trial_finished(self, record: TrialRecord) -> None:
        """Take note of a trial; returns at once."""

    def finish(self, predictor: AutoMLPredictor) -> None:
        """Write what is left, the model included."""


class _Listener:
    """Passes trials on to the caller's own listener."""

    def __init__(self, plan: Plan) -> None:
        self._on_trial = plan.on_trial

    def trial_finished(self, record: TrialRecord) -> None:
        if self._on_trial is not None:
            self._on_trial(record)

    def finish(self, predictor: AutoMLPredictor) -> None:
        """Nothing is written."""


def open_log(plan: Plan) -> AbstractContextManager[Log]:
    """Return the log that the plan asks for."""
    return nullcontext(_Listener(plan)) if plan.log_mode == "off" else _open_run(plan)


@contextmanager
def _open_run(plan: Plan) -> Iterator[Log]:
    import mlflow

    run_id = _surrounding_run_id()
    if run_id is not None:
        log = RunLog(plan, run_id)
        try:
            yield log
        finally:
            log.close()
        return
    with mlflow.start_run() as run:
        log = RunLog(plan, run.info.run_id)
        try:
            yield log
        finally:
            log.close()


def _surrounding_run_id() -> str | None:
    if "mlflow" in sys.modules and (active := sys.modules["mlflow"].active_run()) is not None:
        return str(active.info.run_id)
    return os.environ.get("MLFLOW_RUN_ID") or None


class RunLog:
    """Writes one search to one parent run and, in mode `trials`, a child run for each trial."""

    def __init__(self, plan: Plan, run_id: str) -> None:
        from mlflow import MlflowClient

        self._plan, self._run_id = plan, run_id
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
        if self._plan.on_trial is not None:
            self._plan.on_trial(record)

    def close(self) -> None:
        """Let the thread write what is queued, and end it."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    # -------------------------------------------------------------- the thread

    def _write_all(self) -> None:
        try:
            self._client.log_batch(
                self._run_id, params=_params(self._plan), tags=_opening_tags(self._plan)
            )
        except Exception:
            _logger.exception("The parent run %s could not be written.", self._run_id)
        while (record := self._queue.get()) is not None:
            try:
                self._write(record)
            except Exception:
                _logger.exception("Trial %d could not be written.", record.number)

    def _write(self, record: TrialRecord) -> None:
        metric = self._plan.task.metric
        losses = [metric.as_loss(s) for s in (self._best, record.score) if s is not None]
        if record.score is not None and metric.as_loss(record.score) == min(losses):
            self._best = record.score
            self._client.log_metric(
                self._run_id, "automl_best_score", record.score, step=record.number
            )
        if self._plan.log_mode == "trials" and len(self._child_ids) < MAX_CHILD_RUNS:
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
        name = self._plan.task.metric.name
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

    def finish(self, predictor: AutoMLPredictor) -> None:
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
        predictor.model_uri = _log_model(predictor, self._plan, self._run_id)
        now_ms = int(time.time() * 1000)
        values = {
            "automl_best_score": predictor.score,
            predictor.metric: predictor.score,
            "automl_fit_seconds": predictor.fit_seconds,
            "automl_n_trials": float(len(rows)),
            **_estimated(predictor),
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

    def _write_json(self, value: Any, name: str) -> None:
        self._client.log_text(self._run_id, json.dumps(value, indent=2), name)


def _estimated(predictor: AutoMLPredictor) -> dict[str, float]:
    if (found := predictor.estimate) is None:
        return {}
    return {
        "automl_estimate": found.score,
        "automl_estimate_low": found.low,
        "automl_estimate_high": found.high,
    }


def _params(plan: Plan) -> list[Any]:
    from mlflow.entities import Param

    task, limits = plan.task, plan.limits
    values = {
        "target": task.target,
        "task": task.name,
        "primary_metric": task.metric.name,
        "time_budget_seconds": limits.time_budget_seconds,
        "seed": task.seed,
        "max_trials": limits.max_trials,
        "exit_score": limits.exit_score,
        "n_workers": limits.n_workers,
        "n_splits": len(task.splits),
        "n_rows": len(task.y),
        "n_columns": task.features.shape[1],
        "learners": ",".join(task.learners),
    }
    return [Param(f"automl.{k}", str(v)) for k, v in values.items() if v is not None]


def _opening_tags(plan: Plan) -> list[Any]:
    from mlflow.entities import RunTag

    task = plan.task
    tags = {
        "automl.kind": "search",
        "automl.task": task.name,
        "automl.target": task.target,
        "automl.primary_metric": task.metric.name,
        "automl.is_higher_better": str(task.metric.is_higher_better).lower(),
        "automl.data_digest": frame_digest(plan.frame),
        "automl.state": "running",
    }
    return [RunTag(k, v) for k, v in tags.items()]


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


# ------------------------------------------------------------------ the model


def _log_model(predictor: AutoMLPredictor, plan: Plan, run_id: str) -> str:
    import mlflow.pyfunc
    from mlflow.models import Model

    from automl import _scoring_model

    example = plan.task.features.head(_EXAMPLE_ROWS)
    with tempfile.TemporaryDirectory(prefix="automl-") as directory:
        path = Path(directory) / _scoring_model.FILE_NAME
        _scoring_model.save(predictor, path)
        info = Model.log(
            artifact_path=None,
            name="model",
            flavor=mlflow.pyfunc,
            run_id=run_id,
            loader_module=_scoring_model.__name__,
            data_path=str(path),
            signature=_signature(predictor, example, features=plan.task.features),
            input_example=_jsonable(example),
            pip_requirements=_requirements(predictor),
            metadata={
                "automl": {"task": predictor.task, "target": predictor.target},
                "studio.row_wise": True,  # a row's prediction does not depend on its neighbours
            },
        )
    return str(info.model_uri)


def _signature(predictor: AutoMLPredictor, example: pd.DataFrame, *, features: pd.DataFrame) -> Any:
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import DataType, ParamSchema, ParamSpec, Schema

    outputs = infer_signature(model_output=predictor.predict(example)).outputs
    columns = [_column_spec(str(c), features.iloc[:, i]) for i, c in enumerate(features.columns)]
    method = ParamSpec("method", DataType.string, default="predict")
    return ModelSignature(inputs=Schema(columns), outputs=outputs, params=ParamSchema([method]))


def _column_spec(name: str, series: pd.Series) -> Any:
    """Describe a raw column so that rows with missing values pass MLflow's check.

    Whole numbers and booleans are `any`: as `long` MLflow refuses a missing value, and as `double`
    it refuses the very int64 columns that the model was trained on.
    """
    from mlflow.types import ColSpec, DataType
    from mlflow.types.schema import AnyType

    types = pd.api.types
    if types.is_float_dtype(series.dtype):
        return ColSpec(DataType.double, name)
    if types.is_datetime64_dtype(series.dtype):
        return ColSpec(DataType.datetime, name)
    is_words = types.is_string_dtype(series.dtype) and not isinstance(
        series.dtype, pd.CategoricalDtype
    )
    if is_words and series.dropna().map(lambda v: isinstance(v, str)).all():
        return ColSpec(DataType.string, name)
    return ColSpec(AnyType(), name)  # type: ignore[no-untyped-call]


def _jsonable(example: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with categories as plain values, which JSON can hold."""
    plain = example.copy()
    plain.columns = [str(c) for c in plain.columns]
    for i, name in enumerate(plain.columns):
        if isinstance(example.iloc[:, i].dtype, pd.CategoricalDtype):
            plain[name] = example.iloc[:, i].astype(object)
    return plain


def _requirements(predictor: AutoMLPredictor) -> list[str]:
    """Pin what loading needs; naming it spares MLflow's inference of 15 seconds and more."""
    from automl._learners import LEARNERS

    pins = []
    families = {member.learner for member in predictor.members} & set(LEARNERS)
    packages = {package for name in families for package in LEARNERS[name].packages}
    for name in (*_NEEDED, *sorted(packages)):
        try:
            pins.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            _logger.debug("%s is not an installed distribution: not pinned.", name)
    return pins
