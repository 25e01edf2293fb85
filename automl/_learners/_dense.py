"""The dense view: what learners read that measure distances or add columns up."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from automl._learners._base import Array, spread_classes
from automl._table import Table

_N_QUANTILES = 100
_CLIP = 3.0
_MAX_LEVELS = 200


class DenseView:
    """Numbers on two scales, missing flags and one-hot categories, as one sparse matrix.

    Each number enters twice: standardised and clipped, and as the normal score of its rank, which
    neither long tails nor odd units disturb. Levels seen fewer than three times share no column.
    """

    def fit(self, table: Table) -> "DenseView":
        """Learn scales and levels from the training rows."""
        import warnings

        from scipy.stats import norm

        x = table.numeric
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a column without any value
            self.median_ = np.nan_to_num(np.nanmedian(x, axis=0)) if x.size else np.zeros(0)
        self.has_missing_ = np.isnan(x).any(axis=0)
        filled = np.where(np.isnan(x), self.median_, x)
        self.mean_ = filled.mean(axis=0)
        self.scale_ = np.maximum(filled.std(axis=0), 1e-12)
        grid = np.linspace(0.0, 1.0, _N_QUANTILES)
        self.quantiles_ = np.quantile(filled, grid, axis=0) if x.size else np.zeros((0, 0))
        self.scores_ = norm.ppf(np.clip(grid, 0.005, 0.995))
        self.levels_ = [
            _frequent_levels(table.codes[:, j], c) for j, c in enumerate(table.cardinalities)
        ]
        return self

    def transform(self, table: Table) -> Any:
        """Return the matrix, CSR, shape (n, columns)."""
        from scipy import sparse

        x = np.where(np.isnan(table.numeric), self.median_, table.numeric)
        plain = np.clip((x - self.mean_) / self.scale_, -_CLIP, _CLIP)
        ranked = np.empty_like(x)
        for j in range(x.shape[1]):
            ranked[:, j] = np.interp(x[:, j], self.quantiles_[:, j], self.scores_)
        flags = np.isnan(table.numeric[:, self.has_missing_]).astype(float)
        blocks = [sparse.csr_matrix(np.hstack([plain, ranked, flags]))]
        blocks += [_one_hot(table.codes[:, j], levels) for j, levels in enumerate(self.levels_)]
        return sparse.hstack(blocks, format="csr")


def _frequent_levels(codes: Array, cardinality: int) -> Array:
    counts = np.bincount(codes[codes >= 0], minlength=cardinality)
    common = np.argsort(-counts, kind="stable")[:_MAX_LEVELS]
    position = np.full(cardinality + 1, -1)  # the last slot serves code -1
    kept = common[counts[common] >= 3]
    position[kept] = np.arange(len(kept))
    return position


def _one_hot(codes: Array, position: Array) -> Any:
    from scipy import sparse

    column = position[codes]
    row = np.flatnonzero(column >= 0)
    shape = (len(codes), max(int(position.max()) + 1, 1))
    return sparse.csr_matrix((np.ones(len(row)), (row, column[row])), shape=shape)


@dataclass(frozen=True, slots=True)
class DenseModel:
    """A scikit-learn estimator behind its dense view.

    Attributes:
        view: The view.
        estimator: Fitted on the view's matrix.
        n_classes: 0 for values.
        center: Added to values after `scale`.
        scale: Values are multiplied by it.
        needs_array: Whether the estimator reads no sparse matrices.
    """

    view: DenseView
    estimator: Any
    n_classes: int
    center: float = 0.0
    scale: float = 1.0
    needs_array: bool = False

    def predict(self, table: Table) -> Array:
        """Return probabilities, shape (n, K), or values, shape (n,)."""
        x = self.view.transform(table)
        x = x.toarray() if self.needs_array else x
        if self.n_classes == 0:
            values: Array = self.estimator.predict(x) * self.scale + self.center
            return values
        return spread_classes(
            self.estimator.predict_proba(x), self.estimator.classes_, self.n_classes
        )


def relative(weights: Array | None) -> Array | None:
    """Scale weights to a mean of 1: penalties are measured against their sum."""
    return None if weights is None else weights / weights.mean()
