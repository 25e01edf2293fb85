"""A trial that is a component: its file is read, and the sweep's inputs are matched with it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints

from mlflow_plugins.core import InvalidInput, did_you_mean, is_reference
from mlflow_plugins.jobs._document import read_job_file
from mlflow_plugins.jobs._explain import validate
from mlflow_plugins.jobs._fields import AssetType, InputType, Output, Part, Resources, Text, Word
from mlflow_plugins.jobs.sweep._spec import SEARCH_SPACE

_FILE = "file:"


class ComponentInput(Part):
    """What a component says about one of its inputs."""

    type: InputType
    default: bool | int | float | str | None = None
    optional: bool = False
    description: str | None = None
    mode: str | None = None
    min: float | None = None
    max: float | None = None
    enum: list[Any] | None = None


class CommandComponent(Part):
    """A component file of type ``command``."""

    schema_: str | None = Field(default=None, alias="$schema", exclude=True)
    type: Literal["command"] = "command"
    name: str | None = None
    version: Text | None = None
    display_name: Text | None = None
    description: Text | None = None
    tags: dict[str, Text] = {}
    is_deterministic: bool = True
    inputs: dict[Word, ComponentInput] = {}
    outputs: dict[Word, Output] = {}
    command: Annotated[str, StringConstraints(min_length=1)]
    code: str | None = None
    environment: str | dict[str, Any] | None = None
    environment_variables: dict[str, Text] = {}
    distribution: dict[str, Any] | None = None
    resources: Resources | None = None


def with_inline_trial(document: Mapping[str, Any], base_folder: Path) -> dict[str, Any]:
    """Return a sweep's document with the trial written out, and its code as an absolute path.

    Raises:
        InvalidInput: The trial's file is missing or breaks a rule, or the sweep's inputs are not
            those of the component.
    """
    trial = document.get("trial")
    if isinstance(trial, Mapping):
        return {**document, "trial": _placed(trial, base_folder)}
    if not isinstance(trial, str):
        return dict(document)
    path = _component_path(trial, base_folder)
    try:
        component = validate(CommandComponent, read_job_file(path), what="command component")
    except InvalidInput as error:
        raise InvalidInput(f"Field 'trial' ({path}): {error.message}") from error
    return _merged(document, component, path.parent)


def _component_path(text: str, base_folder: Path) -> Path:
    if is_reference(text) or text.startswith("azureml://"):
        raise InvalidInput(
            f"Field 'trial' is {text!r}, a registered component. The sweep's trial is read from a "
            "file: give the path of the component's file, such as './train.yml'."
        )
    return base_folder / text.removeprefix(_FILE)


def _placed(trial: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    code = trial.get("code")
    is_path = isinstance(code, str) and not is_reference(code)
    return {**trial, "code": str((folder / code).resolve())} if is_path else dict(trial)  # type: ignore[operator]


def _merged(
    document: Mapping[str, Any], component: CommandComponent, folder: Path
) -> dict[str, Any]:
    drawn = set(document.get(SEARCH_SPACE) or {})
    given = dict(document.get("inputs") or {})
    for where, names in (("inputs", given), (SEARCH_SPACE, drawn)):
        for name in names:
            if name not in component.inputs:
                there = ", ".join(component.inputs) or "none"
                raise InvalidInput(
                    f"Field '{where}.{name}': the trial's component has no input {name!r}. "
                    f"It has: {there}.{did_you_mean(name, component.inputs)}"
                )
    inputs = {
        name: _input(name, one, given.get(name))
        for name, one in component.inputs.items()
        if name not in drawn
    }
    outputs = dict(document.get("outputs") or {})
    for name, one in component.outputs.items():
        outputs[name] = {**one.model_dump(exclude_none=True), **(outputs.get(name) or {})}
    fields = component.model_dump(
        include=set(_TRIAL_FIELDS), exclude_none=True, exclude_defaults=True
    )
    command = _INPUT.sub(
        lambda match: f"${{{{{SEARCH_SPACE}.{match[1]}}}}}" if match[1] in drawn else match[0],
        component.command,
    )
    return {
        **document,
        "inputs": inputs,
        "outputs": outputs,
        "trial": _placed({**fields, "command": command}, folder),
    }


_TRIAL_FIELDS = (*("code", "environment", "environment_variables", "distribution", "resources"),)
_INPUT = re.compile(r"\$\{\{\s*inputs\.([A-Za-z0-9_-]+)\s*\}\}")


def _input(name: str, own: ComponentInput, given: Any) -> Any:
    """Return an input of the sweep: as it is given there, or the component's default."""
    if isinstance(given, Mapping):
        return {"type": own.type, **given}
    if given is not None:
        is_path = own.type in get_args(AssetType)
        return {"type": own.type, "path": given} if is_path else given
    if own.default is not None:
        return own.default
    if own.optional:
        return {"type": own.type, "optional": True}
    raise InvalidInput(
        f"The trial's component needs the input {name!r}. Give it under 'inputs', or an expression "
        "for it under 'search_space'."
    )
