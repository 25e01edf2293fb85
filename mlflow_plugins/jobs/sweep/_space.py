"""The search space: a tree of laws, laid flat into dimensions.

A value of a choice may be a mapping with expressions of its own; these are drawn only if that
value is chosen. In the flat form each such dimension names the choice that it stands below.

    model:
      type: choice
      values:
        - {name: svm, C: {type: loguniform, min_value: -3, max_value: 3}}
        - {name: tree, depth: {type: choice, values: [3, 5]}}

has the dimensions ``model``, ``model/0/C`` and ``model/1/depth``. A *point* maps the dimensions
that are drawn to places in their domains; `SearchSpace.values` maps a point to ``{"model": {"name":
"svm", "C": 0.4}, "model.name": "svm", "model.C": 0.4}``.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._explain import validate
from mlflow_plugins.jobs._fields import Part
from mlflow_plugins.jobs.sweep._laws import LAW_NAMES, Choice, Law, Place

Point = Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One law of the search space.

    Attributes:
        key: Names it, and where it stands, such as ``model/1/depth``.
        name: What expressions call it, such as ``model.depth``.
        law: How its values are drawn.
        branch: The choice that it stands below, and which of its values; None at the top.
    """

    key: str
    name: str
    law: Law
    branch: tuple[str, int] | None = None

    def is_drawn(self, point: Point) -> bool:
        """Tell whether the choices above it, as far as they are made, lead here."""
        return self.branch is None or point.get(self.branch[0]) == self.branch[1]


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """All dimensions, each after the choice that it stands below.

    Attributes:
        dimensions: The laws.
        base: Base of the powers of the logarithmic laws.
    """

    dimensions: tuple[Dimension, ...]
    base: float = math.e

    def values(self, point: Point) -> dict[str, Any]:
        """Return what expressions stand for at a point, by names without ``search_space.``."""
        found: dict[str, Any] = {}
        for dimension in self.dimensions:
            if dimension.branch is None:
                _collect(self, dimension, point, found)
        return found

    def names(self) -> dict[str, bool]:
        """Return the names of all values, and whether each has one at every point."""
        found: dict[str, bool] = {}
        for dimension in self.dimensions:
            if dimension.branch is None:
                found |= _names(self, dimension)
        return found

    def below(self, dimension: Dimension, index: int) -> dict[str, Dimension]:
        """Return the dimensions right below a value of a choice, by their names in it."""
        branch = (dimension.key, index)
        return {one.key.rpartition("/")[2]: one for one in self.dimensions if one.branch == branch}

    def grid(self) -> Iterator[Point]:
        """Return every point of a space that has choices only, each once, in a fixed order."""
        tops = [one for one in self.dimensions if one.branch is None]
        return _product(self, tops, {})


def read_space(document: Mapping[str, Law], base: float = math.e) -> SearchSpace:
    """Lay a search space flat.

    Raises:
        InvalidInput: An expression within a choice breaks a rule, or a law's values are too large
            for a number.
    """
    dimensions = [
        dimension for name, law in document.items() for dimension in _flatten(name, name, law, None)
    ]
    for dimension in dimensions:
        _check_size(dimension, base)
    return SearchSpace(tuple(dimensions), base)


def as_text(value: Any) -> str:
    """Return a value as it stands in commands and params: mappings and lists as JSON."""
    return json.dumps(value) if isinstance(value, Mapping | list) else str(value)


def is_expression(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Tell whether an entry of a mapping within a choice is an expression, not a value."""
    return isinstance(value, Mapping) and value.get("type") in LAW_NAMES


class _Nested(Part):
    search_space: dict[str, Law]


def _flatten(key: str, name: str, law: Law, branch: tuple[str, int] | None) -> Iterator[Dimension]:
    yield Dimension(key, name, law, branch)
    if not isinstance(law, Choice):
        return
    for index, option in enumerate(law.values):
        for inner, value in option.items() if isinstance(option, Mapping) else ():
            if is_expression(value):
                place = f"{name}.values.{index}.{inner}"
                read = validate(_Nested, {"search_space": {place: value}}, what="search space")
                yield from _flatten(
                    f"{key}/{index}/{inner}",
                    f"{name}.{inner}",
                    read.search_space[place],
                    (key, index),
                )


def _check_size(dimension: Dimension, base: float) -> None:
    law = dimension.law
    try:
        for share in (0.0, 1.0):
            law.value(law.domain.at(share), base)
    except OverflowError:
        raise InvalidInput(
            f"Field 'search_space.{dimension.name}': values of this {law.type} are too large for a "
            f"number. Its bounds are exponents: a value is {base:.4g} to the power of them."
        ) from None


def _collect(space: SearchSpace, dimension: Dimension, point: Point, found: dict[str, Any]) -> None:
    place = point[dimension.key]
    value = dimension.law.value(place, space.base)
    if isinstance(dimension.law, Choice) and isinstance(value, Mapping):
        below = space.below(dimension, int(place))
        for inner, entry in value.items():
            child = below.get(inner)
            if child is None:
                found[f"{dimension.name}.{inner}"] = entry
            else:
                _collect(space, child, point, found)
        value = {inner: found[f"{dimension.name}.{inner}"] for inner in value}
    found[dimension.name] = value


def _names(space: SearchSpace, dimension: Dimension) -> dict[str, bool]:
    """Return the names from a dimension downwards, and whether each always has a value there."""
    options = dimension.law.values if isinstance(dimension.law, Choice) else ()
    branches = []
    for index, option in enumerate(options):
        below = space.below(dimension, index)
        found: dict[str, bool] = {}
        for inner in option if isinstance(option, Mapping) else ():
            child = below.get(inner)
            found |= _names(space, child) if child else {f"{dimension.name}.{inner}": True}
        branches.append(found)
    names = {name for branch in branches for name in branch}
    return {
        dimension.name: True,
        **{name: all(branch.get(name, False) for branch in branches) for name in sorted(names)},
    }


def _product(space: SearchSpace, left: list[Dimension], point: Point) -> Iterator[Point]:
    if not left:
        yield point
        return
    first, *rest = left
    for index in range(first.law.domain.n if isinstance(first.law, Choice) else 0):
        below = space.below(first, index).values()
        yield from _product(space, [*below, *rest], {**point, first.key: index})
