"""The search: sound configurations first, then Optuna, fold by fold until the time is up."""

import logging
import math
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from automl._budget import Budget
from automl._imports import Imports
from automl._learners import Learner, Params, available, opening
from automl._pool import PoolDiedError, Worker, WorkerPool
from automl._table import Array
from automl._task import Limits, Task, TrialRecord, TrialState
from automl._worker import FoldOrder, FoldResult

_logger = logging.getLogger(__name__)
_SHARE_OF_TIME_LEFT = 0.25  # that one configuration may take
_MEMBERS_TO_LOAD = 8
_HOPELESS_REGRET = 0.25  # of the way from the best model back to the baseline
_MIN_ROWS_TO_JUDGE = 200
_PATIENCE_TRIALS = 40  # without a better one, where early stopping was asked for


@dataclass(eq=False, slots=True)
class Candidate:
    """A configuration on its way through the folds."""

    number: int
    learner: str
    params: Params
    n_folds: int
    seconds_per_fold: float
    optuna_trial: Any = None
    started_at: float = field(default_factory=time.time)
    results: dict[int, FoldResult] = field(default_factory=dict)
    fold_losses: dict[int, float] = field(default_factory=dict)
    record: TrialRecord | None = None
    out_of_fold: Array | None = None
    loss: float = math.inf

    @property
    def load_seconds(self) -> float:
        """What loading its fold models will take."""
        return sum(r.load_seconds for r in self.results.values())


