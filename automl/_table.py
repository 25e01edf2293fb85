"""The prepared table: what every learner receives, and the folds it is trained on."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of numbers and category codes; columns keep their order for life.

    Attributes:
        numeric: Values, shape (n, p), float64; NaN means missing.
        codes: Category codes, shape (n, q), int32; -1 means missing or never seen.
        cardinalities: Number of codes of each categorical column, length q.
    """

    numeric: Array
    codes: Array
    cardinalities: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numeric)

    def rows(self, index: Array) -> "Table":
        """Return the chosen rows."""
        part = Table(
            numeric=self.numeric[index], codes=self.codes[index], cardinalities=self.cardinalities
        )
        if "matrix" in self.__dict__:
            part.__dict__["matrix"] = self.matrix[index]
        return part

    @cached_property
    def matrix(self) -> Array:
        """The tree view, shape (n, p + q), float64: values, then codes; NaN means missing."""
        codes = self.codes.astype(np.float64)
        codes[self.codes < 0] = np.nan
        return np.hstack([self.numeric, codes])

    @property
    def categorical(self) -> list[int]:
        """Positions of the code columns in `matrix`."""
        p = self.numeric.shape[1]
        return list(range(p, p + self.codes.shape[1]))


def stratified_folds(y: Array, *, n_folds: int, is_regression: bool, seed: int) -> Array:
    """Return the fold number of each row; every fold gets its share of every class.

    Classes with fewer rows than folds are spread over different folds. For values, neighbours in
    sorted order go to different folds, so that every fold covers the whole range.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(y))
    order = shuffled[np.argsort(y[shuffled], kind="stable")]
    fold = np.empty(len(y), dtype=np.int64)
    if not is_regression:
        fold[order] = np.arange(len(y)) % n_folds
        return fold
    n_blocks = -(-len(y) // n_folds)
    dealt = np.concatenate([rng.permutation(n_folds) for _ in range(n_blocks)])
    fold[order] = dealt[: len(y)]
    return fold
