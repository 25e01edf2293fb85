"""How far two samples of one column are apart. Pure: arrays in, numbers out.

p, q   shares of the old and the new sample in the same bins, each summing to 1
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

_N_BINS = 10
_LEAST_SHARE = 1e-4  # an empty bin would make PSI infinite
_LEAST_EXPECTED = 5.0
_EXACT_TEST = 10_000  # pairs of values up to which the KS test is exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A statistic and the probability of one at least as large if nothing has changed."""

    statistic: float
    p_value: float


def decile_edges(old: Numbers) -> Numbers:
    """Return the inner edges of bins that hold a tenth of the old values each, where they can."""
    return np.unique(np.quantile(old, np.linspace(0, 1, _N_BINS + 1)[1:-1]))


def binned(values: Numbers, edges: Numbers) -> Numbers:
    """Return the shares of values between the edges, and below and above all; right-closed."""
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    return counts / len(values)


def psi(p: Numbers, q: Numbers) -> float:
    """Return the population stability index, ``sum((q - p) * ln(q / p))``.

    Shares below 0.0001 count as that. Below 0.1 is commonly read as stable, above 0.25 as changed.
    """
    p, q = np.maximum(p, _LEAST_SHARE), np.maximum(q, _LEAST_SHARE)
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon(p: Numbers, q: Numbers) -> float:
    """Return the Jensen-Shannon distance to base 2: 0 for equal shares, 1 for nothing in common."""
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return math.sqrt(min(1.0, max(0.0, divergence)))


def _relative_entropy(p: Numbers, q: Numbers) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())


def kolmogorov_smirnov(old: Numbers, new: Numbers) -> Test:
    """Test whether two samples come from one continuous distribution (two-sided)."""
    from scipy import stats

    method = "exact" if len(old) * len(new) <= _EXACT_TEST else "asymp"
    with warnings.catch_warnings():  # where the exact figure cannot be had, SciPy says so and
        warnings.simplefilter("ignore", RuntimeWarning)  # gives the asymptotic one
        result = stats.ks_2samp(old, new, method=method)
    return Test(statistic=float(result.statistic), p_value=float(result.pvalue))


def wasserstein(old: Numbers, new: Numbers) -> float:
    """Return the first Wasserstein distance, in the column's unit: how far values have moved."""
    from scipy import stats

    return float(stats.wasserstein_distance(old, new))


def chi_square(old: Sequence[int], new: Sequence[int]) -> Test:
    """Test whether counts of the same categories come from one distribution (Pearson's).

    Categories of which fewer than 5 are expected are counted as one, as the test's approximation
    asks for.
    """
    from scipy import stats

    table = np.array([old, new], dtype=np.float64)
    table = table[:, table.any(axis=0)]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    is_rare = (expected < _LEAST_EXPECTED).any(axis=0)
    if is_rare.any():
        table = np.column_stack([table[:, ~is_rare], table[:, is_rare].sum(axis=1)])
    if table.shape[1] < 2 or not table.any(axis=1).all():
        return Test(statistic=0.0, p_value=1.0)
    result = stats.chi2_contingency(table, correction=False)
    return Test(statistic=float(result.statistic), p_value=float(result.pvalue))
