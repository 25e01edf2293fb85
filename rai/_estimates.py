"""Estimates: a number, its 95 % interval, and the reason where there is none."""

import math

import numpy as np
from numpy.typing import NDArray

from rai._records import Estimate

Floats = NDArray[np.float64]

Z = 1.959963984540054  # the normal quantile behind every 95 % interval


def estimate(
    value: float, *, low: float = math.nan, high: float = math.nan, reason: str = ""
) -> Estimate:
    """Return an estimate in which everything that is not finite is None."""
    if not math.isfinite(value):
        return Estimate(value=None, reason=reason or "Undefined on these rows.")
    has_interval = math.isfinite(low) and math.isfinite(high)
    return Estimate(
        value=float(value),
        low=float(low) if has_interval else None,
        high=float(high) if has_interval else None,
    )


def mean_estimate(values: Floats) -> Estimate:
    """Return a mean with its normal interval."""
    mean = float(values.mean())
    if len(values) < 2:
        return estimate(mean)
    spread = Z * float(values.std(ddof=1)) / math.sqrt(len(values))
    return estimate(mean, low=mean - spread, high=mean + spread)


def percentile_interval(draws: Floats) -> tuple[Floats, Floats]:
    """Return the 2.5 % and 97.5 % points along the first axis, leaving NaN draws out."""
    ordered = np.sort(draws, axis=0)  # NaN sorts last
    n_valid = np.isfinite(ordered).sum(axis=0)
    bounds = []
    for share in (0.025, 0.975):
        position = share * np.maximum(n_valid - 1, 0)
        below = np.floor(position).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(n_valid - 1, 0))
        at_below = np.take_along_axis(ordered, below[None], axis=0)[0]
        at_above = np.take_along_axis(ordered, above[None], axis=0)[0]
        bounds.append(at_below + (position - below) * (at_above - at_below))
    return bounds[0], bounds[1]
