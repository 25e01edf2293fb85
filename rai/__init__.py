"""Responsible-AI evaluation of any MLflow model.

Metrics with intervals, curves, fairness by sensitive group and global importance, as one typed
record, one JSON file and one self-contained page; in Python (:func:`analyze`), through
``mlflow.models.evaluate`` (evaluator ``rai``) or on the command line (``python -m rai evaluate``).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rai._analysis import Analysis, load
    from rai._analyze import analyze
    from rai._errors import InputError, RaiError
    from rai._records import SCHEMA_VERSION
    from rai._run import Evaluation, evaluate_model, open  # noqa: A004  # rai.open(run_id)

__all__ = [
    "SCHEMA_VERSION",
    "Analysis",
    "Evaluation",
    "InputError",
    "RaiError",
    "analyze",
    "evaluate_model",
    "load",
    "open",
]

_HOMES = {
    "SCHEMA_VERSION": "_records",
    "Analysis": "_analysis",
    "Evaluation": "_run",
    "InputError": "_errors",
    "RaiError": "_errors",
    "analyze": "_analyze",
    "evaluate_model": "_run",
    "load": "_analysis",
    "open": "_run",
}


def __getattr__(name: str) -> Any:
    # pandas and MLflow load when a name is first used, so that importing rai stays instant.
    if name not in _HOMES:
        raise AttributeError(f"module 'rai' has no attribute {name!r}")
    return getattr(import_module(f"rai.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
