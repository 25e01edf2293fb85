"""The agent's loop, here and in a real process."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlflow_plugins.core import Settings
from mlflow_plugins.core import agent as agent_module
from mlflow_plugins.core.agent import Agent, load_reconcilers

_PROCESS = """
from mlflow_plugins.core.agent import Agent
class Telling:
    n = 0
    def reconcile(self):
        self.n += 1
        if self.n == 2:
            print("looked twice", flush=True)
    def stop(self):
        print("stopped", flush=True)
Agent([Telling(), Telling()], poll_seconds=0.05).run()
print("ended", flush=True)
"""


class _Counting:
    def __init__(self, *, fails: bool = False) -> None:
        self.n_calls = 0
        self.n_stops = 0
        self._fails = fails

    def reconcile(self) -> None:
        self.n_calls += 1
        if self._fails:
            raise RuntimeError("broken reconciler")

    def stop(self) -> None:
        self.n_stops += 1


class _StopsTheAgent(_Counting):
    """Asks its agent to stop in its n-th turn."""

    agent: Agent

    def __init__(self, *, after: int) -> None:
        super().__init__()
        self._after = after

    def reconcile(self) -> None:
        super().reconcile()
        if self.n_calls == self._after:
            self.agent.request_stop()


@pytest.fixture(autouse=True)
def _keep_signal_handlers():
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _run(*reconcilers: _Counting, after: int) -> None:
    last = _StopsTheAgent(after=after)
    last.agent = Agent([*reconcilers, last], poll_seconds=0.001)
    last.agent.run()


def test_all_take_turns_and_all_are_stopped():
    first, second = _Counting(), _Counting()
    _run(first, second, after=3)
    assert (first.n_calls, second.n_calls) == (3, 3)
    assert (first.n_stops, second.n_stops) == (1, 1)


def test_one_that_fails_keeps_nobody_from_their_turn(caplog: pytest.LogCaptureFixture):
    broken, sound = _Counting(fails=True), _Counting()
    with caplog.at_level(logging.ERROR):
        _run(broken, sound, after=3)
    assert (broken.n_calls, sound.n_calls) == (3, 3)
    assert (broken.n_stops, sound.n_stops) == (1, 1)
    assert [record.getMessage() for record in caplog.records] == [
        "_Counting failed; it is tried again"
    ] * 3
    assert "broken reconciler" in caplog.text


def test_one_that_cannot_stop_keeps_nobody_from_stopping(caplog: pytest.LogCaptureFixture):
    class Stuck(_Counting):
        def stop(self) -> None:
            raise RuntimeError("cannot stop")

    sound = _Counting()
    with caplog.at_level(logging.ERROR):
        _run(Stuck(), sound, after=1)
    assert sound.n_stops == 1
    assert "cannot stop" in caplog.text


def test_nobody_gets_a_turn_after_the_request():
    stopping, late = _StopsTheAgent(after=1), _Counting()
    stopping.agent = Agent([stopping, late], poll_seconds=60.0)
    stopping.agent.run()
    assert (late.n_calls, late.n_stops) == (0, 1)


def test_an_interrupt_ends_it_in_order():
    class Interrupting(_Counting):
        def reconcile(self) -> None:
            super().reconcile()
            os.kill(os.getpid(), signal.SIGINT)

    interrupting, late = Interrupting(), _Counting()
    Agent([interrupting, late], poll_seconds=60.0).run()
    assert (interrupting.n_calls, interrupting.n_stops) == (1, 1)
    assert (late.n_calls, late.n_stops) == (0, 1)


def test_termination_ends_a_real_agent_in_order():
    with subprocess.Popen(
        [sys.executable, "-c", _PROCESS], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "looked twice\n"
        os.kill(process.pid, signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert output.splitlines()[-3:] == ["stopped", "stopped", "ended"]
    assert process.returncode == 0


def test_reconcilers_come_from_entry_points(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    class Point:
        def __init__(self, name: str) -> None:
            self.name = name

        def load(self):
            return lambda *arguments: (self.name, *arguments)

    monkeypatch.setattr(
        agent_module, "entry_points", lambda *, group: [Point(f"{group}/b"), Point(f"{group}/a")]
    )
    client, settings = MlflowClient("http://127.0.0.1:9"), Settings()
    assert load_reconcilers(client, settings, tmp_path) == [
        (f"mlflow_studio.reconcilers/{name}", client, settings, tmp_path) for name in "ab"
    ]
