"""A package index made on the spot, and hosts that know no other."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlflow_plugins.core import Settings
from mlflow_plugins.jobs.environments import Environment, Host, PinnedEnvironment
from mlflow_plugins.jobs.environments._pin import pin_content

_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_wheel(
    folder: Path, name: str, version: str, *, requires: tuple[str, ...] = (), script: bool = False
) -> Path:
    """Make a package whose module says its version; with a program of its name, if asked."""
    module = name.replace("-", "_")
    about = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{module}.py": f"VERSION = {version!r}\n\n\ndef main():\n    print({name!r}, VERSION)\n",
        f"{about}/METADATA": metadata,
        f"{about}/WHEEL": _WHEEL,
    }
    if script:
        files[f"{about}/entry_points.txt"] = f"[console_scripts]\n{name} = {module}:main\n"
    files[f"{about}/RECORD"] = "".join(f"{one},,\n" for one in [*files, f"{about}/RECORD"])
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for one, text in files.items():
            archive.writestr(one, text)
    return path


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny packages: tiny 1.0, 1.1 and 2.0; tinier 1.0 needs tiny below 2."""
    folder = tmp_path_factory.mktemp("index")
    for version in ("1.0", "1.1", "2.0"):
        write_wheel(folder, "tiny", version, script=True)
    write_wheel(folder, "tinier", "1.0", requires=("tiny<2",))
    return folder


@pytest.fixture(scope="session")
def offline(index: Path) -> dict[str, str]:
    """What a machine's environment says that has this index and no other, as pip would have it."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index),
        "PIP_CONFIG_FILE": os.devnull,
    }


@pytest.fixture
def host(tmp_path: Path, offline: dict[str, str]) -> Host:
    return make_host(tmp_path, offline)


def make_host(folder: Path, variables: dict[str, str], **settings: float) -> Host:
    log = folder / "log.txt"
    log.touch()
    return Host(
        folder=folder / "environments",
        log=log,
        variables=variables,
        settings=Settings(**settings),
    )


@pytest.fixture
def pinned() -> Callable[..., PinnedEnvironment]:
    """Pins an environment that names no files."""

    def pin(policy: str | None = None, **fields: object) -> PinnedEnvironment:
        content = pin_content(Environment.model_validate(fields))
        return PinnedEnvironment.model_validate({**content.document(), "policy": policy})

    return pin
