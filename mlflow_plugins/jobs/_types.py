"""Job types: whatever is not a command job becomes one.

Another package adds a type through the entry-point group ``mlflow_studio.job_types``: the name is
the document's ``type``, the value a function ``to_command_job(document) -> document`` that returns
a command job. One whose documents name other files has a second parameter, ``base_folder``: what
relative paths count from. The command job may have three keys more than others: ``files``, texts by
name, with expressions, that are written into the command's working directory; ``warnings``, what
the job asks for and will not get; and ``coordinator``, true for a command that mostly waits for
other jobs, its children (`_children`). A coordinator takes no slot of a compute, lest it keep its
children from theirs, and its code, inputs and expressions in files are theirs: they are stored with
its run, and neither fetched nor replaced for the coordinator itself.
"""

import inspect
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException

from mlflow_plugins.core import InvalidInput, did_you_mean

JOB_TYPES = "mlflow_studio.job_types"
COMMAND = "command"
FROM_TYPES = ("files", "warnings", "coordinator")


def job_type(document: Mapping[str, Any]) -> str:
    """Return the type of a document; ``command`` if it names none."""
    return str(document.get("type") or COMMAND)


def to_command_job(document: Mapping[str, Any], *, base_folder: Path) -> Mapping[str, Any]:
    """Return the command job that does what the document asks for.

    Args:
        document: A job of any type that is installed.
        base_folder: What relative paths in it count from.

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
        convert = points[kind].load()
        needs_folder = "base_folder" in inspect.signature(convert).parameters
        more = {"base_folder": base_folder} if needs_folder else {}
        command_job: Mapping[str, Any] = convert(dict(document), **more)
    except (MlflowException, ValueError, TypeError) as error:
        raise InvalidInput(getattr(error, "message", None) or str(error)) from error
    return command_job
