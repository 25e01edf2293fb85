"""`fit`: from a raw table to a predictor, in the time given."""

import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pandas as pd

from automl._budget import Budget
from automl._checks import Plan, check
from automl._decision import OF_LABELS, fit_decision
from automl._ensemble import fit_calibration, greedy_weights
from automl._estimate import Estimate, estimate
from automl._guardrails import Finding
from automl._imports import Imports
from automl._metrics import METRICS
from automl._pool import WorkerPool
from automl._predictor import AutoMLPredictor, LeaderboardRow, Member
from automl._search import Candidate, Search, usable_learners
from automl._table import Array
from automl._task import Options, Task, TrialRecord
from automl._worker import Payload

_MAX_SELECTION_ROWS = 20_000
_MAX_CANDIDATES = 24
_BEST_OF_FAMILY = 3
_DECISION_RESERVE = 0.3  # seconds without which thresholds are left alone
_ASSEMBLY_RESERVE = 0.15  # seconds kept for what follows loading


def fit(
    frame: pd.DataFrame,
    *,
    target: str,
    time_budget_s: float = 60.0,
    seed: int = 0,
    **options: Unpack[Options],
) -> AutoMLPredictor:
    """Find, fit and combine models for one column of a table, within a time budget.

    Args:
        frame: Raw rows, target included; nothing has to be prepared.
        target: Name of the column to predict; rows without it are left out.
        time_budget_s: Wall-clock seconds for everything but opening the run and the final logging.
        seed: Seed of everything random.
        **options: All optional.

            - task: `auto`, `classification` or `regression`.
            - metric: `auto`, a name from the table in `docs/automl.md` (Azure ML's names work), or
              what `make_metric` makes of a function.
            - mlflow: `off`, `summary` (one run) or `trials` (and a child run for each trial).
            - n_jobs: Number of fitting processes; None takes the cores this process may use.
            - allowed, blocked: Names of learners; only one of the two.
            - exit_score: Stop when a model reaches it.
            - max_trials: Upper bound of configurations.
            - trial_timeout_s: Upper bound of seconds for one configuration.
            - n_cross_validations: Number of folds; None chooses by size.
            - column_types: What columns hold, by name: `number`, `category`, `date`, `text` or
              `ignore`; the others are guessed.
            - featurization: `auto`, or `off`: nothing is guessed, words are categories.
            - weight_column: What each row counts, in fitting and in scores.
            - n_repeats: How often the rows are dealt into folds anew.
            - group_column: Rows with the same value stay in one fold; models do not see it.
            - group_copies: Rows that are copies of each other stay in one fold.
            - time_column: Later rows are predicted from earlier ones.
            - fold_columns: Columns that mark the rows of each split: 1 learns, 0 judges.
            - validation_frame or validation_size: Hold these rows out instead of cross-validating.
            - test_frame: Rows for `test_scores`, never seen by the search.
            - ensemble: False keeps the single best model.
            - early_stop: Stop when forty trials in a row brought nothing better.
            - on_trial: Called with each finished trial.

    Returns:
        The predictor.

    Raises:
        DataError: The table cannot be learned from.
        OptionError: An option has an unknown name or value.
    """
    started = time.monotonic()
    plan = check(frame, target=target, time_budget_s=time_budget_s, seed=seed, options=options)
    seconds_checking = time.monotonic() - started
    from automl._mlflow import open_log

    with open_log(plan) as log:
        budget = Budget(seconds=plan.limits.time_budget_seconds - seconds_checking)
        predictor = _fit(plan, budget, on_trial=log.trial_finished)
        log.finish(predictor)
    return predictor


