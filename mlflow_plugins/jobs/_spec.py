"""The command job of Azure ML's CLI v2, typed: what a job file may say.

Every field of the format is known here. Those that one machine cannot grant (an Azure VM size, a
Docker image) are read and reported by `not_applied`; a field that is not of the format is an error
that names the nearest one that is.
"""

import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.jobs import _bindings
from mlflow_plugins.jobs._types import FROM_TYPES
from mlflow_plugins.jobs.backends._base import find_backend

Scalar = bool | int | float | str


def _as_text(value: Any) -> Any:
    """Read what YAML takes for a number or truth value as the text that was meant."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$")]
AssetType = Literal[
    "uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"
]
LiteralType = Literal["string", "number", "integer", "boolean"]
InputType = Literal[AssetType, LiteralType]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Input(_Part):
    """A literal value, or data at a path."""

    type: InputType | None = None
    path: str | None = None
    mode: str | None = None
    value: StrictBool | StrictInt | StrictFloat | StrictStr | None = None
    optional: bool = False
    description: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_literal(cls, given: Any) -> Any:
        return {"value": given} if isinstance(given, Scalar) else given

    @model_validator(mode="after")
    def _check_one_meaning(self) -> Self:
        if self.path is not None and self.value is not None:
            raise ValueError("has both a path and a value; give one of them")
        if self.path is None and self.value is None and not self.optional:
            raise ValueError("has neither a path nor a value; give one, or write 'optional: true'")
        return self


class Output(_Part):
    """A folder or file that the command writes and that is kept."""

    type: AssetType = "uri_folder"
    path: str | None = None
    mode: str | None = None
    name: str | None = None
    version: Text | None = None
    description: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_nothing(cls, given: Any) -> Any:
        return {} if given is None else given


class Limits(_Part):
    """When to stop the job."""

    timeout: PositiveInt | None = None


class Resources(_Part):
    """The machines asked for."""

    instance_type: str | None = None
    instance_count: PositiveInt = 1
    max_instance_count: PositiveInt | None = None
    shm_size: str | None = None
    docker_args: str | list[str] | None = None
    locations: list[str] | None = None
    properties: dict[str, Any] | None = None


class CommandJob(_Part):
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
    queue_settings: dict[str, Any] | None = None
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
    try:
        job = CommandJob.model_validate(document)
    except ValidationError as error:
        messages = {_field(one): _explain(one) for one in reversed(error.errors())}
        raise InvalidInput("\n".join(reversed(messages.values()))) from None
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


def not_applied(job: CommandJob) -> list[str]:
    """List what the job asks for and one machine without Docker does not give."""
    asked = {
        "environment": (
            job.environment,
            f"environment {_short(job.environment)} (the agent's own Python runs the command)",
        ),
        "compute": (
            find_backend(job.compute) is None,
            f"compute {job.compute!r} (it runs on local)",
        ),
        "distribution": (job.distribution, f"distribution {_short(job.distribution)}"),
        "services": (job.services, f"services {_short(job.services)}"),
        "queue_settings": (job.queue_settings, f"queue_settings {_short(job.queue_settings)}"),
        "identity": (job.identity, f"identity {_short(job.identity)}"),
    }
    missing = [*job.warnings, *(words for is_asked, words in asked.values() if is_asked)]
    for field, value in job.resources.model_dump(exclude_defaults=True).items():
        missing.append(f"resources.{field} {_short(value)}")
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


# ---------------------------------------------------------------- messages


# Pydantic adds to the place of an error which of several types it tried.
_TRIED = re.compile(r"str|int|float|bool|(dict|list|literal|function-.*)\[.*|\[key\]")


def _field(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"] if not _TRIED.fullmatch(str(part)))


def _explain(error: Any) -> str:
    place = [str(part) for part in error["loc"]]
    field = _field(error)
    if error["type"] == "missing":
        return f"Field {field!r} is missing. A command job needs it."
    if error["type"] == "extra_forbidden":
        known = [one for one in _fields_at(place[:-1]) if one not in FROM_TYPES]
        where = f" of {'.'.join(place[:-1])!r}" if len(place) > 1 else " of a command job"
        return (
            f"Field {field!r} is unknown. The fields{where} are: {', '.join(known)}."
            f"{did_you_mean(place[-1], known)}"
        )
    got = error["input"]
    shown = f" (got {_short(got)})" if isinstance(got, Scalar) or got is None else ""
    message = error["msg"].removeprefix("Value error, ")
    return f"Field {field!r}: {message}{shown}."


def _fields_at(place: list[str]) -> list[str]:
    """Return the names of the fields that the format has at a place."""
    annotation: Any = CommandJob
    for part in place:
        fields = annotation.model_fields
        if part in fields:
            annotation = _model_in(fields[part].annotation)
    return [field.alias or name for name, field in annotation.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    """Return the model within an annotation such as ``dict[str, Model]``."""
    if get_origin(annotation) in (dict, Union, UnionType):
        candidates = [_model_in(one) for one in get_args(annotation)]
        return next(one for one in candidates if isinstance(one, type) and issubclass(one, _Part))
    return annotation


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
