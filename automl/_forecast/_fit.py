"""`forecast`: from a raw table of series to a predictor, in the time given."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from automl._budget import Budget
from automl._forecast._blend import blend_weights, joined, shares
from automl._forecast._check import Checked, check_frame
from automl._forecast._folds import Fold, make_folds
from automl._forecast._intervals import fit_intervals, without_backtest
from automl._forecast._measures import ForecastMetric, find_forecast_metric
from automl._forecast._options import ForecastOptions, Settings, check_options
from automl._forecast._panel import Array, Panel
from automl._forecast._predictor import (
    ForecastMember,
    ForecastPredictor,
    all_scores,
    probabilities,
)
from automl._forecast._search import Candidate, Search
from automl._guardrails import Finding, GuardrailReport
from automl._imports import Imports
from automl._predictor import LeaderboardRow
from automl._task import TrialRecord

_HEAVY = ("scipy.special", "scipy.signal", "lightgbm")
_SIMPLE = ("seasonal_naive", "window_mean", "theta")


def forecast(
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
        time_budget_s: Wall-clock seconds for everything but opening the run and the final logging.
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
    blended = _blended(usable, weights)
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
            checked.findings + _search_findings(candidates, folds, has_backtest)
        ),
    )
    if truth is not None and blended is not None:
        predictor.metrics = all_scores(truth, predictor.bounded(blended))
        predictor.score = metric.score(truth, predictor.bounded(blended))
        predictor.backtests = _backtest_frame(predictor, folds, blended)
    predictor.leaderboard_rows = _leaderboard(candidates, metric, members)
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


def _blended(usable: list[Candidate], weights: Array) -> Array | None:
    parts = [
        w * c.backtests
        for c, w in zip(usable, weights, strict=True)
        if w > 0 and c.backtests is not None
    ]
    return np.sum(parts, axis=0) if parts else None


def _search_findings(
    candidates: list[Candidate], folds: Sequence[Fold], has_backtest: bool
) -> tuple[Finding, ...]:
    notes: list[Finding] = []
    if has_backtest:
        offsets = ", ".join(str(fold.offset) for fold in folds)
        text = f"{len(folds)} backtest windows, whose origins lie {offsets} steps before the end."
        notes.append(Finding(check="validation", state="passed", message=text))
    else:
        text = (
            "The series are too short for a backtest: simple models were combined untested, and "
            "intervals are rough."
        )
        notes.append(Finding(check="validation", state="alerted", message=text))
    failed = tuple(c.model.name for c in candidates if c.record.state == "failed")
    if failed:
        notes.append(
            Finding(
                check="failed_models",
                state="alerted",
                message=f"{', '.join(failed)} failed and were left out; the leaderboard says why.",
            )
        )
    stopped = tuple(c.model.name for c in candidates if c.record.state == "stopped")
    if stopped:
        text = f"There was no time for {', '.join(stopped)}: more time may bring a better forecast."
        notes.append(Finding(check="time", state="alerted", message=text))
    return tuple(notes)


def _leaderboard(
    candidates: list[Candidate], metric: ForecastMetric, members: list[ForecastMember]
) -> tuple[LeaderboardRow, ...]:
    weights = {m.trial: m.weight for m in members}
    sign = -1.0 if metric.is_higher_better else 1.0

    def place(c: Candidate) -> tuple[bool, float, int]:
        score = c.record.score
        return score is None, sign * (score or 0.0), c.record.number

    return tuple(
        LeaderboardRow(
            rank=rank,
            trial=c.record.number,
            learner=c.record.learner,
            params=c.record.params,
            state=c.record.state,
            score=c.record.score,
            metric=metric.name,
            score_std=c.record.score_std,
            fit_seconds=round(c.record.fit_seconds, 4),
            in_ensemble=c.record.number in weights,
            weight=round(weights.get(c.record.number, 0.0), 6),
        )
        for rank, c in enumerate(sorted(candidates, key=place), start=1)
    )


def _backtest_frame(
    predictor: ForecastPredictor, folds: Sequence[Fold], blended: Array
) -> pd.DataFrame:
    """Return the blend's forecasts in the windows with the truth and quantiles."""
    spec, h = predictor.panel.spec, predictor.horizon
    levels = probabilities(predictor.levels)
    parts = []
    begin = 0
    for window, fold in enumerate(folds):
        n = len(fold.series)
        yhat = predictor.bounded(blended[begin : begin + n])
        begin += n
        history: Panel = fold.history
        stamps = history.stamps(h)
        at = history.ends[:, None] + np.arange(h)
        columns: dict[str, Any] = {
            c: np.repeat([key[j] for key in history.keys], h) for j, c in enumerate(spec.id_columns)
        }
        columns["window"] = window
        columns["cutoff"] = stamps[np.repeat(history.ends - 1, h)]
        columns[spec.time_column] = stamps[at.ravel()]
        columns[spec.target] = np.where(fold.truth.seen, fold.truth.y, np.nan).ravel()
        columns["yhat"] = yhat.ravel()
        quantiles = predictor.quantiles(history, yhat, levels)
        for j, p in enumerate(levels):
            columns[f"q{p:g}"] = quantiles[..., j].ravel()
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
