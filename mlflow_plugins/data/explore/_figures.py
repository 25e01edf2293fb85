"""Figures of one column from an array of its values. Pure: numpy in, records out.

    n   number of finite values      v   the values, sorted ascending, shape (n,)
    mk  k-th central moment, ``mean((v - mean(v)) ** k)``

Sorting costs less than each figure on its own: quantiles, outliers, bins, zeros, different and
frequent values are all read off a sorted array, exactly.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlflow_plugins.data.explore._profile_entities import (
    Bins,
    NumberFigures,
    Quantile,
    ValueCount,
)

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
N_BINS = 30
N_TOP = 20

_BLOCK = 1 << 20

Array = npt.NDArray[np.float64] | npt.NDArray[np.int64]
Write = Callable[[float | int], float | int | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What a sorted array tells."""

    n_distinct: int
    minimum: float | int | str | None
    maximum: float | int | str | None
    quantiles: tuple[Quantile, ...]
    histogram: Bins | None
    top_values: tuple[ValueCount, ...]


def ordered_figures(v: Array, write: Write) -> Ordered:
    """Read off a sorted array; ``write`` turns a value into what the profile shows.

    Args:
        v: Sorted ascending, finite.
        write: Identity for numbers, ISO text for dates.
    """
    if not len(v):
        return Ordered(
            n_distinct=0, minimum=None, maximum=None, quantiles=(), histogram=None, top_values=()
        )
    n_distinct, top = frequent(v)
    return Ordered(
        n_distinct=n_distinct,
        minimum=write(v[0].item()),
        maximum=write(v[-1].item()),
        quantiles=tuple(Quantile(q=q, value=write(quantile(v, q))) for q in QUANTILES),
        histogram=bins(v, write),
        top_values=tuple(ValueCount(value=str(write(x.item())), count=n) for x, n in top),
    )


def number_figures(v: Array, n_infinite: int) -> NumberFigures:
    """Compute moments, signs and outliers of a sorted array of finite values."""
    n = len(v)
    mean, m2, m3, m4 = moments(v)
    low = high = None
    n_outliers = 0
    if n:
        q1, q3 = quantile(v, 0.25), quantile(v, 0.75)
        low, high = finite(q1 - 1.5 * (q3 - q1)), finite(q3 + 1.5 * (q3 - q1))
        if low is not None and high is not None:
            n_outliers = int(v.searchsorted(low) + n - v.searchsorted(high, side="right"))
    variance = finite(m2 * n / (n - 1)) if n > 1 else None
    first_zero, end_of_zeros = v.searchsorted(0), v.searchsorted(0, side="right")
    return NumberFigures(
        mean=finite(mean) if n else None,
        std=None if variance is None else math.sqrt(variance),
        variance=variance,
        skewness=_skewness(n, m2, m3),
        kurtosis=_kurtosis(n, m2, m4),
        n_zeros=int(end_of_zeros - first_zero),
        n_negative=int(first_zero),
        n_infinite=n_infinite,
        lower_fence=low,
        upper_fence=high,
        n_outliers=n_outliers,
    )


def moments(v: Array) -> tuple[float, float, float, float]:
    """Return the mean and the central moments m2, m3, m4.

    Two passes, in blocks: powers of raw values would cancel where the mean is far from 0.
    """
    if not len(v):
        return 0.0, 0.0, 0.0, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        blocks = (v[i : i + _BLOCK].astype(np.float64) for i in range(0, len(v), _BLOCK))
        mean = sum(float(block.sum()) for block in blocks) / len(v)
        totals = np.zeros(3)
        for i in range(0, len(v), _BLOCK):
            d = v[i : i + _BLOCK] - mean
            d2 = d * d
            totals += d2.sum(), (d2 * d).sum(), (d2 * d2).sum()
        m2, m3, m4 = totals / len(v)
    return mean, float(m2), float(m3), float(m4)


def quantile(v: Array, q: float) -> float:
    """Return a quantile of a sorted array, linear between neighbours (Hyndman and Fan's type 7)."""
    place = q * (len(v) - 1)
    below = math.floor(place)
    above = min(below + 1, len(v) - 1)
    share = place - below
    return float(v[below]) * (1 - share) + float(v[above]) * share if share else float(v[below])


def frequent(
    v: npt.NDArray[np.generic], k: int = N_TOP
) -> tuple[int, list[tuple[np.generic, int]]]:
    """Return how many different values a sorted array has, and its ``k`` most frequent ones.

    Equal counts are in order of the values.
    """
    if not len(v):
        return 0, []
    starts = np.flatnonzero(v[1:] != v[:-1]) + 1
    n_distinct = len(starts) + 1
    if n_distinct == len(v):
        return n_distinct, [(x, 1) for x in v[:k]]
    counts = np.empty(n_distinct, np.int64)
    counts[0], counts[-1] = starts[0] if len(starts) else 0, len(v)
    counts[1:-1] = starts[1:] - starts[:-1]
    counts[-1] -= starts[-1] if len(starts) else 0
    chosen = _largest(counts, k)
    return n_distinct, [(v[starts[i - 1] if i else 0], int(counts[i])) for i in chosen]


def _largest(counts: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.int64]:
    """Return the places of the ``k`` largest counts, equal ones in order."""
    if len(counts) > k:
        # Most counts are small: counting them is quicker than any partial sort.
        capped = np.bincount(np.minimum(counts, 10_000))
        at_least = np.cumsum(capped[::-1])[::-1]
        cut = int(np.flatnonzero(at_least >= k)[-1])
        above, ties = np.flatnonzero(counts > cut), np.flatnonzero(counts == cut)
        places = np.sort(np.concatenate([above, ties[: max(k - len(above), 0)]]))
    else:
        places = np.arange(len(counts))
    return places[np.argsort(-counts[places], kind="stable")][:k]


def bins(v: Array, write: Write, n_bins: int = N_BINS) -> Bins:
    """Count a sorted array in bins of equal width; whole numbers in a short range have one each."""
    low, high = v[0].item(), v[-1].item()
    if isinstance(low, int) and isinstance(high, int) and high - low < n_bins:
        edges = [x - 0.5 for x in range(low, high + 2)]
    else:
        from mlflow_plugins.data.explore._bins import equal_width

        edges = equal_width(float(low), float(high), n_bins)
    inner = v.searchsorted(np.array(edges[1:-1]))
    counts = np.diff(inner, prepend=0, append=len(v))
    return Bins(edges=tuple(write(edge) for edge in edges), counts=tuple(map(int, counts)))


def finite(x: float) -> float | None:
    """Return the number, or None for NaN and infinities."""
    return float(x) if math.isfinite(x) else None


def _skewness(n: int, m2: float, m3: float) -> float | None:
    """G1 of Joanes and Gill (1998)."""
    spread = m2 * math.sqrt(m2)  # `**` raises where a product is infinite
    if n < 3 or not math.isfinite(m3) or not math.isfinite(spread):
        return None
    if _is_nothing(m2):
        return 0.0
    return finite(math.sqrt(n * (n - 1)) / (n - 2) * m3 / spread)


def _kurtosis(n: int, m2: float, m4: float) -> float | None:
    """Excess kurtosis G2 of Joanes and Gill (1998)."""
    if n < 4 or not math.isfinite(m4):
        return None
    if _is_nothing(m2):
        return 0.0
    g2 = m4 / (m2 * m2) - 3.0
    return finite((n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * g2 + 6.0))


def _is_nothing(m2: float) -> bool:
    """Whether the spread is none, or so small that its square is 0."""
    return m2 * m2 == 0.0
