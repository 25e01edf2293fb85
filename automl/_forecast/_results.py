"""What a search has found, as tables and notes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from automl._forecast._folds import Fold
from automl._forecast._measures import ForecastMetric
from automl._forecast._panel import Array, Panel
from automl._forecast._predictor import ForecastMember, ForecastPredictor, probabilities
from automl._forecast._search import Candidate
from automl._guardrails import Finding
from automl._predictor import LeaderboardRow


def search_findings(
    candidates: list[Candidate], folds: Sequence[Fold], *, has_backtest: bool
) -> tuple[Finding, ...]:
    """Return what the search has to say: how it was validated, and which models are missing."""
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


def leaderboard(
    candidates: list[Candidate], metric: ForecastMetric, members: list[ForecastMember]
) -> tuple[LeaderboardRow, ...]:
    """Return one row for each candidate, the best first."""
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


def backtest_frame(
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
