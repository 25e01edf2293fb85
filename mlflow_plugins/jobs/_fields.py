"""The parts that job files of every type share: inputs, outputs, limits, resources.

Words are read as Azure's own tools read them: whatever their case, with ``-`` for ``_``.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
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


def _as_word(value: Any) -> Any:
    return value.lower().replace("-", "_") if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$")]
AssetType = Literal[
    "uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"
]
LiteralType = Literal["string", "number", "integer", "boolean"]
InputType = Literal[AssetType, LiteralType]
InputMode = Annotated[
    Literal["ro_mount", "rw_mount", "download", "direct", "eval_mount", "eval_download"],
    BeforeValidator(_as_word),
]
OutputMode = Annotated[Literal["rw_mount", "upload", "direct"], BeforeValidator(_as_word)]

DIRECT = "direct"
MODEL_TYPES = ("mlflow_model", "custom_model", "triton_model")
FOLDER_TYPES = ("uri_folder", "mltable", "mlflow_model", "triton_model")


class Part(BaseModel):
    """A mapping of the format: only the fields that are named here, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Input(Part):
    """A literal value, or data at a path."""

    type: InputType | None = None
    path: str | None = None
    datastore: str | None = None
    path_on_compute: str | None = None
    mode: InputMode | None = None
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
        if self.datastore is not None and (self.path is None or "://" in self.path):
            raise ValueError("has a datastore, so its path must be one within it")
        return self

    @property
    def address(self) -> str | None:
        """The path, as an address of its own if it counts from a datastore."""
        if self.datastore is None or self.path is None:
            return self.path
        name = self.datastore.removeprefix("azureml:")
        return f"azureml://datastores/{name}/paths/{self.path.lstrip('/')}"


class Output(Part):
    """A folder or file that the command writes and that is kept."""

    type: AssetType = "uri_folder"
    path: str | None = None
    mode: OutputMode | None = None
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


# ---------------------------------------------------------------- how it runs, and for whom


class PyTorchDistribution(Part):
    """Processes that find one another as ``torch.distributed`` does."""

    type: Literal["pytorch"]
    process_count_per_instance: PositiveInt = 1


class MpiDistribution(Part):
    """Processes of ``mpirun``."""

    type: Literal["mpi"]
    process_count_per_instance: PositiveInt = 1


class TensorFlowDistribution(Part):
    """Processes that find one another by ``TF_CONFIG``."""

    type: Literal["tensorflow"]
    worker_count: PositiveInt = 1
    parameter_server_count: NonNegativeInt = 0


class RayDistribution(Part):
    """A Ray cluster for the command."""

    type: Literal["ray"]
    port: PositiveInt | None = None
    address: str | None = None
    include_dashboard: bool | None = None
    dashboard_port: PositiveInt | None = None
    head_node_additional_args: str | None = None
    worker_node_additional_args: str | None = None


def _with_lower_type(given: Any) -> Any:
    if isinstance(given, Mapping) and isinstance(given.get("type"), str):
        return {**given, "type": _as_word(given["type"])}
    return given


Distribution = Annotated[
    Annotated[
        PyTorchDistribution | MpiDistribution | TensorFlowDistribution | RayDistribution,
        Field(discriminator="type"),
    ],
    BeforeValidator(_with_lower_type),
]


class Service(Part):
    """An application beside the command, such as JupyterLab."""

    type: Annotated[
        Literal["ssh", "tensor_board", "vs_code", "jupyter_lab", "custom"],
        BeforeValidator(_as_word),
    ]
    nodes: str | None = None
    port: PositiveInt | None = None
    properties: dict[str, Any] = {}
    ssh_public_keys: str | None = None
    log_dir: str | None = None


class QueueSettings(Part):
    """What a job is worth while it waits."""

    job_tier: (
        Annotated[
            Literal["spot", "basic", "standard", "premium", "null"], BeforeValidator(_as_word)
        ]
        | None
    ) = None
    priority: Annotated[Literal["low", "medium", "high"], BeforeValidator(_as_word)] = "medium"


class Identity(Part):
    """In whose name the command reaches other services."""

    type: Annotated[
        Literal["user_identity", "managed_identity", "managed", "aml_token"],
        BeforeValidator(_as_word),
    ]
    client_id: str | None = None
    object_id: str | None = None
    msi_resource_id: str | None = None


class NotificationSetting(Part):
    """Who is written to when the job has ended."""

    email_on: list[Text] = []
    emails: list[str] = []


class RetrySettings(Part):
    """Ours: whether a command that failed is tried again, and after which pauses (in seconds)."""

    max_retries: NonNegativeInt = 0
    backoff: NonNegativeFloat = 10.0
    max_backoff: NonNegativeFloat = 3600.0
