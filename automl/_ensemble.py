"""Greedy ensembles and calibrated probabilities, both fitted on out-of-fold predictions.

References:
    Caruana et al., "Ensemble Selection from Libraries of Models", ICML 2004.
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017 (temperature).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl._metrics import Metric

Array = NDArray[Any]

MAX_STEPS = 40
_TOLERANCE = 1e-9


def greedy_weights(
    y: Array,
    predictions: Sequence[Array],
    *,
    metric: Metric,
    row_weights: Array | None = None,
    max_steps: int = MAX_STEPS,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Array:
    """Return the weight of each prediction in a greedy ensemble; never worse than the best single.

    Every step adds, with replacement, the prediction that lowers the loss of the mean the most;
    the step with the lowest loss of all wins, the earliest among equals. It is an anytime method:
    when `may_go_on` turns false the best steps so far count.

    Args:
        y: Truth, shape (n,).
        predictions: Candidates, each of shape (n, K) or (n,); ties go to the earlier one.
        metric: What to optimise.
        row_weights: What each row counts, shape (n,).
        max_steps: Upper bound of additions.
        may_go_on: Asked before each trial addition.

    Returns:
        Weights that sum to 1, shape (number of candidates,).
    """
    losses = [metric.loss(y, p, row_weights) for p in predictions]
    best = int(np.nanargmin(losses))
    counts = np.zeros(len(predictions))
    counts[best] = 1
    total = predictions[best].astype(np.float64)
    best_loss, best_counts = losses[best], counts.copy()
    for step in range(2, max_steps + 1):
        step_losses = np.full(len(predictions), np.inf)
        for j, p in enumerate(predictions):
            if not may_go_on():
                return _shares(best_counts)
            step_losses[j] = metric.loss(y, (total + p) / step, row_weights)
        chosen = int(np.nanargmin(step_losses))
        counts[chosen] += 1
        total += predictions[chosen]
        if step_losses[chosen] < best_loss - _TOLERANCE:
            best_loss, best_counts = step_losses[chosen], counts.copy()
    return _shares(best_counts)


def _shares(counts: Array) -> Array:
    shares: Array = counts / counts.sum()
    return shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Sharpens or softens probabilities and keeps every class possible.

    Attributes:
        temperature: Above 1 softens, below 1 sharpens.
        prior_weight: Share of the class frequencies that is mixed in.
        prior: Class frequencies in training, shape (K,).
    """

    temperature: float
    prior_weight: float
    prior: Array

    def apply(self, p: Array) -> Array:
        """Return calibrated probabilities, shape (n, K); rows sum to 1."""
        logits = np.log(np.clip(p, 1e-12, 1.0)) / self.temperature
        sharp = np.exp(logits - logits.max(axis=1, keepdims=True))
        sharp /= sharp.sum(axis=1, keepdims=True)
        mixed: Array = (1.0 - self.prior_weight) * sharp + self.prior_weight * self.prior
        return mixed


_TEMPERATURES = np.geomspace(0.4, 2.5, 25)
_MIN_ROWS = 200
_MOST_ROWS = 20_000


def fit_calibration(
    y: Array, p: Array, *, prior: Array, row_weights: Array | None = None
) -> Calibration:
    """Choose temperature and prior weight by out-of-fold log loss.

    Below 200 rows there is too little to choose by: the temperature stays 1 and the prior weighs
    as much as one row of each class would.
    """
    n, k = p.shape
    neutral = Calibration(temperature=1.0, prior_weight=k / (n + k), prior=prior)
    if n < _MIN_ROWS:
        return neutral
    weights = sorted({1.0 / (n + k), k / (n + k), min(5.0 * k / (n + k), 0.1)})
    choices = [neutral] + [
        Calibration(temperature=float(t), prior_weight=w, prior=prior)
        for t in _TEMPERATURES
        for w in weights
    ]
    some = slice(None, None, n // _MOST_ROWS + 1)
    chosen, truth = p[some], y[some]
    weights_of_some = None if row_weights is None else row_weights[some]
    rows = np.arange(len(truth))
    losses = [
        -np.average(np.log(c.apply(chosen)[rows, truth]), weights=weights_of_some) for c in choices
    ]
    return choices[int(np.argmin(losses))]
