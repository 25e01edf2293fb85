"""Curves of at most 200 points; their areas come from all rows."""

import numpy as np
from numpy.typing import NDArray

from rai._estimates import Z
from rai._metrics import auc, average_precision, ranked_counts
from rai._records import Curve, Histogram, PredictedVersusTrue

Floats = NDArray[np.float64]

MAX_POINTS = 200
MAX_CLASSES = 10
N_CALIBRATION_BINS = 10
MICRO = "(micro)"


def thin(x: Floats, y: Floats, n_points: int = MAX_POINTS) -> NDArray[np.int64]:
    """Return indices of at most ``n_points`` points spread evenly along the line, with its ends."""
    if len(x) <= n_points:
        return np.arange(len(x))
    reach_x, reach_y = np.ptp(x) or 1.0, np.ptp(y) or 1.0
    steps = np.hypot(np.diff(x) / reach_x, np.diff(y) / reach_y)
    length = np.append(0.0, np.cumsum(steps))
    wanted = np.linspace(0.0, length[-1], n_points)
    picked = np.unique(np.searchsorted(length, wanted))
    picked[0], picked[-1] = 0, len(x) - 1
    return picked.astype(np.int64)


def classification_curves(
    truth: NDArray[np.int64],
    probabilities: Floats,
    *,
    classes: tuple[str, ...],
    positive: int | None,
) -> tuple[Curve, ...]:
    """Return the curves of the positive class, or of the ten largest classes and all pooled."""
    if positive is not None:
        return class_curves(truth == positive, probabilities[:, positive], classes[positive])
    support = np.bincount(truth, minlength=len(classes))
    largest = sorted(np.argsort(-support, kind="stable")[:MAX_CLASSES])
    curves = [
        curve
        for c in largest
        for curve in class_curves(truth == c, probabilities[:, c], classes[c])
    ]
    one_hot = (truth[:, None] == np.arange(len(classes))).ravel()
    return tuple(curves) + class_curves(one_hot, probabilities.ravel(), MICRO)


def class_curves(is_positive: NDArray[np.bool_], scores: Floats, label: str) -> tuple[Curve, ...]:
    """Return the five curves of one class against the rest; none if either is empty."""
    thresholds, tp, fp = ranked_counts(is_positive, scores)
    n_positive, n_negative = tp[-1], fp[-1]
    if n_positive == 0 or n_negative == 0:
        return ()
    recall, fall_out, n_selected = tp / n_positive, fp / n_negative, tp + fp
    share = n_selected / n_selected[-1]
    start = (np.append(0.0, recall), np.concatenate([[None], thresholds]))
    return (
        _curve("roc", label, np.append(0.0, fall_out), *start, auc(is_positive, scores)),
        _curve(
            "precision_recall", label, recall, tp / n_selected, thresholds,
            average_precision(is_positive, scores),
        ),
        calibration(is_positive, scores, label),
        _curve("gains", label, np.append(0.0, share), *start),
        _curve("lift", label, share, recall / share, thresholds),
    )  # fmt: skip


def _curve(
    kind: str, label: str, x: Floats, y: Floats, thresholds: NDArray[np.generic],
    area: float | None = None,
) -> Curve:  # fmt: skip
    picked = thin(x, y)
    return Curve(
        kind=kind,  # type: ignore[arg-type]
        label=label,
        x=tuple(x[picked].tolist()),
        y=tuple(y[picked].tolist()),
        threshold=tuple(thresholds[picked].tolist()),
        area=area,
    )


def calibration(is_positive: NDArray[np.bool_], scores: Floats, label: str) -> Curve:
    """Return the reliability curve over ten quantile bins, with Wilson intervals.

    ``area`` is the expected calibration error: the mean over rows of |observed rate - mean score|
    of the row's bin.
    """
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, N_CALIBRATION_BINS + 1)))
    bins = np.searchsorted(edges[1:-1], scores)
    n = np.bincount(bins)
    filled = n > 0
    n = n[filled]
    mean_score = np.bincount(bins, weights=scores)[filled] / n
    n_hits = np.bincount(bins, weights=is_positive)[filled]
    low, high = wilson(n_hits.astype(np.float64), n.astype(np.float64))
    rate = n_hits / n
    return Curve(
        kind="calibration",
        label=label,
        x=tuple(mean_score.tolist()),
        y=tuple(rate.tolist()),
        n=tuple(n.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        area=float((np.abs(rate - mean_score) * n).sum() / n.sum()),
    )


def wilson(n_hits: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Return the score interval of a proportion; NaN where ``n`` is 0.

    References:
        Wilson (1927), Journal of the American Statistical Association 22, 209-212.
    """
    safe = np.where(n > 0, n, 1.0)
    p = n_hits / safe
    scale = 1 + Z**2 / safe
    centre = (p + Z**2 / (2 * safe)) / scale
    spread = Z / scale * np.sqrt(np.maximum(p * (1 - p) / safe + Z**2 / (4 * safe**2), 0.0))
    low = np.where(n > 0, np.clip(centre - spread, 0, p), np.nan)
    high = np.where(n > 0, np.clip(centre + spread, p, 1), np.nan)
    return low, high


def residual_histogram(truth: Floats, predicted: Floats) -> Histogram:
    """Count residuals (prediction minus truth) in bins.

    Inner edges lie within two standard deviations of the truth.

    The outer bins reach to the smallest and largest residual.
    """
    residuals = predicted - truth
    reach = 2 * float(np.std(truth))
    low, high = float(residuals.min()), float(residuals.max())
    inner = np.linspace(max(low, -reach), min(high, reach), 21)
    edges = np.unique(np.concatenate([[low], inner, [high]]))
    if len(edges) < 2:
        edges = np.array([low, low + 1.0])
    counts, _ = np.histogram(residuals, bins=edges)
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))


def predicted_versus_true(truth: Floats, predicted: Floats) -> PredictedVersusTrue:
    """Return mean and deviation of the predictions in at most 20 quantile bins of the truth."""
    edges = np.unique(np.quantile(truth, np.linspace(0, 1, 21)))
    bins = np.searchsorted(edges[1:-1], truth, side="right")
    n = np.bincount(bins)
    filled = n > 0
    n = n[filled]
    mean_true = np.bincount(bins, weights=truth)[filled] / n
    mean = np.bincount(bins, weights=predicted)[filled] / n
    around = predicted - np.bincount(bins, weights=predicted)[bins] / np.bincount(bins)[bins]
    variance = np.bincount(bins, weights=around**2)[filled] / n
    return PredictedVersusTrue(
        mean_true=tuple(mean_true.tolist()),
        mean_predicted=tuple(mean.tolist()),
        deviation=tuple(np.sqrt(variance).tolist()),
        n=tuple(n.tolist()),
    )
