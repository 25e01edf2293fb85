"""Gradient-boosted trees of scikit-learn."""

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
    spread_classes,
)
from automl._table import Table

_MAX_CATEGORIES = 255  # of scikit-learn's binning


@dataclass(frozen=True, slots=True)
class MatrixModel:
    """A scikit-learn estimator that reads the tree view."""

    estimator: Any
    n_classes: int

    def predict(self, table: Table) -> Array:
        """Return probabilities, shape (n, K), or values, shape (n,)."""
        if self.n_classes == 0:
            values: Array = self.estimator.predict(table.matrix)
            return values
        probabilities = self.estimator.predict_proba(table.matrix)
        return spread_classes(probabilities, self.estimator.classes_, self.n_classes)


class HistGradientBoosting(Learner):
    """HistGradientBoosting, stopped early on the held-out rows."""

    name = "hist_gradient_boosting"
    space: ClassVar[dict[str, Dimension]] = {
        "learning_rate": Real(0.02, 0.3, is_log=True),
        "max_leaf_nodes": Whole(4, 127, is_log=True),
        "min_samples_leaf": Whole(2, 200, is_log=True),
        "l2_regularization": Real(1e-8, 30.0, is_log=True),
        "max_features": Real(0.3, 1.0),
    }
    portfolio = (
        {
            "learning_rate": 0.06,
            "max_leaf_nodes": 31,
            "min_samples_leaf": 20,
            "l2_regularization": 1.0,
            "max_features": 0.5,
        },
    )

    def fit(self, job: FitJob, params: Params) -> Model:
        """Fit one fold."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = (
            HistGradientBoostingRegressor
            if job.task == "regression"
            else HistGradientBoostingClassifier
        )
        p = job.train.numeric.shape[1]
        native = [p + i for i, c in enumerate(job.train.cardinalities) if c <= _MAX_CATEGORIES]
        settings = dict(params)
        if job.is_mean_absolute:
            settings["loss"] = "absolute_error"
        known = np.isin(job.y_valid, np.unique(job.y_train)) | (job.task == "regression")
        can_stop = known.sum() >= 20
        estimator = kind(
            max_iter=1500 if can_stop else 100,
            early_stopping=bool(can_stop),
            n_iter_no_change=30,
            categorical_features=native or None,
            random_state=job.seed,
            **settings,
        )
        held_out = (
            {"X_val": job.valid.matrix[known], "y_val": job.y_valid[known]} if can_stop else {}
        )
        if can_stop and job.w_valid is not None:
            held_out["sample_weight_val"] = job.w_valid[known]
        estimator.fit(job.train.matrix, job.y_train, sample_weight=job.w_train, **held_out)
        return MatrixModel(estimator, job.n_classes)
