"""What `fit` tells MLflow: the words of its run, and its model."""

import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd

from automl._checks import Plan
from automl._predictor import AutoMLPredictor
from automl._run_log import Listener, Log, RunLog, Subject, frame_digest, open_run, requirements

_EXAMPLE_ROWS = 3


def open_log(plan: Plan) -> AbstractContextManager[Log]:
    """Return the log that the plan asks for."""
    if plan.log_mode == "off":
        return nullcontext(Listener(plan.on_trial))
    subject = _subject(plan)

    def log_model(predictor: AutoMLPredictor, run_id: str) -> str:
        return _log_model(predictor, plan, run_id)

    return open_run(lambda run_id: _SearchLog(subject, run_id, log_model=log_model))


class _SearchLog(RunLog):
    def _more_values(self, predictor: Any) -> dict[str, float]:
        if (found := predictor.estimate) is None:
            return {}
        return {
            "automl_estimate": found.score,
            "automl_estimate_low": found.low,
            "automl_estimate_high": found.high,
        }


def _subject(plan: Plan) -> Subject:
    metric = plan.task.metric
    return Subject(
        metric=metric.name,
        is_higher_better=metric.is_higher_better,
        log_mode=plan.log_mode,
        on_trial=plan.on_trial,
        params=_params(plan),
        tags=_opening_tags(plan),
    )


def _params(plan: Plan) -> dict[str, Any]:
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
    return {k: v for k, v in values.items() if v is not None}


def _opening_tags(plan: Plan) -> dict[str, str]:
    task = plan.task
    return {
        "kind": "search",
        "task": task.name,
        "target": task.target,
        "primary_metric": task.metric.name,
        "is_higher_better": str(task.metric.is_higher_better).lower(),
        "data_digest": frame_digest(plan.frame),
        "state": "running",
    }


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
            pip_requirements=requirements(_packages(predictor)),
            metadata={
                "automl": {"task": predictor.task, "target": predictor.target},
                "studio.row_wise": True,  # a row's prediction does not depend on its neighbours
            },
        )
    return str(info.model_uri)


def _packages(predictor: AutoMLPredictor) -> set[str]:
    from automl._learners import LEARNERS

    families = {member.learner for member in predictor.members} & set(LEARNERS)
    return {package for name in families for package in LEARNERS[name].packages}


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
