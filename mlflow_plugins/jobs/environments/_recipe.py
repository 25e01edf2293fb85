"""A recipe: which Python and which packages, without any file, path or name around them.

Two files that mean the same give the same recipe, whatever the order of their keys and lines and
whatever their comments say; so its digest names an environment on any machine.
"""

import hashlib
import json
import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._fields import Part

_HASH = re.compile(r"\s--hash[ =](\S+)")
_PLAIN_VERSION = re.compile(r"=?\s*(\d+(?:\.\d+)*)(?:\.\*)?")


class CondaRecipe(Part):
    """What conda itself is told, where it is at hand.

    Attributes:
        channels: In the order of their priority.
        dependencies: Match specifications as the file has them.
        pip: What conda leaves to pip, in pip's language.
        unavailable: Those of them that no Python package index has, each with the reason.
    """

    channels: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    unavailable: dict[str, str] = {}


class Recipe(Part):
    """What an environment consists of.

    Attributes:
        python: Versions of Python that are right, such as ``==3.11.*``; empty if any is.
        requirements: Packages in pip's language.
        options: Package indexes that the requirements name, in the order of their priority.
        conda: The same in conda's language, if the file was conda's.
    """

    python: str = ""
    requirements: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    conda: CondaRecipe | None = None


def digest(*parts: object) -> str:
    """Return the SHA-256 of documents, in which the order of keys does not matter."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def canonical_requirement(text: str, *, where: str) -> str:
    """Write a requirement in the one way that stands for all that mean the same.

    Example:
        >>> canonical_requirement("Scikit_Learn >=1.5, <2", where="requirements")
        'scikit-learn<2,>=1.5'

    Raises:
        InvalidInput: It is not a requirement, or it names a file of one machine.
    """
    hashes = sorted(_HASH.findall(f" {text}"))
    try:
        requirement = Requirement(_HASH.sub("", f" {text}").strip())
    except InvalidRequirement as error:
        raise InvalidInput(
            f"{where}: {text!r} is not a requirement ({str(error).splitlines()[0]}). "
            "Write NAME, NAME==VERSION or NAME @ URL."
        ) from None
    if requirement.url is not None and requirement.url.startswith("file:"):
        raise InvalidInput(
            f"{where}: {text!r} is a file of one machine, and a job may run on another. Publish "
            "the package on an index, or put its code into the job's code folder."
        )
    requirement.name = canonicalize_name(requirement.name)
    return " ".join([str(requirement), *(f"--hash={one}" for one in hashes)])


def python_versions(text: str, *, where: str) -> str:
    """Read which versions of Python are meant: ``3.11`` stands for every 3.11.

    Example:
        >>> python_versions("3.11", where="python")
        '==3.11.*'
        >>> python_versions(">=3.9,<3.12", where="python")
        '<3.12,>=3.9'

    Raises:
        InvalidInput: It is neither a version nor a set of versions.
    """
    plain = _PLAIN_VERSION.fullmatch(text.strip())
    if plain:
        return f"=={plain[1]}.*"
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        raise InvalidInput(
            f"{where}: {text!r} is not a version of Python. Write 3.11, or >=3.9,<3.12."
        ) from None
