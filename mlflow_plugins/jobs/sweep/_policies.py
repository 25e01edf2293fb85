"""Early termination: which running trials are so far behind that they are not worth finishing.

Every value of the primary metric that a trial logs is one interval. A policy is applied at the
multiples of ``evaluation_interval`` that are at least ``delay_evaluation``, once to each trial at
each of them, and compares what the trials had reached by that interval. These are pure functions
over the values logged so far.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from mlflow_plugins.jobs._fields import Part
from mlflow_plugins.jobs.sweep._laws import Number

History = Sequence[float]

_NotNegative = Annotated[Number, Field(ge=0)]


class _Policy(Part):
    evaluation_interval: NonNegativeInt = 1
    delay_evaluation: NonNegativeInt = 0

    def interval_due(self, n_values: int) -> int | None:
        """Return the latest interval at which a trial with so many values is to be judged."""
        step = max(self.evaluation_interval, 1)
        interval = n_values // step * step
        return interval if interval >= max(self.delay_evaluation, 1) else None


class Bandit(_Policy):
    """End trials whose best value falls behind the best of all by more than some slack."""

    type: Literal["bandit"]
    slack_factor: _NotNegative | None = None
    slack_amount: _NotNegative | None = None

    @model_validator(mode="after")
    def _check_one_slack(self) -> Self:
        if (self.slack_factor is None) == (self.slack_amount is None):
            raise ValueError("a bandit policy needs one of slack_factor and slack_amount")
        return self


class MedianStopping(_Policy):
    """End trials whose best value is worse than the median of the trials' running averages."""

    type: Literal["median_stopping"]


class TruncationSelection(_Policy):
    """End the given percentage of trials, the worst of them, at every interval."""

    type: Literal["truncation_selection"]
    truncation_percentage: Annotated[int, Field(ge=1, le=99)]
    exclude_finished_jobs: bool = False


Policy = Annotated[Bandit | MedianStopping | TruncationSelection, Field(discriminator="type")]


def is_behind(
    policy: Policy,
    history: History,
    others: Iterable[History],
    finished: Iterable[History],
    *,
    interval: int,
    maximize: bool,
) -> bool:
    """Tell whether a policy ends a trial at an interval.

    Args:
        policy: The policy.
        history: The trial's values in the order in which they came, at least `interval` of them.
        others: The values of the other running trials.
        finished: The values of the trials that have ended.
        interval: How many values count.
        maximize: Whether larger values are better.
    """
    sign = 1.0 if maximize else -1.0
    own = _up_to(history, interval, sign)
    rivals = [_up_to(one, interval, sign) for one in others if len(one) >= interval]
    done = [_up_to(one, interval, sign) for one in finished if len(one) >= interval]
    if isinstance(policy, Bandit):
        best = max(max(one) for one in (own, *rivals, *done))
        return max(own) < _bound(policy, best)
    if isinstance(policy, MedianStopping):
        return max(own) < statistics.median(map(statistics.fmean, (own, *rivals, *done)))
    pool = [max(one) for one in (*rivals, *([] if policy.exclude_finished_jobs else done))]
    n_ended = (len(pool) + 1) * policy.truncation_percentage // 100
    n_better = sum(value > max(own) for value in pool)
    return n_better >= len(pool) + 1 - n_ended


def _up_to(history: History, interval: int, sign: float) -> list[float]:
    """Return the first values with larger ones better; what is not a number is the worst."""
    return [-math.inf if math.isnan(value) else sign * value for value in history[:interval]]


def _bound(policy: Bandit, best: float) -> float:
    """Return the least that a trial must have reached, with larger values better.

    The factor moves the bound away from the best value whatever its sign is, so the best trial
    itself is never ended.
    """
    if policy.slack_amount is not None:
        return best - policy.slack_amount
    factor = 1.0 + (policy.slack_factor or 0.0)
    return best / factor if best >= 0 else best * factor


def due(
    policy: Policy, histories: Mapping[int, History], judged: Mapping[int, int]
) -> dict[int, int]:
    """Return the trials that are to be judged now, each with the interval.

    Args:
        policy: The policy.
        histories: Values of the running trials by trial.
        judged: The interval at which each trial was judged last.
    """
    intervals = {n: policy.interval_due(len(history)) for n, history in histories.items()}
    return {
        n: interval
        for n, interval in intervals.items()
        if interval is not None and interval > judged.get(n, 0)
    }