def _fit(plan: Plan, budget: Budget, *, on_trial: Callable[[TrialRecord], None]) -> AutoMLPredictor:
    task, imports = plan.task, Imports()
    learners = usable_learners(task)
    with WorkerPool() as pool:
        payload = Payload(
            task=task.name,
            metric=task.metric,
            n_classes=task.n_classes,
            features=task.features,
            kinds=task.kinds,
            y=task.y,
            weights=task.weights,
            splits=task.splits,
            learners=learners,
            seed=task.seed,
        )
        pool.start(
            payload, n_workers=plan.limits.n_workers, timeout_seconds=budget.left_for_search()
        )
        search = Search(
            task,
            plan.limits,
            budget=budget,
            pool=pool,
            learners=learners,
            imports=imports,
            on_trial=on_trial,
        )
        ranked = search.run()
        for worker in list(pool.workers):
            if worker.order is not None:
                pool.kill(worker)
        can_load = imports.are_done(timeout_seconds=budget.left() - _ASSEMBLY_RESERVE)
        predictor = _assemble(
            task, ranked if can_load else [], search=search, pool=pool, budget=budget
        )
    predictor.leaderboard_rows = _leaderboard(task, search.candidates, predictor.members)
    predictor.report += _late(predictor)
    predictor.fit_seconds = budget.spent()
    if plan.test_frame is not None:
        predictor.test_scores = score_frame(predictor, plan.test_frame, plan.weight_column)
    return predictor


def _late(predictor: AutoMLPredictor) -> tuple[Finding, ...]:
    if predictor.members:
        return ()
    message = (
        "No model was ready in time: the predictor answers with the class shares or the mean. "
        "Give it more time."
    )
    return (Finding(check="no_model_in_time", state="alerted", message=message),)


# ------------------------------------------------------------------ assembly


def _assemble(
    task: Task, ranked: list[Candidate], *, search: Search, pool: WorkerPool, budget: Budget
) -> AutoMLPredictor:
    """Choose the weights, load the models and calibrate; each step yields to the deadline."""
    rows = search.scored_rows
    y, row_weights = task.y[rows], task.weights_of(rows)
    preparer, findings = pool.prepared() if ranked else (None, ())
    chosen = _worth_combining(ranked) if task.is_ensemble else ranked[:1]
    weights = _choose_weights(task, rows, chosen, budget=budget, seed=task.seed)
    members = _load_members(weights, budget=budget)
    baseline = task.baseline()
    mixed = _mix(members, ranked)
    calibration, decision, score = None, None, float("nan")
    if mixed is not None:
        if task.name == "classification":
            calibration = fit_calibration(y, mixed, prior=baseline, row_weights=row_weights)
            mixed = calibration.apply(mixed)
            if budget.left() > _DECISION_RESERVE:
                decision = fit_decision(y, mixed, task.metric, row_weights)
                mixed = mixed if decision is None else mixed * decision
        score = task.metric.score(y, mixed, row_weights)
    predictor = AutoMLPredictor(
        task=task,
        preparer=preparer,
        members=members,
        calibration=calibration,
        decision=decision,
        score=score,
        report=task.report + findings,
    )
    if members:
        predictor.estimate = _estimate(task, rows, chosen, mixed, predictor, budget)
    return predictor


def _estimate(
    task: Task,
    rows: Array,
    chosen: list[Candidate],
    mixed: Array | None,
    predictor: AutoMLPredictor,
    budget: Budget,
) -> Estimate | None:
    """Estimate the score on new rows in half of the time that is left."""
    stop_at = budget.spent() + 0.5 * budget.left()
    finish = predictor.finished if task.name == "classification" else None
    return estimate(
        task.y[rows],
        [c.out_of_fold for c in chosen if c.out_of_fold is not None],
        metric=task.metric,
        ensemble=mixed,
        row_weights=task.weights_of(rows),
        may_go_on=lambda: budget.spent() < stop_at,
        seed=task.seed,
        **({"finish": finish} if finish else {}),
    )


def _worth_combining(ranked: list[Candidate]) -> list[Candidate]:
    """Keep the best few of each family: what a long search found by luck stays out."""
    kept: list[Candidate] = []
    for candidate in ranked:
        n_kin = sum(k.learner == candidate.learner for k in kept)
        if n_kin < _BEST_OF_FAMILY and len(kept) < _MAX_CANDIDATES:
            kept.append(candidate)
    return kept


