"""Overlays: an environment of a command's own, on top of one that others use too.

A command that installs packages gets a virtual environment in its own folder in which it finds all
that is installed below, and to which alone pip can write. It is gone with the folder.

``--system-site-packages`` would show the packages of the Python below, not those of a virtual
environment; so the overlay names the package folders of the environment below in a ``.pth`` file,
and has copies of its programs that run in the overlay's Python.
"""

import json
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mlflow_plugins.jobs.environments._host import EnvironmentFailed, Host, find_uv
from mlflow_plugins.jobs.environments._prepare import PreparedEnvironment

_INSTALLS = re.compile(
    r"(?<![\w-])(?:pip[\d.]*|conda|mamba|micromamba)\s+(?:-\S+\s+)*"
    r"(?:install|uninstall|create|update|sync)\b|setup\.py\s+(?:install|develop)\b"
)
_SCRIPTS = ("*.sh", "*.bash", "*.ipynb", "Makefile")
_SCRIPT_BYTES = 1 << 20
_HEAD_BYTES = 1024

_ASK = """
import json, site, sys
folders = site.getsitepackages()
if site.ENABLE_USER_SITE:
    folders.append(site.getusersitepackages())
print(json.dumps({
    "base": getattr(sys, "_base_executable", sys.executable),
    "folders": folders,
    "version": "%d.%d.%d" % sys.version_info[:3],
}))
"""


def installs_packages(command: str, code: Path) -> bool:
    """Tell whether a command, or a script in its code folder, installs packages.

    Example:
        >>> installs_packages("python -m pip install -q papermill", Path("no_such_folder"))
        True
        >>> installs_packages("echo pipeline install", Path("no_such_folder"))
        False
    """
    if _INSTALLS.search(command):
        return True
    scripts = (path for pattern in _SCRIPTS for path in code.rglob(pattern) if path.is_file())
    return any(
        _INSTALLS.search(path.read_text(encoding="utf-8", errors="replace"))
        for path in scripts
        if path.stat().st_size <= _SCRIPT_BYTES
    )


def overlay(below: PreparedEnvironment, folder: Path, host: Host) -> PreparedEnvironment:
    """Make an overlay.

    Args:
        below: What it stands on; stays as it is.
        folder: Where it goes; must not exist.
        host: This machine.

    Raises:
        EnvironmentFailed: There is no pip for it.
    """
    # A system's Python may be there as python3 alone.
    python = Path(sys.executable) if below.is_workspace else below.folder / "bin" / "python"
    if not python.exists():
        raise EnvironmentFailed(
            f"The command installs Python packages, but its environment {below.title} has no "
            "Python. Add python to the packages of the environment."
        )
    facts = _ask(python, host)
    _make(folder, python.parent, facts)
    if not (folder / "bin" / "uv").exists():
        (folder / "bin" / "uv").symlink_to(find_uv())
    if not (folder / "bin" / "pip").exists():
        _add_pip(folder, host)
    host.say("The command installs packages: it gets an environment of its own for them.")
    return below.below(folder)


def _ask(python: Path, host: Host) -> Mapping[str, object]:
    answer = subprocess.run(
        [str(python), "-c", _ASK],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env=dict(host.variables),
    )
    facts: Mapping[str, object] = json.loads(answer.stdout)
    return facts


def _make(folder: Path, programs_below: Path, facts: Mapping[str, object]) -> None:
    base = Path(str(facts["base"]))
    minor = str(facts["version"]).rpartition(".")[0]
    programs = folder / "bin"
    packages = folder / "lib" / f"python{minor}" / "site-packages"
    programs.mkdir(parents=True)
    packages.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(
        f"home = {base.parent}\ninclude-system-site-packages = false\n"
        f"version = {facts['version']}\n"
    )
    for name in ("python", "python3", f"python{minor}"):
        (programs / name).symlink_to(base)
    # `addsitedir` reads the .pth files there as well, such as those of editable installs.
    lines = [f"import site; site.addsitedir({one!r})" for one in _texts(facts["folders"])]
    (packages / "_below.pth").write_text("\n".join([*lines, ""]))
    for program in programs_below.iterdir():
        _copy_script(program, programs)


def _texts(given: object) -> list[str]:
    return [str(one) for one in given] if isinstance(given, list) else []


def _copy_script(program: Path, programs: Path) -> None:
    """Copy a program if it is a script for the Python beside it; let the overlay's run it."""
    target = programs / program.name
    if not program.is_file() or target.exists():
        return
    with program.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    own = f"{program.parent}/python".encode()
    first_lines = b"\n".join(head.splitlines()[:2])
    if not head.startswith(b"#!") or own not in first_lines:
        return
    target.write_bytes(program.read_bytes().replace(own, f"{programs}/python".encode(), 1))
    target.chmod(target.stat().st_mode | stat.S_IXUSR)


def _add_pip(folder: Path, host: Host) -> None:
    """Add pip where the environment below has none: Python's own copy, else the index's."""
    python = str(folder / "bin" / "python")
    by_uv = ["pip", "install", "--python", python, *host.index_options, "pip"]
    code = host.run([python, "-m", "ensurepip", "--default-pip"], log=None)
    if code != 0 and host.run_uv(by_uv, log=None) != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise EnvironmentFailed(
            "The command installs packages, and there is no pip for it: the Python has none "
            "(ensurepip is missing) and the package index gives none. Add pip to the packages of "
            "the environment, or install python3-venv on the agent's machine."
        )
