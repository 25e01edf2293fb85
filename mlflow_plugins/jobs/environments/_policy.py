"""How closely an environment must be what its file says."""

from collections.abc import Mapping
from enum import StrEnum

from mlflow_plugins.core import InvalidInput, did_you_mean

POLICY_VARIABLE = "MLFLOW_STUDIO_ENVIRONMENT"


class Policy(StrEnum):
    """What happens with an environment that a machine cannot give as its file says."""

    EXACT = "exact"  # it is refused
    COMPATIBLE = "compatible"  # the nearest one is made, and the difference noted
    WORKSPACE = "workspace"  # none is made at all: the agent's own Python runs the command


def read_policy(variables: Mapping[str, str]) -> Policy | None:
    """Return the policy that variables choose, if they choose one.

    Raises:
        InvalidInput: There is no such policy.
    """
    text = variables.get(POLICY_VARIABLE)
    if text is None:
        return None
    try:
        return Policy(text)
    except ValueError:
        known = [str(one) for one in Policy]
        raise InvalidInput(
            f"The environment variable {POLICY_VARIABLE} is {text!r}. It must be one of: "
            f"{', '.join(known)}.{did_you_mean(text, known)}"
        ) from None
