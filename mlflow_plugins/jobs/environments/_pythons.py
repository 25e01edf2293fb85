"""The Pythons of a machine, and which of them an environment gets. None is ever downloaded."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from mlflow_plugins.jobs.environments._host import EnvironmentFailed, Host

_MAJOR_WEIGHT = 100


@dataclass(frozen=True, slots=True, order=True)
class Python:
    """One interpreter."""

    version: Version
    path: str


def own_python() -> Python:
    """Return the one that runs this process."""
    return Python(Version(platform.python_version()), sys.executable)


def find_pythons(host: Host) -> list[Python]:
    """Return the interpreters of a machine, this process's own first, then the newest."""
    answer = _list(host)
    found = {
        Version(one["version"]): str(one["path"])
        for one in reversed(json.loads(answer or "[]"))  # the first of each version counts
        if one["implementation"] == "cpython" and one.get("variant", "default") == "default"
    }
    own = own_python()
    found.pop(own.version, None)
    return [own, *(Python(version, found[version]) for version in sorted(found, reverse=True))]


def _list(host: Host) -> str:
    """Ask uv. pyenv's own Pythons are at hand too; its shims stand for those it has switched on."""
    root = Path(host.variables.get("PYENV_ROOT") or _home(host) / ".pyenv")
    path = host.variables.get("PATH", os.defpath).split(os.pathsep)
    path = [one for one in path if Path(one) != root / "shims"]
    path += [str(one) for one in sorted(root.glob("versions/*/bin"))]
    search = {**host.variables, "PATH": os.pathsep.join(path)}
    seeker = Host(host.folder, host.log, search, host.settings)
    return seeker.uv_output(["python", "list", "--only-installed", "--output-format", "json"])


def _home(host: Host) -> Path:
    return Path(host.variables.get("HOME") or Path.home())


def exact_python(wanted: str, host: Host) -> Python:
    """Return an interpreter of one of the wanted versions.

    Args:
        wanted: Versions in PEP 440's language; empty if any is right.
        host: The machine.

    Raises:
        EnvironmentFailed: There is none.
    """
    versions = SpecifierSet(wanted)
    own = own_python()
    if own.version in versions:
        return own
    pythons = find_pythons(host)
    for python in pythons:
        if python.version in versions:
            return python
    there = ", ".join(str(one.version) for one in pythons)
    raise EnvironmentFailed(
        f"The environment asks for Python {wanted}; this machine has {there}, and none is "
        "downloaded. Install such a Python on the agent's machine, or ask for one that is there, "
        "or let the job take the nearest with environment_variables: "
        "{MLFLOW_STUDIO_ENVIRONMENT: compatible}, or the agent's own environment with: workspace."
    )


def nearest_python(wanted: str, host: Host) -> Python:
    """Return an interpreter of a wanted version, or the one that is nearest to one."""
    versions = SpecifierSet(wanted)
    own = own_python()
    if own.version in versions:
        return own
    return choose_nearest(versions, find_pythons(host))


def choose_nearest(wanted: SpecifierSet, pythons: Sequence[Python]) -> Python:
    """Return the first that is wanted, else the nearest to what is named; newer before older."""
    for python in pythons:
        if python.version in wanted:
            return python
    named = [Version(one.version.removesuffix(".*")) for one in wanted]

    def distance(python: Python) -> tuple[int, bool]:
        gaps = [_minor(python.version) - _minor(one) for one in named]
        return min(abs(gap) for gap in gaps), min(gaps, key=abs) < 0

    return min(pythons, key=distance)


def _minor(version: Version) -> int:
    return version.major * _MAJOR_WEIGHT + version.minor
