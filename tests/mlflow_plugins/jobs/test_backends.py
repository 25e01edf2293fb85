"""The contract of a job backend, on the local one."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._leftovers import MARK, end_leftovers
from mlflow_plugins.jobs.backends._base import Ticket, load_backend

PATIENCE_SECONDS = 60


class Run:
    """Commands of one test in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / "log.txt"
        self.log.touch()

    def start(self, command, **environment):
        return load_backend("local").start(
            command,
            environment={"PATH": os.environ["PATH"], **environment},
            folder=self.folder,
            log=self.log,
            ticket=Ticket(key="test", number=1),
        )

    def wait(self, process):
        self.until(lambda: process.poll() is not None)
        return process.poll()

    def until(self, is_so):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def pids(self, n_pids):
        path = self.folder / "pids"
        self.until(lambda: path.exists() and len(path.read_text().split()) == n_pids)
        return [int(line) for line in path.read_text().split()]


@pytest.fixture
def commands(tmp_path):
    return Run(tmp_path)


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("exit 3", 3), ("kill -9 $$", 137), ("no_such_program", 127), ("exit 255", 255)],
)
def test_the_exit_code_is_told(commands, command, code):
    assert commands.wait(commands.start(command)) == code


def test_output_is_appended_in_order(commands):
    commands.log.write_text("before\n")
    commands.wait(commands.start("echo one; echo two >&2; echo three; pwd"))
    assert commands.log.read_text() == f"before\none\ntwo\nthree\n{commands.folder}\n"


def test_the_environment_is_what_was_given(commands):
    commands.wait(commands.start("env", A="b c"))
    lines = set(commands.log.read_text().splitlines())
    assert "A=b c" in lines
    assert not any(line.startswith("HOME=") for line in lines)


def test_standard_input_is_empty(commands):
    assert commands.wait(commands.start("cat; read x; echo $?")) == 0
    assert commands.log.read_text() == "1\n"


def test_nothing_outlives_the_command(commands):
    process = commands.start("(setsid sleep 600 & echo $! >> pids); sleep 600 & echo $! >> pids")
    assert commands.wait(process) == 0
    assert not any(map(is_alive, commands.pids(2)))


def test_a_polite_command_may_say_goodbye(commands):
    process = commands.start(
        "trap 'echo bye; exit 7' TERM; echo $$ > pids; while :; do sleep 0.05; done"
    )
    commands.pids(1)
    process.stop(30)
    assert process.poll() == 7
    assert commands.log.read_text().endswith("bye\n")


def test_a_rude_family_is_killed(commands):
    rude = "trap '' TERM; echo $BASHPID >> pids; while :; do sleep 0.05; done"
    process = commands.start(f'(setsid bash -c "{rude.replace("$", chr(92) + "$")}" &); {rude}')
    pids = commands.pids(2)
    process.stop(0.3)
    assert process.poll() == 137
    assert not any(map(is_alive, pids))
    process.stop(0.3)


STARTER = """
import sys, time
from pathlib import Path
from mlflow_plugins.jobs.backends._base import Ticket
from mlflow_plugins.jobs.backends.local import LocalBackend
folder = Path(sys.argv[1])
LocalBackend().start(sys.argv[2], environment={"PATH": "/usr/bin:/bin"}, folder=folder,
                     log=folder / "log.txt", ticket=Ticket(key="test", number=1))
time.sleep(600)
"""


def test_nothing_outlives_the_starter(commands):
    command = "(setsid sleep 600 & echo $! >> pids); echo $$ >> pids; sleep 600"
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(commands.folder), command])
    pids = commands.pids(2)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    commands.until(lambda: not any(map(is_alive, pids)))


def test_leftovers_are_found_by_their_mark(commands):
    process = commands.start(
        "(setsid sleep 600 & echo $! >> pids); echo $$ >> pids; sleep 600",
        **{MARK: str(commands.folder)},
    )
    pids = commands.pids(2)
    guard = psutil.Process(pids[-1]).parent()
    assert end_leftovers(commands.folder.parent) == 0
    assert all(map(is_alive, pids))
    assert end_leftovers(commands.folder) >= 2
    assert not any(map(is_alive, [*pids, guard.pid]))
    commands.wait(process)


def test_a_backend_that_is_not_installed_is_named():
    with pytest.raises(InvalidInput, match=r"no job backend 'slurm'\. Installed are: .*local"):
        load_backend("slurm")
