"""What somebody pastes becomes an environment's document: conda, pip or Azure ML's own file."""

import re
from pathlib import Path
from typing import Any

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.core.yaml_files import parse_yaml

_SOURCE = Path("The text")
_FIELD = re.compile(
    r"^(name|channels|dependencies|image|build|conda_file|python|requirements|\$schema)\s*:",
    flags=re.MULTILINE,
)


def read_environment(
    text: str, *, name: str = "", version: str = "", description: str = ""
) -> dict[str, Any]:
    """Return the document of the environment that a text describes.

    Args:
        text: A conda file, requirements in pip's language, or an environment file.
        name: Of the environment; what the text says if it is empty.
        version: The same.
        description: The same.

    Raises:
        InvalidInput: It is none of these.
    """
    if not text.strip():
        raise InvalidInput("There is no text. Paste a conda file, requirements, or choose a file.")
    document = _content(text)
    given = {"name": name, "version": version, "description": description}
    return document | {key: value.strip() for key, value in given.items() if value.strip()}


def _content(text: str) -> dict[str, Any]:
    if not _FIELD.search(text) and not text.lstrip().startswith("- "):
        return {"requirements": text.splitlines()}
    document = parse_yaml(text, _SOURCE)
    if isinstance(document, list):
        is_pip = all(isinstance(one, str) for one in document)
        return {"requirements": document} if is_pip else _conda({"dependencies": document})
    if not isinstance(document, dict):
        raise InvalidInput(
            "The text is neither a conda file, nor requirements, nor an environment file. A conda "
            "file has a list of 'dependencies'; requirements are lines such as numpy==2.1."
        )
    return _conda(document) if any(map(_is_of_conda, document)) else document


def _is_of_conda(field: Any) -> bool:
    """Tell whether a field is one that only conda files have, or nearly its name."""
    return field == "channels" or bool(did_you_mean(str(field), ["dependencies"]))


def _conda(document: dict[str, Any]) -> dict[str, Any]:
    name = document.get("name")
    return {"conda_file": document, **({"name": str(name)} if name else {})}
