"""The parts that job files of every type share: inputs, outputs, limits, resources."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)

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


class Part(BaseModel):
    """A mapping of the format: only the fields that are named here, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Input(Part):
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


class Output(Part):
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


class Limits(Part):
    """When to stop the job."""

    timeout: PositiveInt | None = None


class Resources(Part):
    """The machines asked for."""

    instance_type: str | None = None
    instance_count: PositiveInt = 1
    max_instance_count: PositiveInt | None = None
    shm_size: str | None = None
    docker_args: str | list[str] | None = None
    locations: list[str] | None = None
    properties: dict[str, Any] | None = None


class QueueSettings(Part):
    """Where in its queue the job stands."""

    priority: Literal["low", "medium", "high"] = "medium"
    job_tier: Literal["spot", "basic", "standard", "premium", "null"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_any_case(cls, given: Any) -> Any:
        """Take ``Spot`` for ``spot``, as Azure does."""
        if not isinstance(given, dict):
            return given
        return {key: one.lower() if isinstance(one, str) else one for key, one in given.items()}


class RetrySettings(Part):
    """Ours: whether a command that failed is tried again, and after which pauses (in seconds)."""

    max_retries: NonNegativeInt = 0
    backoff: NonNegativeFloat = 10.0
    max_backoff: NonNegativeFloat = 3600.0
