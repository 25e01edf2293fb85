"""Scalar metrics: the set that Azure Machine Learning reports, with intervals.

Notation: C is a confusion matrix, shape (..., k, k), true class by predicted class; leading axes
are bootstrap replicates. Resampling rows with replacement and counting again is, for whatever
depends on the counts alone, one draw from Multinomial(n, C / n): the cost does not grow with the
number of rows.

References:
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, percentile intervals.
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845; Sun and Xu (2014), IEEE SPL
    21, 1389-1393.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rai._estimates import Floats, Z, estimate, mean_estimate, percentile_interval
from rai._moments import moment_metrics
from rai._records import ConfusionMatrix, Estimate

Integers = NDArray[np.int64]

ONE_CLASS = "The evaluated rows hold one class only."
NO_SCORES = "The model gives labels without probabilities."


def divide(numerator: NDArray[np.generic], denominator: NDArray[np.generic]) -> Floats:
    """Divide elementwise; where the denominator is zero the result is NaN."""
    top, bottom = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    quotient: Floats = np.divide(
        top, bottom, out=np.full(top.shape, np.nan), where=np.not_equal(bottom, 0)
    )
    return quotient


def confusion(truth: Integers, predicted: Integers, n_classes: int) -> Integers:
    """Count rows by true and predicted class code; shape (n_classes, n_classes)."""
    cells = np.bincount(truth * n_classes + predicted, minlength=n_classes * n_classes)
    return cells.reshape(n_classes, n_classes).astype(np.int64)


def confusion_record(counts: Integers, labels: tuple[str, ...]) -> ConfusionMatrix:
    """Return the matrix with its rows also normalised by the true class."""
    shares = divide(counts, counts.sum(axis=1, keepdims=True))
    return ConfusionMatrix(
        labels=labels,
        counts=tuple(tuple(int(cell) for cell in row) for row in counts),
        normalised=tuple(
            tuple(float(cell) if np.isfinite(cell) else None for cell in row) for row in shares
        ),
    )


def count_metrics(C: NDArray[np.generic], positive: int | None) -> dict[str, Floats]:
    """Return the metrics that depend on the confusion matrix alone.

    Macro averages run over the classes present in truth or predictions, as scikit-learn's do.

    Args:
        C: Confusion matrices, shape (..., k, k).
        positive: Index of the positive class of a binary task, else None.

    Returns:
        Metric name to values of shape C.shape[:-2]; NaN where undefined.
    """
    C = np.asarray(C, dtype=np.float64)
    diagonal = np.diagonal(C, axis1=-2, axis2=-1)
    support, predicted, n = C.sum(axis=-1), C.sum(axis=-2), C.sum(axis=(-2, -1))
    recall, precision = divide(diagonal, support), divide(diagonal, predicted)
    f1 = divide(2 * diagonal, support + predicted)
    accuracy = divide(diagonal.sum(axis=-1), n)
    balanced = _mean(recall, support > 0)
    chance = divide(np.ones_like(n), (support > 0).sum(axis=-1))
    metrics = {
        "accuracy": accuracy,
        "weighted_accuracy": divide((support * diagonal).sum(-1), (support**2).sum(-1)),
        "balanced_accuracy": balanced,
        "norm_macro_recall": divide(balanced - chance, 1 - chance),
        "matthews_correlation": _matthews(diagonal, support, predicted, n),
    }
    is_present = support + predicted > 0
    for name, values in (("f1", f1), ("precision", precision), ("recall", recall)):
        # A class that was never predicted, or never occurs, counts as 0 in an average.
        filled = np.nan_to_num(values)
        if positive is not None:
            metrics[f"{name}_score_binary"] = values[..., positive]
        metrics[f"{name}_score_macro"] = _mean(filled, is_present)
        metrics[f"{name}_score_micro"] = accuracy
        metrics[f"{name}_score_weighted"] = divide((filled * support).sum(-1), n)
    return metrics


def _mean(values: Floats, where: NDArray[np.bool_]) -> Floats:
    return divide(np.where(where, values, 0.0).sum(axis=-1), where.sum(axis=-1))


def _matthews(diagonal: Floats, support: Floats, predicted: Floats, n: Floats) -> Floats:
    covariance = diagonal.sum(-1) * n - (support * predicted).sum(-1)
    spread = np.sqrt((n**2 - (support**2).sum(-1)) * (n**2 - (predicted**2).sum(-1)))
    # Constant truth or predictions correlate with nothing; scikit-learn calls that 0.
    return np.nan_to_num(divide(covariance, spread))


def bootstrap_counts(counts: Integers, n_bootstrap: int, rng: np.random.Generator) -> Integers:
    """Draw ``n_bootstrap`` resamples of a table of counts, shape (n_bootstrap, *counts.shape)."""
    flat = counts.ravel()
    filled = np.flatnonzero(flat)
    draws = np.zeros((n_bootstrap, flat.size), dtype=np.int64)
    draws[:, filled] = rng.multinomial(flat.sum(), flat[filled] / flat.sum(), size=n_bootstrap)
    return draws.reshape(n_bootstrap, *counts.shape)


def classification_metrics(
    counts: Integers, positive: int | None, *, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, Estimate]:
    """Return the count metrics of one confusion matrix with bootstrap intervals."""
    values = count_metrics(counts, positive)
    draws = count_metrics(bootstrap_counts(counts, n_bootstrap, rng), positive)
    reasons = {
        "precision_score_binary": "No row was predicted positive.",
        "recall_score_binary": "No row is truly positive.",
        "f1_score_binary": "No row is positive, neither truly nor predicted.",
        "norm_macro_recall": ONE_CLASS,
    }
    found = {}
    for name, value in values.items():
        low, high = percentile_interval(draws[name])
        found[name] = estimate(
            float(value), low=float(low), high=float(high), reason=reasons.get(name, "")
        )
    return found


# ------------------------------------------------------------------ metrics of scores


def ranked_counts(is_positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Count true and false positives at every distinct score, the highest first.

    Rows with equal scores enter together, so ties are handled exactly. Cost: O(n log n).

    Returns:
        Thresholds, true positives and false positives at ``score >= threshold``.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], is_positive[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    true_positives = np.cumsum(hits)[last_of_tie].astype(np.float64)
    return ordered[last_of_tie], true_positives, last_of_tie + 1 - true_positives


def auc(is_positive: NDArray[np.bool_], scores: Floats) -> float:
    """Return the exact area under the ROC curve; NaN when one class is missing."""
    _, tp, fp = ranked_counts(is_positive, scores)
    if tp[-1] == 0 or fp[-1] == 0:
        return math.nan
    area = np.trapezoid(np.append(0.0, tp), np.append(0.0, fp))
    return float(area / (tp[-1] * fp[-1]))


def average_precision(is_positive: NDArray[np.bool_], scores: Floats) -> float:
    """Return the average precision, sum of (R_i - R_(i-1)) P_i; NaN without positives."""
    _, tp, fp = ranked_counts(is_positive, scores)
    if tp[-1] == 0:
        return math.nan
    return float((np.diff(np.append(0.0, tp)) * tp / (tp + fp)).sum() / tp[-1])


def auc_with_error(is_positive: NDArray[np.bool_], scores: Floats) -> tuple[float, float]:
    """Return the AUC and its standard error by DeLong's method; O(n log n)."""
    positives, negatives = np.sort(scores[is_positive]), np.sort(scores[~is_positive])
    m, n = len(positives), len(negatives)
    if m == 0 or n == 0:
        return math.nan, math.nan
    beaten = (
        np.searchsorted(negatives, positives) + np.searchsorted(negatives, positives, "right")
    ) / 2
    lost = (
        m
        - (np.searchsorted(positives, negatives) + np.searchsorted(positives, negatives, "right"))
        / 2
    )
    area = float(beaten.sum() / (m * n))
    if m < 2 or n < 2:
        return area, math.nan
    variance = np.var(beaten / n, ddof=1) / m + np.var(lost / m, ddof=1) / n
    return area, float(np.sqrt(variance))


