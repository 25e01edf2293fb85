"""Metrics by sensitive group and the gaps between groups, with intervals.

Notation: cells, shape (..., n_groups, 4), counts rows of each group as (tn, fp, fn, tp). A rate is
N·cells / D·cells with weight vectors N and D from ``RATES``, so one product serves the estimate and
every bootstrap replicate.

Definitions of the gaps are Fairlearn's (``demographic_parity_difference``,
``equalized_odds_ratio``, …): largest minus smallest group value and smallest over largest; for
equalized odds the worst of true and false positive rate.

References:
    Hardt, Price and Srebro (2016), Equality of Opportunity in Supervised Learning,
    arXiv:1610.02413. Weerts et al. (2023), Fairlearn: Assessing and Improving Fairness of AI
    Systems, JMLR 24(257).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rai._curves import wilson
from rai._estimates import estimate, percentile_interval
from rai._groups import Grouping
from rai._metrics import (
    auc,
    auc_estimate,
    auc_with_error,
    bootstrap_counts,
    divide,
)
from rai._moments import centred, draw_moments, metrics_of_moments, shifted
from rai._records import Estimate, Fairness, Gap, Group

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SMALL_GROUP = 30
MAX_CLASSES = 10

# Weights of (tn, fp, fn, tp) in numerator and denominator.
RATES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "selection_rate": ((0, 1, 0, 1), (1, 1, 1, 1)),
    "base_rate": ((0, 0, 1, 1), (1, 1, 1, 1)),
    "accuracy": ((1, 0, 0, 1), (1, 1, 1, 1)),
    "precision": ((0, 0, 0, 1), (0, 1, 0, 1)),
    "true_positive_rate": ((0, 0, 0, 1), (0, 0, 1, 1)),
    "false_positive_rate": ((0, 1, 0, 0), (1, 1, 0, 0)),
    "true_negative_rate": ((1, 0, 0, 0), (1, 1, 0, 0)),
    "false_negative_rate": ((0, 0, 1, 0), (0, 0, 1, 1)),
    "f1_score": ((0, 0, 0, 2), (0, 1, 1, 2)),
}
_NOT_A_PROPORTION = {"f1_score"}
_NAMED_GAPS = (
    ("demographic_parity", ("selection_rate",)),
    ("equal_opportunity", ("true_positive_rate",)),
    ("equalized_odds", ("true_positive_rate", "false_positive_rate")),
)
# Gaps that have a name of their own, and the share of truly positive rows, which is no property of
# the model.
_HAS_NAME = {"selection_rate", "true_positive_rate", "base_rate"}
_SIGNED = {"mean_error", "mean_prediction", "r2_score", "explained_variance"}
_UNDEFINED = {
    "precision": "No row of this group was predicted positive.",
    "true_positive_rate": "No row of this group is truly positive.",
    "false_negative_rate": "No row of this group is truly positive.",
    "false_positive_rate": "No row of this group is truly negative.",
    "true_negative_rate": "No row of this group is truly negative.",
    "f1_score": "No row of this group is positive, neither truly nor predicted.",
    "roc_auc": "This group holds one class only.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """A metric by group: estimates, values (n_groups,) and draws (n_bootstrap, n_groups)."""

    estimates: tuple[Estimate, ...]
    values: Floats
    draws: Floats


def binary_fairness(
    grouping: Grouping,
    truth: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    scores: Floats | None,
    *,
    positive_label: str,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> Fairness:
    """Compare groups on a binary prediction (or one class against the rest).

    Args:
        grouping: Group of each row.
        truth: Whether each row is truly positive, shape (n_rows,).
        predicted: Whether each row is predicted positive.
        scores: Score of the positive class of each row, or None.
        positive_label: Name of the positive class.
        n_bootstrap: Replicates behind the intervals of gaps and F1.
        rng: Source of the draws.
    """
    n_groups = len(grouping.keys)
    codes = grouping.codes * 4 + truth * 2 + predicted
    cells = np.bincount(codes, minlength=4 * n_groups).reshape(n_groups, 4).astype(np.int64)
    samples = _rate_samples(cells, n_bootstrap, rng)
    if scores is not None:
        samples["roc_auc"] = _auc_sample(grouping, truth, scores, n_bootstrap, rng)
    overall = rates(cells.sum(axis=0))
    if scores is not None:
        overall["roc_auc"] = np.asarray(auc(truth, scores))
    gaps = [_gap(name, metrics, samples, grouping) for name, metrics in _NAMED_GAPS]
    gaps += [_gap(name, (name,), samples, grouping) for name in samples if name not in _HAS_NAME]
    return _fairness(grouping, samples, overall, gaps, positive_label)


def multiclass_fairness(
    grouping: Grouping,
    truth: Integers,
    is_correct: NDArray[np.bool_],
    *,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> Fairness:
    """Compare groups on the metrics over all classes: accuracy and balanced accuracy.

    Args:
        grouping: Group of each row.
        truth: Class code of each row, shape (n_rows,).
        is_correct: Whether each row's predicted class is its true class.
        n_bootstrap: Replicates behind the intervals.
        rng: Source of the draws.
    """
    n_groups, k = len(grouping.keys), int(truth.max()) + 1
    codes = (grouping.codes * k + truth) * 2 + is_correct
    cells = np.bincount(codes, minlength=2 * n_groups * k).reshape(n_groups, k, 2).astype(np.int64)
    draws = bootstrap_counts(cells, n_bootstrap, rng)
    n_correct, n = cells[..., 1].sum(axis=-1), cells.sum(axis=(-2, -1))
    accuracy = _sample(
        divide(n_correct, n), divide(draws[..., 1].sum(axis=-1), draws.sum(axis=(-2, -1)))
    )
    low, high = wilson(n_correct.astype(np.float64), n.astype(np.float64))
    samples = {
        "accuracy": _with_bounds(accuracy, low, high),
        "balanced_accuracy": _sample(_mean_recall(cells), _mean_recall(draws)),
    }
    totals = cells.sum(axis=0)
    overall = {"accuracy": n_correct.sum() / n.sum(), "balanced_accuracy": _mean_recall(totals)}
    gaps = [_gap(name, (name,), samples, grouping) for name in samples]
    return _fairness(grouping, samples, overall, gaps, None)


def regression_fairness(
    grouping: Grouping,
    truth: Floats,
    predicted: Floats,
    *,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> Fairness:
    """Compare groups on a predicted quantity: errors, R2, bias and mean prediction.

    Groups are resampled on their own, so gaps are conditional on the group sizes.
    """
    moments, shift = centred(truth, predicted)
    by_group = [moments[grouping.codes == g] for g in range(len(grouping.keys))]
    means = np.stack([rows.mean(axis=0) for rows in by_group])
    draws = np.stack([draw_moments(rows, n_bootstrap, rng) for rows in by_group], axis=1)
    values = shifted(metrics_of_moments(means), shift)
    drawn = shifted(metrics_of_moments(draws), shift)
    reason = "The truth is constant in this group."
    samples = {name: _sample(values[name], drawn[name], reason) for name in values}
    overall = shifted(metrics_of_moments(moments.mean(axis=0)), shift)
    gaps = [_gap(name, (name,), samples, grouping) for name in samples]
    return _fairness(grouping, samples, overall, gaps, None)


def rates(cells: NDArray[np.generic]) -> dict[str, Floats]:
    """Return every rate of cells of shape (..., 4); NaN where the denominator is 0."""
    return {
        name: divide(cells @ np.array(numerator), cells @ np.array(denominator))
        for name, (numerator, denominator) in RATES.items()
    }


def _rate_samples(
    cells: Integers, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, _Sample]:
    values, draws = rates(cells), rates(bootstrap_counts(cells, n_bootstrap, rng))
    samples = {}
    for name, (numerator, denominator) in RATES.items():
        sample = _sample(values[name], draws[name], _UNDEFINED.get(name, ""))
        if name not in _NOT_A_PROPORTION:
            hits, n = cells @ np.array(numerator), cells @ np.array(denominator)
            sample = _with_bounds(sample, *wilson(hits.astype(float), n.astype(float)))
        samples[name] = sample
    return samples


def _auc_sample(
    grouping: Grouping,
    truth: NDArray[np.bool_],
    scores: Floats,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> _Sample:
    """Return the AUC by group; groups are independent, so draws are normal with DeLong's error."""
    estimates, values, errors = [], [], []
    for g in range(len(grouping.keys)):
        rows = grouping.codes == g
        found = auc_estimate(truth[rows], scores[rows])
        value, error = auc_with_error(truth[rows], scores[rows])
        undefined = Estimate(value=None, reason=_UNDEFINED["roc_auc"])
        estimates.append(undefined if found.value is None else found)
        values.append(value)
        errors.append(error)
    point = np.array(values)
    spread = np.nan_to_num(np.array(errors))
    draws = np.clip(point + spread * rng.standard_normal((n_bootstrap, len(point))), 0, 1)
    return _Sample(estimates=tuple(estimates), values=point, draws=draws)


