"""Optuna by names: samplers and pruners, with what was wrong in words of the job file."""

import importlib.util
import inspect
import warnings
from typing import TYPE_CHECKING, Any

from mlflow_plugins.core import InvalidInput, MissingExtra, did_you_mean
from mlflow_plugins.jobs.sweep._spec import (
    BayesianSampling,
    OptunaSampling,
    Pruner,
    RandomSampling,
    SweepJob,
)

if TYPE_CHECKING:
    import optuna

# These enumerate a space that they are given or that they stop; that is `type: grid` here.
_NOT_FOR_SWEEPS = ("BruteForceSampler", "GridSampler", "PartialFixedSampler")

# What Optuna itself imports only when the first trials have been told.
_NEEDS = {"CmaEsSampler": "cmaes", "GPSampler": "torch"}


def check_names(job: SweepJob) -> None:
    """Make sure that the sampler and the pruner of a sweep can be made.

    Raises:
        InvalidInput: There is none of that name, or it does not take these arguments.
        MissingExtra: It needs a package that is not installed.
    """
    if isinstance(job.sampling_algorithm, OptunaSampling):
        make_sampler(job, n_known=0)
    if job.pruner is not None:
        make_pruner(job.pruner)


def make_sampler(job: SweepJob, *, n_known: int) -> "optuna.samplers.BaseSampler":
    """Make the sampler of a sweep.

    Args:
        job: The sweep.
        n_known: How many trials there are already: a sampler that begins anew must not draw the
            same numbers again.
    """
    import optuna

    sampling = job.sampling_algorithm
    if isinstance(sampling, BayesianSampling):
        return optuna.samplers.TPESampler()
    if not isinstance(sampling, OptunaSampling):
        return optuna.samplers.RandomSampler()  # not asked: the points are given
    seed = {} if sampling.seed is None else {"seed": sampling.seed + n_known}
    where = "sampling_algorithm"
    kind = _find(optuna.samplers, sampling.sampler, "Sampler", f"{where}.sampler")
    package = _NEEDS.get(sampling.sampler)
    if package is not None and importlib.util.find_spec(package) is None:
        raise MissingExtra(package, extra="sweep", purpose=f"The sampler {sampling.sampler!r}")
    takes_seed = "seed" in inspect.signature(kind).parameters
    sampler: optuna.samplers.BaseSampler = _make(
        kind, {**(seed if takes_seed else {}), **sampling.args}, f"{where}.args"
    )
    return sampler


def make_pruner(pruner: Pruner) -> "optuna.pruners.BasePruner":
    """Make the pruner of a sweep."""
    import optuna

    kind = _find(optuna.pruners, pruner.name, "Pruner", "pruner.name")
    made: optuna.pruners.BasePruner = _make(kind, pruner.args, "pruner.args")
    return made


def uses_sequence(job: SweepJob) -> bool:
    """Tell whether the points of the trials follow from their numbers alone."""
    return isinstance(job.sampling_algorithm, RandomSampling) or (
        job.sampling_algorithm.type == "grid"
    )


def _find(module: Any, name: str, suffix: str, field: str) -> Any:
    known = [
        one
        for one in module.__all__
        if one.endswith(suffix) and not one.startswith("Base") and one not in _NOT_FOR_SWEEPS
    ]
    if name not in known:
        raise InvalidInput(
            f"Field {field!r} is {name!r}. Optuna has: {', '.join(known)}."
            f"{did_you_mean(name, known)}"
        )
    return getattr(module, name)


def _make(kind: Any, arguments: dict[str, Any], field: str) -> Any:
    import optuna

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            made = kind(**arguments)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"Field {field!r}: {kind.__name__} refuses it: {error}.") from error
    return made