def auc_estimate(is_positive: NDArray[np.bool_], scores: Floats) -> Estimate:
    """Return the AUC with DeLong's interval on the logit scale, which stays within 0 and 1."""
    area, error = auc_with_error(is_positive, scores)
    if not 0 < area < 1 or not error > 0:
        return estimate(area, reason=ONE_CLASS)
    logit, spread = math.log(area / (1 - area)), Z * error / (area * (1 - area))
    low, high = (
        1 / (1 + math.exp(-min(max(v, -700), 700))) for v in (logit - spread, logit + spread)
    )
    return estimate(area, low=low, high=high)


def score_metrics(
    truth: Integers, probabilities: Floats, positive: int | None
) -> dict[str, Estimate]:
    """Return the metrics of predicted probabilities.

    Args:
        truth: Class codes, shape (n_rows,).
        probabilities: Shape (n_rows, k).
        positive: Index of the positive class of a binary task, else None.
    """
    k = probabilities.shape[1]
    one_hot = truth[:, None] == np.arange(k)
    found: dict[str, Estimate] = {}
    for name, function in (("AUC", auc), ("average_precision_score", average_precision)):
        found |= _averaged(name, function, one_hot, probabilities)
    if positive is not None:
        found["AUC_binary"] = auc_estimate(one_hot[:, positive], probabilities[:, positive])
        found["average_precision_score_binary"] = estimate(
            average_precision(one_hot[:, positive], probabilities[:, positive]), reason=ONE_CLASS
        )
    tiny = np.finfo(np.float64).eps
    chosen = np.clip(probabilities, tiny, 1 - tiny)
    chosen = chosen / chosen.sum(axis=1, keepdims=True)
    found["log_loss"] = mean_estimate(-np.log(chosen[np.arange(len(truth)), truth]))
    squared = ((probabilities - one_hot) ** 2).sum(axis=1)
    found["brier_score"] = mean_estimate(squared / 2 if k == 2 else squared)
    return found