def _choose_weights(
    task: Task, scored: Array, chosen: list[Candidate], *, budget: Budget, seed: int
) -> list[tuple[Candidate, float]]:
    if not chosen:
        return []
    rows = np.arange(len(scored))
    if len(rows) > _MAX_SELECTION_ROWS:
        rows = np.random.default_rng(seed).choice(rows, _MAX_SELECTION_ROWS, replace=False)
    stop_at = budget.spent() + 0.6 * max(budget.left(), 0.0)
    weights = greedy_weights(
        task.y[scored[rows]],
        [c.out_of_fold[rows] for c in chosen if c.out_of_fold is not None],
        metric=task.metric,
        row_weights=task.weights_of(scored[rows]),
        may_go_on=lambda: budget.spent() < stop_at,
    )
    pairs = [(c, float(w)) for c, w in zip(chosen, weights, strict=True) if w > 0]
    return sorted(pairs, key=lambda pair: -pair[1])


def _load_members(weights: list[tuple[Candidate, float]], *, budget: Budget) -> list[Member]:
    """Load the heaviest members first; what the deadline leaves behind passes its weight on."""
    loaded: list[tuple[Candidate, float, list[Any]]] = []
    for candidate, weight in weights:
        models: list[Any] = []
        for fold in sorted(candidate.results):
            if models and budget.left() < _ASSEMBLY_RESERVE:
                break
            models.append(pickle.loads(Path(candidate.results[fold].path).read_bytes()))
        loaded.append((candidate, weight, models))
        if budget.left() < _ASSEMBLY_RESERVE:
            break
    total = sum(weight for _, weight, _ in loaded)
    return [
        Member(trial=c.number, learner=c.learner, weight=weight / total, models=tuple(models))
        for c, weight, models in loaded
    ]


def _mix(members: list[Member], ranked: list[Candidate]) -> Array | None:
    """Return the ensemble's out-of-fold prediction; None without members."""
    found = {c.number: c.out_of_fold for c in ranked}
    parts = [m.weight * p for m in members if (p := found[m.trial]) is not None]
    return np.sum(parts, axis=0) if parts else None


def _leaderboard(
    task: Task, candidates: list[Candidate], members: tuple[Member, ...]
) -> tuple[LeaderboardRow, ...]:
    weights = {m.trial: m.weight for m in members}
    ordered = sorted(candidates, key=lambda c: (c.loss, c.number))
    records = [c.record for c in ordered if c.record is not None]
    return tuple(
        LeaderboardRow(
            rank=rank,
            trial=record.number,
            learner=record.learner,
            params=record.params,
            state=record.state,
            score=record.score,
            metric=task.metric.name,
            score_std=record.score_std,
            fit_seconds=round(record.fit_seconds, 4),
            in_ensemble=record.number in weights,
            weight=round(weights.get(record.number, 0.0), 6),
        )
        for rank, record in enumerate(records, start=1)
    )


def score_frame(
    predictor: AutoMLPredictor, frame: pd.DataFrame, weight_column: str | None = None
) -> dict[str, float]:
    """Return every metric of the task on the rows whose target is known.

    Rows count what `weight_column` says, if the frame has it.
    """
    truth = frame[predictor.target]
    if predictor.task == "regression":
        known = truth.notna().to_numpy()
        y = truth[known].to_numpy(dtype=np.float64)
    else:
        codes = pd.Index(predictor.classes_).get_indexer(truth)
        known = codes >= 0
        y = codes[known]
    rows = frame.loc[known]
    if len(rows) == 0:
        return {}
    is_classes = predictor.task == "classification"
    p = predictor.predict_proba(rows) if is_classes else predictor.predict(rows)
    decided = predictor.decided(p) if is_classes else p
    has_weights = weight_column is not None and weight_column in rows
    w = rows[weight_column].to_numpy(dtype=np.float64) if has_weights else None
    scores = {
        m.name: m.score(y, decided if m.name in OF_LABELS else p, w)
        for m in METRICS.values()
        if m.task == predictor.task
    }
    return {name: value for name, value in scores.items() if np.isfinite(value)}
