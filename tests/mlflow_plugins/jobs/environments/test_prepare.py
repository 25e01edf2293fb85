"""Environments made by the real uv from tiny packages, under each policy."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs.environments import (
    EnvironmentFailed,
    is_made_from,
    list_cached,
    prepare,
    read_build_log,
)
from mlflow_plugins.jobs.environments._pythons import Python, choose_nearest
from mlflow_plugins.jobs.environments._relax import relax, without_version

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
NO_SUCH_PYTHON = "3.3"


def run(prepared, code):
    done = subprocess.run(
        ["python", "-c", code],
        env=prepared.variables({"PATH": "/usr/bin:/bin"}),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_what_was_asked_for_is_there_and_nothing_else(host, pinned):
    wanted = pinned(python=OWN, requirements=["tiny==1.0", "tinier"])
    with prepare(wanted, host) as prepared:
        assert run(prepared, "import tiny, sys; print(tiny.VERSION, sys.prefix)") == (
            f"1.0 {prepared.folder}"
        )
        assert run(prepared, "import importlib.util as u; print(u.find_spec('mlflow'))") == "None"
        assert prepared.python.startswith(OWN)
        assert prepared.differences == ()
        [cached] = list_cached(host.folder)
        assert (cached.hash, cached.is_in_use) == (prepared.hash, True)
        assert cached.packages == ("tinier==1.0", "tiny==1.0")
        assert cached.size_bytes > 100
    assert not list_cached(host.folder)[0].is_in_use
    build_log = read_build_log(host.folder, prepared.hash)
    assert " + tiny==1.0" in build_log
    assert build_log in host.log.read_text()


def test_the_programs_of_an_environment_come_first_and_the_agents_not_at_all(host, pinned):
    with prepare(pinned(requirements=["tiny==1.1"]), host) as prepared:
        own = str(Path(sys.executable).parent)
        inherited = {"PATH": f"{own}:/usr/bin:/bin", "PYTHONHOME": "/x", "CONDA_PREFIX": "/y"}
        variables = prepared.variables(inherited)
        assert variables["PATH"] == f"{prepared.folder}/bin:/usr/bin:/bin"
        assert variables["VIRTUAL_ENV"] == str(prepared.folder)
        assert "PYTHONHOME" not in variables
        assert "CONDA_PREFIX" not in variables
        said = subprocess.run(["tiny"], env=variables, capture_output=True, text=True, check=True)
        assert said.stdout == "tiny 1.1\n"


def test_the_second_time_nothing_is_made(host, pinned):
    first = prepare(pinned(requirements=["tiny", "tinier"]), host)
    size = host.log.stat().st_size
    second = prepare(pinned(requirements=["tinier", "Tiny  # the same"]), host)
    assert second.hash == first.hash
    assert "Making" not in host.log.read_text()[size:]


@pytest.mark.parametrize("policy", ["exact", "compatible"])
def test_an_environment_is_known_as_what_it_was_made_from(host, pinned, policy):
    wanted = pinned(policy, python=OWN, requirements=["tiny==1.0"])
    prepare(wanted, host).release()
    [cached] = list_cached(host.folder)
    assert is_made_from(cached, wanted)
    assert is_made_from(cached, pinned(python=OWN, requirements=["Tiny == 1.0"]))
    assert not is_made_from(cached, pinned(python=OWN, requirements=["tiny==1.1"]))
    assert not is_made_from(cached, pinned(image="python:3.11"))


def test_exact_refuses_what_the_index_has_not(host, pinned):
    with pytest.raises(EnvironmentFailed, match="you require tiny==9") as caught:
        prepare(pinned(requirements=["tiny==9"]), host)
    assert "MLFLOW_STUDIO_ENVIRONMENT: compatible" in caught.value.message
    assert list_cached(host.folder) == []


def test_exact_refuses_a_python_that_is_not_here(host, pinned):
    with pytest.raises(EnvironmentFailed, match=r"asks for Python ==3\.3\.\*; this machine has"):
        prepare(pinned(python=NO_SUCH_PYTHON, requirements=["tiny"]), host)


def test_exact_refuses_what_only_conda_has(host, pinned):
    conda = {"dependencies": ["r-base=4.1", "tiny"]}
    with pytest.raises(EnvironmentFailed, match="needs what only conda has: r-base") as caught:
        prepare(pinned(conda_file=conda), host)
    assert "Install micromamba" in caught.value.message


def test_a_failure_is_forgotten(host, make_host, pinned, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    wanted = pinned(requirements=["tiny==1.0"])
    poor = make_host(PIP_FIND_LINKS=str(empty))
    with pytest.raises(EnvironmentFailed):
        prepare(wanted, poor)
    assert prepare(wanted, host).hash


def test_compatible_takes_the_nearest_and_says_so(host, pinned):
    conda = {"dependencies": [f"python={NO_SUCH_PYTHON}", "r-base", {"pip": ["tinier", "tiny==9"]}]}
    prepared = prepare(pinned("compatible", conda_file=conda), host)
    assert run(prepared, "import tiny; print(tiny.VERSION)") == "1.1"
    assert prepared.differences == (
        f"Python {prepared.python} instead of =={NO_SUCH_PYTHON}.*",
        "tiny==1.1 instead of tiny==9",
        "without r-base: it is not a Python package",
    )
    for difference in prepared.differences:
        assert f"differs from its file: {difference}." in host.log.read_text()


def test_compatible_environments_keep_their_own_differences(host, pinned):
    with_r = prepare(pinned("compatible", conda_file={"dependencies": ["r", "tiny"]}), host)
    without = prepare(pinned("compatible", conda_file={"dependencies": ["tiny"]}), host)
    assert (len(with_r.differences), without.differences) == (1, ())


def test_compatible_changes_nothing_that_can_be_had(host, pinned):
    wanted = pinned("compatible", python=OWN, requirements=["tiny==1.0", "tinier==1.0"])
    assert prepare(wanted, host).differences == ()


def test_compatible_does_not_hide_that_a_package_is_nowhere(host, pinned):
    with pytest.raises(EnvironmentFailed, match="nowhere"):
        prepare(pinned("compatible", requirements=["nowhere==1"]), host)


def test_workspace_installs_nothing(make_host, pinned):
    host = make_host(MLFLOW_STUDIO_ENVIRONMENT="workspace")
    prepared = prepare(pinned(requirements=["tiny"]), host)
    assert prepared.is_workspace
    assert prepared.folder == Path(sys.executable).parent.parent
    assert prepared.differences == (
        "requirements is not installed: the agent's policy is 'workspace'",
    )
    assert not host.folder.exists()
    assert prepare(pinned("exact", requirements=["tiny"]), host).hash  # the job's word counts more


def test_a_wrong_policy_of_the_agent_is_named(make_host, pinned):
    host = make_host(MLFLOW_STUDIO_ENVIRONMENT="strict")
    with pytest.raises(InvalidInput, match="MLFLOW_STUDIO_ENVIRONMENT is 'strict'"):
        prepare(pinned(requirements=["tiny"]), host)


def test_without_an_environment_the_agents_python_comes_first(host, pinned):
    prepared = prepare(pinned(image="python:3.11"), host)
    own = str(Path(sys.executable).parent)
    assert prepared.variables({"PATH": "/bin"}) == {"PATH": f"{own}:/bin"}


def test_a_wish_to_stop_ends_the_making(host, pinned):
    class Stopped(Exception):
        pass

    def check():
        raise Stopped

    impatient = replace(host, check=check)
    with pytest.raises(Stopped):
        prepare(pinned(requirements=["tiny"]), impatient)
    assert list_cached(host.folder) == []
    assert prepare(pinned(requirements=["tiny"]), host).hash


# ---------------------------------------------------------------- micromamba, faked

MICROMAMBA = """#!{python}
import json, pathlib, sys, yaml
arguments = dict(zip(sys.argv[2::1], sys.argv[3::1]))
document = yaml.safe_load(pathlib.Path(arguments["--file"]).read_text())
if "refused" in document["dependencies"]:
    sys.exit("nothing provides refused")
