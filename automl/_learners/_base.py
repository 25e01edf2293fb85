"""The small interface behind which every learner lives."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from automl._metrics import TaskName
from automl._table import Table

Array = NDArray[Any]
Params = dict[str, Any]

_SMALL_BATCH = 2000


class Trial(Protocol):
    """The part of an Optuna trial that a search space needs."""

    def suggest_float(
        self, name: str, low: float, high: float, /, *, step: float | None = None, log: bool = False
    ) -> float:
        """Choose a number."""

    def suggest_int(
        self, name: str, low: int, high: int, /, *, step: int = 1, log: bool = False
    ) -> int:
        """Choose a whole number."""

    def suggest_categorical(self, name: str, choices: Any, /) -> Any:
        """Choose one of some values."""


@dataclass(frozen=True, slots=True)
class Real:
    """A number between two bounds."""

    low: float
    high: float
    is_log: bool = False

    def suggest(self, trial: Trial, name: str) -> Any:
        """Ask the trial for a value."""
        return trial.suggest_float(name, self.low, self.high, log=self.is_log)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two bounds, both included."""

    low: int
    high: int
    is_log: bool = False

    def suggest(self, trial: Trial, name: str) -> Any:
        """Ask the trial for a value."""
        return trial.suggest_int(name, self.low, self.high, log=self.is_log)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values."""

    values: tuple[Any, ...]

    def suggest(self, trial: Trial, name: str) -> Any:
        """Ask the trial for a value."""
        return trial.suggest_categorical(name, self.values)


Dimension = Real | Whole | Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class FitJob:
    """Everything a learner may know while it fits one fold.

    Attributes:
        task: Classification or regression.
        n_classes: Number of classes; 0 for regression.
        train: Rows to learn from.
        y_train: Class codes 0..K-1 or values, shape (n,). A class may be absent from a fold.
        valid: Rows held out; they may be used to stop early, never to learn from.
        y_valid: Their truth.
        seed: Seed of everything random.
        n_threads: Threads the fit may use.
        stop_at: Reading of time.monotonic() after which a learner that can should keep what it
            has and return; the process is killed some time later.
        is_mean_absolute: The metric rewards the median rather than the mean.
        w_train: What each row to learn from counts, shape (n,); None for all the same.
        w_valid: The same of the rows held out.
    """

    task: TaskName
    n_classes: int
    train: Table
    y_train: Array
    valid: Table
    y_valid: Array
    seed: int
    n_threads: int
    stop_at: float
    is_mean_absolute: bool = False
    w_train: Array | None = None
    w_valid: Array | None = None


class Model(Protocol):
    """A fitted fold model; picklable."""

    def predict(self, table: Table) -> Array:
        """Return probabilities, shape (n, K), or values, shape (n,)."""


class Learner(ABC):
    """A family of models. Instances hold no state: they travel to worker processes.

    Attributes:
        name: Its name in options, leaderboards and job files.
        tasks: Tasks it can do.
        space: Search space by parameter name.
        portfolio: Sound configurations, best first; each names every parameter of `space`.
        by_default: Whether it takes part where it is not asked for by name.
        packages: Distributions that a fitted model needs beside scikit-learn; those that are not
            installed are another name for one that is.
        max_cells: Rows times columns beyond which the learner is left out.
    """

    name: str
    tasks: frozenset[TaskName] = frozenset({"classification", "regression"})
    space: ClassVar[dict[str, Dimension]]
    portfolio: tuple[Params, ...]
    max_cells: float = float("inf")
    by_default: bool = True
    packages: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def fit(self, job: FitJob, params: Params) -> Model:
        """Fit one fold."""

    def suggest(self, trial: Trial) -> Params:
        """Ask a trial for one configuration."""
        return {name: d.suggest(trial, f"{self.name}.{name}") for name, d in self.space.items()}


def is_small(table: Table) -> bool:
    """Tell whether a prediction has so few rows that starting threads would take longer."""
    return len(table) <= _SMALL_BATCH


def boosting_patience(learning_rate: float) -> int:
    """Return after how many rounds without gain boosting ends: small steps need more of them."""
    return int(np.clip(4.0 / learning_rate, 30, 150))


def spread_classes(probabilities: Array, classes: Array, n_classes: int) -> Array:
    """Put the columns of a model that saw only `classes` into their places among all classes."""
    if len(classes) == n_classes:
        return probabilities
    full = np.zeros((len(probabilities), n_classes))
    full[:, classes.astype(int)] = probabilities
    return full


@dataclass(frozen=True, slots=True)
class SmoothedModel:
    """A classifier whose every class stays possible: log loss forgives no zero."""

    model: Model
    prior: Array
    prior_weight: float

    def predict(self, table: Table) -> Array:
        """Return probabilities, shape (n, K); rows sum to 1."""
        p = self.model.predict(table)
        p = p / p.sum(axis=1, keepdims=True)
        mixed: Array = (1.0 - self.prior_weight) * p + self.prior_weight * self.prior
        return mixed


def smoothed(model: Model, job: FitJob) -> SmoothedModel:
    """Mix in the class shares of the fold, a class without rows counting as half a row."""
    counts = np.bincount(job.y_train, weights=job.w_train, minlength=job.n_classes)
    counts = counts * (len(job.y_train) / counts.sum()) + 0.5
    n, k = len(job.y_train), job.n_classes
    return SmoothedModel(model, counts / counts.sum(), min(0.02, k / (n + k)))
