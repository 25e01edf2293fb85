"""A small neural network on the dense view, stopped early on the held-out rows."""

import time
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
)
from automl._learners._dense import DenseModel, DenseView, relative

_MAX_EPOCHS = 300
_PATIENCE = 12
_LAYERS = {"narrow": (64,), "wide": (256,), "deep": (128, 64)}


class NeuralNet(Learner):
    """Layers of rectified units, trained by Adam; the weights of the best epoch are kept."""

    name = "neural_net"
    space: ClassVar[dict[str, Dimension]] = {
        "layers": Choice(tuple(_LAYERS)),
        "learning_rate": Real(3e-4, 1e-2, is_log=True),
        "alpha": Real(1e-6, 1.0, is_log=True),
    }
    portfolio = (
        {"layers": "deep", "learning_rate": 2e-3, "alpha": 1e-3},
        {"layers": "wide", "learning_rate": 1e-3, "alpha": 0.1},
    )
    max_cells = 5e6

    def fit(self, job: FitJob, params: Params) -> Model:
        """Fit one fold."""
        view = DenseView().fit(job.train)
        x, held_out = (view.transform(part).toarray() for part in (job.train, job.valid))
        if job.task == "regression":
            center, scale = float(job.y_train.mean()), float(job.y_train.std()) or 1.0
            y, y_valid = (job.y_train - center) / scale, (job.y_valid - center) / scale
        else:
            center, scale, y, y_valid = 0.0, 1.0, job.y_train, job.y_valid
        net = _estimator(job, params, len(x))
        _train(net, job, x, y, held_out, y_valid)
        return DenseModel(view, net, job.n_classes, center, scale, needs_array=True)


def _estimator(job: FitJob, params: Params, n_rows: int) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPRegressor if job.task == "regression" else MLPClassifier
    return kind(
        hidden_layer_sizes=_LAYERS[params["layers"]],
        learning_rate_init=params["learning_rate"],
        alpha=params["alpha"],
        batch_size=int(np.clip(n_rows // 30, 16, 256)),
        random_state=job.seed,
    )


def _train(net: Any, job: FitJob, x: Array, y: Array, held_out: Array, truth: Array) -> None:
    """Train epoch by epoch until the held-out rows gain no more; keep the best epoch's weights."""
    weights = relative(job.w_train)
    classes = {"classes": np.unique(y)} if job.n_classes else {}
    best_loss, best_epoch, best = np.inf, 0, None
    for epoch in range(_MAX_EPOCHS):
        net.partial_fit(x, y, sample_weight=weights, **(classes if epoch == 0 else {}))
        loss = _loss(net, job, held_out, truth)
        if loss < best_loss or best is None:
            best_loss, best_epoch = loss, epoch
            best = [w.copy() for w in net.coefs_], [b.copy() for b in net.intercepts_]
        if epoch - best_epoch >= _PATIENCE or time.monotonic() > job.stop_at:
            break
    if best is not None:
        net.coefs_, net.intercepts_ = best
    net._optimizer = None  # its moments are as large as the weights, and of no more use


def _loss(net: Any, job: FitJob, x: Array, truth: Array) -> float:
    if not job.n_classes:
        return float(np.average((net.predict(x) - truth) ** 2, weights=job.w_valid))
    p = net.predict_proba(x)
    place = np.searchsorted(net.classes_, truth)
    known = net.classes_[np.minimum(place, p.shape[1] - 1)] == truth
    if not known.any():
        return 0.0
    chosen = p[np.flatnonzero(known), place[known]]
    weights = None if job.w_valid is None else job.w_valid[known]
    return float(-np.average(np.log(np.clip(chosen, 1e-12, 1.0)), weights=weights))
