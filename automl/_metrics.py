"""Metrics that a search can optimise, written for speed: selection calls them thousands of times.

Notation: n rows, K classes.
    y   truth: class codes 0..K-1, shape (n,), or values, shape (n,)
    p   prediction: probabilities, shape (n, K), or values, shape (n,)
    w   weights of the rows, shape (n,); None weighs all of them the same
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from automl._errors import OptionError, suggestion

Array = NDArray[Any]
TaskName = Literal["classification", "regression"]
Function = Callable[[Array, Array, Array | None], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A named score with its direction.

    Attributes:
        name: Our name for it.
        azure_name: The name that Azure ML uses for the same quantity; None where it has none.
        task: The task it belongs to.
        is_higher_better: Direction.
        function: Score of (y, p, w).
    """

    name: str
    azure_name: str | None
    task: TaskName
    is_higher_better: bool
    function: Function

    def score(self, y: Array, p: Array, w: Array | None = None) -> float:
        """Return the score as users know it."""
        return float(self.function(y, p, w))

    def loss(self, y: Array, p: Array, w: Array | None = None) -> float:
        """Return the score turned so that lower is better."""
        return self.as_loss(self.score(y, p, w))

    def as_loss(self, score: float) -> float:
        """Turn a score into a loss, or a loss back into a score."""
        return -score if self.is_higher_better else score


def _mean(values: Array, w: Array | None) -> float:
    return float(np.average(values, weights=w)) if w is None or w.any() else float("nan")


def _ones(y: Array, w: Array | None) -> Array:
    return np.ones(len(y)) if w is None else w


def binary_auc(positive: Array, score: Array, w: Array | None = None) -> float:
    """Area under the ROC curve of `score` for the boolean `positive`; ties count one half.

    Mann-Whitney form, O(n log n): the weight of the pairs that are in the right order. NaN where
    one of the two classes is empty.
    """
    _, group = np.unique(score, return_inverse=True)
    won = np.bincount(group, weights=_ones(score, w) * positive)
    lost = np.bincount(group, weights=_ones(score, w) * ~positive)
    n_pairs = won.sum() * lost.sum()
    if n_pairs == 0:
        return float("nan")
    return float(won @ (np.cumsum(lost) - lost / 2) / n_pairs)


def _roc_auc(y: Array, p: Array, w: Array | None) -> float:
    if p.shape[1] == 2:
        return binary_auc(y == 1, p[:, 1], w)
    return _over_classes(y, p, w, binary_auc)


def _average_precision(y: Array, p: Array, w: Array | None) -> float:
    return _over_classes(y, p, w, _binary_average_precision)


def _binary_average_precision(positive: Array, score: Array, w: Array | None) -> float:
    order = np.argsort(-score, kind="stable")
    weight = _ones(score, w)[order]
    hits, seen = np.cumsum(weight * positive[order]), np.cumsum(weight)
    is_last_of_tie = np.append(np.diff(score[order]) != 0, True) & (seen > 0)
    recall = hits[is_last_of_tie] / (hits[-1] or 1.0)
    precision = hits[is_last_of_tie] / seen[is_last_of_tie]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def _over_classes(
    y: Array, p: Array, w: Array | None, function: Callable[[Array, Array, Array | None], float]
) -> float:
    """Mean of one-against-rest scores, weighted by how common each class is."""
    shares = np.bincount(y, weights=w, minlength=p.shape[1]) / _ones(y, w).sum()
    present = np.flatnonzero((shares > 0) & (shares < 1))
    if not len(present):
        return float("nan")
    return _mean(np.array([function(y == k, p[:, k], w) for k in present]), shares[present])


def _log_loss(y: Array, p: Array, w: Array | None) -> float:
    chosen = p[np.arange(len(y)), y] / p.sum(axis=1)
    return -_mean(np.log(np.clip(chosen, 1e-15, 1.0)), w)


def _accuracy(y: Array, p: Array, w: Array | None) -> float:
    return _mean(p.argmax(axis=1) == y, w)


