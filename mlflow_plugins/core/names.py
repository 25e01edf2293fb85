"""Names of assets, and how one refers to an asset: ``azureml:NAME:VERSION`` or ``NAME@LABEL``."""

import re
from dataclasses import dataclass

from mlflow_plugins.core.errors import InvalidInput

LATEST = "latest"

_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_NAME = re.compile(rf"{_WORD}(?:/{_WORD})?")
_SELECTOR = r"[A-Za-z0-9][A-Za-z0-9._-]{0,29}"
_VERSION = re.compile(_SELECTOR)
_REFERENCE = re.compile(
    rf"(?:azureml:)?(?P<name>{_WORD}(?:/{_WORD})?)"
    rf"(?::(?P<version>{_SELECTOR})|@(?P<label>{_SELECTOR}))?"
)


@dataclass(frozen=True, slots=True)
class AssetReference:
    """One asset by name and, at choice, by version or by label; neither means the latest."""

    name: str
    version: str | None = None
    label: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name}:{self.version}"
        return f"{self.name}@{self.label or LATEST}"


def check_name(name: str, *, what: str = "name") -> str:
    """Return `name` if assets may carry it.

    Raises:
        InvalidInput: It is empty, too long, or has characters that are not allowed.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be used as {what}. It must start with a letter or digit and have at "
            "most 128 letters, digits, dots, dashes and underscores."
        )
    return name


def check_version(version: str) -> str:
    """Return `version` if an asset may carry it.

    Raises:
        InvalidInput: It is empty, too long, is the reserved word ``latest``, or has characters
            that are not allowed.
    """
    if not _VERSION.fullmatch(version) or version == LATEST:
        raise InvalidInput(
            f"{version!r} cannot be used as a version. It must have 1 to 30 letters, digits, dots, "
            f"dashes and underscores, and {LATEST!r} is reserved."
        )
    return version


def is_reference(text: str) -> bool:
    """Tell whether `text` is meant as an asset reference (``azureml:...``), not as a path.

    Azure's ``azureml://`` URIs are addresses, not references.
    """
    return text.startswith("azureml:") and not text.startswith("azureml://")


def parse_reference(text: str) -> AssetReference:
    """Read ``azureml:NAME:VERSION``, ``azureml:NAME@LABEL``, ``NAME:VERSION`` or ``NAME``.

    Example:
        >>> str(parse_reference("azureml:adult:2"))
        'adult:2'
        >>> parse_reference("adult@latest").label
        'latest'

    Raises:
        InvalidInput: The text has another form.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise InvalidInput(
            f"{text!r} is not a reference to an asset. "
            "Write azureml:NAME:VERSION, azureml:NAME@latest or azureml:NAME."
        )
    return AssetReference(**match.groupdict())
