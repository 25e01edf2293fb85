"""How much two columns say about one another. Pure: arrays in, numbers out.

Numbers are doubles with NaN for missing values, categories are codes from 0 with -1 for missing.
Rows in which one of the two is missing are left out.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlflow_plugins.data.explore._profile_entities import (
    Association,
    AssociationMeasure,
    TargetAssociation,
)

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_N_BINS = 64
_FEW_CLASSES = 20
_LEAST_ROWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A column of categories: codes from 0 to ``n - 1``, -1 for missing."""

    codes: Codes
    n: int


Feature = Numbers | Category


def associate(features: Mapping[str, Feature]) -> tuple[Association, ...]:
    """Compute the association of every pair that has one."""
    # Columns without gaps are standardised once instead of once for each partner.
    whole = {
        name: _standard(x)
        for name, x in features.items()
        if not isinstance(x, Category) and len(x) >= _LEAST_ROWS and np.isfinite(x).all()
    }
    found = []
    for a, b in itertools.combinations(features, 2):
        if a in whole and b in whole:
            value = _product(whole[a], whole[b])
            one = None if value is None else Association(a=a, b=b, measure="pearson", value=value)
        else:
            one = association(a, features[a], b, features[b])
        if one is not None:
            found.append(one)
    return tuple(found)


def association(a: str, x: Feature, b: str, y: Feature) -> Association | None:
    """Compute the association of two columns; None where one is constant or rows are too few."""
    measure: AssociationMeasure
    if isinstance(x, Category) and isinstance(y, Category):
        measure, value = "cramers_v", cramers_v(x, y)
    elif isinstance(x, Category) or isinstance(y, Category):
        measure = "correlation_ratio"
        value = correlation_ratio(x, y) if isinstance(x, Category) else correlation_ratio(y, x)  # type: ignore[arg-type]
    else:
        measure, value = "pearson", pearson(x, y)
    return None if value is None else Association(a=a, b=b, measure=measure, value=value)


def pearson(x: Numbers, y: Numbers) -> float | None:
    """Return Pearson's correlation of the rows that have both."""
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < _LEAST_ROWS:
        return None
    return _product(_standard(x), _standard(y))


def _product(x: Numbers | None, y: Numbers | None) -> float | None:
    return None if x is None or y is None else float(np.clip(np.dot(x, y), -1.0, 1.0))


def _standard(x: Numbers) -> Numbers | None:
    """Centre and scale to length 1; squares of large numbers overflow, so scale to 1 first."""
    largest = np.abs(x).max()
    scaled = x / largest if largest else x
    centred = scaled - scaled.mean()
    length = math.sqrt(float(np.dot(centred, centred)))
    # What rounding leaves of a constant is no spread.
    return None if length < 1e-12 * math.sqrt(len(x)) else centred / length


def cramers_v(x: Category, y: Category) -> float | None:
    """Return Cramér's V with the bias correction of Bergsma (2013).

    Without it, two unrelated columns of many categories look related in few rows.
    """
    both = (x.codes >= 0) & (y.codes >= 0)
    n = int(np.count_nonzero(both))
    table = np.bincount(x.codes[both] * y.n + y.codes[both], minlength=x.n * y.n)
    table = table.reshape(x.n, y.n).astype(np.float64)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    r, k = table.shape
    if n < _LEAST_ROWS or min(r, k) < 2:
        return None
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / n
    phi2 = float(((table - expected) ** 2 / expected).sum()) / n
    phi2 = max(0.0, phi2 - (k - 1) * (r - 1) / (n - 1))
    least = min(k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(phi2 / least)) if least > 0 else None


def correlation_ratio(groups: Category, y: Numbers) -> float | None:
    """Return the correlation ratio with Kelley's correction (epsilon, 1935).

    The square is the share of the variance that lies between groups, less what chance alone puts
    there: ``1 - (n - 1) / (n - k) * SS_within / SS_total``.
    """
    both = (groups.codes >= 0) & np.isfinite(y)
    codes, y = groups.codes[both], y[both]
    counts = np.bincount(codes, minlength=groups.n)
    k, n = int(np.count_nonzero(counts)), len(y)
    if k < 2 or n <= k:
        return None
    standard = _standard(y)
    if standard is None:
        return None
    sums = np.bincount(codes, weights=standard, minlength=groups.n)
    between = float((sums[counts > 0] ** 2 / counts[counts > 0]).sum())
    epsilon2 = 1.0 - (n - 1) / (n - k) * (1.0 - between)
    return math.sqrt(min(1.0, max(0.0, epsilon2)))