def _confusion(y: Array, p: Array, w: Array | None) -> Array:
    k = p.shape[1]
    table: Array = np.bincount(y * k + p.argmax(axis=1), weights=w, minlength=k * k).reshape(k, k)
    return table


def _macro_recall(y: Array, p: Array, w: Array | None) -> float:
    table = _confusion(y, p, w)
    support = table.sum(axis=1)
    present = support > 0
    return float(np.mean(np.diag(table)[present] / support[present]))


def _norm_macro_recall(y: Array, p: Array, w: Array | None) -> float:
    n_present = len(np.unique(y))
    chance = 1.0 / n_present
    return (_macro_recall(y, p, w) - chance) / (1.0 - chance) if n_present > 1 else float("nan")


def _f1_by_class(table: Array) -> Array:
    hits = np.diag(table)
    total = table.sum(axis=0) + table.sum(axis=1)
    each: Array = np.divide(2.0 * hits, total, out=np.zeros(len(hits)), where=total > 0)
    return each


def _f1(y: Array, p: Array, w: Array | None) -> float:
    table = _confusion(y, p, w)
    each = _f1_by_class(table)
    if len(each) == 2:
        return float(each[1])
    present = table.sum(axis=0) + table.sum(axis=1) > 0
    return float(each[present].mean())


def _f1_weighted(y: Array, p: Array, w: Array | None) -> float:
    table = _confusion(y, p, w)
    return _mean(_f1_by_class(table), table.sum(axis=1))


def _precision_weighted(y: Array, p: Array, w: Array | None) -> float:
    table = _confusion(y, p, w)
    guessed = table.sum(axis=0)
    each = np.divide(np.diag(table), guessed, out=np.zeros(len(table)), where=guessed > 0)
    return _mean(each, table.sum(axis=1))


def _matthews(y: Array, p: Array, w: Array | None) -> float:
    table = _confusion(y, p, w).astype(float)
    n, truth, guess = table.sum(), table.sum(axis=1), table.sum(axis=0)
    covariance = np.trace(table) * n - truth @ guess
    spread = np.sqrt((n * n - guess @ guess) * (n * n - truth @ truth))
    return float(covariance / spread) if spread > 0 else 0.0


def _rmse(y: Array, p: Array, w: Array | None) -> float:
    return float(np.sqrt(_mean((y - p) ** 2, w)))


def _mae(y: Array, p: Array, w: Array | None) -> float:
    return _mean(np.abs(y - p), w)


def _median_absolute_error(y: Array, p: Array, w: Array | None) -> float:
    errors = np.abs(y - p)
    if w is None:
        return float(np.median(errors))
    order = np.argsort(errors)
    below = np.cumsum(w[order])
    return float(errors[order][np.searchsorted(below, below[-1] / 2)])


def _mape(y: Array, p: Array, w: Array | None) -> float:
    return _mean(np.abs(y - p) / np.maximum(np.abs(y), np.finfo(float).eps), w)


def _r2(y: Array, p: Array, w: Array | None) -> float:
    spread = _mean((y - _mean(y, w)) ** 2, w)
    return 1.0 - _mean((y - p) ** 2, w) / spread if spread > 0 else float("nan")


def _span(y: Array) -> float:
    return float(np.ptp(y)) or 1.0


def _normalized_rmse(y: Array, p: Array, w: Array | None) -> float:
    return _rmse(y, p, w) / _span(y)


def _normalized_mae(y: Array, p: Array, w: Array | None) -> float:
    return _mae(y, p, w) / _span(y)


def _spearman(y: Array, p: Array, w: Array | None) -> float:
    """Correlation of the ranks; rows weigh in the correlation, not in the ranks."""
    from scipy.stats import rankdata

    a, b = rankdata(y), rankdata(p)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    c = np.cov(a, b, aweights=w)
    return float(c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]))


def _classification(name: str, function: Function, *, azure: str | None = None) -> Metric:
    return Metric(
        name=name,
        azure_name=azure,
        task="classification",
        is_higher_better=name != "log_loss",
        function=function,
    )


