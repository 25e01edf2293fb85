"""The command job of Azure ML's CLI v2, typed: what a job file may say.

Every field of the format is known here. Those that one machine cannot grant (an Azure VM size, a
Docker image) are read and reported by `not_applied`; a field that is not of the format is an error
that names the nearest one that is.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints, model_validator

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.jobs import _bindings
from mlflow_plugins.jobs._explain import short, validate
from mlflow_plugins.jobs._fields import (
    Input,
    Limits,
    LiteralType,
    Output,
    Part,
    QueueSettings,
    Resources,
    RetrySettings,
    Scalar,
    Text,
    Word,
)
from mlflow_plugins.jobs.compute import azure_size


class CommandJob(Part):
    """One job file of type ``command``."""

    schema_: str | None = Field(default=None, alias="$schema", exclude=True)
    type: Literal["command"] = "command"
    command: Annotated[str, StringConstraints(min_length=1)]
    code: str | None = None
    inputs: dict[Word, Input] = {}
    outputs: dict[Word, Output] = {}
    environment: str | dict[str, Any] | None = None
    environment_variables: dict[str, Text] = {}
    compute: str | None = None
    resources: Resources = Resources()
    limits: Limits = Limits()
    distribution: dict[str, Any] | None = None
    queue_settings: QueueSettings = QueueSettings()
    retry_settings: RetrySettings = RetrySettings()
    services: dict[str, Any] | None = None
    identity: dict[str, Any] | None = None
    name: Text | None = None
    display_name: Text | None = None
    experiment_name: Text | None = None
    description: Text | None = None
    tags: dict[str, Text] = {}
    properties: dict[str, Text] = {}
    files: dict[str, str] = {}
    warnings: list[str] = []
    coordinator: bool = False

    @model_validator(mode="before")
    @classmethod
    def _drop_nothing(cls, given: Any) -> Any:
        """Take ``code:`` without a value for a field that was left out, as YAML users do."""
        if not isinstance(given, Mapping):
            return given
        return {key: value for key, value in given.items() if value is not None}


def parse_command_job(document: Mapping[str, Any]) -> CommandJob:
    """Check a document and return the job that it describes.

    Raises:
        InvalidInput: Fields are unknown, missing or wrong (all are listed), or the command uses an
            input or output that is not defined.
    """
    job = validate(CommandJob, document, what="command job")
    values = binding_names(job)
    _bindings.check(job.command, values, where="command")
    for name, text in job.files.items():
        _bindings.check(text, values, where=f"files.{name}")
    return job


def binding_names(job: CommandJob) -> dict[str, object]:
    """Return what expressions may name, with None for inputs that have no value."""
    inputs: dict[str, object] = {
        f"inputs.{name}": one.path if one.value is None else one.value
        for name, one in job.inputs.items()
    }
    return inputs | {f"outputs.{name}": name for name in job.outputs}


def not_applied(job: CommandJob, *, has_compute: bool = True) -> list[str]:
    """List what the job asks for and one machine without Docker does not give.

    Args:
        job: The job.
        has_compute: Whether there is a compute of the name that it gives.
    """
    asked = {
        "environment": (
            job.environment,
            f"environment {short(job.environment)} (the agent's own Python runs the command)",
        ),
        "compute": (
            not has_compute,
            f"compute {job.compute!r} (it runs on local)",
        ),
        "distribution": (job.distribution, f"distribution {short(job.distribution)}"),
        "services": (job.services, f"services {short(job.services)}"),
        "job_tier": (
            job.queue_settings.job_tier in ("spot", "premium"),
            f"queue_settings.job_tier {job.queue_settings.job_tier!r}",
        ),
        "identity": (job.identity, f"identity {short(job.identity)}"),
    }
    missing = [*job.warnings, *(words for is_asked, words in asked.values() if is_asked)]
    for field, value in job.resources.model_dump(exclude_defaults=True).items():
        if field == "instance_count":
            missing.append(f"resources.instance_count {value} (one process with {value} shares)")
        elif field != "instance_type" or azure_size(value) is None:
            missing.append(f"resources.{field} {short(value)}")
    for name, one in job.inputs.items():
        if one.mode == "rw_mount":
            missing.append(f"inputs.{name}.mode 'rw_mount' (the input is a copy)")
    for name, out in job.outputs.items():
        if out.path is not None:
            missing.append(f"outputs.{name}.path {out.path!r} (it is kept with the run)")
        if out.name is not None and out.type not in ("uri_file", "uri_folder"):
            missing.append(f"outputs.{name}.name {out.name!r} (only files and folders become data)")
    return missing


def override_inputs(
    document: Mapping[str, Any], inputs: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the document with other values for some inputs.

    A text (all that a command line can give) is read as the kind of value that the document has:
    a number, a truth value, a text or a path.

    Raises:
        InvalidInput: There is no such input, or the text is not of its kind.
    """
    known = document.get("inputs") or {}
    changed = dict(known)
    for name, value in (inputs or {}).items():
        if name not in known:
            there = ", ".join(known) or "none"
            raise InvalidInput(
                f"The job has no input {name!r}. It has: {there}.{did_you_mean(name, known)}"
            )
        changed[name] = _override(name, known[name], value)
    return {**document, "inputs": changed} if inputs else dict(document)


def _override(name: str, given: Any, value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(given, Mapping):
        kind = given.get("type")
        if kind in get_args(LiteralType):
            return {**given, "value": _typed(name, value, str(kind))}
        if given.get("value") is not None:
            return {**given, "value": _override(name, given["value"], value)}
        return {**given, "path": str(value)}
    kinds = {bool: "boolean", int: "number", float: "number"}
    return _typed(name, value, kinds.get(type(given), "string"))


def _typed(name: str, value: Any, kind: str) -> Scalar:
    if not isinstance(value, str):
        return value if kind != "string" else str(value)
    readers = {
        "integer": int,
        "number": lambda text: int(text) if text.lstrip("+-").isdigit() else float(text),
        "boolean": lambda text: {"true": True, "false": False}[text.lower()],
        "string": str,
    }
    try:
        return readers[kind](value)  # type: ignore[no-any-return, operator]
    except (ValueError, KeyError):
        rule = {"boolean": "true or false", "integer": "an integer"}.get(kind, f"a {kind}")
        raise InvalidInput(
            f"The input {name!r} is {rule} in this job; {value!r} is not. Give such a value."
        ) from None
