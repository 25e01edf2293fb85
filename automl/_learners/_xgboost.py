"""Gradient-boosted trees: XGBoost, grown level by level."""

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from automl._learners._base import (
    Array,
    Dimension,
    FitJob,
    Learner,
    Model,
    Params,
    Real,
    Whole,
    boosting_patience,
    is_small,
)
from automl._table import Table

_MAX_ONE_HOT = 8


@dataclass(frozen=True, slots=True)
class XGBoostModel:
    """A booster with the number of trees that served the held-out rows best."""

    booster: Any
    n_iterations: int
    n_classes: int

    def predict(self, table: Table) -> Array:
        """Return probabilities, shape (n, K), or values, shape (n,)."""
        self.booster.set_param({"nthread": 1 if is_small(table) else 0})
        raw: Array = self.booster.predict(
            _matrix(table), iteration_range=(0, self.n_iterations)
        ).astype(np.float64)
        return np.column_stack([1.0 - raw, raw]) if self.n_classes == 2 else raw


class XGBoost(Learner):
    """XGBoost, stopped early on the held-out rows, or at the fold's deadline with what it has."""

    name = "xgboost"
    packages: ClassVar[tuple[str, ...]] = ("xgboost-cpu", "xgboost")
    space: ClassVar[dict[str, Dimension]] = {
        "learning_rate": Real(0.01, 0.2, is_log=True),
        "max_depth": Whole(3, 10),
        "min_child_weight": Real(0.5, 50.0, is_log=True),
        "subsample": Real(0.5, 1.0),
        "colsample_bytree": Real(0.3, 1.0),
        "reg_alpha": Real(1e-8, 10.0, is_log=True),
        "reg_lambda": Real(1e-3, 30.0, is_log=True),
    }
    portfolio = (
        {
            "learning_rate": 0.06,
            "max_depth": 6,
            "min_child_weight": 2.0,
            "subsample": 0.9,
            "colsample_bytree": 0.7,
            "reg_alpha": 1e-8,
            "reg_lambda": 1.0,
        },
        {
            "learning_rate": 0.04,
            "max_depth": 8,
            "min_child_weight": 5.0,
            "subsample": 0.8,
            "colsample_bytree": 0.5,
            "reg_alpha": 0.1,
            "reg_lambda": 5.0,
        },
    )

    def fit(self, job: FitJob, params: Params) -> Model:
        """Fit one fold."""
        import xgboost

        patience = boosting_patience(params["learning_rate"])
        booster = xgboost.train(
            _settings(job) | params,
            _matrix(job.train, job.y_train, job.w_train),
            num_boost_round=3000,
            evals=[(_matrix(job.valid, job.y_valid, job.w_valid), "valid")],
            callbacks=[
                xgboost.callback.EarlyStopping(rounds=patience),
                _stop_at(job.stop_at),
            ],
            verbose_eval=False,
        )
        return XGBoostModel(booster, booster.best_iteration + 1, job.n_classes)


def _stop_at(moment: float) -> Any:
    """Return what ends boosting at a moment; the best iteration so far is kept."""
    from xgboost.callback import TrainingCallback

    class StopAt(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
            return time.monotonic() > moment

    return StopAt()


def _settings(job: FitJob) -> Params:
    objective, metric, extra = "reg:squarederror", "rmse", {}
    if not job.n_classes and job.is_mean_absolute:
        objective, metric = "reg:absoluteerror", "mae"
    elif job.n_classes == 2:
        objective, metric = "binary:logistic", "logloss"
    elif job.n_classes:
        objective, metric, extra = "multi:softprob", "mlogloss", {"num_class": job.n_classes}
    return {
        "objective": objective,
        "eval_metric": metric,
        "tree_method": "hist",
        "max_cat_to_onehot": _MAX_ONE_HOT,
        "seed": job.seed,
        "nthread": job.n_threads,
        "verbosity": 0,
        **extra,
    }


def _matrix(table: Table, y: Array | None = None, w: Array | None = None) -> Any:
    import xgboost

    n_codes = len(table.cardinalities)
    kinds = ["q"] * (table.matrix.shape[1] - n_codes) + ["c"] * n_codes
    return xgboost.DMatrix(
        table.matrix, y, weight=w, feature_types=kinds, enable_categorical=True, nthread=1
    )