class Search:
    """Runs configurations on a pool until the time, the number of trials or the score is reached.

    Args:
        task: The problem.
        limits: When to stop.
        budget: The one deadline.
        pool: Started workers.
        learners: Families to choose from, by name.
        imports: Tells when Optuna is there; until then only the opening is tried.
        on_trial: Called with each finished trial, best score so far included.
    """

    def __init__(
        self,
        task: Task,
        limits: Limits,
        *,
        budget: Budget,
        pool: WorkerPool,
        learners: dict[str, Learner],
        imports: Imports,
        on_trial: Callable[[TrialRecord], None],
    ) -> None:
        self.task, self.limits, self.budget, self.pool = task, limits, budget, pool
        self.learners, self.on_trial = learners, on_trial
        self._imports = imports
        self._untold: list[Candidate] = []
        self.candidates: list[Candidate] = []
        self.scored_rows = np.unique(np.concatenate([valid for _, valid in task.splits]))
        self._opening = deque(opening(learners))
        self._queue: deque[tuple[Candidate, int]] = deque()
        self._fold_seconds: dict[str, list[float]] = {}
        self._baseline_losses = [self._baseline_loss(valid) for _, valid in task.splits]

    @cached_property
    def _study(self) -> Any:
        """Optuna's study."""
        return _new_study(self.task.seed)

    @cached_property
    def _times_judged(self) -> Array:
        """How many splits hold each of the scored rows out."""
        held_out = np.concatenate([valid for _, valid in self.task.splits])
        times: Array = np.bincount(held_out, minlength=len(self.task.y))[self.scored_rows]
        return times

    # -------------------------------------------------------------- the loop

    def run(self) -> list[Candidate]:
        """Search; return the complete candidates, best first."""
        try:
            while self._seconds_left() > 0 and not self._is_good_enough() and self._step():
                pass
        except PoolDiedError as error:
            _logger.warning("The search ends early: %s", error)
        for candidate in self.candidates:
            if candidate.record is None:
                self._finish(candidate, "stopped")
        return self.complete()

    def _step(self) -> bool:
        """Give orders and take results once; return whether there was anything to do."""
        self._give_orders()
        if not any(w.order for w in self.pool.workers):
            return self._is_waiting_for_optuna()
        for worker, result in self.pool.results(self._seconds_to_next_event()):
            self._take(worker, result)
        self._kill_overdue()
        return True

    def _is_waiting_for_optuna(self) -> bool:
        """Tell whether idle workers will have something to do once Optuna is imported."""
        limit = self.limits.max_trials
        has_more = bool(self.pool.workers) and (limit is None or len(self.candidates) < limit)
        if not has_more or self._imports.are_done():
            return False
        self._imports.are_done(timeout_seconds=min(self._seconds_left(), 0.5))
        return True

    def complete(self) -> list[Candidate]:
        """Return the complete candidates, best first."""
        done = [c for c in self.candidates if c.out_of_fold is not None]
        return sorted(done, key=lambda c: (c.loss, c.number))

    def _seconds_left(self) -> float:
        assembly = sum(c.load_seconds for c in self.complete()[:_MEMBERS_TO_LOAD])
        return self.budget.left_for_search(assembly)

    def _seconds_to_next_event(self) -> float:
        kill_at = min(w.kill_at for w in self.pool.workers if w.order)
        return min(self._seconds_left(), kill_at - time.monotonic(), 1.0)

    def _is_good_enough(self) -> bool:
        if self.limits.is_stopped_early and self._n_trials_since_best() >= _PATIENCE_TRIALS:
            return True
        if self.limits.exit_score is None:
            return False
        goal = self.task.metric.as_loss(self.limits.exit_score)
        return any(c.loss <= goal for c in self.candidates)

    def _n_trials_since_best(self) -> int:
        best = next(iter(self.complete()), None)
        n_finished = sum(c.record is not None for c in self.candidates)
        return 0 if best is None or self._opening else n_finished - best.number - 1

    def _give_orders(self) -> None:
        for worker in self.pool.workers:
            if worker.order is not None:
                continue
            chosen = self._next_fold()
            if chosen is None:
                return
            candidate, fold = chosen
            order = FoldOrder(
                trial=candidate.number,
                fold=fold,
                learner=candidate.learner,
                params=candidate.params,
                seconds=candidate.seconds_per_fold,
            )
            patience = 1.5 * candidate.seconds_per_fold + 2.0
            self.pool.order(worker, order, kill_at=time.monotonic() + patience)

    def _next_fold(self) -> tuple[Candidate, int] | None:
        while True:
            while self._queue:
                candidate, fold = self._queue.popleft()
                if candidate.record is None:
                    return candidate, fold
            candidate_or_none = self._propose()
            if candidate_or_none is None:
                return None
            self.candidates.append(candidate_or_none)
            folds = range(candidate_or_none.n_folds)
            self._queue.extend((candidate_or_none, fold) for fold in folds)

    # -------------------------------------------------------------- proposing

    def _propose(self) -> Candidate | None:
        """Return the next configuration that fits into the time left; None if there is none."""
        if self.limits.max_trials is not None and len(self.candidates) >= self.limits.max_trials:
            return None
        while self._opening:
            name, params = self._opening.popleft()
            if self._is_affordable(name):
                return self._candidate(name, params)
        if not self._imports.are_done():
            return None
        self._tell_all()
        for _ in range(2 * len(self.learners)):
            trial = self._study.ask()
            name = trial.suggest_categorical("learner", sorted(self.learners))
            params = self.learners[name].suggest(trial)
            if self._is_affordable(name):
                return self._candidate(name, params, optuna_trial=trial)
            self._study.tell(trial, state=_optuna_state("failed"))
        return None

    def _candidate(self, name: str, params: Params, *, optuna_trial: Any = None) -> Candidate:
        n_folds = len(self.task.splits)
        seconds = _SHARE_OF_TIME_LEFT * self._seconds_left()
        if self.limits.trial_timeout_seconds is not None:
            seconds = min(seconds, self.limits.trial_timeout_seconds)
        return Candidate(
            number=len(self.candidates),
            learner=name,
            params=params,
            n_folds=n_folds,
            seconds_per_fold=seconds / self._n_waves(n_folds),
            optuna_trial=optuna_trial,
        )

    def _n_waves(self, n_folds: int) -> int:
        return math.ceil(n_folds / max(len(self.pool.workers), 1))

    def _is_affordable(self, learner: str) -> bool:
        known = self._fold_seconds.get(learner)
        if not known:
            return True
        return self._n_waves(len(self.task.splits)) * float(np.median(known)) < self._seconds_left()

    # -------------------------------------------------------------- judging

    def _take(self, worker: Worker, result: FoldResult | None) -> None:
        order = worker.order
        worker.order = None
        if order is None:
            return
        candidate = self.candidates[order.trial]
        if result is None:
            reason = "The fitting process died, most likely for lack of memory."
            if candidate.record is None:
                self._finish(candidate, "failed", error=reason)
            self.pool.replace(worker)
            return
        self._fold_seconds.setdefault(candidate.learner, []).append(result.seconds)
        if candidate.record is not None:
            return
        candidate.results[order.fold] = result
        if result.prediction is None:
            self._finish(candidate, "failed", error=result.error)
            return
        self._judge(candidate, order.fold, result.prediction)

    def _judge(self, candidate: Candidate, fold: int, prediction: Array) -> None:
        if not np.isfinite(prediction).all():
            reason = "It predicted values that are not finite."
            self._finish(candidate, "failed", error=reason)
            return
        loss = self.task.loss(self.task.splits[fold][1], prediction)
        candidate.fold_losses[fold] = loss
        if len(candidate.fold_losses) == candidate.n_folds:
            self._complete(candidate)
        elif self._is_hopeless(candidate):
            self._finish(candidate, "pruned")
        elif not self._can_finish(candidate):
            self._finish(candidate, "stopped")

    def _complete(self, candidate: Candidate) -> None:
        first = candidate.results[0].prediction
        if first is None:
            return
        whole = np.zeros((len(self.task.y), *first.shape[1:]))
        for fold, result in candidate.results.items():
            whole[self.task.splits[fold][1]] += result.prediction
        times = self._times_judged.reshape(-1, *(1,) * (whole.ndim - 1))
        candidate.out_of_fold = whole[self.scored_rows] / times
        loss = self.task.loss(self.scored_rows, candidate.out_of_fold)
        candidate.loss = loss if math.isfinite(loss) else math.inf
        self._finish(candidate, "complete")

    def _is_hopeless(self, candidate: Candidate) -> bool:
        """Compare with the best candidate on the folds both have been through."""
        best = next(iter(self.complete()), None)
        folds = list(candidate.fold_losses)
        n_rows = sum(len(self.task.splits[f][1]) for f in folds)
        if best is None or n_rows < _MIN_ROWS_TO_JUDGE:
            return False
        mine = np.mean([candidate.fold_losses[f] for f in folds])
        reference = np.mean([best.fold_losses[f] for f in folds])
        span = np.mean([self._baseline_losses[f] for f in folds]) - reference
        return bool(span > 0 and mine - reference > _HOPELESS_REGRET * span)

    def _can_finish(self, candidate: Candidate) -> bool:
        """Tell whether its other folds fit into the time left, judged by those it has done."""
        n_left = candidate.n_folds - len(candidate.fold_losses)
        known = float(np.mean([r.seconds for r in candidate.results.values()]))
        return 0.7 * self._n_waves(n_left) * known < self._seconds_left()

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for worker in list(self.pool.workers):
            if worker.order is not None and now > worker.kill_at:
                candidate = self.candidates[worker.order.trial]
                worker.order = None
                self.pool.replace(worker)
                if candidate.record is None:
                    self._finish(candidate, "stopped")

    def _finish(self, candidate: Candidate, state: TrialState, *, error: str | None = None) -> None:
        metric = self.task.metric
        is_complete = state == "complete"
        losses = [candidate.fold_losses[f] for f in sorted(candidate.fold_losses)]
        candidate.record = TrialRecord(
            number=candidate.number,
            learner=candidate.learner,
            metric=metric.name,
            params=candidate.params,
            state=state,
            score=metric.as_loss(candidate.loss) if is_complete else None,
            fold_scores=tuple(metric.as_loss(loss) for loss in losses),
            fit_seconds=sum(r.seconds for r in candidate.results.values()),
            started_at=candidate.started_at,
            ended_at=time.time(),
            error=error,
        )
        self._untold.append(candidate)
        self.on_trial(candidate.record)

    def _tell_all(self) -> None:
        """Let Optuna learn from what has finished, the opening included."""
        for candidate in self._untold:
            if candidate.record is not None:
                self._tell(candidate, candidate.record.state)
        self._untold = []

    def _tell(self, candidate: Candidate, state: TrialState) -> None:
        trial = candidate.optuna_trial
        if trial is None:
            name = candidate.learner
            flat = {f"{name}.{k}": v for k, v in candidate.params.items()}
            self._study.enqueue_trial({"learner": name} | flat)
            trial = self._study.ask()
            trial.suggest_categorical("learner", sorted(self.learners))
            self.learners[name].suggest(trial)
        for fold, loss in candidate.fold_losses.items():
            if math.isfinite(loss):
                trial.report(loss, fold)
        if state == "complete" and math.isfinite(candidate.loss):
            self._study.tell(trial, candidate.loss)
        else:
            self._study.tell(trial, state=_optuna_state(state))

    def _baseline_loss(self, valid: Array) -> float:
        base = self.task.baseline()
        flat = np.full(len(valid), base[0])
        p = flat if self.task.name == "regression" else np.tile(base, (len(valid), 1))
        return self.task.loss(valid, p)


def _new_study(seed: int) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            multivariate=True, group=True, constant_liar=True, n_startup_trials=8, seed=seed
        )
    return optuna.create_study(sampler=sampler, direction="minimize")


def _optuna_state(state: TrialState) -> Any:
    from optuna.trial import TrialState as OptunaState

    return OptunaState.PRUNED if state == "pruned" else OptunaState.FAIL


def usable_learners(task: Task) -> dict[str, Learner]:
    """Return the allowed learners that suit the table; all allowed ones if none does."""
    n_cells = task.features.shape[0] * task.features.shape[1]
    names = list(task.learners)
    return available(task.name, n_cells=n_cells, names=names)
