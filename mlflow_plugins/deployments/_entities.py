"""What a deployment is, as everybody but the scoring server sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

DEPLOYMENT = "deployment"


class DeploymentStatus(StrEnum):
    """Where the newest generation of a deployment stands.

    Attributes:
        CREATING: Waits for an agent, or its server loads the model.
        RUNNING: Its server answers.
        FAILED: Its server could not be started; the error says why.
        STOPPED: Its agent was ended in an orderly way; the next agent starts it again.
        UNREACHABLE: It was running, but its server has given no sign of life for a while.
        DELETING: It was deleted; its server ends.
    """

    CREATING = "Creating"
    RUNNING = "Running"
    FAILED = "Failed"
    STOPPED = "Stopped"
    UNREACHABLE = "Unreachable"
    DELETING = "Deleting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment as it stood when it was read.

    Attributes:
        name: Unique among deployments.
        endpoint: The endpoint that it belongs to; its own name unless given.
        model_uri: What it serves; never an alias, so it says exactly which model.
        flavor: The MLflow flavor that is served.
        status: Where its newest generation stands.
        url: Base address of the scoring server (``/invocations`` is below it), once it is known.
        error: Why it failed or was restarted last; empty if all is well.
        version: Its generation: 1, 2, ... with each update.
        created_at: When this generation was created, in seconds since the epoch.
        created_by: Who created this generation.
        config: The options that were given with ``-C``; values of ``env.`` options are not shown.
        record_id: The record that keeps it.
    """

    name: str
    endpoint: str
    model_uri: str
    flavor: str
    status: DeploymentStatus
    url: str | None
    error: str
    version: str
    created_at: float
    created_by: str
    config: Mapping[str, str]
    record_id: str
