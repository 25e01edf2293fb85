"""The nursery: starts runners within milliseconds.

Importing MLflow takes seconds. The nursery has done it already and forks itself for each runner, so
the runners also share the memory of what was imported. It is a plain process that starts no thread
and opens no connection, which is what makes forking it safe.

    python -m mlflow_plugins.jobs._nursery

Each line of its input is a request: ``{"record_id": ..., "folder": ...}``. It ends when its input
is closed. Its runners do not: each has a session of its own.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from mlflow_plugins.core import given_environment
from mlflow_plugins.jobs.backends._base import AGENT_FOLDER, LOCAL, load_backend

RUNNER_LOG = "runner.log"


class Nursery:
    """The agent's end: starts a nursery when it is needed and asks it for runners."""

    def __init__(self, tracking_uri: str, agent_folder: Path) -> None:
        self._variables = {
            "MLFLOW_TRACKING_URI": tracking_uri,
            AGENT_FOLDER: str(agent_folder),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._wake()

    def start_runner(self, record_id: str, folder: Path) -> None:
        """Have a runner started for a job; returns at once.

        Args:
            record_id: The job's record.
            folder: An existing folder of the runner's own, where it notes its process identity.
        """
        line = json.dumps({"record_id": record_id, "folder": str(folder)}) + "\n"
        process = self._wake()
        with contextlib.suppress(BrokenPipeError):  # the folder is found without a runner later
            if process.stdin is not None:
                process.stdin.write(line.encode())
                process.stdin.flush()

    @property
    def pid(self) -> int:
        """Process id of the nursery as it is now."""
        return self._wake().pid

    def close(self) -> None:
        """End the nursery; its runners go on."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()
        self._process = None

    def _wake(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                env={**given_environment(), **self._variables},
                start_new_session=True,
            )
        return self._process


def _serve() -> None:
    from mlflow_plugins.jobs import runner

    _warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries runners that have ended
    for line in sys.stdin:
        request = json.loads(line)
        if os.fork() == 0:
            _become_runner(runner.main, request["record_id"], Path(request["folder"]))


def _warm_up() -> None:
    """Do once what every runner would do first: late imports, and looking for plugins."""
    import_module("mlflow.tracking.request_header.registry")
    import_module("netrc")  # for requests
    load_backend(LOCAL)


def _become_runner(main: Callable[[str, Path], int], record_id: str, folder: Path) -> None:
    """Turn this forked process into one that stands alone, and run the job. Never returns."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        output = os.open(folder / RUNNER_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        code = main(record_id, folder)
    except BaseException:  # the parent's loop must never go on in this process
        logging.getLogger(__name__).exception("the runner of %s failed", record_id)
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve()
