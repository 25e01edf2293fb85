"""Overlays: a command may install what it likes, and what lies below stays as it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_plugins.jobs.environments import (
    installs_packages,
    overlay,
    prepare,
    workspace_environment,
)

NOTHING = Path("no such folder")


def files_in(folder):
    return {str(one) for one in Path(folder).rglob("*") if "__pycache__" not in one.parts}


@pytest.fixture
def run(offline):
    def run(prepared, command):
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            env=prepared.variables(offline),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.mark.parametrize(
    "command",
    [
        "pip install x", "pip3 install x", "pip3.11 install x", "python -m pip install -r r.txt",
        "uv pip install x", "cd src && pip -q install x && python a.py", "pip uninstall -y x",
        "conda install x", "pip --no-cache-dir install x", "python setup.py install",
        "uv pip sync r",
    ],
)  # fmt: skip
def test_commands_that_install(command):
    assert installs_packages(command, NOTHING)


@pytest.mark.parametrize(
    "command",
    ["python train.py", "pip list", "echo pipeline install", "my-pip install", "apt-get install x"],
)
def test_commands_that_do_not(command):
    assert not installs_packages(command, NOTHING)


def test_scripts_of_the_code_are_looked_into(tmp_path):
    (tmp_path / "train.py").write_text("# pip install x\n")
    assert not installs_packages("bash a/setup.sh", tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "setup.sh").write_text("set -e\npip install x\n")
    assert installs_packages("bash a/setup.sh", tmp_path)


def test_the_agents_packages_are_seen_and_not_changed(tmp_path, host, run, unique_name):
    before = files_in(sys.prefix)
    top = overlay(workspace_environment(), tmp_path / "python", host)
    assert run(top, "python -c 'import sys; print(sys.prefix)'") == str(tmp_path / "python")
    find = "from importlib.util import find_spec; print(find_spec('mlflow').origin)"
    assert run(top, f'python -c "{find}"').startswith(sys.prefix)
    # This very project is installed by a .pth file in the agent's environment.
    assert run(top, "python -c 'import mlflow_plugins.jobs as j; print(j.__file__)'")
    run(top, "pip install --no-input tiny==1.0")
    assert run(top, "tiny") == "tiny 1.0"
    assert run(top, "command -v tiny") == str(tmp_path / "python" / "bin" / "tiny")
    assert run(top, "python -c 'import tiny; print(tiny.__file__)'").startswith(str(tmp_path))
    assert run(top, "head -1 $(command -v mlflow)") == f"#!{tmp_path}/python/bin/python"
    assert "tiny" in run(top, "pip list")
    assert files_in(sys.prefix) == before
    assert top.is_workspace


def test_a_package_of_the_agent_can_be_replaced(tmp_path, host, run, write_wheel):
    """pip leaves the agent's version where it is; the overlay's own is found first."""
    links = tmp_path / "links"
    links.mkdir()
    write_wheel(links, "iniconfig", "99.0")
    top = overlay(workspace_environment(), tmp_path / "python", host)
    before = run(workspace_environment(), "python -c 'import iniconfig; print(iniconfig.__file__)'")
    run(top, f"pip install --find-links {links} iniconfig==99.0")
    assert run(top, "python -c 'import iniconfig; print(iniconfig.VERSION)'") == "99.0"
    assert Path(before).exists()


def test_an_environment_that_others_use_is_not_changed(tmp_path, host, pinned, run):
    below = prepare(pinned(requirements=["tiny==1.0"]), host)
    before = files_in(below.folder)
    top = overlay(below, tmp_path / "python", host)
    run(top, "python -m pip install tiny==2.0 tinier --no-deps")
    assert run(top, "tiny") == "tiny 2.0"
    assert run(below, "tiny") == "tiny 1.0"
    assert run(top, "python -c 'import tinier'") == ""
    assert files_in(below.folder) == before
    assert top.hash == below.hash
    own = str(Path(sys.executable).parent)
    assert own not in top.variables(dict(os.environ))["PATH"].split(":")


def test_uv_installs_into_it_too(tmp_path, host, run, index):
    top = overlay(workspace_environment(), tmp_path / "python", host)
    run(top, f"uv pip install --no-index --find-links {index} tiny==1.1")
    assert run(top, "tiny") == "tiny 1.1"


def test_jupyter_finds_what_is_below(tmp_path, host):
    top = overlay(workspace_environment(), tmp_path / "python", host)
    shared = f"{Path(sys.executable).parent.parent}/share/jupyter"
    assert top.variables({})["JUPYTER_PATH"] == shared
    assert top.variables({"JUPYTER_PATH": "/own"})["JUPYTER_PATH"] == f"/own:{shared}"
