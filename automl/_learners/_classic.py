"""Textbook models of scikit-learn: for job files that ask for them by name, and as comparison.

They are fitted only where they are allowed by name: beside boosted trees they cost time and seldom
win any.
"""

from typing import Any, ClassVar

from automl._learners._base import (
    Choice,
    Dimension,
    FitJob,
    Learner,
    Model,
    Params,
    Real,
    Whole,
)
from automl._learners._dense import DenseModel, DenseView, relative
from automl._metrics import TaskName


class _Classic(Learner):
    """One estimator on the dense view; values are standardised for it."""

    by_default = False
    needs_array = False
    takes_weights = True

    def estimator(self, job: FitJob, params: Params) -> Any:
        """Return the estimator, not yet fitted."""
        raise NotImplementedError

    def fit(self, job: FitJob, params: Params) -> Model:
        """Fit one fold."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning

        view = DenseView().fit(job.train)
        x = view.transform(job.train)
        x = x.toarray() if self.needs_array else x
        y, center, scale = job.y_train, 0.0, 1.0
        if job.task == "regression":
            center, scale = float(y.mean()), float(y.std()) or 1.0
            y = (y - center) / scale
        weights = {"sample_weight": relative(job.w_train)} if self.takes_weights else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # judged by held-out rows instead
            estimator = self.estimator(job, params).fit(x, y, **weights)
        return DenseModel(view, estimator, job.n_classes, center, scale, self.needs_array)


class NearestNeighbours(_Classic):
    """The nearest rows, the nearer the heavier."""

    name = "nearest_neighbours"
    needs_array = True
    takes_weights = False
    max_cells = 1e6
    space: ClassVar[dict[str, Dimension]] = {"n_neighbors": Whole(1, 100, is_log=True)}
    portfolio = ({"n_neighbors": 20}, {"n_neighbors": 5})

    def estimator(self, job: FitJob, params: Params) -> Any:
        """Return the estimator."""
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        kind = KNeighborsRegressor if job.task == "regression" else KNeighborsClassifier
        n_neighbors = min(params["n_neighbors"], len(job.train))
        return kind(n_neighbors=n_neighbors, weights="distance", n_jobs=job.n_threads)


class DecisionTree(_Classic):
    """One tree that people can read."""

    name = "decision_tree"
    space: ClassVar[dict[str, Dimension]] = {
        "max_depth": Whole(2, 16),
        "min_samples_leaf": Whole(1, 100, is_log=True),
    }
    portfolio = (
        {"max_depth": 6, "min_samples_leaf": 10},
        {"max_depth": 12, "min_samples_leaf": 5},
    )

    def estimator(self, job: FitJob, params: Params) -> Any:
        """Return the estimator."""
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        kind = DecisionTreeRegressor if job.task == "regression" else DecisionTreeClassifier
        return kind(random_state=job.seed, **params)


class NaiveBayes(_Classic):
    """Columns taken for independent, numbers for normal."""

    name = "naive_bayes"
    needs_array = True
    tasks: frozenset[TaskName] = frozenset({"classification"})
    space: ClassVar[dict[str, Dimension]] = {"var_smoothing": Real(1e-9, 1.0, is_log=True)}
    portfolio = ({"var_smoothing": 1e-2}, {"var_smoothing": 0.3})

    def estimator(self, job: FitJob, params: Params) -> Any:  # noqa: ARG002 - the interface
        """Return the estimator."""
        from sklearn.naive_bayes import GaussianNB

        return GaussianNB(**params)


class SupportVectors(_Classic):
    """Support vectors with a radial kernel; distances from the margin become probabilities."""

    name = "support_vectors"
    max_cells = 2e5
    space: ClassVar[dict[str, Dimension]] = {
        "C": Real(0.01, 100.0, is_log=True),
        "width": Real(0.03, 3.0, is_log=True),
    }
    portfolio = ({"C": 1.0, "width": 0.3}, {"C": 10.0, "width": 0.1})

    def estimator(self, job: FitJob, params: Params) -> Any:
        """Return the estimator."""
        from sklearn.svm import SVR

        n_columns = max(job.train.numeric.shape[1] * 2 + len(job.train.cardinalities), 1)
        settings = {"C": params["C"], "gamma": params["width"] / n_columns, "cache_size": 200}
        return SVR(**settings) if job.task == "regression" else _calibrated_vectors(job, settings)


def _calibrated_vectors(job: FitJob, settings: Params) -> Any:
    import numpy as np
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    n_rarest = int(np.unique(job.y_train, return_counts=True)[1].min())
    n_folds = max(2, min(3, n_rarest))
    return CalibratedClassifierCV(
        SVC(random_state=job.seed, **settings), cv=n_folds, ensemble=False
    )


class ElasticNet(_Classic):
    """Linear with few columns: for classes by the same penalty."""

    name = "elastic_net"
    space: ClassVar[dict[str, Dimension]] = {
        "strength": Real(1e-4, 10.0, is_log=True),
        "l1_ratio": Choice((0.1, 0.5, 0.9, 1.0)),
    }
    portfolio = ({"strength": 0.01, "l1_ratio": 0.5}, {"strength": 0.001, "l1_ratio": 1.0})

    def estimator(self, job: FitJob, params: Params) -> Any:
        """Return the estimator."""
        from sklearn.linear_model import ElasticNet as Values
        from sklearn.linear_model import LogisticRegression

        alpha, l1_ratio = params["strength"], params["l1_ratio"]
        if job.task == "regression":
            return Values(alpha=alpha, l1_ratio=l1_ratio, random_state=job.seed)
        return LogisticRegression(
            C=1.0 / (alpha * len(job.train)),
            l1_ratio=l1_ratio,
            solver="saga",
            max_iter=100,
            tol=1e-3,
            random_state=job.seed,
        )
