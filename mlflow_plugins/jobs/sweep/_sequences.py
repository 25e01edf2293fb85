"""Sampling that learns nothing: the point of trial n follows from n alone.

So a sweep that was interrupted goes on with the very trials that it would have had.
"""

import itertools
from typing import Protocol

import numpy as np

from mlflow_plugins.jobs.sweep._space import Point, SearchSpace


class PointSequence(Protocol):
    """The points of the trials, by number."""

    def point(self, number: int) -> Point | None:
        """Return the point of a trial; None if there are no more."""
        ...


class RandomPoints:
    """Independent draws; each trial has a random generator of its own."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._seed = seed

    def point(self, number: int) -> Point:
        """Return the point of a trial."""
        sequence = np.random.SeedSequence(self._seed, spawn_key=(number,))
        shares = np.random.default_rng(sequence).random(len(self._space.dimensions))
        return _point(self._space, [float(share) for share in shares])


class SobolPoints:
    """Sobol's sequence, scrambled by the seed: draws that leave no part of the space out."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        from scipy.stats import qmc

        self._space = space
        self._engine = qmc.Sobol(len(space.dimensions), scramble=True, rng=seed)

    def point(self, number: int) -> Point:
        """Return the point of a trial."""
        self._engine.reset()
        if number:  # SciPy cannot skip none
            self._engine.fast_forward(number)
        return _point(self._space, [float(share) for share in self._engine.random(1)[0]])


class GridPoints:
    """Every combination of choices once."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def point(self, number: int) -> Point | None:
        """Return the point of a trial; None if there are no more."""
        return next(itertools.islice(self._space.grid(), number, None), None)


def _point(space: SearchSpace, shares: list[float]) -> Point:
    point: dict[str, float | int] = {}
    for dimension, share in zip(space.dimensions, shares, strict=True):
        if dimension.is_drawn(point):
            point[dimension.key] = dimension.law.domain.at(share)
    return point
