"""Every error this package raises on purpose.

    StudioError(MlflowException)      anything below; has an MLflow error code, is shown by click
    ├── InvalidInput                  what the user gave breaks a rule
    ├── NotFound                      the thing named does not exist
    ├── AlreadyExists                 the name or version is taken
    ├── LeaseLost                     somebody else holds what this process held
    ├── Unreachable                   the MLflow server does not answer
    ├── NotAllowed                    this user may not do that
    └── MissingExtra                  an optional dependency is not installed

A message has three parts: what came, what the rule is, what to do instead.
"""

import difflib
from collections.abc import Iterable

from click import ClickException
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    INVALID_STATE,
    NOT_IMPLEMENTED,
    PERMISSION_DENIED,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)


class StudioError(MlflowException, ClickException):  # type: ignore[misc] # both have a message
    """Root of the errors of mlflow-studio; whoever meets it knows how to report it.

    MLflow's server answers it with its code. The ``mlflow`` command, which catches few errors
    itself, leaves it to click, which prints one line and exits with 1.
    """

    code = INVALID_STATE

    def __init__(self, message: str) -> None:
        ClickException.__init__(self, message)
        MlflowException.__init__(self, message, error_code=self.code)


class InvalidInput(StudioError):
    """What the user gave breaks a rule."""

    code = INVALID_PARAMETER_VALUE


class NotFound(StudioError):
    """The thing named does not exist."""

    code = RESOURCE_DOES_NOT_EXIST


class AlreadyExists(StudioError):
    """The name or version is taken."""

    code = RESOURCE_ALREADY_EXISTS


class LeaseLost(StudioError):
    """Somebody else has taken over what this process held; it must stop writing."""


class Unreachable(StudioError):
    """The MLflow server does not answer."""

    code = TEMPORARILY_UNAVAILABLE


class NotAllowed(StudioError):
    """The user may not do that."""

    code = PERMISSION_DENIED


class MissingExtra(StudioError):
    """An optional dependency is not installed."""

    code = NOT_IMPLEMENTED

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed. "
            f"Install it with: pip install 'mlflow-studio[{extra}]'"
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the nearest known word, or an empty string.

    Example:
        >>> did_you_mean("incme", ["age", "income"])
        " Did you mean 'income'?"
        >>> did_you_mean("zzz", ["age", "income"])
        ''
    """
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""
