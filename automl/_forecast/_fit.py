"""`fit_forecaster`: from a raw table of series to a predictor, in the time given."""

import time
from collections.abc import Callable, Sequence
from typing import Unpack

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from automl._budget import Budget
from automl._forecast._blend import blend_weights, cross_blended, joined, shares
from automl._forecast._check import Checked, check_frame
from automl._forecast._folds import Fold, make_folds
from automl._forecast._intervals import fit_intervals, without_backtest
from automl._forecast._measures import ForecastMetric, Truth, find_forecast_metric
from automl._forecast._options import ForecasterOptions, ForecastOptions, Settings, check_options
from automl._forecast._panel import Array
from automl._forecast._predictor import (
    ForecastMember,
    ForecastPredictor,
    all_scores,
)
from automl._forecast._results import backtest_frame, leaderboard, search_findings
from automl._forecast._search import Candidate, Search
from automl._guardrails import GuardrailReport
from automl._imports import Imports
from automl._task import TrialRecord

_HEAVY = ("scipy.special", "scipy.signal", "lightgbm")
_CLOSING_SECONDS = 0.2
_SIMPLE = ("seasonal_naive", "window_mean", "theta")


def fit_forecaster(
    frame: pd.DataFrame,
    *,
    horizon: int | str,
    freq: str = "auto",
    season: int | str = "auto",
    time_budget_s: float = 60.0,
    metric: str = "mase",
    seed: int = 0,
    **options: Unpack[ForecastOptions],
) -> ForecastPredictor:
    """Find, fit and combine forecasting models for one or many series, within a time budget.

    Args:
        frame: A row for each series and step, in any order. Other columns are covariates.
        horizon: Steps to forecast; `auto` takes one season.
        freq: Step between rows, in pandas' spelling (`D`, `h`, `W-MON`, `MS`, …); `auto` infers it.
        season: Main season in steps, 1 for none; `auto` takes the usual one of the frequency.
        time_budget_s: Wall-clock seconds for everything but opening the run, the scores on
            `test_frame` and the final logging.
        metric: What is optimised; a name from the table in `docs/forecasting.md`; Azure ML's
            names work.
        seed: Seed of everything random.
        **options: All optional.

            - id_columns: Columns that name a series; None takes `unique_id` where there is one.
            - time_column, target: Names of these columns; `ds` and `y`.
            - known: Covariates whose future will be given to `predict`. The rest is used as far
              as it was seen.
            - holidays: ISO code of a country whose holidays matter.
            - levels: Percentages of the intervals; (80, 95).
            - lags, rolling_window: Of the target, for the global models; None chooses.
            - feature_lags: False leaves out covariates whose future is unknown.
            - short_series: `auto` (keep), `pad`, `drop` or `none` (refuse).
            - aggregate: `sum`, `max`, `min` or `mean` of rows that fall into one step; None
              refuses them.
            - n_windows, step: Backtest windows and steps between them; None chooses.
            - allowed, blocked: Names of models; only one of the two.
            - ensemble: False keeps the single best model.
            - max_trials, exit_score, trial_timeout_s: Bounds of the search.
            - non_negative: Whether forecasts stay at zero or above; None looks at the data.
            - n_jobs: Threads of LightGBM; None is one.
            - mlflow: `off`, `summary` (one run) or `trials` (and a child run for each model).
            - test_frame: Rows after training for `test_scores`, never seen by the search.
            - on_trial: Called with each finished model.

    Returns:
        The predictor.

    Raises:
        DataError: The table cannot be learned from.
        OptionError: An option has an unknown name or value.
    """
    budget_started = time.monotonic()
    settings = check_options(
        horizon=horizon, time_budget_s=time_budget_s, seed=seed, options=options
    )
    measure = find_forecast_metric(metric)
    imports = Imports(_HEAVY)
    checked = check_frame(frame, settings, freq=freq, season=season)
    settings = checked.settings
    folds = make_folds(
        checked.panel, settings.horizon, n_windows=settings.n_windows, step=settings.step
    )
    spent = time.monotonic() - budget_started
    from automl._forecast._mlflow import open_log

    with open_log(frame, checked.panel, settings, measure, n_folds=len(folds)) as log:
        budget = Budget(seconds=settings.time_budget_seconds - spent)
        predictor = _fit(
            checked, folds, settings, measure, budget, imports, on_trial=log.trial_finished
        )
        if settings.test_frame is not None:
            predictor.test_scores = predictor.score_frame(settings.test_frame)
        log.finish(predictor)
    return predictor


