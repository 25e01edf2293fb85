"""Which trials are best: pure functions over their values."""

import math
from collections.abc import Iterable, Sequence

from mlflow_plugins.jobs.sweep._entities import Goal, Trial


def trial_value(history: Sequence[float], goal: Goal, *, is_only: bool) -> float | None:
    """Return what a trial counts for: the best value that it logged, as in Azure ML.

    Of several objectives it is the last value, so that all of them belong to one model. None if
    there is no number among the values.
    """
    numbers = [value for value in history if math.isfinite(value)]
    if not numbers:
        return None
    if not is_only:
        return numbers[-1]
    return max(numbers) if goal.maximize else min(numbers)


def pareto_front(trials: Iterable[Trial], goals: Sequence[Goal]) -> tuple[Trial, ...]:
    """Return the trials that no other one beats, best in the first objective first.

    One beats another if it is nowhere worse and somewhere better. With one objective these are the
    best trial and those that are as good.
    """
    ranked = [one for one in trials if one.is_ranked]
    scores = {one.number: _scores(one, goals) for one in ranked}
    front = [
        one
        for one in ranked
        if not any(_beats(scores[other.number], scores[one.number]) for other in ranked)
    ]
    return tuple(
        sorted(front, key=lambda one: ([-score for score in scores[one.number]], one.number))
    )


def best_trial(trials: Iterable[Trial], goals: Sequence[Goal]) -> Trial | None:
    """Return the best completed trial; the earliest of several that are as good."""
    return next(iter(pareto_front(trials, goals)), None)


def _scores(trial: Trial, goals: Sequence[Goal]) -> tuple[float, ...]:
    """Return the values of a trial with larger ones better."""
    values = trial.values or ()
    return tuple(
        value if goal.maximize else -value for value, goal in zip(values, goals, strict=True)
    )


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))
