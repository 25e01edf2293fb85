"""Automated machine learning that keeps its time budget.

`fit` finds, fits and combines models for one column of a table and returns a predictor; see
`docs/automl.md`. Importing this package is cheap: the libraries come with the first call.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl._errors import AutoMLError, DataError, JobFileError, OptionError
    from automl._fit import fit
    from automl._guardrails import Finding, GuardrailReport
    from automl._inspect import inspect
    from automl._learners import LEARNERS
    from automl._learners._base import FitJob, Learner, Model
    from automl._metrics import METRICS, Metric
    from automl._predictor import AutoMLPredictor, LeaderboardRow
    from automl._task import TrialRecord

__all__ = [
    "LEARNERS",
    "METRICS",
    "AutoMLError",
    "AutoMLPredictor",
    "DataError",
    "Finding",
    "FitJob",
    "GuardrailReport",
    "JobFileError",
    "LeaderboardRow",
    "Learner",
    "Metric",
    "Model",
    "OptionError",
    "TrialRecord",
    "fit",
    "inspect",
]

_HOMES = {
    "automl._errors": ("AutoMLError", "DataError", "JobFileError", "OptionError"),
    "automl._fit": ("fit",),
    "automl._guardrails": ("Finding", "GuardrailReport"),
    "automl._inspect": ("inspect",),
    "automl._learners": ("LEARNERS",),
    "automl._learners._base": ("FitJob", "Learner", "Model"),
    "automl._metrics": ("METRICS", "Metric"),
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
