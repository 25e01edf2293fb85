"""Regression metrics of a group of rows, with intervals, from sums alone.

Notation: e = prediction - truth, y = truth; the moments of a row are (e, |e|, e^2, y, y^2).

A bootstrap resample of the rows changes only the mean moments. For more than ``EXACT_ROWS`` rows
their law is normal to within the error of the bootstrap itself (central limit theorem) and is drawn
from Normal(m, S / n); for fewer rows the rows themselves are resampled.
"""

import numpy as np

from rai._estimates import Floats, estimate, percentile_interval
from rai._records import Estimate

EXACT_ROWS = 200


def row_moments(truth: Floats, predicted: Floats) -> Floats:
    """Return the moments of each row, shape (n_rows, 5)."""
    e = predicted - truth
    return np.column_stack([e, np.abs(e), e**2, truth, truth**2])


def metrics_of_moments(m: Floats) -> dict[str, Floats]:
    """Return the metrics of mean moments of shape (..., 5); R2 is cut at -1."""
    bias, mae, mse, y, y2 = (m[..., i] for i in range(5))
    variance = y2 - y**2
    has_spread = variance > 1e-12 * np.maximum(y2, 1e-300)
    safe = np.where(has_spread, variance, 1.0)
    return {
        "mean_absolute_error": mae,
        "root_mean_squared_error": np.sqrt(np.maximum(mse, 0.0)),
        "r2_score": np.where(has_spread, np.maximum(1 - mse / safe, -1.0), np.nan),
        "explained_variance": np.where(has_spread, 1 - (mse - bias**2) / safe, np.nan),
        "mean_error": bias,
        "mean_prediction": y + bias,
    }


def draw_moments(moments: Floats, n_bootstrap: int, rng: np.random.Generator) -> Floats:
    """Draw mean moments of ``n_bootstrap`` resamples, shape (n_bootstrap, 5)."""
    n = len(moments)
    if n <= EXACT_ROWS:
        rows = rng.integers(0, n, size=(n_bootstrap, n))
        drawn: Floats = moments[rows].mean(axis=1)
        return drawn
    covariance = np.cov(moments, rowvar=False, ddof=0) / n
    return rng.multivariate_normal(
        moments.mean(axis=0), covariance, size=n_bootstrap, check_valid="ignore", method="eigh"
    )


def centred(truth: Floats, predicted: Floats) -> tuple[Floats, float]:
    """Return the moments of rows shifted to a mean truth of 0, and the shift.

    The variance of the truth is a difference of moments; without the shift a large offset would
    cancel its digits.
    """
    shift = float(truth.mean())
    return row_moments(truth - shift, predicted - shift), shift


def moment_metrics(
    truth: Floats, predicted: Floats, *, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, Estimate]:
    """Return the moment metrics of all rows with bootstrap intervals."""
    moments, shift = centred(truth, predicted)
    values = shifted(metrics_of_moments(moments.mean(axis=0)), shift)
    draws = shifted(metrics_of_moments(draw_moments(moments, n_bootstrap, rng)), shift)
    found = {}
    for name, value in values.items():
        low, high = percentile_interval(draws[name])
        found[name] = estimate(
            float(value), low=float(low), high=float(high), reason="The truth is constant."
        )
    return found


def shifted(metrics: dict[str, Floats], shift: float) -> dict[str, Floats]:
    """Undo the shift where a metric is a level rather than an error."""
    return metrics | {"mean_prediction": metrics["mean_prediction"] + shift}
