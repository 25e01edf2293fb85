"""Job types: whatever is not a command job becomes one.

Another package adds a type through the entry-point group ``mlflow_studio.job_types``: the name is
the document's ``type``, the value a function ``to_command_job(document) -> document`` that returns
a command job. It may add three keys: ``files``, texts by name, with expressions, that are written
into the command's working directory; ``warnings``, what the job asks for and will not get; and
``coordinator``, true for a command that mostly waits for other jobs, which takes no slot of a
compute, lest it keep those jobs from theirs.
"""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from mlflow.exceptions import MlflowException

from mlflow_plugins.core import InvalidInput, did_you_mean

JOB_TYPES = "mlflow_studio.job_types"
COMMAND = "command"
FROM_TYPES = ("files", "warnings", "coordinator")


def job_type(document: Mapping[str, Any]) -> str:
    """Return the type of a document; ``command`` if it names none."""
    return str(document.get("type") or COMMAND)


def to_command_job(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the command job that does what the document asks for.

    Raises:
        InvalidInput: The type is not installed, or the type's package refuses the document.
    """
    kind = job_type(document)
    if kind == COMMAND:
        return document
    points = {point.name: point for point in entry_points(group=JOB_TYPES)}
    if kind not in points:
        installed = [COMMAND, *sorted(points)]
        raise InvalidInput(
            f"Field 'type' is {kind!r}, which is not a type of job that is installed. "
            f"There are: {', '.join(installed)}.{did_you_mean(kind, installed)}"
        )
    try:
        command_job: Mapping[str, Any] = points[kind].load()(dict(document))
    except (MlflowException, ValueError, TypeError) as error:
        raise InvalidInput(getattr(error, "message", None) or str(error)) from error
    return command_job