# ---------------------------------------------------------------- target


def target_associations(
    features: Mapping[str, Feature], target: str, seed: int
) -> tuple[TargetAssociation, ...]:
    """Say of each column what it says about the target, strongest first."""
    y = features[target]
    found = []
    for name, x in features.items():
        if name != target:
            power = predictive_power(x, y, seed)
            found.append(
                TargetAssociation(
                    column=name, association=association(name, x, target, y), predictive_power=power
                )
            )
    return tuple(sorted(found, key=lambda one: (-_strength(one), one.column)))


def _strength(one: TargetAssociation) -> float:
    return max(one.predictive_power, abs(one.association.value) if one.association else 0.0)


def predictive_power(x: Feature, y: Feature, seed: int) -> float:
    """Return by how much knowing ``x`` reduces the error of predicting ``y``.

    One half of the rows gives each bin of ``x`` its prediction, the other half tells the error: for
    classes the share of wrong ones beside always naming the most frequent class (Goodman and
    Kruskal's lambda), for numbers the squared error beside the mean (R squared). That a value of
    ``x`` is missing is a bin of its own.
    """
    has_target = y.codes >= 0 if isinstance(y, Category) else np.isfinite(y)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(has_target))
    learn, test = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    if len(learn) < _LEAST_ROWS:
        return 0.0
    bins, n_bins = _binned(x, learn)
    classes = _as_classes(y, rows)
    if classes is not None:
        return _class_power(bins, n_bins, classes, learn, test)
    return _number_power(bins, n_bins, y, learn, test)  # type: ignore[arg-type]


def _binned(x: Feature, learn: npt.NDArray[np.int64]) -> tuple[Codes, int]:
    if isinstance(x, Category):
        return np.where(x.codes < 0, x.n, x.codes), x.n + 1
    known = x[learn][np.isfinite(x[learn])]
    if not len(known):
        return np.zeros(len(x), np.int64), 1
    different = np.unique(known)
    if len(different) <= _N_BINS:
        edges = (different[1:] + different[:-1]) / 2
    else:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _N_BINS + 1)[1:-1]))
    return np.where(np.isfinite(x), np.searchsorted(edges, x), len(edges) + 1), len(edges) + 2


def _as_classes(y: Feature, rows: npt.NDArray[np.int64]) -> Category | None:
    """Take few whole numbers for classes."""
    if isinstance(y, Category):
        return y
    different = np.unique(y[rows])
    if len(different) > _FEW_CLASSES or not np.array_equal(different, np.round(different)):
        return None
    codes = np.where(np.isfinite(y), np.searchsorted(different, y), -1)
    return Category(codes=codes, n=len(different))


def _class_power(
    bins: Codes,
    n_bins: int,
    y: Category,
    learn: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> float:
    counts = np.bincount(bins[learn] * y.n + y.codes[learn], minlength=n_bins * y.n)
    counts = counts.reshape(n_bins, y.n)
    usual = int(counts.sum(axis=0).argmax())
    guess = np.where(counts.any(axis=1), counts.argmax(axis=1), usual)
    wrong = np.count_nonzero(guess[bins[test]] != y.codes[test])
    base = np.count_nonzero(y.codes[test] != usual)
    return max(0.0, 1.0 - wrong / base) if base else 0.0


def _number_power(
    bins: Codes,
    n_bins: int,
    y: Numbers,
    learn: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> float:
    scale = float(np.abs(y[np.concatenate([learn, test])]).max()) or 1.0
    y = y / scale
    counts = np.bincount(bins[learn], minlength=n_bins)
    sums = np.bincount(bins[learn], weights=y[learn], minlength=n_bins)
    mean = float(y[learn].mean())
    guess = np.where(counts > 0, sums / np.maximum(counts, 1), mean)
    wrong = float(((y[test] - guess[bins[test]]) ** 2).sum())
    base = float(((y[test] - mean) ** 2).sum())
    return max(0.0, 1.0 - wrong / base) if base > 0.0 else 0.0


def strongest(found: Sequence[TargetAssociation], at_least: float) -> list[TargetAssociation]:
    """Return those that nearly determine the target."""
    return [one for one in found if _strength(one) >= at_least]
