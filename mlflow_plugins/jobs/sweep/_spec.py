"""The sweep job of Azure ML's CLI v2, typed: what a job file of type ``sweep`` may say.

Beyond Azure's format: several `objectives`, any sampler and pruner of Optuna by name, and
`resume_from`, an earlier sweep whose trials count as known.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, StringConstraints, model_validator

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._explain import validate
from mlflow_plugins.jobs._fields import Input, Output, Part, Resources, Text, Word
from mlflow_plugins.jobs.environments._fields import Environment
from mlflow_plugins.jobs.sweep._laws import Choice, Law, Positive
from mlflow_plugins.jobs.sweep._policies import Policy
from mlflow_plugins.jobs.sweep._space import SearchSpace, read_space

MAX_TRIALS = 1000

SEARCH_SPACE = "search_space"


def _word_as_type(given: Any) -> Any:
    return {"type": given} if isinstance(given, str) else given


def _word_as_name(given: Any) -> Any:
    return {"name": given} if isinstance(given, str) else given


def _lower(given: Any) -> Any:
    return given.lower() if isinstance(given, str) else given


class RandomSampling(Part):
    """Draws each trial by itself, or (``sobol``) evenly over the space."""

    type: Literal["random"]
    rule: Literal["random", "sobol"] = "random"
    seed: int | None = None
    logbase: Literal["e"] | Positive = "e"


class GridSampling(Part):
    """Tries every combination of choices."""

    type: Literal["grid"]


class BayesianSampling(Part):
    """Draws where the trials so far were good (a tree-structured Parzen estimator)."""

    type: Literal["bayesian"]


class OptunaSampling(Part):
    """Any sampler of Optuna, by the name of its class."""

    type: Literal["optuna"]
    sampler: str = "TPESampler"
    args: dict[str, Any] = {}
    seed: int | None = None


Sampling = Annotated[
    RandomSampling | GridSampling | BayesianSampling | OptunaSampling,
    Field(discriminator="type"),
]


class Pruner(Part):
    """Any pruner of Optuna, by the name of its class."""

    name: str
    args: dict[str, Any] = {}


class Objective(Part):
    """A metric that trials log, and whether more of it is better."""

    goal: Annotated[Literal["minimize", "maximize"], BeforeValidator(_lower)]
    primary_metric: Annotated[str, StringConstraints(min_length=1)]

    @property
    def is_maximized(self) -> bool:
        """Whether larger values are better."""
        return self.goal == "maximize"


class SweepLimits(Part):
    """When to stop; seconds."""

    max_total_trials: Annotated[int, Field(ge=1, le=MAX_TRIALS)] = MAX_TRIALS
    max_concurrent_trials: Annotated[int, Field(ge=1, le=MAX_TRIALS)] | None = None
    timeout: PositiveInt = 60 * 24 * 3600
    trial_timeout: PositiveInt | None = None


class Trial(Part):
    """What each trial runs."""

    command: Annotated[str, StringConstraints(min_length=1)]
    code: str | None = None
    environment: Environment | None = None
    environment_variables: dict[str, Text] = {}
    distribution: dict[str, Any] | None = None
    resources: Resources | None = None


class SweepJob(Part):
    """One job file of type ``sweep``."""

    schema_: str | None = Field(default=None, alias="$schema", exclude=True)
    type: Literal["sweep"]
    trial: Trial
    inputs: dict[Word, Input] = {}
    outputs: dict[Word, Output] = {}
    sampling_algorithm: Annotated[Sampling, BeforeValidator(_word_as_type)]
    search_space: Annotated[dict[Word, Law], Field(min_length=1)]
    objective: Objective | None = None
    objectives: Annotated[list[Objective], Field(min_length=1)] | None = None
    early_termination: Policy | None = None
    pruner: Annotated[Pruner, BeforeValidator(_word_as_name)] | None = None
    limits: SweepLimits = SweepLimits()
    resume_from: str | None = None
    compute: str | None = None
    resources: Resources | None = None
    queue_settings: dict[str, Any] | None = None
    services: dict[str, Any] | None = None
    identity: dict[str, Any] | None = None
    name: Text | None = None
    display_name: Text | None = None
    experiment_name: Text | None = None
    description: Text | None = None
    tags: dict[str, Text] = {}
    properties: dict[str, Text] = {}

    @model_validator(mode="before")
    @classmethod
    def _drop_nothing(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {key: value for key, value in given.items() if value is not None}

    @property
    def goals(self) -> list[Objective]:
        """The objectives: one or more."""
        return self.objectives or ([self.objective] if self.objective else [])

    @property
    def space(self) -> SearchSpace:
        """The search space, laid flat."""
        sampling = self.sampling_algorithm
        base = sampling.logbase if isinstance(sampling, RandomSampling) else "e"
        return read_space(self.search_space, math.e if base == "e" else float(base))


def parse_sweep(document: Mapping[str, Any]) -> SweepJob:
    """Check a document and return the sweep that it describes.

    Raises:
        InvalidInput: Fields are unknown, missing or wrong, or the sampling algorithm cannot draw
            from a law of the search space.
    """
    job = validate(SweepJob, document, what="sweep job")
    _check_goals(job)
    _check_laws(job, job.space)
    return job


def _check_goals(job: SweepJob) -> None:
    if (job.objective is None) == (job.objectives is None):
        raise InvalidInput(
            "A sweep job needs one of 'objective' and 'objectives'. Write 'objective: {goal: "
            "minimize, primary_metric: NAME}', or a list of such mappings under 'objectives'."
        )
    names = [one.primary_metric for one in job.goals]
    if len(set(names)) < len(names):
        raise InvalidInput(
            f"Field 'objectives' names a metric twice ({', '.join(names)}). Give each one goal."
        )
    enders = [name for name in ("early_termination", "pruner") if getattr(job, name) is not None]
    if len(enders) == 2:
        raise InvalidInput(
            "The sweep has 'early_termination' and 'pruner'; both end trials early. Keep one."
        )
    if enders and len(names) > 1:
        raise InvalidInput(
            f"Field {enders[0]!r}: trials can be ended early only by one objective; this sweep has "
            f"{len(names)}. Leave the field out, or keep one objective."
        )


_ALLOWED = {"grid": {"choice"}, "bayesian": {"choice", "uniform", "quniform"}}


def _check_laws(job: SweepJob, space: SearchSpace) -> None:
    kind = job.sampling_algorithm.type
    allowed = _ALLOWED.get(kind)
    for dimension in space.dimensions:
        law = dimension.law
        where = f"Field 'search_space.{dimension.name}'"
        if allowed is not None and law.type not in allowed:
            raise InvalidInput(
                f"{where} is {law.type!r}; the sampling algorithm {kind!r} takes "
                f"{', '.join(sorted(allowed))} only. Change the expression, or write "
                "'sampling_algorithm: random'."
            )
        is_nested = isinstance(law, Choice) and any(isinstance(v, Mapping) for v in law.values)
        if kind == "bayesian" and is_nested:
            raise InvalidInput(
                f"{where} has mappings as values; the sampling algorithm 'bayesian' takes plain "
                "values only. Write 'sampling_algorithm: random', 'grid' or 'type: optuna'."
            )
