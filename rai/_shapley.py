"""Shapley values of any model by sampling permutations of its raw columns.

Notation: x a row to explain, b a background row, p a permutation of the d columns. Starting from b,
the columns of x are put in one by one in the order p; the change of the output at each step is the
contribution of the column put in. The same b is walked with p and with p reversed (antithetic
pair), and pairs are averaged.

Columns are only ever swapped, never subtracted or averaged, so text, categories, dates and missing
values work as they are. The contributions of a row always add up to f(x) minus the mean of f over
its background rows.

Cost: 2 (d - 1) predictions for each row and pair, in batches.

References:
    Castro, Gomez and Tejada (2009), Polynomial calculation of the Shapley value based on sampling,
    C&OR 36. Mitchell et al. (2022), Sampling permutations for Shapley value estimation, JMLR
    23(43), antithetic sampling.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_PAIRS = 16
_MIN_PAIRS = 4
_MIN_ROWS = 20
_BATCH_ROWS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapleySample:
    """Sampled Shapley values.

    Attributes:
        values: Shape (n_rows, n_columns, n_outputs).
        n_permutations: Permutations walked for each row.
        additivity_max: Largest |sum of values + base - output|.
    """

    values: Floats
    n_permutations: int
    additivity_max: float


def sampled_shapley(
    output: Callable[[pd.DataFrame], Floats],
    rows: pd.DataFrame,
    background: pd.DataFrame,
    *,
    rng: np.random.Generator,
    budget_seconds: float,
    max_pairs: int = MAX_PAIRS,
) -> ShapleySample:
    """Estimate the Shapley values of the first rows, as many as the budget allows.

    Rows come before pairs: at least ``_MIN_PAIRS`` pairs are walked for each row, and more while
    time is left.

    Args:
        output: Frame of raw columns to outputs, shape (n_rows, n_outputs).
        rows: Rows to explain, the most wanted first.
        background: Rows that stand for absent columns.
        rng: Source of permutations and background draws.
        budget_seconds: Time to spend; one pair over a few rows is always done.
        max_pairs: Most antithetic pairs for each row.
    """
    started = time.monotonic()
    d = rows.shape[1]
    source = pd.concat([rows, background], ignore_index=True)
    known = output(source)
    at_background = known[len(rows) :]
    seconds_per_row = (time.monotonic() - started) / len(source)
    per_pair = max(2 * (d - 1), 1)
    affordable = budget_seconds / max(seconds_per_row * per_pair, 1e-12)
    n_rows = int(np.clip(affordable / _MIN_PAIRS, min(_MIN_ROWS, len(rows)), len(rows)))
    total = np.zeros((n_rows, d, known.shape[1]))
    base = np.zeros((n_rows, known.shape[1]))
    # Each row goes through the whole background before it meets a row twice.
    turns = rng.permuted(np.tile(np.arange(len(background)), (n_rows, 1)), axis=1)
    deadline = started + budget_seconds
    n_pairs = 0
    while n_pairs < max_pairs:
        round_started = time.monotonic()
        picks = turns[:, n_pairs % len(background)]
        orders = rng.permuted(np.tile(np.arange(d), (n_rows, 1)), axis=1)
        for order in (orders, orders[:, ::-1]):
            total += _walk(output, source, known, order, len(rows) + picks)
        base += 2 * at_background[picks]
        n_pairs += 1
        if 2 * time.monotonic() - round_started > deadline:
            break
    values, base = total / (2 * n_pairs), base / (2 * n_pairs)
    gap = float(np.abs(values.sum(axis=1) + base - known[:n_rows]).max())
    return ShapleySample(values=values, n_permutations=2 * n_pairs, additivity_max=gap)


def _walk(
    output: Callable[[pd.DataFrame], Floats],
    source: pd.DataFrame,
    known: Floats,
    orders: NDArray[np.int64],
    backgrounds: NDArray[np.int64],
) -> Floats:
    """Return the contribution of each column for one permutation of each row.

    Args:
        output: The model.
        source: Rows to explain, then background rows.
        known: Outputs of ``source``.
        orders: Column numbers in the order in which they are put in, shape (n_rows, d).
        backgrounds: Row number in ``source`` of each row's background row.
    """
    n, d = orders.shape
    rank = np.argsort(orders, axis=1)  # step at which each column is put in
    steps = np.empty((n, d + 1, known.shape[1]))
    steps[:, 0], steps[:, d] = known[backgrounds], known[:n]
    if d > 1:
        per_batch = max(_BATCH_ROWS // (d - 1), 1)
        for start in range(0, n, per_batch):
            part = slice(start, min(start + per_batch, n))
            size = part.stop - part.start
            # is_in[i, s, j]: column j of row i is already the explained row's after s + 1 steps
            is_in = rank[part, None, :] <= np.arange(d - 1)[None, :, None]
            own = np.arange(part.start, part.stop)[:, None, None]
            take = np.where(is_in, own, backgrounds[part, None, None]).reshape(size * (d - 1), d)
            mixed = pd.DataFrame(
                {name: source[name].array.take(take[:, j]) for j, name in enumerate(source.columns)}
            )
            steps[part, 1:d] = output(mixed).reshape(size, d - 1, -1)
    changes = np.diff(steps, axis=1)
    contributions: Floats = np.take_along_axis(changes, rank[:, :, None], axis=1)
    return contributions
