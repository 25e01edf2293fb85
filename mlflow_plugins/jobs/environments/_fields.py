"""What a file may say about an environment: Azure ML's fields, and ``python`` and ``requirements``.

The same mapping is an environment file of its own (``mlflow-studio apply``), the field
``environment`` of a job, and the document of an environment asset.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mlflow_plugins.jobs._fields import Part, Text

_WHAT_IT_IS = ("image", "build", "conda_file", "python", "requirements")


def _as_python(given: Any) -> Any:
    """Read what YAML takes for a number; only of 3.10 it does not say what was meant."""
    if given == 3.1:
        raise ValueError("YAML reads 3.10 as the number 3.1; write it in quotes: '3.10'")
    return str(given) if isinstance(given, int | float) else given


class Build(Part):
    """A Docker build context."""

    path: str
    dockerfile_path: str = "Dockerfile"


class Environment(Part):
    """A reference to an environment, or what it consists of.

    A text is read as ``{"reference": text}``.
    """

    schema_: str | None = Field(default=None, alias="$schema", exclude=True)
    reference: str | None = None
    name: Text | None = None
    version: Text | None = None
    description: Text | None = None
    tags: dict[str, Text] = {}
    image: str | None = None
    build: Build | None = None
    conda_file: str | dict[str, Any] | None = None
    python: Annotated[str | None, BeforeValidator(_as_python)] = None
    requirements: str | list[str] | None = None
    os_type: Literal["linux", "Linux", "windows", "Windows"] | None = None
    inference_config: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_reference(cls, given: Any) -> Any:
        return {"reference": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _check_one_meaning(self) -> Self:
        parts = [one for one in _WHAT_IT_IS if getattr(self, one) is not None]
        if self.reference is not None and parts:
            raise ValueError(f"has both a reference and {parts[0]}; give one of them")
        if self.reference is None and not parts:
            raise ValueError(f"says nothing to use; give one of: {', '.join(_WHAT_IT_IS)}")
        if self.image is not None and self.build is not None:
            raise ValueError("has both an image and a build; give one of them")
        if self.conda_file is not None and (self.python or self.requirements is not None):
            raise ValueError("has a conda_file beside python or requirements; put them into it")
        return self
