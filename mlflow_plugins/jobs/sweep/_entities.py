"""What a sweep has done so far, as those who look at it see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class TrialState(StrEnum):
    """Where a trial stands. Only completed trials can be the best one."""

    QUEUED = "Queued"
    RUNNING = "Running"
    COMPLETED = "Completed"
    PRUNED = "Pruned"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to the trial."""
        return self not in (TrialState.QUEUED, TrialState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial.

    Attributes:
        number: From 0, in the order of submission.
        run_id: Its run, a child of the sweep's.
        name: Of the run.
        state: Where it stands.
        params: The hyperparameters that were drawn for it, by name; those within a choice are
            called ``choice.name``.
        values: One value for each objective; None until it has ended, and if it logged none.
        metrics: The latest value of every metric that it has logged.
        started_at: Seconds since the epoch.
        ended_at: None while it goes on.
        reason: Why it was pruned or failed.
    """

    number: int
    run_id: str
    name: str
    state: TrialState
    params: Mapping[str, Any]
    values: tuple[float, ...] | None
    metrics: Mapping[str, float]
    started_at: float
    ended_at: float | None
    reason: str

    @property
    def is_ranked(self) -> bool:
        """Whether it takes part in the choice of the best."""
        return self.state is TrialState.COMPLETED and self.values is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One objective."""

    metric: str
    maximize: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep and its trials.

    Attributes:
        run_id: The sweep's run.
        goals: The objectives.
        search_space: The expressions as the file has them.
        sampling_algorithm: As the file has it, with its seed.
        early_termination: The policy or pruner, if there is one.
        max_total_trials: How many trials it may have.
        max_concurrent_trials: How many of them at a time.
        trials: By number.
        best: The best completed trial; of several objectives, the one on the Pareto front that is
            best in the first. None while there is none.
        pareto_front: The completed trials that no other one beats in every objective.
        importances: How much each hyperparameter matters, from 0 to 1, largest first; empty until
            the sweep has ended, and if there were too few trials to say.
    """

    run_id: str
    goals: tuple[Goal, ...]
    search_space: Mapping[str, Any]
    sampling_algorithm: Mapping[str, Any]
    early_termination: Mapping[str, Any] | None
    max_total_trials: int
    max_concurrent_trials: int
    trials: tuple[Trial, ...]
    best: Trial | None
    pareto_front: tuple[Trial, ...]
    importances: Mapping[str, float]
