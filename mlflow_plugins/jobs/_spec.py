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
    MODEL_TYPES,
    Distribution,
    Identity,
    Input,
    Limits,
    LiteralType,
    NotificationSetting,
    Output,
    Part,
    QueueSettings,
    RayDistribution,
    Resources,
    RetrySettings,
    Scalar,
    Service,
    Text,
    Word,
)
from mlflow_plugins.jobs._needs import NEEDS, needs_of
from mlflow_plugins.jobs.backends._base import LOCAL, load_backend
from mlflow_plugins.jobs.compute import azure_size
from mlflow_plugins.jobs.environments._fields import Environment


class CommandJob(Part):
    """One job file of type ``command``."""

    schema_: str | None = Field(default=None, alias="$schema", exclude=True)
    type: Literal["command"] = "command"
    command: Annotated[str, StringConstraints(min_length=1)]
    code: str | None = None
    inputs: dict[Word, Input] = {}
    outputs: dict[Word, Output] = {}
    environment: Environment | None = None
    environment_variables: dict[str, Text] = {}
    compute: str | None = None
    resources: Resources = Resources()
    limits: Limits = Limits()
    distribution: Distribution | None = None
    queue_settings: QueueSettings = QueueSettings()
    retry_settings: RetrySettings = RetrySettings()
    services: dict[str, Service] = {}
    identity: Identity | None = None
    notification_setting: NotificationSetting | None = None
    parent_job_name: Text | None = None
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


def parse_command_job(
    document: Mapping[str, Any], *, more_names: Mapping[str, object] | None = None
) -> CommandJob:
    """Check a document and return the job that it describes.

    Args:
        document: A command job.
        more_names: What its expressions may name beside its inputs and outputs.

    Raises:
        InvalidInput: Fields are unknown, missing or wrong (all are listed), or the command uses an
            input or output that is not defined.
    """
    job = validate(CommandJob, document, what="command job")
    values = {**binding_names(job), **(more_names or {})}
    _bindings.check(job.command, values, where="command")
    for name, text in job.files.items() if not job.coordinator else ():
        _bindings.check(text, values, where=f"files.{name}")
    return job


def binding_names(job: CommandJob) -> dict[str, object]:
    """Return what expressions may name, with None for inputs that have no value."""
    inputs: dict[str, object] = {
        f"inputs.{name}": one.path if one.value is None else one.value
        for name, one in job.inputs.items()
    }
    return inputs | {f"outputs.{name}": name for name in job.outputs}


def not_applied(job: CommandJob, *, has_compute: bool = True, backend: str = LOCAL) -> list[str]:
    """List what the job asks for and one machine without Docker does not give.

    Args:
        job: The job.
        has_compute: Whether there is a compute of the name that it gives.
        backend: The job backend of its compute.
    """
    asked = {
        "compute": (
            not has_compute,
            f"compute {job.compute!r} (it runs on local)",
        ),
        "distribution": (
            isinstance(job.distribution, RayDistribution),
            "distribution 'ray' (the command runs as one process)",
        ),
        "job_tier": (
            job.queue_settings.job_tier in ("spot", "premium"),
            f"queue_settings.job_tier {job.queue_settings.job_tier!r}",
        ),
        "services": (
            job.services,
            f"services {', '.join(one.type for one in job.services.values())} (none is started)",
        ),
        "identity": (
            job.identity,
            f"identity {job.identity and job.identity.type!r} (the command has the agent's)",
        ),
        "notification_setting": (
            job.notification_setting,
            "notification_setting (nobody is written to)",
        ),
    }
    missing = [*job.warnings, *(words for is_asked, words in asked.values() if is_asked)]
    for field, value in _resources_not_applied(job, backend).items():
        if field == "instance_count":
            missing.append(f"resources.instance_count {value} (one process with {value} shares)")
        elif field != "instance_type" or azure_size(value) is None:
            missing.append(f"resources.{field} {short(value)}")
    for name, one in job.inputs.items():
        missing += [f"inputs.{name}.{words}" for words in _input_not_applied(one)]
    for name, out in job.outputs.items():
        if out.version is not None and out.type in MODEL_TYPES:
            missing.append(f"outputs.{name}.version {out.version!r} (MLflow numbers models itself)")
    return missing


def _resources_not_applied(job: CommandJob, backend: str) -> dict[str, Any]:
    """Return what the job asks of machines and will not get from its compute."""
    asked = job.resources.model_dump(exclude_defaults=True)
    if load_backend(backend).remote_python is not None:
        needs_of(job.resources)
        others = {
            key: value for key, value in asked.pop("properties", {}).items() if key not in NEEDS
        }
        asked |= {"properties": others} if others else {}
    return asked


def _input_not_applied(given: Input) -> list[str]:
    words = {
        "mode 'rw_mount' (the input is a copy)": given.mode == "rw_mount",
        f"path_on_compute {given.path_on_compute!r} (it lies in the job's own folder)": (
            given.path_on_compute
        ),
    }
    return [text for text, is_asked in words.items() if is_asked]


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
