"""The laws by which values of hyperparameters are drawn: Azure ML's ten parameter expressions.

A law has two halves. Its *domain* is what a sampler works on: a plain interval, or the numbers
below n. Its `value` turns a place in the domain into the hyperparameter's value. A normal law, for
example, has the interval [0, 1] as its domain, a probability, and the quantile as its value. So
every sampler keeps every law exactly, without knowing any of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from mlflow_plugins.jobs._fields import Part

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
Place = float | int  # within a domain

_TAIL = 1e-15  # a probability of exactly 0 or 1 has no finite quantile


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from `low` to `high`."""

    low: float
    high: float

    def at(self, share: float) -> float:
        """Return the place below which that share of the domain lies (0 to 1)."""
        return min(self.low + share * (self.high - self.low), self.high)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The whole numbers from 0 to ``n - 1``; options in no order, or numbers in theirs."""

    n: int
    is_ordered: bool

    def at(self, share: float) -> int:
        """Return the place below which that share of the domain lies (0 to 1)."""
        return min(int(share * self.n), self.n - 1)


class Choice(Part):
    """One of some values. A value that is a mapping may hold expressions of its own."""

    type: Literal["choice"]
    values: Annotated[Sequence[Any], Field(min_length=1)]

    @property
    def domain(self) -> Numbers:
        """What a sampler works on."""
        return Numbers(len(self.values), is_ordered=False)

    def value(self, place: Place, base: float) -> Any:
        """Return the value at a place of the domain."""
        del base
        return self.values[int(place)]


class Randint(Part):
    """A whole number from 0 to below `upper`."""

    type: Literal["randint"]
    upper: PositiveInt

    @property
    def domain(self) -> Numbers:
        """What a sampler works on."""
        return Numbers(self.upper, is_ordered=True)

    def value(self, place: Place, base: float) -> int:
        """Return the value at a place of the domain."""
        del base
        return int(place)


class _Between(Part):
    """Something that is uniform between two bounds."""

    min_value: Number
    max_value: Number

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.min_value > self.max_value:
            raise ValueError(
                f"min_value is {self.min_value:g} and max_value {self.max_value:g}; "
                "the first must not be the larger one"
            )
        return self

    @property
    def domain(self) -> Interval:
        """What a sampler works on."""
        return Interval(self.min_value, self.max_value)


class Uniform(_Between):
    """Any number between the bounds."""

    type: Literal["uniform"]

    def value(self, place: Place, base: float) -> float:
        """Return the value at a place of the domain."""
        del base
        return float(place)


class QUniform(_Between):
    """A number between the bounds, rounded to a multiple of `q`."""

    type: Literal["quniform"]
    q: Positive

    def value(self, place: Place, base: float) -> float:
        """Return the value at a place of the domain."""
        del base
        return rounded(float(place), self.q)


class LogUniform(_Between):
    """A power of the base whose exponent lies between the bounds."""

    type: Literal["loguniform"]

    def value(self, place: Place, base: float) -> float:
        """Return the value at a place of the domain."""
        return power(base, float(place))


class QLogUniform(_Between):
    """As `LogUniform`, rounded to a multiple of `q`."""

    type: Literal["qloguniform"]
    q: Positive

    def value(self, place: Place, base: float) -> float:
        """Return the value at a place of the domain."""
        return rounded(power(base, float(place)), self.q)


class _Bell(Part):
    """Something that is distributed normally."""

    mu: Number
    sigma: Positive

    @property
    def domain(self) -> Interval:
        """What a sampler works on: a probability."""
        return Interval(0.0, 1.0)

    def _quantile(self, place: Place) -> float:
        probability = min(max(float(place), _TAIL), 1.0 - _TAIL)
        return NormalDist(self.mu, self.sigma).inv_cdf(probability)


class Normal(_Bell):
    """A number around `mu` with the standard deviation `sigma`."""

    type: Literal["normal"]

    def value(self, place: Place, base: float) -> float:
        """Return the value at a place of the domain."""
        del base
        return self._quantile(place)


class QNormal(_Bell):
    """As `Normal`, rounded to a multiple of `q`."""

    type: Literal["qnormal"]
    q: Positive

    def value(self, place: Place, base: float) -> float:
        """Return the value at a place of the domain."""
        del base
        return rounded(self._quantile(place), self.q)


class LogNormal(_Bell):
    """A power of the base whose exponent is distributed normally."""

    type: Literal["lognormal"]

    def value(self, place: Place, base: float) -> float:
        """Return the value at a place of the domain."""
        return power(base, self._quantile(place))


class QLogNormal(_Bell):
    """As `LogNormal`, rounded to a multiple of `q`."""

    type: Literal["qlognormal"]
    q: Positive

    def value(self, place: Place, base: float) -> float:
        """Return the value at a place of the domain."""
        return rounded(power(base, self._quantile(place)), self.q)


Law = Annotated[
    Choice
    | Randint
    | Uniform
    | QUniform
    | LogUniform
    | QLogUniform
    | Normal
    | QNormal
    | LogNormal
    | QLogNormal,
    Field(discriminator="type"),
]

LAW_NAMES = (
    *("choice", "randint", "uniform", "quniform", "loguniform", "qloguniform"),
    *("normal", "qnormal", "lognormal", "qlognormal"),
)


def rounded(x: float, q: float) -> float:
    """Return the multiple of `q` next to `x`: ``round(x / q) * q`` in decimal arithmetic.

    With a whole `q` the result is a whole number, which a script may read as either kind.

    Example:
        >>> rounded(0.34, 0.1), rounded(7.2, 2.0)
        (0.3, 8)
    """
    multiple = Decimal(repr(q)) * round(x / q)
    return int(multiple) if q == int(q) else float(multiple)


def power(base: float, exponent: float) -> float:
    """Return ``base ** exponent``; exact for the natural base.

    Raises:
        OverflowError: It is too large for a number.
    """
    return math.exp(exponent) if base == math.e else base**exponent
