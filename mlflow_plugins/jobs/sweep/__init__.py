"""Sweeps: a job of type ``sweep`` runs trials, each a job of its own, and finds the best.

`job_type` turns the file into a command job; its command (``__main__``) is the `_coordinator`,
which asks the `_search` for points of the `_space` and submits a child for each. See docs/sweep.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow_plugins.jobs.sweep._entities import Goal, Sweep, Trial, TrialState
    from mlflow_plugins.jobs.sweep._read import read_sweep

__all__ = ["Goal", "Sweep", "Trial", "TrialState", "read_sweep"]

_HOMES = {
    "Goal": "_entities",
    "Sweep": "_entities",
    "Trial": "_entities",
    "TrialState": "_entities",
    "read_sweep": "_read",
}


def __getattr__(name: str) -> Any:
    """Load on first use: reading a job file needs none of these."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
