"""Gradient-boosted trees with native categories: LightGBM."""

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from automl._learners._base import (
    Array,
    Choice,
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


@dataclass(frozen=True, slots=True)
class BoosterModel:
    """A booster with the number of trees that served the held-out rows best."""

    booster: Any
    n_iterations: int

    def predict(self, table: Table) -> Array:
        """Return probabilities, shape (n, K), or values, shape (n,)."""
        n_threads = 1 if is_small(table) else 0
        raw: Array = self.booster.predict(
            table.matrix, num_iteration=self.n_iterations, num_threads=n_threads
        )
        is_binary = self.booster.params.get("objective") == "binary"
        return np.column_stack([1.0 - raw, raw]) if is_binary else raw


class LightGBM(Learner):
    """LightGBM, stopped early on the held-out rows, or at the fold's deadline with what it has."""

    name = "lightgbm"
    packages: ClassVar[tuple[str, ...]] = ("lightgbm",)
    space: ClassVar[dict[str, Dimension]] = {
        "learning_rate": Real(0.01, 0.2, is_log=True),
        "num_leaves": Whole(4, 255, is_log=True),
        "min_data_in_leaf": Whole(1, 200, is_log=True),
        "feature_fraction": Real(0.3, 1.0),
        "bagging_fraction": Real(0.5, 1.0),
        "lambda_l1": Real(1e-8, 10.0, is_log=True),
        "lambda_l2": Real(1e-8, 30.0, is_log=True),
        "cat_smooth": Real(1.0, 100.0, is_log=True),
        "extra_trees": Choice((False, True)),
    }
    portfolio = (
        {
            "learning_rate": 0.05,
            "num_leaves": 31,
            "min_data_in_leaf": 20,
            "feature_fraction": 0.8,
            "bagging_fraction": 0.9,
            "lambda_l1": 1e-8,
            "lambda_l2": 1e-3,
            "cat_smooth": 10.0,
            "extra_trees": False,
        },
        {
            "learning_rate": 0.05,
            "num_leaves": 63,
            "min_data_in_leaf": 10,
            "feature_fraction": 0.8,
            "bagging_fraction": 0.8,
            "lambda_l1": 1e-8,
            "lambda_l2": 1.0,
            "cat_smooth": 30.0,
            "extra_trees": True,
        },
        {
            "learning_rate": 0.03,
            "num_leaves": 16,
            "min_data_in_leaf": 30,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.8,
            "lambda_l1": 1e-3,
            "lambda_l2": 5.0,
            "cat_smooth": 20.0,
            "extra_trees": False,
        },
        {
            "learning_rate": 0.03,
            "num_leaves": 128,
            "min_data_in_leaf": 5,
            "feature_fraction": 0.6,
            "bagging_fraction": 0.7,
            "lambda_l1": 1e-8,
            "lambda_l2": 3.0,
            "cat_smooth": 10.0,
            "extra_trees": False,
        },
    )

    def fit(self, job: FitJob, params: Params) -> Model:
        """Fit one fold."""
        import lightgbm

        settings = _settings(job) | params
        if settings["min_data_in_leaf"] * 4 > len(job.train):
            settings["min_data_in_leaf"] = max(1, len(job.train) // 20)
        categories: Any = {"categorical_feature": job.train.categorical}
        train = lightgbm.Dataset(job.train.matrix, job.y_train, weight=job.w_train, **categories)
        valid = lightgbm.Dataset(
            job.valid.matrix, job.y_valid, weight=job.w_valid, reference=train, **categories
        )
        patience = boosting_patience(settings["learning_rate"])
        booster = lightgbm.train(
            settings,
            train,
            num_boost_round=5000,
            valid_sets=[valid],
            callbacks=[lightgbm.early_stopping(patience, verbose=False), _StopAt(job.stop_at)],
        )
        n_iterations = booster.best_iteration if booster.best_iteration > 0 else -1
        return BoosterModel(booster, n_iterations)


class _StopAt:
    """Ends boosting at a moment, keeping the best iteration so far."""

    order = 40  # after early_stopping's own 30, so that its state is up to date

    def __init__(self, stop_at: float) -> None:
        self.stop_at = stop_at
        self._best: tuple[float, int, Any] | None = None

    def __call__(self, env: Any) -> None:
        from lightgbm.callback import EarlyStopException

        results = env.evaluation_result_list
        loss = results[0][2]
        if self._best is None or loss < self._best[0]:
            self._best = (loss, env.iteration, results)
        if time.monotonic() > self.stop_at:
            raise EarlyStopException(self._best[1], self._best[2])


def _settings(job: FitJob) -> Params:
    objective, metric, extra = "regression", "l2", {}
    if job.task == "regression" and job.is_mean_absolute:
        objective, metric = "regression_l1", "l1"
    elif job.n_classes == 2:
        objective, metric = "binary", "binary_logloss"
    elif job.n_classes > 2:
        objective, metric, extra = "multiclass", "multi_logloss", {"num_class": job.n_classes}
    return {
        "objective": objective,
        "metric": metric,
        "bagging_freq": 1,
        "seed": job.seed,
        "num_threads": job.n_threads,
        "verbosity": -1,
        "deterministic": True,
        "force_col_wise": True,
        "max_cat_to_onehot": 8,
        "feature_pre_filter": False,
        **extra,
    }
