"""Preparing: a pinned environment becomes a folder with a Python on this machine."""

import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from mlflow_plugins.jobs.environments._cache import Cache, CachedEnvironment, Lock
from mlflow_plugins.jobs.environments._host import EnvironmentFailed, Host
from mlflow_plugins.jobs.environments._makers import MICROMAMBA, CondaMaker, Maker, UvMaker
from mlflow_plugins.jobs.environments._pin import PinnedEnvironment
from mlflow_plugins.jobs.environments._policy import Policy, read_policy
from mlflow_plugins.jobs.environments._recipe import Recipe

_NOT_INHERITED = ("PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedEnvironment:
    """An environment that is ready, kept from being deleted until `release`.

    A process that ends releases it, however it ends.

    Attributes:
        folder: Its programs are in ``bin`` below it.
        title: What it is, for people; empty for the workspace's own environment.
        hash: Names its content; empty for the workspace's own environment.
        python: Version of its Python; empty if it has none.
        differences: In what it is not what was asked for.
        layers: Folders whose programs are found after its own.
    """

    folder: Path
    title: str
    hash: str
    python: str
    differences: tuple[str, ...] = ()
    layers: tuple[Path, ...] = ()
    _lock: Lock | None = field(default=None, repr=False)

    @property
    def is_workspace(self) -> bool:
        """Whether it is the environment of the agent itself."""
        return not self.hash

    def variables(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables with which its programs are found first.

        The agent's own programs are out of reach in an environment that is not the agent's: its
        ``pip`` would change the workspace. (Not so if they lie among the system's programs.)
        """
        own = workspace_programs()
        path = inherited.get("PATH", os.defpath).split(os.pathsep)
        programs = [str(one / "bin") for one in (self.folder, *self.layers)]
        if self.is_workspace:
            programs = [*(one for one in programs if one != str(own)), str(own)]
        elif sys.prefix != sys.base_prefix:
            path = [one for one in path if Path(one).resolve() != own.resolve()]
        changed = dict(inherited)
        if self.hash or self.layers:
            changed = {k: v for k, v in inherited.items() if k not in _NOT_INHERITED}
            changed["VIRTUAL_ENV"] = str(self.folder)
        if self.layers:  # Jupyter looks for kernels and templates beside its own Python only
            known = [changed["JUPYTER_PATH"]] if "JUPYTER_PATH" in changed else []
            shared = [str(one / "share" / "jupyter") for one in self.layers]
            changed["JUPYTER_PATH"] = os.pathsep.join([*known, *shared])
        return {**changed, "PATH": os.pathsep.join([*programs, *path])}

    def below(self, overlay: Path) -> "PreparedEnvironment":
        """Return the same with an overlay on top."""
        return replace(self, folder=overlay, layers=(self.folder, *self.layers))

    def release(self) -> None:
        """Allow that it is deleted."""
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def workspace_programs() -> Path:
    """Return the folder of the agent's own programs."""
    return Path(sys.executable).parent


def workspace_environment(
    title: str = "", differences: tuple[str, ...] = ()
) -> PreparedEnvironment:
    """Return the environment of this process."""
    return PreparedEnvironment(
        folder=workspace_programs().parent,
        title=title,
        hash="",
        python=platform.python_version(),
        differences=differences,
    )


def prepare(pinned: PinnedEnvironment, host: Host) -> PreparedEnvironment:
    """Make an environment ready, or find it ready.

    Args:
        pinned: What `pin` made of it.
        host: This machine.

    Raises:
        EnvironmentFailed: This machine cannot give it.
    """
    policy = pinned.policy or read_policy(host.variables) or Policy.EXACT
    if pinned.recipe is None:
        return workspace_environment(pinned.title)
    if policy is Policy.WORKSPACE:
        note = f"{pinned.title} is not installed: the agent's policy is 'workspace'"
        return workspace_environment(pinned.title, (note,))
    micromamba = host.which(MICROMAMBA)
    if pinned.recipe.conda is None or micromamba is None:
        return _use(UvMaker(pinned.title, pinned.recipe, policy, host), pinned.title, host)
    conda = CondaMaker(pinned.title, pinned.recipe.conda, micromamba, host)
    if policy is Policy.EXACT:
        return _use(conda, pinned.title, host)
    return _use_conda_or_uv(conda, pinned.title, pinned.recipe, policy, host)


def _use_conda_or_uv(
    conda: CondaMaker, title: str, recipe: Recipe, policy: Policy, host: Host
) -> PreparedEnvironment:
    try:
        return _use(conda, title, host)
    except EnvironmentFailed:
        host.say(f"{MICROMAMBA} cannot make it; the nearest that a package index has is taken.")
    prepared = _use(UvMaker(title, recipe, policy, host), title, host)
    note = "packages of a package index instead of conda's"
    return replace(prepared, differences=(note, *prepared.differences))


def _use(maker: Maker, title: str, host: Host) -> PreparedEnvironment:
    cache = Cache(host.folder)
    key = maker.key
    started_at = time.time()
    found, lock = cache.use(
        key,
        maker.make,
        log=host.log,
        check=host.check,
        on_wait=lambda: host.say(f"Waiting for the environment {title} ({key}), which is made."),
    )
    if found.created_at >= started_at:
        cache.collect_garbage(
            max_count=host.settings.max_environments,
            max_bytes=host.settings.environments_gib * 2**30,
        )
    return _prepared(found, lock, title, host)


def _prepared(found: CachedEnvironment, lock: Lock, title: str, host: Host) -> PreparedEnvironment:
    python = f"Python {found.python}" if found.python else "no Python"
    host.say(f"The environment {title} ({found.hash}) is ready: {python}.")
    for difference in found.differences:
        host.say(f"The environment differs from its file: {difference}.")
    return PreparedEnvironment(
        folder=found.folder,
        title=title,
        hash=found.hash,
        python=found.python,
        differences=found.differences,
        _lock=lock,
    )
