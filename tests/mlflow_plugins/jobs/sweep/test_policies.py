"""Early termination against closed forms from Azure ML's documentation, and laws."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mlflow_plugins.jobs.sweep._policies import Policy, due, is_behind

BANDIT = {"type": "bandit", "slack_factor": 0.2}
MEDIAN = {"type": "median_stopping"}
TRUNCATION = {"type": "truncation_selection", "truncation_percentage": 20}


def policy(**fields):
    return TypeAdapter(Policy).validate_python(fields)


def judge(fields, own, others=(), finished=(), *, interval=1, maximize=True):
    one = policy(**fields)
    return is_behind(one, own, others, finished, interval=interval, maximize=maximize)


def test_bandit_by_the_factor_of_the_documentation():
    """Best 0.8 at interval 10, slack 0.2: whoever is below 0.8 / 1.2 = 0.66 ends."""
    best = [0.1] * 9 + [0.8]
    assert judge(BANDIT, [0.1] * 9 + [0.66], [best], interval=10)
    assert not judge(BANDIT, [0.1] * 9 + [0.67], [best], interval=10)
    assert not judge(BANDIT, [0.67] + [0.1] * 9, [best], interval=10)  # its best value counts
    assert judge(BANDIT, [0.66] * 10, finished=[best], interval=10)
    assert not judge(BANDIT, [0.1] * 9, [best], interval=9)  # by then the best had 0.1 as well


def test_bandit_minimizing_and_below_zero():
    assert judge(BANDIT, [0.97], [[0.8]], maximize=False)
    assert not judge(BANDIT, [0.95], [[0.8]], maximize=False)
    assert judge(BANDIT, [-0.97], [[-0.8]])  # the mirror image
    assert not judge(BANDIT, [-0.95], [[-0.8]])
    amount = {"type": "bandit", "slack_amount": 0.1}
    assert judge(amount, [0.69], [[0.8]])
    assert not judge(amount, [0.71], [[0.8]])
    assert judge(amount, [0.91], [[0.8]], maximize=False)


def test_median_stopping():
    """The best value against the median of the averages so far."""
    others = [[0.4, 0.6], [0.1, 0.3], [0.9, 0.9, 0.0]]  # averages 0.5, 0.2, 0.9
    assert judge(MEDIAN, [0.1, 0.34], others, interval=2)  # 0.34 < median(0.22, 0.2, 0.5, 0.9)
    assert not judge(MEDIAN, [0.1, 0.37], others, interval=2)
    assert not judge(MEDIAN, [0.0, 0.0], [[0.5]], interval=2)  # the other has not come so far
    assert judge(MEDIAN, [9, 9], [[1, 1], [2, 2]], interval=2, maximize=False)


def test_truncation_selection():
    others = [[0.5], [0.6], [0.7], [0.8]]
    assert judge(TRUNCATION, [0.4], others)  # the worst of five: 20 %
    assert not judge(TRUNCATION, [0.55], others)
    assert not judge(TRUNCATION, [0.4], others[1:])  # 20 % of four is none
    assert not judge(TRUNCATION, [0.5], others)  # as good as another one is not the worst
    assert judge(TRUNCATION, [0.4], others[:2], others[2:])
    without = {**TRUNCATION, "exclude_finished_jobs": True}
    assert not judge(without, [0.4], others[:2], others[2:])


def test_what_is_no_number_is_the_worst():
    assert judge(BANDIT, [math.nan], [[0.1]])
    assert not judge(BANDIT, [0.1], [[math.nan]])


histories = st.lists(st.floats(-100, 100), min_size=3, max_size=3)
policies = st.sampled_from(
    [
        *(BANDIT, MEDIAN, {"type": "bandit", "slack_amount": 0.0}),
        {"type": "truncation_selection", "truncation_percentage": 99},
    ]
)


@pytest.mark.property
@given(policies, st.lists(histories, min_size=1, max_size=8), st.booleans())
def test_the_best_is_never_ended_and_mirrored_values_are_judged_alike(fields, all_of, maximize):
    def behind(values, sign, *, is_max):
        return [
            judge(
                fields,
                [sign * x for x in own],
                [[sign * x for x in other] for j, other in enumerate(values) if i != j],
                interval=3,
                maximize=is_max,
            )
            for i, own in enumerate(values)
        ]

    ended = behind(all_of, 1, is_max=maximize)
    best = max(max(one) if maximize else -min(one) for one in all_of)
    for one, is_ended in zip(all_of, ended, strict=True):
        assert not (is_ended and (max(one) if maximize else -min(one)) == best)
    if fields["type"] != "bandit" or "slack_amount" in fields:
        assert behind(all_of, -1, is_max=not maximize) == ended
    if fields["type"] == "truncation_selection":
        assert sum(ended) <= len(all_of) * 99 // 100


@pytest.mark.parametrize(
    ("fields", "n_values", "expected"),
    [
        ({}, 0, None),
        ({}, 3, 3),
        ({"evaluation_interval": 0}, 3, 3),  # the SDK's default; it means every time
        ({"evaluation_interval": 2}, 5, 4),
        ({"evaluation_interval": 2}, 1, None),
        ({"delay_evaluation": 5}, 4, None),
        ({"delay_evaluation": 5}, 5, 5),
        ({"evaluation_interval": 2, "delay_evaluation": 5}, 5, None),
        ({"evaluation_interval": 2, "delay_evaluation": 5}, 6, 6),
    ],
)
def test_policies_apply_at_multiples_from_the_delay_on(fields, n_values, expected):
    assert policy(**MEDIAN, **fields).interval_due(n_values) == expected


def test_each_interval_is_judged_once():
    one = policy(**MEDIAN, evaluation_interval=2)
    running = {0: [1, 1, 1], 1: [1], 2: [1, 1, 1, 1]}
    assert due(one, running, {}) == {0: 2, 2: 4}
    assert due(one, running, {0: 2, 2: 2}) == {2: 4}


def test_bandit_needs_one_slack():
    for slack in ({}, {"slack_factor": 0.1, "slack_amount": 1}):
        with pytest.raises(ValidationError, match="one of slack_factor and slack_amount"):
            policy(type="bandit", **slack)
