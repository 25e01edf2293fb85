"""Settings that the environment can change: one variable ``MLFLOW_STUDIO_<NAME>`` each."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from mlflow_plugins.core.errors import InvalidInput

PREFIX = "MLFLOW_STUDIO_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How long things wait and how large they may grow.

    Attributes:
        poll_seconds: How often an agent looks for work and for changed wishes.
        lease_seconds: After this long without a sign of life a job's runner counts as dead.
        log_seconds: How often a running job's new output is stored.
        stop_seconds: How long a process may take to end after it was asked to, before it is killed.
        upload_mib: The most that the studio accepts through the browser at once.
        code_mib: The most that the code of a job, or a file given to one as an input, may have.
        max_jobs: Into how many equal shares a machine is divided where a compute has no size.
        max_environments: Environments that an agent keeps for the next jobs.
        environments_gib: How large they may be all together.
    """

    poll_seconds: float = 1.0
    lease_seconds: float = 30.0
    log_seconds: float = 1.0
    stop_seconds: float = 10.0
    upload_mib: float = 16_384.0
    code_mib: float = 512.0
    max_jobs: int = 2
    max_environments: int = 20
    environments_gib: float = 20.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings from ``MLFLOW_STUDIO_*`` variables.

        Raises:
            InvalidInput: A variable's value is not a positive number.
        """
        values: dict[str, float | int] = {}
        for field in fields(cls):
            variable = PREFIX + field.name.upper()
            if variable in environment:
                values[field.name] = _positive(variable, environment[variable], field.type)
        return cls(**values)  # type: ignore[arg-type]


def _positive(variable: str, text: str, kind: object) -> float | int:
    try:
        number = int(text) if kind is int else float(text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        raise InvalidInput(
            f"The environment variable {variable} is {text!r}. It must be a positive number."
        )
    return number
