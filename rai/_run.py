"""One call from model and table to a run with an analysis."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mlflow
import pandas as pd

from rai._analysis import Analysis
from rai._errors import InputError, unknown_name
from rai._evaluator import OWN_KEYS, download
from rai._inputs import SensitiveFeatures, TaskChoice, infer_task, read_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """An evaluation that was logged: the run and what it holds."""

    run_id: str
    analysis: Analysis


def evaluate_model(
    model: Any,
    frame: pd.DataFrame,
    *,
    target: str,
    sensitive_features: SensitiveFeatures | None = None,
    task: TaskChoice = "auto",
    run_id: str | None = None,
    experiment_name: str | None = None,
    **settings: Any,
) -> Evaluation:
    """Evaluate a model with ``mlflow.models.evaluate`` and our evaluator, in a run.

    Names and data are checked before a run is made, so a typing error leaves no failed run behind.

    Args:
        model: Model URI (``models:/name/1``, ``runs:/…``), pyfunc, or function of a DataFrame.
        frame: Rows with the target, the model's input columns and the sensitive columns.
        target: Name of the column that holds the truth.
        sensitive_features: Names of columns of ``frame``, or a DataFrame or mapping of columns
            beside it.
        task: ``auto`` decides by the target.
        run_id: Run to write to; default: the active run, else a new one.
        experiment_name: Experiment of a new run; default: the active experiment.
        **settings: Further settings of :func:`rai.analyze`, such as ``positive_label``,
            ``threshold``, ``bands``.

    Returns:
        The run's id and the analysis.

    Raises:
        InputError: The data, a name, a setting or the model's output cannot be used.
    """
    for name in settings:
        if name not in OWN_KEYS:
            raise unknown_name("setting", name, OWN_KEYS)
    if run_id is not None and experiment_name is not None:
        raise InputError(
            "Both run_id and experiment_name are given; a run has its experiment. Pass one."
        )
    rows = read_rows(frame, target=target, sensitive_features=sensitive_features)
    is_regression = infer_task(rows.truth, task) == "regression"
    opened = mlflow.pyfunc.load_model(model) if isinstance(model, str) else model
    if isinstance(model, str):
        settings = {"model_name": model} | settings
    with _run(run_id, experiment_name) as active_run_id, warnings.catch_warnings():
        # Advice on the signatures of models; what is logged here is the schema of the data.
        warnings.filterwarnings("ignore", ".*integer column", UserWarning)
        mlflow.models.evaluate(  # type: ignore[no-untyped-call]
            opened,
            data=rows.frame.assign(**{target: rows.truth}),
            targets=target,
            model_type="regressor" if is_regression else "classifier",
            evaluators="rai",
            evaluator_config={"sensitive_features": rows.sensitive, **settings},
        )
        return Evaluation(run_id=active_run_id, analysis=download(active_run_id))


@contextmanager
def _run(run_id: str | None, experiment_name: str | None) -> Iterator[str]:
    """Give the run to write to: the named, the active, or a new one that ends afterwards."""
    active = mlflow.active_run()
    if active is not None and run_id in (None, active.info.run_id) and experiment_name is None:
        yield active.info.run_id
        return
    experiment_id = None
    if experiment_name is not None:
        # Not set_experiment, which would change the caller's active experiment for good.
        experiment = mlflow.get_experiment_by_name(experiment_name)
        experiment_id = (
            mlflow.create_experiment(experiment_name)
            if experiment is None
            else experiment.experiment_id
        )
    with mlflow.start_run(
        run_id=run_id, experiment_id=experiment_id, nested=active is not None
    ) as run:
        yield run.info.run_id


def open(run_id: str) -> Analysis:  # noqa: A001  # rai.open(run_id) reads as what it does
    """Download the analysis that a run carries.

    Raises:
        InputError: The run has no analysis.
    """
    return download(run_id)
