"""A job that is being written: what a form or a text says becomes a job's document, and back."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.core.yaml_files import parse_yaml

ADDRESSES = ("azureml:", "runs:/", "models:/", "http://", "https://", "s3://", "gs://", "wasbs://")


def form_document(
    *,
    command: str | None,
    name: str | None = None,
    data: Sequence[str] = (),
    inputs: str | None = None,
    environment: str | None = None,
    compute: str | None = None,
    experiment: str | None = None,
    types: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the command job that a form describes.

    Args:
        command: What to run.
        name: Of the run.
        data: Data assets as ``NAME:VERSION``; each is an input of its name.
        inputs: Further inputs, one a line, as YAML has them.
        environment: A reference; the workspace's environment if there is none.
        compute: Name of a compute.
        experiment: Name of the experiment.
        types: Types of the data assets; ``uri_file`` for those that it does not know.

    Raises:
        InvalidInput: The command is missing, or a line is not an input.
    """
    if not (command or "").strip():
        raise InvalidInput("Field 'command' is missing. Say what to run, such as: python train.py")
    given = {one: _data_input(one, types or {}) for one in data}
    named = {input_name(one): value for one, value in given.items()} | _read_inputs(inputs or "")
    optional = {
        "inputs": named,
        "environment": environment,
        "compute": f"azureml:{compute}" if compute else None,
        "display_name": (name or "").strip(),
        "experiment_name": (experiment or "").strip(),
    }
    return {
        "type": "command",
        "command": (command or "").strip(),
        **{key: value for key, value in optional.items() if value},
    }


def input_name(reference: str) -> str:
    """Return what the input of a data asset is called in a command.

    Example:
        >>> input_name("us census-2024:3")
        'us_census_2024'
        >>> input_name("2024:1")
        'data_2024'
    """
    name = re.sub(r"\W", "_", reference.rpartition(":")[0])
    return name if re.match(r"[A-Za-z_]", name) else f"data_{name}"


def _data_input(reference: str, types: Mapping[str, str]) -> dict[str, str]:
    kind = types.get(reference.rpartition(":")[0], "uri_file")
    return {"type": kind, "path": f"azureml:{reference}"}


def _read_inputs(text: str) -> dict[str, Any]:
    document = parse_yaml(text, Path("Inputs"))
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InvalidInput("Inputs: write one a line, such as 'rate: 0.1'.")
    return {name: _read_input(name, value) for name, value in document.items()}


def _read_input(name: str, value: Any) -> Any:
    if value is None:
        raise InvalidInput(f"Inputs: {name!r} has no value. Write '{name}: VALUE'.")
    if isinstance(value, str) and value.startswith(ADDRESSES):
        return {"type": "uri_file", "path": value}
    return value


def read_text(text: str | None) -> dict[str, Any]:
    """Return the document in a text.

    Raises:
        InvalidInput: There is none.
    """
    document = parse_yaml(text or "", Path("The job file"))
    if not isinstance(document, dict):
        raise InvalidInput(
            "The job file holds no fields. Paste a job of Azure ML's CLI v2: lines such as "
            "'command: python train.py'."
        )
    return document


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, so that they can be read and changed."""


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _as_block)


def to_text(document: Mapping[str, Any]) -> str:
    r"""Write a document as people would.

    Example:
        >>> print(to_text({"command": "a\nb", "inputs": {"rate": 0.1}}), end="")
        command: |-
          a
          b
        inputs:
          rate: 0.1
    """
    text: str = yaml.dump(
        dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )
    return text