def _mean_recall(cells: NDArray[np.generic]) -> Floats:
    """Return the mean recall over the classes present; cells end in (n_classes, wrong/right)."""
    support = cells.sum(axis=-1)
    recalls = np.nan_to_num(divide(cells[..., 1], support))
    return divide(recalls.sum(axis=-1), (support > 0).sum(axis=-1))


def _sample(values: Floats, draws: Floats, reason: str = "") -> _Sample:
    low, high = percentile_interval(draws)
    estimates = tuple(
        estimate(float(v), low=float(a), high=float(b), reason=reason)
        for v, a, b in zip(values, low, high, strict=True)
    )
    return _Sample(estimates=estimates, values=values, draws=draws)


def _with_bounds(sample: _Sample, low: Floats, high: Floats) -> _Sample:
    estimates = tuple(
        e if e.value is None else estimate(e.value, low=float(a), high=float(b))
        for e, a, b in zip(sample.estimates, low, high, strict=True)
    )
    return _Sample(estimates=estimates, values=sample.values, draws=sample.draws)


def spread_of(values: Floats) -> tuple[Floats, Floats]:
    """Return largest minus smallest and smallest over largest along the last axis, leaving NaN out.

    Both are NaN where fewer than two groups have a value; the ratio is NaN where the largest is 0.
    """
    is_known = np.isfinite(values)
    largest = np.where(is_known, values, -np.inf).max(axis=-1)
    smallest = np.where(is_known, values, np.inf).min(axis=-1)
    comparable = is_known.sum(axis=-1) >= 2
    largest = np.where(comparable, largest, np.nan)
    smallest = np.where(comparable, smallest, np.nan)
    return largest - smallest, divide(smallest, largest)