def _regression(
    name: str,
    function: Function,
    *,
    is_higher_better: bool = False,
    azure: str | None = None,
) -> Metric:
    return Metric(
        name=name,
        azure_name=azure,
        task="regression",
        is_higher_better=is_higher_better,
        function=function,
    )


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _classification("roc_auc", _roc_auc, azure="AUC_weighted"),
        _classification("log_loss", _log_loss),
        _classification("accuracy", _accuracy, azure="accuracy"),
        _classification("balanced_accuracy", _macro_recall),
        _classification("f1", _f1),
        _classification("f1_weighted", _f1_weighted),
        _classification("matthews_correlation", _matthews),
        _classification("norm_macro_recall", _norm_macro_recall, azure="norm_macro_recall"),
        _classification(
            "average_precision", _average_precision, azure="average_precision_score_weighted"
        ),
        _classification(
            "precision_weighted", _precision_weighted, azure="precision_score_weighted"
        ),
        _regression("rmse", _rmse),
        _regression("mae", _mae),
        _regression("median_absolute_error", _median_absolute_error),
        _regression("mape", _mape),
        _regression("r2", _r2, is_higher_better=True, azure="r2_score"),
        _regression("spearman", _spearman, is_higher_better=True, azure="spearman_correlation"),
        _regression(
            "normalized_rmse", _normalized_rmse, azure="normalized_root_mean_squared_error"
        ),
        _regression("normalized_mae", _normalized_mae, azure="normalized_mean_absolute_error"),
    )
}


def find_metric(name: str, task: TaskName) -> Metric:
    """Return the metric by our name or by Azure's, in any capitals.

    Raises:
        OptionError: No such metric, or it belongs to the other task.
    """
    mine = {n: m for n, m in METRICS.items() if m.task == task}
    aliases = {(m.azure_name or m.name).lower().replace("_", ""): m for m in mine.values()}
    aliases |= {n.replace("_", ""): m for n, m in mine.items()}
    found = aliases.get(name.lower().replace("_", ""))
    if found is None:
        listing = suggestion(name, mine).removeprefix("It has: ")
        raise OptionError(f"No metric named {name!r} for {task}. It must be one of: {listing}")
    return found


def make_metric(
    function: Callable[[Array, Array], float],
    *,
    task: TaskName,
    is_higher_better: bool,
    name: str | None = None,
) -> Metric:
    """Make a metric of a function of your own, for `fit(metric=…)`.

    Args:
        function: Score of (y, p): class codes in the order of `classes_`, shape (n,), and
            probabilities, shape (n, K); or values and predicted values, shape (n,). It is called
            thousands of times, and does not see the weights of rows.
        task: The task it belongs to.
        is_higher_better: Direction.
        name: Its name in leaderboards and runs; that of the function if left out.

    Example:
        >>> import numpy as np
        >>> def cost(y, p):
        ...     guess = p[:, 1] > 0.2
        ...     return np.mean(5.0 * (y > guess) + (y < guess))
        >>> make_metric(cost, task="classification", is_higher_better=False).name
        'cost'

    Raises:
        OptionError: It is no function, or its name is one of ours.
    """
    if not callable(function):
        raise OptionError(f"A metric needs a function of (y, p), not {function!r}.")
    called = str(name or getattr(function, "__name__", ""))
    if not re.fullmatch(r"[A-Za-z][\w.-]{0,99}", called) or called in METRICS:
        raise OptionError(
            f"A metric cannot be called {called!r}: take a name of letters, digits and _ that none "
            "of ours has."
        )
    return Metric(
        name=called,
        azure_name=None,
        task=task,
        is_higher_better=is_higher_better,
        function=lambda y, p, _: float(function(y, p)),
    )


def default_metric(task: TaskName, n_classes: int) -> Metric:
    """Return ROC AUC for two classes, log loss for more, RMSE for values."""
    if task == "regression":
        return METRICS["rmse"]
    return METRICS["roc_auc"] if n_classes == 2 else METRICS["log_loss"]
