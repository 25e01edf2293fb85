"""From probabilities to labels, so that the metric that was asked for comes out best.

Reference:
    Koyejo et al., "Consistent Binary Classification with Generalized Performance Metrics",
    NeurIPS 2014: for such metrics the best decision is a threshold on the probability.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl._metrics import Metric

Array = NDArray[Any]

# Those that look at labels alone; the others rank rows or read the probabilities themselves.
OF_LABELS = frozenset(
    {"accuracy", "balanced_accuracy", "f1", "f1_weighted", "matthews_correlation"}
    | {"norm_macro_recall", "precision_weighted"}
)

_MIN_ROWS = 100
_N_THRESHOLDS = 64
_N_PARTS = 4
_N_ROUNDS = 2
_MOST_CLASSES = 30


def fit_decision(y: Array, p: Array, metric: Metric, w: Array | None = None) -> Array | None:
    """Return a factor for each class, by which its probability counts when a label is chosen.

    The factors are kept only if they help on rows that they were not chosen by: each quarter of
    the rows is decided by the factors of the other three. Otherwise, or where there is too little
    to choose by, the most probable class stays the answer.

    Args:
        y: Class codes, shape (n,).
        p: Probabilities, shape (n, K).
        metric: What to optimise.
        w: What each row counts.

    Returns:
        Factors, shape (K,), or None.
    """
    if metric.name not in OF_LABELS or len(y) < _MIN_ROWS or p.shape[1] > _MOST_CLASSES:
        return None
    part = np.arange(len(y)) % _N_PARTS
    decided = p.copy()
    for k in range(_N_PARTS):
        judged = part == k
        factors = _search(y[~judged], p[~judged], metric, None if w is None else w[~judged])
        decided[judged] *= factors
    if not metric.loss(y, decided, w) < metric.loss(y, p, w):
        return None
    return _search(y, p, metric, w)


def _search(y: Array, p: Array, metric: Metric, w: Array | None) -> Array:
    """Choose one class's factor after the other, the most common class's being 1."""
    factors = np.ones(p.shape[1])
    order = np.argsort(-np.bincount(y, weights=w, minlength=p.shape[1]), kind="stable")
    best = metric.loss(y, p, w)
    for _ in range(1 if p.shape[1] == 2 else _N_ROUNDS):
        for k in order[1:]:
            base = factors
            for factor in _candidates(p * base, int(k)):
                tried = base.copy()
                tried[k] *= factor
                loss = metric.loss(y, p * tried, w)
                if loss < best:
                    best, factors = loss, tried
    return factors


def _candidates(p: Array, k: int) -> Array:
    """Return factors for class `k` at which some rows change sides, evenly spread over rows."""
    others = np.delete(p, k, axis=1).max(axis=1)
    turning = others / np.clip(p[:, k], 1e-12, None)
    found = np.quantile(turning, (np.arange(_N_THRESHOLDS) + 0.5) / _N_THRESHOLDS)
    return np.unique(np.clip(found, 1e-6, 1e6)) * (1.0 + 1e-9)