def forecast(
    frame: pd.DataFrame,
    *,
    horizon: int | str,
    future: pd.DataFrame | None = None,
    **options: Unpack[ForecasterOptions],
) -> pd.DataFrame:
    """Forecast one or many series at once: `fit_forecaster`, then its `predict`.

    Args:
        frame: A row for each series and step, in any order. Other columns are covariates.
        horizon: Steps to forecast; `auto` takes one season.
        future: The rows to forecast, with the covariates named in `known`; None for the whole
            horizon of all series.
        **options: As for `fit_forecaster`.

    Returns:
        A row for each series and step: `unique_id` (where `frame` has it), `ds`, `yhat` and the
        quantiles, `q0.1` and `q0.9` for the level 80.

    Raises:
        DataError: The table cannot be learned from, or `future` lacks something.
        OptionError: An option has an unknown name or value.
    """
    return fit_forecaster(frame, horizon=horizon, **options).predict(future)


def _fit(
    checked: Checked,
    folds: Sequence[Fold],
    settings: Settings,
    metric: ForecastMetric,
    budget: Budget,
    imports: Imports,
    *,
    on_trial: Callable[[TrialRecord], None],
) -> ForecastPredictor:
    panel = checked.panel
    search = Search(
        panel, folds, settings, metric, budget=budget, imports=imports, on_trial=on_trial
    )
    with threadpool_limits(settings.n_threads or 1):  # small matrices only wait for more threads
        candidates = search.run()
    usable = [c for c in candidates if c.fitted is not None]
    weights = _weights(usable, folds, settings, metric, budget)
    members = _members(usable, weights)
    blended = _blended(usable, weights, folds, settings, metric, budget)
    truth = joined([fold.truth for fold in folds]) if folds else None
    has_backtest = truth is not None and blended is not None
    predictor = ForecastPredictor(
        panel=panel,
        horizon=settings.horizon,
        metric=metric.name,
        levels=settings.levels,
        members=members,
        intervals=fit_intervals(truth, blended)
        if truth is not None and blended is not None
        else without_backtest(settings.horizon),
        report=GuardrailReport(
            checked.findings + search_findings(candidates, folds, has_backtest=has_backtest)
        ),
    )
    if truth is not None and blended is not None:
        predictor.metrics = all_scores(truth, predictor.bounded(blended))
        chosen = [c.backtests for c in usable if c.backtests is not None]
        predictor.score = metric.score(
            truth, predictor.bounded(np.tensordot(weights, np.array(chosen), axes=1))
        )
        predictor.backtests = backtest_frame(predictor, folds, blended)
    predictor.leaderboard_rows = leaderboard(candidates, metric, members)
    predictor.fit_seconds = budget.spent()
    return predictor


def _weights(
    usable: list[Candidate],
    folds: Sequence[Fold],
    settings: Settings,
    metric: ForecastMetric,
    budget: Budget,
) -> Array:
    """Return the weight of each usable candidate, shape (number of candidates,)."""
    if not folds:
        simple = np.array([float(c.model.name in _SIMPLE) for c in usable])
        weights = simple if simple.any() else np.ones(len(usable))
        return shares(weights)
    truth = joined([fold.truth for fold in folds])
    forecasts = [c.backtests for c in usable if c.backtests is not None]
    if settings.is_ensemble:
        stop_at = budget.spent() + 0.6 * max(budget.left(), 0.0)
        return blend_weights(
            truth,
            forecasts,
            metric,
            seed=settings.seed,
            may_go_on=lambda: budget.spent() < stop_at,
        )
    losses = np.array([metric.loss(truth, f) for f in forecasts])
    weights = np.zeros(len(usable))
    weights[int(np.nanargmin(losses)) if np.isfinite(losses).any() else 0] = 1.0
    return weights


def _members(usable: list[Candidate], weights: Array) -> list[ForecastMember]:
    members = [
        ForecastMember(
            learner=c.model.name,
            trial=c.record.number,
            weight=float(w),
            fitted=c.fitted,
            forecast=c.forecast,
        )
        for c, w in zip(usable, weights, strict=True)
        if w > 0 and c.fitted is not None
    ]
    return sorted(members, key=lambda m: -m.weight)


def _blended(
    usable: list[Candidate],
    weights: Array,
    folds: Sequence[Fold],
    settings: Settings,
    metric: ForecastMetric,
    budget: Budget,
) -> Array | None:
    """Return the blend's forecasts in the windows, shape (R, h); None without windows."""
    forecasts = [c.backtests for c in usable if c.backtests is not None]
    if not forecasts:
        return None

    def choose(truth: Truth, parts: Sequence[Array]) -> Array | None:
        if not settings.is_ensemble or budget.left() < _CLOSING_SECONDS:
            return None
        return blend_weights(
            truth,
            parts,
            metric,
            seed=settings.seed,
            may_go_on=lambda: budget.left() > _CLOSING_SECONDS / 2,
        )

    return cross_blended([fold.truth for fold in folds], forecasts, weights, choose)
