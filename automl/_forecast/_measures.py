"""Measures of forecasts, and the truth they are held against."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from automl._errors import OptionError, suggestion
from automl._forecast._panel import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What came, for R series (a series counts once for each backtest window).

    Attributes:
        y: Values, shape (R, h).
        seen: Whether a value was in the table, shape (R, h); others do not count.
        scale: Mean absolute seasonal difference of each history, shape (R,).
        span: Range of each series, shape (R,).
    """

    y: Array
    seen: Array
    scale: Array
    span: Array

    def rows(self, index: Array) -> "Truth":
        """Return some of the series."""
        return replace(
            self,
            y=self.y[index],
            seen=self.seen[index],
            scale=self.scale[index],
            span=self.span[index],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastMetric:
    """A named measure with its direction; `function` takes the truth and forecasts (R, h)."""

    name: str
    azure_name: str | None
    is_higher_better: bool
    function: Callable[[Truth, Array], float]

    def score(self, truth: Truth, forecast: Array) -> float:
        """Return the measure as users know it; NaN where nothing was seen."""
        return float(self.function(truth, forecast)) if truth.seen.any() else float("nan")

    def loss(self, truth: Truth, forecast: Array) -> float:
        """Return the measure turned so that lower is better."""
        score = self.score(truth, forecast)
        return -score if self.is_higher_better else score


def _by_series(truth: Truth, errors: Array) -> Array:
    """Return the mean error of each series over its seen steps; series without any are left out."""
    n: Array = truth.seen.sum(axis=1)
    total = np.where(truth.seen, errors, 0.0).sum(axis=1)
    out: Array = total[n > 0] / n[n > 0]
    return out


def _has_any(truth: Truth) -> Array:
    return np.asarray(truth.seen.any(axis=1))


def _mase(truth: Truth, f: Array) -> float:
    return float(np.mean(_by_series(truth, np.abs(truth.y - f)) / truth.scale[_has_any(truth)]))


def _mae(truth: Truth, f: Array) -> float:
    return float(np.mean(np.abs(truth.y - f)[truth.seen]))


def _rmse(truth: Truth, f: Array) -> float:
    return float(np.sqrt(np.mean(((truth.y - f) ** 2)[truth.seen])))


def _wape(truth: Truth, f: Array) -> float:
    total = float(np.abs(truth.y[truth.seen]).sum())
    return float(np.abs(truth.y - f)[truth.seen].sum()) / total if total > 0 else float("nan")


def _mape(truth: Truth, f: Array) -> float:
    """Mean absolute error in percent of the truth; steps whose truth is zero do not count."""
    counts = truth.seen & (truth.y != 0)
    if not counts.any():
        return float("nan")
    return 100.0 * float(np.mean((np.abs(truth.y - f)[counts]) / np.abs(truth.y[counts])))


def _smape(truth: Truth, f: Array) -> float:
    size = np.abs(truth.y) + np.abs(f)
    ratio = np.divide(2.0 * np.abs(truth.y - f), size, out=np.zeros_like(size), where=size > 0)
    return 100.0 * float(np.mean(ratio[truth.seen]))


def _normalized_rmse(truth: Truth, f: Array) -> float:
    each = np.sqrt(_by_series(truth, (truth.y - f) ** 2))
    return float(np.mean(each / truth.span[_has_any(truth)]))


def _normalized_mae(truth: Truth, f: Array) -> float:
    each = _by_series(truth, np.abs(truth.y - f))
    return float(np.mean(each / truth.span[_has_any(truth)]))


def _r2(truth: Truth, f: Array) -> float:
    y = truth.y[truth.seen]
    spread = float(np.sum((y - y.mean()) ** 2))
    return 1.0 - float(np.sum((y - f[truth.seen]) ** 2)) / spread if spread > 0 else float("nan")


def _ranks(values: Array) -> Array:
    """Return ranks from 1; equal values share the mean of theirs."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[group])


def _spearman(truth: Truth, f: Array) -> float:
    a, b = _ranks(truth.y[truth.seen]), _ranks(f[truth.seen])
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _metric(
    name: str, function: Any, *, azure: str | None = None, up: bool = False
) -> ForecastMetric:
    return ForecastMetric(name=name, azure_name=azure, is_higher_better=up, function=function)


FORECAST_METRICS: dict[str, ForecastMetric] = {
    metric.name: metric
    for metric in (
        _metric("mase", _mase),
        _metric("mae", _mae),
        _metric("rmse", _rmse),
        _metric("wape", _wape),
        _metric("mape", _mape),
        _metric("smape", _smape),
        _metric("normalized_rmse", _normalized_rmse, azure="normalized_root_mean_squared_error"),
        _metric("normalized_mae", _normalized_mae, azure="normalized_mean_absolute_error"),
        _metric("r2", _r2, azure="r2_score", up=True),
        _metric("spearman", _spearman, azure="spearman_correlation", up=True),
    )
}


def find_forecast_metric(name: Any) -> ForecastMetric:
    """Return the measure by our name or by Azure's, in any capitals.

    Raises:
        OptionError: There is none of that name.
    """
    known = {m.name.replace("_", ""): m for m in FORECAST_METRICS.values()}
    known |= {m.azure_name.replace("_", ""): m for m in FORECAST_METRICS.values() if m.azure_name}
    found = known.get(str(name).lower().replace("_", ""))
    if found is None:
        listing = suggestion(name, FORECAST_METRICS).removeprefix("It has: ")
        raise OptionError(f"No metric named {name!r} for forecasting. It must be one of: {listing}")
    return found
