"""What is to be learned and within which limits: the typed form of `fit`'s arguments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from automl._guardrails import GuardrailReport
from automl._metrics import Metric, TaskName
from automl._prepare._columns import Kind

Array = NDArray[Any]
LogMode = Literal["off", "summary", "trials"]


class Options(TypedDict, total=False):
    """Optional arguments of `fit`; its docstring explains them."""

    task: str
    metric: str | Metric
    mlflow: str
    n_jobs: int | None
    allowed: list[str] | None
    blocked: list[str] | None
    exit_score: float | None
    max_trials: int | None
    trial_timeout_s: float | None
    n_cross_validations: int | None
    n_repeats: int | None
    weight_column: str | None
    column_types: dict[str, str] | None
    featurization: str
    group_column: str | None
    group_copies: bool
    time_column: str | None
    fold_columns: list[str] | None
    validation_frame: pd.DataFrame | None
    validation_size: float | None
    test_frame: pd.DataFrame | None
    ensemble: bool
    early_stop: bool
    on_trial: "Callable[[TrialRecord], None] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to stop."""

    time_budget_seconds: float
    trial_timeout_seconds: float | None = None
    max_trials: int | None = None
    exit_score: float | None = None
    is_stopped_early: bool = False
    n_workers: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A checked learning problem.

    Attributes:
        name: Classification or regression.
        metric: What the search optimises.
        target: Name of the target column.
        classes: Labels in code order, with their own dtype; empty for regression.
        features: Raw feature columns, one row for each row of `y`.
        y: Class codes (int64) or values (float64), shape (n,).
        kinds: What columns hold, by name, where it is not guessed.
        weights: What each row counts in fitting and in scores, shape (n,); None for all the same.
        splits: (training rows, held-out rows) of each fold.
        learners: Names of the learners that may be used.
        is_ensemble: Whether models may be combined.
        seed: Seed of everything random.
        report: What the checks found.
    """

    name: TaskName
    metric: Metric
    target: str
    classes: Array
    features: pd.DataFrame
    y: Array
    splits: tuple[tuple[Array, Array], ...]
    learners: tuple[str, ...]
    is_ensemble: bool
    seed: int
    report: GuardrailReport
    weights: Array | None = None
    kinds: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 for regression."""
        return len(self.classes)

    def weights_of(self, rows: Array) -> Array | None:
        """Return the weights of some rows."""
        return None if self.weights is None else self.weights[rows]

    def loss(self, rows: Array, p: Array) -> float:
        """Return the loss of a prediction for some rows."""
        return self.metric.loss(self.y[rows], p, self.weights_of(rows))

    def baseline(self) -> Array:
        """The prediction that ignores all features: class shares, shape (K,), or the mean, (1,)."""
        if self.name == "regression":
            return np.array([np.average(self.y, weights=self.weights)])
        counts = np.bincount(self.y, weights=self.weights, minlength=self.n_classes)
        shares: Array = counts / counts.sum()
        return shares


TrialState = Literal["complete", "pruned", "stopped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """What became of one configuration.

    Attributes:
        number: Its place in the order of asking, from 0.
        learner: Family.
        metric: Name of the metric behind the scores.
        params: Its configuration.
        state: `complete`, `pruned` (hopeless), `stopped` (out of time) or `failed`.
        score: Score of all held-out predictions together; None unless complete.
        fold_scores: Score of each fitted fold.
        fit_seconds: Sum over its folds.
        started_at: Wall-clock seconds since the epoch.
        ended_at: Wall-clock seconds since the epoch.
        error: Why it failed.
    """

    number: int
    learner: str
    metric: str
    params: dict[str, Any] = field(default_factory=dict)
    state: TrialState
    score: float | None
    fold_scores: tuple[float, ...]
    fit_seconds: float
    started_at: float
    ended_at: float
    error: str | None = None

    @property
    def score_std(self) -> float | None:
        """Standard deviation of the fold scores, None below two folds."""
        return float(np.std(self.fold_scores, ddof=1)) if len(self.fold_scores) > 1 else None
