"""Automated machine learning that keeps its time budget.

`fit` finds, fits and combines models for one column of a table and returns a predictor; see
`docs/automl.md`. `fit_forecaster` and `forecast` do so for time series; see
`docs/forecasting.md`. Importing this package is cheap: the libraries come with the first call.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl._errors import AutoMLError, DataError, JobFileError, OptionError
    from automl._fit import fit
    from automl._forecast._fit import fit_forecaster, forecast
    from automl._forecast._measures import FORECAST_METRICS
    from automl._forecast._predictor import ForecastPredictor
    from automl._guardrails import Finding, GuardrailReport
    from automl._inspect import inspect
    from automl._learners import LEARNERS
    from automl._learners._base import FitJob, Learner, Model
    from automl._metrics import METRICS, Metric, make_metric
    from automl._predictor import AutoMLPredictor, LeaderboardRow
    from automl._task import TrialRecord

__all__ = [
    "FORECAST_METRICS",
    "LEARNERS",
    "METRICS",
    "AutoMLError",
    "AutoMLPredictor",
    "DataError",
    "Finding",
    "FitJob",
    "ForecastPredictor",
    "GuardrailReport",
    "JobFileError",
    "LeaderboardRow",
    "Learner",
    "Metric",
    "Model",
    "OptionError",
    "TrialRecord",
    "fit",
    "fit_forecaster",
    "forecast",
    "inspect",
    "make_metric",
]

_HOMES = {
    "automl._errors": ("AutoMLError", "DataError", "JobFileError", "OptionError"),
    "automl._fit": ("fit",),
    "automl._forecast._fit": ("fit_forecaster", "forecast"),
    "automl._forecast._measures": ("FORECAST_METRICS",),
    "automl._forecast._predictor": ("ForecastPredictor",),
    "automl._guardrails": ("Finding", "GuardrailReport"),
    "automl._inspect": ("inspect",),
    "automl._learners": ("LEARNERS",),
    "automl._learners._base": ("FitJob", "Learner", "Model"),
    "automl._metrics": ("METRICS", "Metric", "make_metric"),
    "automl._predictor": ("AutoMLPredictor", "LeaderboardRow"),
    "automl._task": ("TrialRecord",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'automl' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
