"""Conda files in pip's language.

Most packages of a conda file are Python packages that a package index has under the same name.
Those that it has under another name are in a table; those that are no Python packages (R, CUDA,
compilers) are found by their names, because an index may well have something else that is called
the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.jobs.environments._recipe import python_versions

RENAMED = {
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python",
    "py-lightgbm": "lightgbm",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pytables": "tables",
    "python-duckdb": "duckdb",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "ruamel-yaml": "ruamel-yaml",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
}
NO_PYTHON_PACKAGE = re.compile(
    r"r|r-.*|_.*|lib(?!cst$|rosa$|sass$|tmux$|clang$).*|.*_(linux|osx|win)-.*|bioconductor-.*|"
    r"bioconda-.*|perl|perl-.*|cuda|cuda-.*|cudatoolkit.*|cudnn|nccl|cutensor|pytorch-cuda|"
    r"cpuonly|pytorch-mutex|magma.*|blas|openblas|nomkl|gcc|gxx|gfortran|clang|clangxx|llvm|"
    r"compilers|c-compiler|cxx-compiler|fortran-compiler|binutils|make|openmpi|mpich|openjdk|"
    r"nodejs|openssl|ca-certificates|ncurses|readline|sqlite|tk|xz|zlib|zstd|bzip2|git|git-lfs|"
    r"curl|wget|ffmpeg|graphviz|imagemagick|poppler|tesseract|gdal-bin|postgresql|mysql|unixodbc|"
    r"conda|mamba|micromamba|boost|boost-cpp|eigen|hdf5|proj|geos|swig|bash|tar|unzip|vim"
)

_SPEC = re.compile(
    r"(?:[\w./:-]+::)?(?P<name>_?[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?P<rest>.*)",
    flags=re.DOTALL | re.ASCII,
)
_BRACKET = re.compile(r"\[(.*)\]\s*$")
_FIELDS = ("name", "channels", "dependencies", "prefix", "variables")


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaFile:
    """A conda file, read.

    Attributes:
        channels: Its channels.
        python: Versions of Python in PEP 440's language; empty if it does not say.
        requirements: Packages in pip's language, as written there or translated.
        dependencies: Conda's own match specifications.
        pip: What the file leaves to pip, as written there.
        unavailable: Those of them that pip cannot give, each with the reason.
    """

    channels: tuple[str, ...]
    python: str
    requirements: tuple[str, ...]
    dependencies: tuple[str, ...]
    pip: tuple[str, ...]
    unavailable: Mapping[str, str]


def read_conda(document: Mapping[str, Any], *, where: str = "conda_file") -> CondaFile:
    """Read a conda file.

    Args:
        document: The file's content.
        where: What it is, for messages.

    Raises:
        InvalidInput: A field is unknown or a dependency is not one.
    """
    for field in document:
        if field not in _FIELDS:
            raise InvalidInput(
                f"{where}: field {field!r} is unknown. The fields of a conda file are: "
                f"{', '.join(_FIELDS)}.{did_you_mean(str(field), _FIELDS)}"
            )
    specs, requirements = _dependencies(document.get("dependencies"), where)
    python, translated, unavailable = "", [], {}
    for spec in specs:
        name, versions, reason = _translate(spec, where)
        if name == "python":
            # "==3.9" is the release 3.9.0 to conda; whoever writes it means any 3.9.
            short = re.sub(r"^==(\d+(?:\.\d+)?)$", r"\1", versions)
            python = python_versions(short, where=where) if short else python
        elif reason:
            unavailable[spec] = reason
        elif name != "pip":  # uv installs without it; a command that uses it gets it
            translated.append(f"{name}{versions}")
    return CondaFile(
        channels=tuple(str(one) for one in document.get("channels") or ()),
        python=python,
        requirements=(*translated, *requirements),
        dependencies=tuple(specs),
        pip=tuple(requirements),
        unavailable=unavailable,
    )


def _dependencies(given: Any, where: str) -> tuple[list[str], list[str]]:
    """Tell conda's dependencies and pip's apart."""
    specs: list[str] = []
    requirements: list[str] = []
    if not isinstance(given, list):
        raise InvalidInput(
            f"{where}: a conda file has a list of 'dependencies', such as [python=3.11, numpy]."
        )
    for one in given:
        if isinstance(one, str):
            specs.append(one.strip())
        elif isinstance(one, Mapping) and list(one) == ["pip"] and _is_texts(one["pip"]):
            requirements += one["pip"]
        else:
            raise InvalidInput(
                f"{where}: {one!r} is not a dependency. Write texts such as numpy=1.26, and one "
                "mapping 'pip:' with a list of texts."
            )
    return specs, requirements


def _is_texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in given)


def _translate(spec: str, where: str) -> tuple[str, str, str]:
    """Return a dependency's name and versions in pip's language, and why that cannot be."""
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise InvalidInput(f"{where}: {spec!r} is not a dependency. Write a text as numpy=1.26.")
    raw = match["name"].lower()
    if NO_PYTHON_PACKAGE.fullmatch(raw):
        return raw, "", "it is not a Python package"
    name = canonicalize_name(raw)
    name = canonicalize_name(RENAMED.get(name, name))
    try:
        return name, pip_versions(match["rest"]), ""
    except ValueError as error:
        return name, "", str(error)


def pip_versions(text: str) -> str:
    """Translate the versions of a conda dependency; a build (``=py39_0``) is left out.

    Example:
        >>> [pip_versions(one) for one in ("=1.21", "==1.21.0", ">=1.20,<2", " 1.21.*", "")]
        ['==1.21.*', '==1.21.0', '<2,>=1.20', '==1.21.*', '']

    Raises:
        ValueError: Pip has no words for it.
    """
    bracket = _BRACKET.search(text)
    if bracket:
        inside = re.search(r"version\s*=\s*['\"]?([^'\",\]]+(?:,[^'\"\]=]+)*)['\"]?", bracket[1])
        text = text[: bracket.start()] + (f" {inside[1]}" if inside else "")
    if "|" in text:
        raise ValueError("pip cannot say 'this version or that one'")
    parts = [_one_version(one.strip()) for one in text.strip().split(",")]
    try:
        return str(SpecifierSet(",".join(one for one in parts if one)))
    except InvalidSpecifier:
        raise ValueError(f"pip does not understand the version {text.strip()!r}") from None


_VERSION = re.compile(
    r"(?P<operator>===?|=|!=|>=|<=|~=|>|<)?\s*(?P<version>[^\s=]+)"
    r"(?:(?:\s*=\s*|\s+)(?P<build>[\w.*]+))?"
)


def _one_version(text: str) -> str:
    if text in ("", "*"):
        return ""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"pip does not understand the version {text!r}")
    operator, version = match["operator"], match["version"]
    if version == "*":
        return ""
    plain = version.removesuffix("*").removesuffix(".")
    if operator in (None, "="):
        # After a space or one '=', a version with a build is that version and no other.
        is_exact = match["build"] is not None or (operator is None and plain == version)
        return f"=={version}" if is_exact else f"=={plain}.*"
    if operator in (">=", "<=", ">", "<"):
        return f"{operator}{plain}"
    return f"{operator}{version}"