def _gap(
    name: str, metrics: tuple[str, ...], samples: Mapping[str, _Sample], grouping: Grouping
) -> Gap:
    spreads = [spread_of(samples[m].values) for m in metrics]
    drawn = [spread_of(samples[m].draws) for m in metrics]
    reason = "Fewer than two groups have a value."
    difference = _worst([d for d, _ in spreads], [d for d, _ in drawn], np.max, reason)
    ratio = Estimate(value=None, reason="A ratio has no meaning for a metric that can be negative.")
    if not _SIGNED.intersection(metrics):
        ratio_reason = reason if difference.value is None else "The largest group value is 0."
        ratio = _worst([r for _, r in spreads], [r for _, r in drawn], np.min, ratio_reason)
    widest = samples[max(metrics, key=lambda m: np.nan_to_num(spread_of(samples[m].values)[0]))]
    order = [g for g in np.argsort(widest.values, kind="stable") if np.isfinite(widest.values[g])]
    names = [" · ".join(grouping.keys[g]) for g in order]
    return Gap(
        name=name,
        metrics=metrics,
        difference=difference,
        ratio=ratio,
        lowest=names[0] if len(names) > 1 else None,
        highest=names[-1] if len(names) > 1 else None,
    )


def _worst(
    values: list[Floats], draws: list[Floats], pick: Callable[..., Floats], reason: str
) -> Estimate:
    low, high = percentile_interval(pick(np.stack(draws), axis=0))
    return estimate(
        float(pick(np.stack(values), axis=0)), low=float(low), high=float(high), reason=reason
    )


def _fairness(
    grouping: Grouping,
    samples: Mapping[str, _Sample],
    overall: Mapping[str, Floats],
    gaps: Iterable[Gap],
    positive_label: str | None,
) -> Fairness:
    sizes = np.bincount(grouping.codes, minlength=len(grouping.keys))
    groups = tuple(
        Group(
            key=key,
            n=int(sizes[g]),
            metrics={name: sample.estimates[g] for name, sample in samples.items()},
        )
        for g, key in enumerate(grouping.keys)
    )
    return Fairness(
        features=grouping.features,
        positive_label=positive_label,
        groups=groups,
        overall={
            name: float(overall[name]) if np.isfinite(overall[name]) else None for name in samples
        },
        gaps=tuple(gaps),
        warnings=grouping.notes + _warnings(groups),
    )


def _warnings(groups: tuple[Group, ...]) -> tuple[str, ...]:
    if len(groups) == 1:
        return ("There is one group only, so there is nothing to compare.",)
    small = [group.name for group in groups if group.n < SMALL_GROUP]
    if not small:
        return ()
    shown = ", ".join(small[:5]) + (", …" if len(small) > 5 else "")
    text = (
        f"{len(small)} of {len(groups)} groups have fewer than {SMALL_GROUP} rows ({shown}); "
        "their figures, and gaps that rest on them, are uncertain."
    )
    return (text,)
