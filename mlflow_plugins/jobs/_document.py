"""Job files: YAML becomes a document of JSON types, or an error that names the line."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from mlflow_plugins.core import InvalidInput

SUFFIXES = (".yml", ".yaml")


class _Loader(yaml.SafeLoader):
    """YAML without its two surprises: keys given twice, and texts that turn into dates."""

    yaml_implicit_resolvers = {  # PyYAML reads it from the class
        first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that is given twice: YAML would keep the last one silently."""
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_job_file(path: Path) -> dict[str, Any]:
    """Read a job file.

    Raises:
        InvalidInput: There is no such file, it is not YAML, or it is not one mapping.
    """
    text = _read_text(path)
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError as error:
        raise InvalidInput(f"{_place(path, error)}: this is not YAML: {_reason(error)}.") from error
    if not isinstance(document, dict):
        raise InvalidInput(
            f"{path}: a job file is one YAML mapping (lines such as 'command: python train.py'); "
            f"this one holds {_what(document)}."
        )
    return document


def _read_text(path: Path) -> str:
    if path.is_dir():
        raise InvalidInput(
            f"{str(path)!r} is a folder. Give a job file: a {' or '.join(SUFFIXES)} file that "
            "describes the job. An MLproject is run with: mlflow run FOLDER -b studio"
        )
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInput(
            f"{str(path)!r} is not a job file. Its name must end in {' or '.join(SUFFIXES)}."
        )
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidInput(
            f"There is no file {str(path)!r} (looked for at {str(path.absolute())!r})."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: the file cannot be read: {error}.") from error


def _place(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{path}, line {mark.line + 1}" if mark else str(path)


def _reason(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).rstrip(".")


def _what(document: object) -> str:
    names = {type(None): "nothing", list: "a list", str: "a text"}
    return names.get(type(document), f"a {type(document).__name__}")
