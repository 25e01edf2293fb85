"""One folder of environments, many processes: made once, never seen half made, dropped when old."""

import multiprocessing
import runpy
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from mlflow_plugins.core import Settings
from mlflow_plugins.core.processes import stop_tree
from mlflow_plugins.jobs.environments import list_cached, prepare
from mlflow_plugins.jobs.environments._cache import Built, Cache

SCRIPT = Path(__file__).with_name("build_process.py")

# A build backend that says that it has begun, and goes on when the gate is open.
BACKEND = """
import pathlib, shutil, time
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    begun = pathlib.Path({begun!r})
    begun.touch()
    while not pathlib.Path({gate!r}).exists():
        time.sleep(0.02)
    wheel = pathlib.Path({wheel!r})
    shutil.copy(wheel, wheel_directory)
    return wheel.name
"""


class Builder:
    """A process that makes an environment."""

    _context = multiprocessing.get_context("forkserver")

    def __init__(self, folder, name, variables, requirements):
        self.log = folder / f"{name}.txt"
        configuration = {
            "folder": str(folder / "environments"),
            "log": str(self.log),
            "variables": variables,
            "requirements": requirements,
        }
        self.process = self._context.Process(
            target=runpy.run_path, args=(str(SCRIPT), {"configuration": configuration})
        )
        self.process.start()

    def said(self):
        return self.log.read_text() if self.log.exists() else ""

    def folder(self):
        self.process.join(60)
        return Path(self.log.with_suffix(".done").read_text())


@pytest.fixture
def slow(tmp_path, offline, write_wheel, write_sdist):
    """A source package ``slow`` that waits; returns what it touches, and what lets it go on."""
    places = {"begun": str(tmp_path / "begun"), "gate": str(tmp_path / "gate")}
    links = tmp_path / "links"
    links.mkdir()
    wheel = write_wheel(tmp_path, "slow", "1.0")
    write_sdist(links, "slow", BACKEND.format(**places, wheel=str(wheel)))
    cache = tmp_path / "uv-cache"
    variables = {**offline, "PIP_FIND_LINKS": str(links), "UV_CACHE_DIR": str(cache)}
    return variables, Path(places["begun"]), Path(places["gate"])


@pytest.fixture
def start(tmp_path, slow):
    started = []

    def start(name):
        started.append(Builder(tmp_path, name, slow[0], ["slow==1.0"]))
        return started[-1]

    yield start
    slow[2].touch()
    for one in started:
        if one.process.is_alive():
            stop_tree(one.process.pid, grace_seconds=0)
        one.process.join(60)


def wait_until(is_so, what):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def test_two_processes_make_one_environment(start, slow, tmp_path):
    _, begun, gate = slow
    first = start("first")
    wait_until(begun.exists, "the first makes it")
    second = start("second")
    wait_until(lambda: "Waiting for the environment" in second.said(), "the second waits")
    gate.touch()
    assert first.folder() == second.folder()
    assert "Making the environment" in first.said()
    assert "Making the environment" not in second.said()
    assert len(list_cached(tmp_path / "environments")) == 1


@pytest.mark.fault
def test_a_maker_that_is_killed_leaves_nothing_that_counts(start, slow, tmp_path):
    _, begun, gate = slow
    first = start("first")
    wait_until(begun.exists, "the first makes it")
    family = psutil.Process(first.process.pid).children(recursive=True)
    assert family
    first.process.kill()
    first.process.join()
    assert list_cached(tmp_path / "environments") == []
    second = start("second")
    wait_until(lambda: "Waiting for the environment" in second.said(), "uv still writes there")
    gate.touch()
    python = second.folder() / "bin" / "python"
    assert "Making the environment" in second.said()
    said = subprocess.check_output([python, "-c", "import slow; print(slow.VERSION)"])
    assert said == b"1.0\n"
    psutil.wait_procs(family, timeout=30)
    assert not any(one.is_running() for one in family)


def test_an_environment_whose_python_is_gone_is_made_again(host, pinned):
    wanted = pinned(requirements=["tiny"])
    first = prepare(wanted, host)
    python = first.folder / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    first.release()
    second = prepare(wanted, host)
    assert second.folder == first.folder
    assert python.exists()


# ---------------------------------------------------------------- garbage


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "environments")


@pytest.fixture
def use(cache, tmp_path):
    """Uses an environment of some size; makes it if need be."""

    def use(key, n_bytes=100):
        def make(root, _lock):
            root.mkdir()
            (root / "data").write_bytes(b"x" * n_bytes)
            return Built(title=key, python="", packages=(), differences=())

        (tmp_path / "log").touch()
        found, lock = cache.use(key, make, log=tmp_path / "log")
        time.sleep(0.01)  # file systems count time in steps
        return found, lock

    return use


def keys(cache):
    return [one.hash for one in cache.environments()]


def test_the_least_recently_used_go_first(cache, use):
    for key in ("a", "b", "c", "a"):
        use(key)[1].release()
    assert keys(cache) == ["a", "c", "b"]
    assert cache.collect_garbage(max_count=2, max_bytes=1e9) == ["b"]
    assert keys(cache) == ["a", "c"]
    assert not (cache.folder / "b").exists()


def test_what_is_large_goes_too(cache, use):
    for key in ("a", "b", "c"):
        use(key, n_bytes=1000)[1].release()
    assert cache.collect_garbage(max_count=9, max_bytes=2500) == ["a"]


def test_what_is_in_use_stays(cache, use):
    _, lock = use("a")
    use("b")[1].release()
    assert cache.collect_garbage(max_count=1, max_bytes=1e9) == []
    assert keys(cache) == ["b", "a"]
    lock.release()
    assert cache.collect_garbage(max_count=1, max_bytes=1e9) == ["a"]


def test_what_was_left_half_made_goes(cache, use):
    use("a")[1].release()
    (cache.folder / "half" / "root").mkdir(parents=True)
    (cache.folder / ".micromamba").mkdir()
    cache.collect_garbage(max_count=9, max_bytes=1e9)
    folders = sorted(one.name for one in cache.folder.iterdir() if one.is_dir())
    assert folders == [".micromamba", "a"]


def test_making_one_makes_room(make_host, pinned):
    host = make_host(Settings(max_environments=1))
    first = prepare(pinned(requirements=["tiny==1.0"]), host)
    first.release()
    second = prepare(pinned(requirements=["tiny==2.0"]), host)
    assert [one.hash for one in list_cached(host.folder)] == [second.hash]
