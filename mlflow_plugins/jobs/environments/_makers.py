"""Makers of environments: uv from a package index, micromamba from conda's channels."""

import json
import platform
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mlflow_plugins.jobs.environments._cache import Built
from mlflow_plugins.jobs.environments._host import EnvironmentFailed, Host, tail
from mlflow_plugins.jobs.environments._policy import POLICY_VARIABLE, Policy
from mlflow_plugins.jobs.environments._pythons import Python, exact_python, nearest_python
from mlflow_plugins.jobs.environments._recipe import CondaRecipe, Recipe, digest
from mlflow_plugins.jobs.environments._relax import Relaxed, relax

MICROMAMBA = "micromamba"

_KEY_LENGTH = 24
_PIP = re.compile(r"(?:.*::)?pip(?:[\s=<>!~].*)?")
_OTHER_POLICIES = (
    f"environment_variables: {{{POLICY_VARIABLE}: compatible}} takes the nearest that this machine "
    "can give, and 'workspace' the agent's own environment."
)


def uv_key(recipe: Recipe, policy: Policy, python: str) -> str:
    """Return the hash of what uv makes of a recipe with a version of Python, on this machine.

    What a compatible environment differs in depends on all that was asked for.
    """
    asked = {} if policy is Policy.EXACT else recipe.model_dump()
    machine = [sys.platform, platform.machine()]
    return digest("uv", recipe.requirements, recipe.options, python, machine, asked)[:_KEY_LENGTH]


def conda_key(conda: CondaRecipe) -> str:
    """Return the hash of what micromamba makes of a recipe, on this machine."""
    machine = [sys.platform, platform.machine()]
    return digest(MICROMAMBA, conda.channels, conda.dependencies, conda.pip, machine)[:_KEY_LENGTH]


class Maker(ABC):
    """Knows how to make one environment, and its hash before it is made."""

    def __init__(self, title: str, host: Host) -> None:
        self.title = title
        self.host = host

    @property
    @abstractmethod
    def key(self) -> str:
        """The hash of what will be made."""

    @abstractmethod
    def make(self, root: Path, lock: int) -> Built:
        """Make it. See `Cache.use`.

        Raises:
            EnvironmentFailed: It cannot be made.
        """

    def _insist(self, code: int, start: int) -> None:
        if code == 0:
            return
        raise EnvironmentFailed(
            f"The environment {self.title} cannot be made on this machine:\n"
            f"{tail(self.host.log, start)}\nChange its packages; or {_OTHER_POLICIES}"
        )


