"""The search: candidates run in a fixed order while there is time for them."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from automl._budget import Budget
from automl._forecast._blend import joined
from automl._forecast._folds import Fold
from automl._forecast._measures import ForecastMetric
from automl._forecast._models import MODELS
from automl._forecast._models._base import Fitted, ForecastModel, OutOfTime, Work
from automl._forecast._models._global import GlobalModel
from automl._forecast._options import Settings
from automl._forecast._panel import Array, Panel
from automl._imports import Imports
from automl._task import TrialRecord, TrialState

_NEEDS_IMPORTS = ("lightgbm", "lightgbm_shallow", "harmonic", "arima")
_LONGEST_SHARE = 0.6  # of the time left, for one candidate
_MOST_OF_HISTORY = 0.75
_logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Candidate:
    """A model and how it did.

    Attributes:
        model: The model.
        record: What became of it.
        backtests: Its forecasts in the windows, shape (R, h); None unless complete.
        fitted: Fitted on everything.
        forecast: Forecasts after the last values, shape (N, h); needed where there are no
            covariates known in advance.
    """

    model: ForecastModel
    record: TrialRecord
    backtests: Array | None = None
    fitted: Fitted | None = None
    forecast: Array | None = None


class Search:
    """Runs the candidates one after the other."""

    def __init__(
        self,
        panel: Panel,
        folds: Sequence[Fold],
        settings: Settings,
        metric: ForecastMetric,
        *,
        budget: Budget,
        imports: Imports,
        on_trial: Callable[[TrialRecord], None],
    ) -> None:
        self._panel, self._folds, self._settings, self._metric = panel, folds, settings, metric
        self._truth = joined([fold.truth for fold in folds]) if folds else None
        self._budget, self._imports, self._on_trial = budget, imports, on_trial

    def run(self) -> list[Candidate]:
        """Return all candidates in the order in which they were tried."""
        settings = self._settings
        found: list[Candidate] = []
        for name, model in MODELS.items():
            is_wanted = (settings.allowed is None or name in settings.allowed) and (
                name not in settings.blocked
            )
            if not is_wanted or not model.suits(self._panel, settings.horizon):
                continue
            if settings.max_trials is not None and len(found) >= settings.max_trials:
                break
            if self._budget.left_for_search() <= 0 and found:
                break
            candidate = self._try(model, len(found))
            found.append(candidate)
            self._on_trial(candidate.record)
            if self._is_good_enough(candidate.record.score):
                break
        return found

    def _is_good_enough(self, score: float | None) -> bool:
        wanted = self._settings.exit_score
        if wanted is None or score is None:
            return False
        return score >= wanted if self._metric.is_higher_better else score <= wanted

    def _try(self, model: ForecastModel, number: int) -> Candidate:
        began, started_at = time.monotonic(), time.time()
        state: TrialState = "complete"
        scores: list[float] = []
        error: str | None = None
        parts: dict[str, Any] = {}
        try:
            parts = self._evaluate(model, scores, is_first=number == 0)
        except OutOfTime:
            state = "stopped"
        except Exception as problem:
            _logger.debug("%s failed", model.name, exc_info=True)
            state, error = "failed", f"{type(problem).__name__}: {problem}"
        record = TrialRecord(
            number=number,
            learner=model.name,
            metric=self._metric.name,
            params=dict(getattr(model, "params", {})),
            state=state,
            score=self._score(parts.get("backtests")),
            fold_scores=tuple(scores),
            fit_seconds=time.monotonic() - began,
            started_at=started_at,
            ended_at=time.time(),
            error=error,
        )
        return Candidate(model=model, record=record, **parts)

    def _score(self, backtests: Array | None) -> float | None:
        if backtests is None or self._truth is None:
            return None
        score = self._metric.score(self._truth, backtests)
        return score if np.isfinite(score) else None

    def _evaluate(
        self, model: ForecastModel, scores: list[float], *, is_first: bool
    ) -> dict[str, Any]:
        """Backtest a model and fit it on everything.

        Raises:
            OutOfTime: The first window shows that there is no time for the rest, or time is up.
        """
        settings = self._settings
        share = self._budget.left_for_search() * _LONGEST_SHARE
        if settings.trial_timeout_seconds is not None:
            share = min(share, settings.trial_timeout_seconds)
        if model.name in _NEEDS_IMPORTS and not self._imports.are_done(timeout_seconds=share):
            raise OutOfTime
        stop_at = math.inf if is_first else self._budget.spent() + share
        work = Work(
            horizon=settings.horizon,
            seed=settings.seed,
            n_threads=settings.n_threads or 1,
            may_go_on=lambda: self._budget.spent() < stop_at,
            lags=settings.lags,
            rolling_window=settings.rolling_window,
            has_feature_lags=settings.has_feature_lags,
        )
        backtests = self._backtest(model, work, scores, stop_at=stop_at)
        fitted = model.fit(self._panel, work)
        forecast = None
        if not self._panel.spec.known:
            nothing = [np.empty((settings.horizon, 0))] * len(self._panel)
            forecast = fitted.forecast(self._panel, nothing, settings.horizon)
        return {"backtests": backtests, "fitted": fitted.without_clock(), "forecast": forecast}

    def _backtest(
        self, model: ForecastModel, work: Work, scores: list[float], *, stop_at: float
    ) -> Array | None:
        """Return forecasts of all windows, shape (R, h); None without windows.

        Raises:
            OutOfTime: What has been done so far shows that the rest would take too long.
        """
        began = self._budget.spent()
        shared = self._shared_fit(model, work)
        after_fit = self._budget.spent()
        parts: list[Array] = []
        for done, fold in enumerate(self._folds, start=1):
            fitted = shared or model.fit(fold.history, work)
            parts.append(fitted.forecast(fold.history, fold.known, work.horizon))
            scores.append(self._metric.score(fold.truth, parts[-1]))
            now = self._budget.spent()
            each = (now - after_fit) / done
            left = each * (len(self._folds) - done) + 1.2 * (each + after_fit - began)
            if now + left > stop_at:
                raise OutOfTime
        return np.concatenate(parts) if parts else None

    def _shared_fit(self, model: ForecastModel, work: Work) -> Fitted | None:
        """Fit a global model once for all windows, where the earliest sees most of the history."""
        if not isinstance(model, GlobalModel) or not self._folds:
            return None
        earliest = self._folds[-1].history
        share = float(earliest.lengths.sum()) / float(self._panel.lengths.sum())
        return model.fit(earliest, work) if share >= _MOST_OF_HISTORY else None
