"""The search: which points to try next, given what is known, as one Optuna study in memory.

Trials whose points are given (random, grid, trials of an earlier life of this process) and trials
whose points a sampler draws are trials of the same study, so pruners and importances see them all.
The store keeps what matters; a new process tells the study again.
"""

import logging
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlflow_plugins.jobs.sweep._laws import Choice, Interval
from mlflow_plugins.jobs.sweep._optuna import make_pruner, make_sampler, uses_sequence
from mlflow_plugins.jobs.sweep._sequences import (
    GridPoints,
    PointSequence,
    RandomPoints,
    SobolPoints,
)
from mlflow_plugins.jobs.sweep._space import Dimension, Point, SearchSpace
from mlflow_plugins.jobs.sweep._spec import RandomSampling, SweepJob

if TYPE_CHECKING:
    import optuna

N_FOR_IMPORTANCES = 10


class Search:
    """Suggests points and learns what came of them. Trials have the numbers 0, 1, 2, ..."""

    def __init__(self, job: SweepJob, *, n_known: int = 0) -> None:
        import optuna

        optuna.logging.set_verbosity(logging.WARNING)
        self._space = job.space
        self._is_minimized = not job.goals[0].is_maximized
        self._sequence = _sequence(job, self._space) if uses_sequence(job) else None
        self._trials: dict[int, optuna.trial.Trial] = {}
        self._study = optuna.create_study(
            directions=[one.goal for one in job.goals],
            sampler=make_sampler(job, n_known=n_known),
            pruner=make_pruner(job.pruner) if job.pruner else optuna.pruners.NopPruner(),
        )

    @property
    def n_trials(self) -> int:
        """How many trials there are; the next one gets this number."""
        return len(self._study.get_trials(deepcopy=False))

    def ask(self) -> Point | None:
        """Begin a trial; return its point, or None if every point of the grid was tried."""
        number = self.n_trials
        if self._sequence is None:
            return self._begin()
        point = self._sequence.point(number)
        return None if point is None else self.begin_at(point)

    def begin_at(self, point: Point) -> Point:
        """Begin a trial at a given point."""
        self._study.enqueue_trial(dict(point))
        return self._begin()

    def report(self, number: int, history: Sequence[float]) -> bool:
        """Note the values that a running trial has logged; tell whether it should be ended."""
        trial = self._trials[number]
        known = len(self._study.get_trials(deepcopy=False)[number].intermediate_values)
        is_ended = False
        for step, value in enumerate(history[known:], start=known):  # Optuna counts from 0
            trial.report(value, step)
            is_ended = is_ended or bool(trial.should_prune())
        return is_ended

    def tell(self, number: int, values: Sequence[float] | None, *, is_pruned: bool) -> None:
        """Note how a trial ended: with values, ended early, or (neither) in vain."""
        import optuna

        states = optuna.trial.TrialState
        if is_pruned:
            self._study.tell(number, state=states.PRUNED)
        elif values is None:
            self._study.tell(number, state=states.FAIL)
        else:
            self._study.tell(number, list(values))

    def importances(self) -> dict[str, float]:
        """Return how much each hyperparameter matters, largest first (PED-ANOVA).

        Of several objectives, for the first one. Empty if there are too few completed trials, or
        all of them came to the same value.
        """
        import optuna

        completed = self._study.get_trials(
            deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)
        )
        if len(completed) < N_FOR_IMPORTANCES or len({one.values[0] for one in completed}) == 1:
            return {}
        sign = 1 if self._is_minimized else -1
        with warnings.catch_warnings():  # it says that low values count as good: they do
            warnings.simplefilter("ignore")
            by_key = optuna.importance.get_param_importances(
                self._study,
                evaluator=optuna.importance.PedAnovaImportanceEvaluator(),
                target=lambda trial: sign * trial.values[0],
            )
        names = {one.key: one.name for one in self._space.dimensions}
        found: dict[str, float] = {}
        for key, share in by_key.items():
            found[names[key]] = found.get(names[key], 0.0) + float(share)
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def _begin(self) -> Point:
        trial = self._study.ask()
        self._trials[trial.number] = trial
        point: dict[str, float | int] = {}
        for dimension in self._space.dimensions:
            if dimension.is_drawn(point):
                point[dimension.key] = _suggest(trial, dimension)
        return point


def _suggest(trial: "optuna.trial.Trial", dimension: Dimension) -> float | int:
    domain = dimension.law.domain
    if isinstance(domain, Interval):
        return trial.suggest_float(dimension.key, domain.low, domain.high)
    if isinstance(dimension.law, Choice):
        return trial.suggest_categorical(dimension.key, range(domain.n))
    return trial.suggest_int(dimension.key, 0, domain.n - 1)


def _sequence(job: SweepJob, space: SearchSpace) -> PointSequence:
    sampling = job.sampling_algorithm
    if not isinstance(sampling, RandomSampling):
        return GridPoints(space)
    kind = SobolPoints if sampling.rule == "sobol" else RandomPoints
    return kind(space, sampling.seed or 0)
