"""The fitted predictor: scikit-learn-shaped, picklable, and all that scoring needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from automl._ensemble import Calibration
from automl._errors import AutoMLError
from automl._estimate import Estimate
from automl._guardrails import GuardrailReport
from automl._learners import Model
from automl._prepare import Preparer
from automl._task import Task

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A configuration in the ensemble: its fold models, averaged.

    Attributes:
        trial: Number of its trial.
        learner: Family.
        weight: Share of the prediction; all members' weights sum to 1.
        models: Its fold models.
    """

    trial: int
    learner: str
    weight: float
    models: Sequence[Model]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardRow:
    """One line of the leaderboard; see `docs/automl.md` for the meaning of the fields."""

    rank: int
    trial: int
    learner: str
    params: dict[str, Any]
    state: str
    score: float | None
    metric: str
    score_std: float | None
    fit_seconds: float
    in_ensemble: bool
    weight: float
    run_id: str | None = None


class AutoMLPredictor:
    """What `fit` returns.

    Attributes:
        task: Classification or regression.
        metric: Name of the metric that was optimised.
        target: Name of the target column.
        classes_: Labels in the column order of `predict_proba`, in the target's dtype.
        feature_names_in_: Names of the raw columns that `predict` needs.
        score: Score of the ensemble on held-out rows. The ensemble was chosen on the same rows, so
            it is slightly flattering; `test_scores` is not.
        estimate: What the ensemble will score on new rows, with an interval; None where there was
            too little time or too few rows.
        test_scores: Every metric on `test_frame`; empty without one.
        report: What was found in the table and what was done about it.
        fit_seconds: What the fit took.
        run_id: The MLflow run; None when logging was off.
        model_uri: The logged model; None when logging was off.
    """

    def __init__(
        self,
        *,
        task: Task,
        preparer: Preparer | None,
        members: Sequence[Member],
        calibration: Calibration | None,
        decision: Array | None,
        score: float,
        report: GuardrailReport,
    ) -> None:
        self.task = task.name
        self.metric = task.metric.name
        self.target = task.target
        self.members = tuple(members)
        self.feature_names_in_: Array = np.array([str(c) for c in task.features], dtype=object)
        self.score = score
        self.report = report
        self.estimate: Estimate | None = None
        self.test_scores: dict[str, float] = {}
        self.fit_seconds = 0.0
        self.run_id: str | None = None
        self.model_uri: str | None = None
        self.leaderboard_rows: tuple[LeaderboardRow, ...] = ()
        self._labels = task.classes
        self._baseline = task.baseline()
        self._preparer = preparer
        self._calibration = calibration
        self._decision = decision

    @property
    def decision(self) -> dict[Any, float] | None:
        """Factors of the classes in `predict`; None where the most probable class is chosen."""
        if self._decision is None:
            return None
        factors = (float(one) for one in self._decision)
        return dict(zip(self._labels.tolist(), factors, strict=True))

    @property
    def classes_(self) -> Array:
        """Labels in the column order of `predict_proba`.

        Raises:
            AttributeError: The task is regression.
        """
        if self.task == "regression":
            raise AttributeError("A regression has no classes; read predict().")
        return self._labels

    def predict(self, X: pd.DataFrame) -> Array:
        """Return labels, in the target's dtype, or values; shape (n,).

        For metrics of labels, such as f1, the label is not always the most probable one: it is
        chosen by thresholds that served the metric best on held-out rows.

        Args:
            X: Raw rows; more columns than needed are ignored, empty values are allowed.

        Raises:
            DataError: A column is missing.
        """
        if self.task == "regression":
            return self._raw(X)
        p = self.predict_proba(X)
        chosen: Array = self._labels[self.decided(p).argmax(axis=1)]
        return chosen

    def finished(self, p: Array) -> Array:
        """Return what `predict` takes the largest of, from the members' mixed probabilities."""
        return self.decided(p if self._calibration is None else self._calibration.apply(p))

    def decided(self, p: Array) -> Array:
        """Return what `predict` takes the largest of: probabilities times the classes' factors."""
        return p if self._decision is None else p * self._decision

    def predict_proba(self, X: pd.DataFrame) -> Array:
        """Return class probabilities, shape (n, K); rows sum to 1.

        Raises:
            DataError: A column is missing.
            AttributeError: The task is regression.
        """
        if self.task == "regression":
            raise AttributeError("A regression has no probabilities; use predict().")
        raw = self._raw(X)
        return raw if self._calibration is None else self._calibration.apply(raw)

    def leaderboard(self) -> pd.DataFrame:
        """Return one row for each trial, best first."""
        columns = list(LeaderboardRow.__dataclass_fields__)
        rows = [[getattr(row, c) for c in columns] for row in self.leaderboard_rows]
        return pd.DataFrame(rows, columns=columns)

    def _raw(self, X: pd.DataFrame) -> Array:
        if not isinstance(X, pd.DataFrame):
            raise AutoMLError(
                f"predict needs a pandas DataFrame with the training columns, not "
                f"{type(X).__name__}. Wrap it: pd.DataFrame(values, columns=feature_names_in_)."
            )
        is_flat = self.task == "regression"
        shape = (len(X),) if is_flat else (len(X), len(self._baseline))
        if len(X) == 0 or self._preparer is None:
            return np.broadcast_to(self._baseline, shape).copy()
        table = self._preparer.transform(X)
        total: Array = np.zeros(shape)
        for member in self.members:
            for model in member.models:
                total += member.weight / len(member.models) * model.predict(table)
        return total
