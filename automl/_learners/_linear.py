"""Linear models on a dense view: logistic regression and ridge."""

from typing import ClassVar

from automl._learners._base import Dimension, FitJob, Learner, Model, Params, Real
from automl._learners._dense import DenseModel, DenseView, relative


class Linear(Learner):
    """Logistic regression for classes, ridge for values."""

    name = "linear"
    space: ClassVar[dict[str, Dimension]] = {"strength": Real(1e-3, 1e3, is_log=True)}
    portfolio = ({"strength": 1.0}, {"strength": 30.0})
    max_cells = 1e8

    def fit(self, job: FitJob, params: Params) -> Model:
        """Fit one fold; `strength` is the penalty."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression, Ridge

        view = DenseView().fit(job.train)
        x = view.transform(job.train)
        if job.task == "regression":
            center, scale = float(job.y_train.mean()), float(job.y_train.std()) or 1.0
            ridge = Ridge(alpha=params["strength"], solver="sparse_cg", max_iter=500)
            ridge.fit(x, (job.y_train - center) / scale, sample_weight=relative(job.w_train))
            return DenseModel(view, ridge, 0, center, scale)
        logistic = LogisticRegression(C=1.0 / params["strength"], max_iter=150, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # judged by held-out rows instead
            logistic.fit(x, job.y_train, sample_weight=relative(job.w_train))
        return DenseModel(view, logistic, job.n_classes)