root = pathlib.Path(arguments["--prefix"])
(root / "bin").mkdir(parents=True)
(root / "bin" / "R").write_text("#!/bin/sh\\necho R of conda\\n")
(root / "bin" / "R").chmod(0o755)
(root / "conda-meta").mkdir()
note = {{"name": "r-base", "version": "4.1.3", "asked": document}}
(root / "conda-meta" / "r-base.json").write_text(json.dumps(note))
print("made by the fake")
"""


@pytest.fixture
def conda_host(tmp_path, make_host, offline):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "micromamba").write_text(MICROMAMBA.format(python=sys.executable))
    (programs / "micromamba").chmod(0o755)
    return make_host(PATH=f"{programs}:{offline['PATH']}")


def test_micromamba_is_used_where_it_is(conda_host, pinned):
    conda = {"channels": ["conda-forge"], "dependencies": ["r-base=4.1", {"pip": ["tiny"]}]}
    prepared = prepare(pinned(conda_file=conda), conda_host)
    assert prepared.python == ""
    said = subprocess.run(
        ["R"], env=prepared.variables({"PATH": "/bin"}), capture_output=True, text=True, check=True
    )
    assert said.stdout == "R of conda\n"
    assert list_cached(conda_host.folder)[0].packages == ("r-base==4.1.3",)
    note = json.loads((prepared.folder / "conda-meta" / "r-base.json").read_text())
    assert note["asked"] == {
        "channels": ["conda-forge"],
        "dependencies": ["r-base=4.1", "pip", {"pip": ["tiny"]}],
    }
    assert "made by the fake" in read_build_log(conda_host.folder, prepared.hash)


def test_what_micromamba_refuses(conda_host, pinned):
    conda = {"dependencies": ["refused", "tiny"]}
    with pytest.raises(EnvironmentFailed, match="nothing provides refused"):
        prepare(pinned(conda_file=conda), conda_host)
    conda = {"dependencies": ["r-base", "refused", {"pip": ["tiny"]}]}
    with pytest.raises(EnvironmentFailed, match="refused was not found"):
        prepare(pinned("compatible", conda_file=conda), conda_host)


# ---------------------------------------------------------------- choices, as laws


@pytest.mark.property
@given(st.lists(st.integers(5, 15), unique=True, min_size=1), st.integers(5, 15))
def test_the_nearest_python(minors, wanted):
    pythons = [Python(Version(f"3.{minor}.1"), str(minor)) for minor in minors]
    chosen = choose_nearest(SpecifierSet(f"==3.{wanted}.*"), pythons)
    gap = abs(int(chosen.path) - wanted)
    assert gap == min(abs(minor - wanted) for minor in minors)
    assert wanted + gap not in minors or int(chosen.path) == wanted + gap


@pytest.mark.property
@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))), st.integers(1, 6))
def test_no_more_pins_are_dropped_than_must_be(conflicts, n):
    """Pins conflict in pairs (an oracle in place of uv); versions that are free never do."""
    given_pins = [f"p{number}==1" for number in range(n)]

    def resolves(requirements):
        kept = {int(one[1]) for one in requirements if "==" in one}
        return not any(a in kept and b in kept for a, b in conflicts)

    found = relax(given_pins, resolves)
    assert resolves(found.requirements)
    assert [without_version(one) for one in given_pins] == [
        without_version(one) for one in found.requirements
    ]
    for one in found.loosened:
        position = given_pins.index(one)
        attempt = list(found.requirements)
        attempt[position] = one
        assert not resolves(attempt)