def _averaged(
    name: str,
    function: Callable[[NDArray[np.bool_], Floats], float],
    one_hot: NDArray[np.bool_],
    probabilities: Floats,
) -> dict[str, Estimate]:
    support = one_hot.sum(axis=0)
    present = np.flatnonzero(support)
    if len(present) < 2:
        return {
            f"{name}_{average}": estimate(math.nan, reason=ONE_CLASS)
            for average in ("macro", "micro", "weighted")
        }
    values = np.array([function(one_hot[:, c], probabilities[:, c]) for c in present])
    return {
        f"{name}_macro": estimate(float(values.mean())),
        f"{name}_micro": estimate(function(one_hot.ravel(), probabilities.ravel())),
        f"{name}_weighted": estimate(float(np.average(values, weights=support[present]))),
    }


# ------------------------------------------------------------------ regression


def regression_metrics(
    truth: Floats, predicted: Floats, *, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, Estimate]:
    """Return the regression metrics.

    MAE, RMSE, R2, explained variance and bias carry intervals (see :mod:`rai._moments`). As Azure
    Machine Learning does, R2 is cut at -1, and the normalised errors are divided by the range of
    the truth and cut at 1.
    """
    found = dict(moment_metrics(truth, predicted, n_bootstrap=n_bootstrap, rng=rng))
    absolute = np.abs(predicted - truth)
    found["median_absolute_error"] = estimate(float(np.median(absolute)))
    found["mean_absolute_percentage_error"] = estimate(
        float(np.mean(absolute / np.maximum(np.abs(truth), np.finfo(np.float64).eps)))
    )
    found["max_error"] = estimate(float(absolute.max()))
    found["root_mean_squared_log_error"] = estimate(
        _log_error(truth, predicted), reason="A value is -1 or less; its logarithm is undefined."
    )
    found["spearman_correlation"] = estimate(
        _spearman(truth, predicted), reason="Truth or prediction is constant."
    )
    reach = float(np.ptp(truth))
    for name in (
        "mean_absolute_error", "median_absolute_error",
        "root_mean_squared_error", "root_mean_squared_log_error",
    ):  # fmt: skip
        found[f"normalized_{name}"] = _normalised(found[name], reach)
    return found


def _normalised(error: Estimate, reach: float) -> Estimate:
    if error.value is None or reach == 0:
        return Estimate(value=None, reason=error.reason or "The truth is constant.")
    low = math.nan if error.low is None else min(error.low / reach, 1.0)
    high = math.nan if error.high is None else min(error.high / reach, 1.0)
    return estimate(min(error.value / reach, 1.0), low=low, high=high)


def _log_error(truth: Floats, predicted: Floats) -> float:
    if min(truth.min(), predicted.min()) <= -1:
        return math.nan
    return float(np.sqrt(np.mean((np.log1p(truth) - np.log1p(predicted)) ** 2)))


def _spearman(truth: Floats, predicted: Floats) -> float:
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(predicted) == 0:
        return math.nan
    return float(np.corrcoef(_midranks(truth), _midranks(predicted))[0, 1])


def _midranks(values: Floats) -> Floats:
    ordered = np.sort(values)
    below, through = np.searchsorted(ordered, values), np.searchsorted(ordered, values, "right")
    return (below + through + 1) / 2
