"""A package index made on the spot, and hosts that know no other."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlflow_plugins.core import Settings
from mlflow_plugins.jobs.environments import Environment, Host, PinnedEnvironment
from mlflow_plugins.jobs.environments._pin import pin_content

# A build backend that notes its process where the variable ENDLESS says, and does not end.
_ENDLESS = """
import os, pathlib, time
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    pathlib.Path(os.environ["ENDLESS"]).write_text(str(os.getpid()))
    time.sleep(600)
"""
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _write_wheel(
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


def _write_sdist(folder: Path, name: str, backend: str) -> Path:
    """Make a package of version 1.0 that has to be built, by a backend of its own."""
    files = {
        "pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            f'[project]\nname = "{name}"\nversion = "1.0"\n'
        ),
        "backend.py": backend,
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n",
    }
    path = folder / f"{name}-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for one, text in files.items():
            member = tarfile.TarInfo(f"{name}-1.0/{one}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def write_sdist() -> Callable[..., Path]:
    """Makes packages that have to be built."""
    return _write_sdist


@pytest.fixture
def write_wheel() -> Callable[..., Path]:
    """Makes packages."""
    return _write_wheel


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages: tiny 1.0, 1.1 and 2.0; tinier, which needs tiny below 2; endless."""
    folder = tmp_path_factory.mktemp("index")
    for version in ("1.0", "1.1", "2.0"):
        _write_wheel(folder, "tiny", version, script=True)
    _write_wheel(folder, "tinier", "1.0", requires=("tiny<2",))
    _write_sdist(folder, "endless", _ENDLESS)
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
def make_host(tmp_path: Path, offline: dict[str, str]) -> Callable[..., Host]:
    """Makes hosts that share a folder and a log; variables and settings may be added."""

    def make_host(settings: Settings | None = None, **variables: str) -> Host:
        log = tmp_path / "log.txt"
        log.touch()
        return Host(
            folder=tmp_path / "environments",
            log=log,
            variables={**offline, **variables},
            settings=settings or Settings(),
        )

    return make_host


@pytest.fixture
def host(make_host: Callable[..., Host]) -> Host:
    return make_host()


@pytest.fixture
def pinned() -> Callable[..., PinnedEnvironment]:
    """Pins an environment that names no files."""

    def pin(policy: str | None = None, **fields: object) -> PinnedEnvironment:
        content = pin_content(Environment.model_validate(fields))
        return PinnedEnvironment.model_validate({**content.document(), "policy": policy})

    return pin
