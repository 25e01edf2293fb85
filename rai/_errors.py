"""The errors of this package.

RaiError (an MlflowException)
└── InputError (also a ValueError): the caller's data, names or settings cannot be used
"""

import difflib
from collections.abc import Iterable

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE


class RaiError(MlflowException):
    """Root of every error that this package raises on purpose."""


class InputError(RaiError, ValueError):
    """What the caller gave cannot be used; the message says what came, the rule and the remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error_code=INVALID_PARAMETER_VALUE)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like ``name``, or None if none is close."""
    folded = {str(candidate).casefold(): str(candidate) for candidate in known}
    matches = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a name that is not among the known ones."""
    names = [str(candidate) for candidate in known]
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    guess = nearest(name, names)
    remedy = f" Did you mean {guess!r}?" if guess else ""
    return InputError(f"No {kind} named {name!r}. There is: {shown or 'nothing'}.{remedy}")
