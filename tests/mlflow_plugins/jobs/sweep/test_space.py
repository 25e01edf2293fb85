"""The search space: trees of choices, the grid, and the sequences of points."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs.sweep._sequences import GridPoints, RandomPoints, SobolPoints
from mlflow_plugins.jobs.sweep._space import as_text
from mlflow_plugins.jobs.sweep._spec import parse_sweep


def space_of(search_space, algorithm="random"):
    return parse_sweep(
        {
            "type": "sweep",
            "trial": {"command": "true"},
            "sampling_algorithm": algorithm,
            "search_space": search_space,
            "objective": {"goal": "minimize", "primary_metric": "m"},
        }
    ).space


def choice(*values):
    return {"type": "choice", "values": list(values)}


MODELS = {
    "model": choice(
        {"name": "svm", "C": choice(1, 2, 3), "kernel": choice("rbf", "linear")},
        {"name": "tree", "depth": choice(4, {"kind": "deep", "levels": choice(8, 9)})},
        "none",
    ),
    "scale": choice(True, False),
}


def test_a_choice_may_hold_expressions_of_its_own():
    space = space_of(MODELS)
    assert [one.key for one in space.dimensions] == [
        *("model", "model/0/C", "model/0/kernel", "model/1/depth", "model/1/depth/1/levels"),
        "scale",
    ]
    values = space.values({"model": 1, "model/1/depth": 1, "model/1/depth/1/levels": 0, "scale": 1})
    assert values == {
        "model": {"name": "tree", "depth": {"kind": "deep", "levels": 8}},
        "model.name": "tree",
        "model.depth": {"kind": "deep", "levels": 8},
        "model.depth.kind": "deep",
        "model.depth.levels": 8,
        "scale": False,
    }
    assert as_text(values["model"]) == '{"name": "tree", "depth": {"kind": "deep", "levels": 8}}'
    assert as_text(values["scale"]) == "False"
    names = space.names()
    assert [name for name, is_always in names.items() if is_always] == ["model", "scale"]
    assert {"model.name", "model.C", "model.depth.levels"} < set(names)


def test_the_grid_has_every_combination_once_also_below_choices():
    space = space_of(MODELS, "grid")
    values = [as_text(space.values(point)["model"]) for point in space.grid()]
    by_hand = [
        *(
            f'{{"name": "svm", "C": {c}, "kernel": "{k}"}}'
            for c in (1, 2, 3)
            for k in ("rbf", "linear")
        ),
        '{"name": "tree", "depth": 4}',
        *(f'{{"name": "tree", "depth": {{"kind": "deep", "levels": {n}}}}}' for n in (8, 9)),
        "none",
    ]
    assert Counter(values) == dict.fromkeys(by_hand, 2)  # with and without scale
    points = GridPoints(space)
    assert [points.point(n) for n in range(20)] == list(space.grid())
    assert points.point(20) is None


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_the_grid_of_plain_choices_is_their_product(sizes):
    space = space_of({f"x{n}": choice(*range(size)) for n, size in enumerate(sizes)}, "grid")
    points = [tuple(space.values(point).values()) for point in space.grid()]
    assert Counter(points) == Counter(itertools.product(*map(range, sizes)))


@pytest.mark.parametrize("kind", [RandomPoints, SobolPoints])
def test_the_point_of_a_trial_follows_from_seed_and_number(kind):
    space = space_of({**MODELS, "x": {"type": "uniform", "min_value": 0, "max_value": 1}})
    first = [kind(space, 5).point(number) for number in range(12)]
    again = kind(space, 5)
    assert [again.point(number) for number in reversed(range(12))] == first[::-1]
    assert [kind(space, 6).point(number) for number in range(12)] != first
    for point in first:  # exactly the dimensions whose choices lead there
        drawn = {one.key for one in space.dimensions if one.is_drawn(point)}
        assert set(point) == drawn
        space.values(point)


def test_sobol_leaves_no_part_out():
    space = space_of({"x": {"type": "uniform", "min_value": 0, "max_value": 16}})
    points = SobolPoints(space, 1)
    assert {int(points.point(number)["x"]) for number in range(16)} == set(range(16))


def test_an_expression_within_a_choice_is_checked():
    inner = {"type": "uniform", "min_value": 2, "max_value": 1}
    with pytest.raises(InvalidInput, match=r"model\.values\.0\.C.*must not be the larger"):
        space_of({"model": choice({"C": inner})})
    with pytest.raises(InvalidInput, match=r"'search_space\.model\.C' is 'uniform'.*'grid' takes"):
        space_of({"model": choice({"C": {**inner, "max_value": 3}})}, "grid")