class UvMaker(Maker):
    """Makes environments with uv: a Python of this machine, packages of a package index."""

    def __init__(self, title: str, recipe: Recipe, policy: Policy, host: Host) -> None:
        super().__init__(title, host)
        self._recipe = recipe
        self._policy = policy
        self._unavailable = recipe.conda.unavailable if recipe.conda else {}
        if policy is Policy.EXACT:
            self._refuse_unavailable()
        choose = exact_python if policy is Policy.EXACT else nearest_python
        self._python: Python = choose(recipe.python, host)

    def _refuse_unavailable(self) -> None:
        if self._unavailable:
            listed = "; ".join(f"{one} ({why})" for one, why in self._unavailable.items())
            raise EnvironmentFailed(
                f"The environment {self.title} needs what only conda has: {listed}. Install "
                f"micromamba on the agent's machine; or leave it out; or {_OTHER_POLICIES}"
            )

    @property
    def key(self) -> str:
        """The hash of the packages, the Python and the kind of machine."""
        return uv_key(self._recipe, self._policy, str(self._python.version))

    def make(self, root: Path, lock: int) -> Built:
        """Make it. See `Cache.use`."""
        self.host.say(f"Making the environment {self.title} ({self.key}) with uv.")
        if self._recipe.conda is not None:
            self.host.say(f"Packages come from a package index ({MICROMAMBA} is not installed).")
        wish, building = self._resolve(root.parent, lock)
        file = self._write(root.parent, wish.requirements)
        start = self.host.log.stat().st_size
        self._uv(["venv", "--quiet", "--python", self._python.path, str(root)], start, lock)
        if wish.requirements:
            options = [*self._for(root), *self.host.index_options, *building]
            self._uv(["pip", "install", *options, "--requirement", str(file)], start, lock)
        listed = self.host.uv_output(["pip", "list", "--format", "json", *self._for(root)])
        installed = {
            str(canonicalize_name(one["name"])): str(one["version"])
            for one in json.loads(listed or "[]")
        }
        packages = tuple(f"{name}=={version}" for name, version in sorted(installed.items()))
        return Built(
            title=self.title,
            python=str(self._python.version),
            packages=packages,
            differences=self._differences(wish, installed),
        )

    def _uv(self, arguments: list[str], start: int, lock: int) -> None:
        self._insist(self.host.run_uv(arguments, log=self.host.log, lock=lock), start)

    @staticmethod
    def _for(root: Path) -> list[str]:
        return ["--python", str(root / "bin" / "python")]

    def _write(self, folder: Path, requirements: Sequence[str]) -> Path:
        file = folder / "requirements.txt"
        file.write_text("\n".join([*self._recipe.options, *requirements, ""]), encoding="utf-8")
        return file

    def _resolve(self, folder: Path, lock: int) -> tuple[Relaxed, list[str]]:
        """Find what can be had: as it is asked for, or with fewer pins where the policy allows.

        Ready-made packages are preferred to such pins as only sources would fulfil: an old numpy
        may be compiled for minutes on a new Python, and fail in the end.
        """
        if self._policy is Policy.EXACT:
            return Relaxed(self._recipe.requirements, ()), []
        for building in (["--no-build"], []):

            def resolves(wanted: Sequence[str], building: list[str] = building) -> bool:
                file = self._write(folder, wanted)
                options = ["--python", self._python.path, *self.host.index_options, *building]
                command = ["pip", "compile", *options, str(file)]
                return self.host.run_uv(command, log=None, lock=lock) == 0

            found = relax(self._recipe.requirements, resolves)
            if found is not None:
                return found, building
        return Relaxed(self._recipe.requirements, ()), []  # uv says what is wrong

    def _differences(self, wish: Relaxed, installed: Mapping[str, str]) -> tuple[str, ...]:
        differences = []
        if self._python.version not in SpecifierSet(self._recipe.python):
            differences.append(f"Python {self._python.version} instead of {self._recipe.python}")
        for one in wish.loosened:
            name = _name(one)
            differences.append(f"{name}=={installed.get(name, '?')} instead of {one}")
        differences += [f"without {one}: {why}" for one, why in self._unavailable.items()]
        return tuple(differences)


class CondaMaker(Maker):
    """Makes environments with micromamba, from the channels that the file names."""

    def __init__(self, title: str, conda: CondaRecipe, micromamba: str, host: Host) -> None:
        super().__init__(title, host)
        self._conda = conda
        self._micromamba = micromamba

    @property
    def key(self) -> str:
        """The hash of the file's content and the kind of machine."""
        return conda_key(self._conda)

    def make(self, root: Path, lock: int) -> Built:
        """Make it. See `Cache.use`."""
        self.host.say(f"Making the environment {self.title} ({self.key}) with {MICROMAMBA}.")
        file = root.parent / "conda.yml"
        file.write_text(yaml.safe_dump(self._document()), encoding="utf-8")
        start = self.host.log.stat().st_size
        more = {"MAMBA_ROOT_PREFIX": str(self.host.folder / f".{MICROMAMBA}")}
        command = [self._micromamba, "create", "--yes", "--prefix", str(root), "--file", str(file)]
        code = self.host.run(
            command,
            log=self.host.log,
            lock=lock,
            more={} if "MAMBA_ROOT_PREFIX" in self.host.variables else more,
        )
        self._insist(code, start)
        packages = _conda_packages(root)
        return Built(
            title=self.title,
            python=packages.get("python", ""),
            packages=tuple(f"{name}=={version}" for name, version in sorted(packages.items())),
            differences=(),
        )

    def _document(self) -> dict[str, object]:
        pip = [{"pip": list(self._conda.pip)}] if self._conda.pip else []
        needs_pip = pip and not any(map(_PIP.fullmatch, self._conda.dependencies))
        return {
            "channels": list(self._conda.channels) or ["conda-forge"],
            "dependencies": [*self._conda.dependencies, *(["pip"] if needs_pip else []), *pip],
        }


def _conda_packages(root: Path) -> dict[str, str]:
    """Read what conda notes about each package that it installed."""
    notes = (json.loads(path.read_text()) for path in (root / "conda-meta").glob("*.json"))
    return {str(one["name"]): str(one["version"]) for one in notes}


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement.partition(" --hash=")[0]).name)
