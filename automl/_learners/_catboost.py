"""Gradient-boosted symmetric trees with ordered statistics of categories: CatBoost."""

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from automl._learners._base import (
    Array,
    Dimension,
    FitJob,
    Learner,
    Model,
    Params,
    Real,
    Whole,
    is_small,
    spread_classes,
)
from automl._table import Table

_PATIENCE = 60
_MIN_ROWS_TO_STOP = 20


@dataclass(frozen=True, slots=True)
class CatBoostModel:
    """A fitted CatBoost model."""

    booster: Any
    n_classes: int

    def predict(self, table: Table) -> Array:
        """Return probabilities, shape (n, K), or values, shape (n,)."""
        n_threads = 1 if is_small(table) else -1
        kind = "Probability" if self.n_classes else "RawFormulaVal"
        found: Array = self.booster.predict(
            _pool(table), prediction_type=kind, thread_count=n_threads
        )
        if not self.n_classes:
            return found
        return spread_classes(found, self.booster.classes_, self.n_classes)


class CatBoost(Learner):
    """CatBoost, stopped early on the held-out rows, or at the fold's deadline with what it has."""

    name = "catboost"
    packages: ClassVar[tuple[str, ...]] = ("catboost",)
    space: ClassVar[dict[str, Dimension]] = {
        "learning_rate": Real(0.02, 0.2, is_log=True),
        "depth": Whole(3, 9),
        "l2_leaf_reg": Real(0.3, 30.0, is_log=True),
        "random_strength": Real(0.1, 10.0, is_log=True),
        "rsm": Real(0.3, 1.0),
        "one_hot_max_size": Whole(2, 50, is_log=True),
    }
    portfolio = (
        {
            "learning_rate": 0.06,
            "depth": 6,
            "l2_leaf_reg": 3.0,
            "random_strength": 1.0,
            "rsm": 1.0,
            "one_hot_max_size": 2,
        },
        {
            "learning_rate": 0.06,
            "depth": 8,
            "l2_leaf_reg": 6.0,
            "random_strength": 1.0,
            "rsm": 0.6,
            "one_hot_max_size": 10,
        },
        {
            "learning_rate": 0.08,
            "depth": 4,
            "l2_leaf_reg": 1.0,
            "random_strength": 2.0,
            "rsm": 0.8,
            "one_hot_max_size": 5,
        },
    )

    def fit(self, job: FitJob, params: Params) -> Model:
        """Fit one fold."""
        import catboost

        seen = np.unique(job.y_train) if job.n_classes else np.empty(0)
        known = np.isin(job.y_valid, seen) if job.n_classes else np.ones(len(job.valid), bool)
        can_stop = int(known.sum()) >= _MIN_ROWS_TO_STOP
        booster = catboost.CatBoost(
            {
                **params,
                "loss_function": _loss(job, len(seen)),
                "iterations": 3000 if can_stop else 300,
                "use_best_model": can_stop,
                "early_stopping_rounds": _PATIENCE if can_stop else None,
                "thread_count": job.n_threads,
                "random_seed": job.seed,
                "max_ctr_complexity": 2,
                "allow_writing_files": False,
                "logging_level": "Silent",
            }
        )
        booster.fit(
            _pool(job.train, job.y_train, job.w_train),
            eval_set=_held_out(job, known) if can_stop else None,
            callbacks=[_StopAt(job.stop_at)],
        )
        return CatBoostModel(booster, job.n_classes)


def _held_out(job: FitJob, known: Array) -> Any:
    weights = None if job.w_valid is None else job.w_valid[known]
    return _pool(job.valid.rows(known), job.y_valid[known], weights)


class _StopAt:
    """Ends boosting at a moment; the best iteration so far is kept."""

    def __init__(self, stop_at: float) -> None:
        self.stop_at = stop_at

    def after_iteration(self, info: Any) -> bool:  # noqa: ARG002 - the interface
        """Tell whether to go on."""
        return time.monotonic() < self.stop_at


def _loss(job: FitJob, n_seen: int) -> str:
    if not job.n_classes:
        return "MAE" if job.is_mean_absolute else "RMSE"
    return "Logloss" if n_seen == 2 else "MultiClass"


def _pool(table: Table, y: Array | None = None, w: Array | None = None) -> Any:
    """Return the rows as CatBoost holds them; what is missing is a category of its own."""
    import catboost

    columns: dict[int, Any] = dict(enumerate(table.numeric.astype(np.float32).T))
    first = len(columns)
    for j, cardinality in enumerate(table.cardinalities):
        columns[first + j] = pd.Categorical.from_codes(
            table.codes[:, j] + 1, categories=range(cardinality + 1)
        )
    frame = pd.DataFrame(columns, index=range(len(table)))
    categories = list(range(first, len(columns)))
    return catboost.Pool(frame, y, weight=w, cat_features=categories)
