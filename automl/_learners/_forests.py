"""Bagged trees of scikit-learn: random forest and extremely randomised trees."""

import time
from typing import Any, ClassVar

from automl._learners._base import Choice, Dimension, FitJob, Learner, Model, Params, Whole
from automl._learners._hist_gradient_boosting import MatrixModel

_TREES_PER_STEP = 20
_MAX_BYTES = 96 << 20  # of one fold's forest: there are several folds, and all of them are loaded
_NODE_BYTES = 64


class _Forest(Learner):
    """Trees grown a few at a time, so that a deadline ends the growth and keeps the forest."""

    space: ClassVar[dict[str, Dimension]] = {
        "n_estimators": Whole(100, 400),
        "max_features": Choice(("sqrt", 0.3, 0.5, 0.8)),
        "min_samples_leaf": Whole(1, 20, is_log=True),
    }
    max_cells = 2e7

    def _estimator(self, job: FitJob) -> Any:
        raise NotImplementedError

    def fit(self, job: FitJob, params: Params) -> Model:
        """Fit one fold."""
        estimator = self._estimator(job)(
            warm_start=True,
            n_estimators=1,
            max_features=params["max_features"],
            min_samples_leaf=params["min_samples_leaf"],
            random_state=job.seed,
            n_jobs=job.n_threads,
        )
        # Trees are stored in double precision: a floor on the leaf size bounds their memory.
        estimator.min_samples_leaf = max(params["min_samples_leaf"], len(job.train) // 20_000)
        for n_trees in range(_TREES_PER_STEP, params["n_estimators"] + 1, _TREES_PER_STEP):
            estimator.set_params(n_estimators=n_trees)
            estimator.fit(job.train.matrix, job.y_train, sample_weight=job.w_train)
            if time.monotonic() > job.stop_at or _bytes(estimator) > _MAX_BYTES:
                break
        estimator.set_params(n_jobs=None)
        return MatrixModel(estimator, job.n_classes)


def _bytes(estimator: Any) -> int:
    """Return what the trees take in memory: a node, and a value for each class in it."""
    n_values = estimator.estimators_[0].tree_.value[0].size
    n_nodes = sum(tree.tree_.node_count for tree in estimator.estimators_)
    return int(n_nodes * (_NODE_BYTES + 8 * n_values))


class ExtraTrees(_Forest):
    """Extremely randomised trees."""

    name = "extra_trees"
    portfolio = (
        {"n_estimators": 200, "max_features": 0.5, "min_samples_leaf": 2},
        {"n_estimators": 200, "max_features": "sqrt", "min_samples_leaf": 1},
    )

    def _estimator(self, job: FitJob) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        return ExtraTreesRegressor if job.task == "regression" else ExtraTreesClassifier


class RandomForest(_Forest):
    """Random forest."""

    name = "random_forest"
    portfolio = (
        {"n_estimators": 200, "max_features": "sqrt", "min_samples_leaf": 2},
        {"n_estimators": 200, "max_features": 0.5, "min_samples_leaf": 3},
    )

    def _estimator(self, job: FitJob) -> Any:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        return RandomForestRegressor if job.task == "regression" else RandomForestClassifier
