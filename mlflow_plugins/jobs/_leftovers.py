"""Processes of a job whose runner is gone.

The command's environment carries the runner's folder in a variable, and so do all processes that
come from it, whatever became of their parents: that is how they are found without any bookkeeping.
"""

import contextlib
from pathlib import Path

import psutil

MARK = "MLFLOW_STUDIO_RUNNER_FOLDER"


def end_leftovers(folder: Path) -> int:
    """Kill every process of this machine that came from the command of a runner.

    Args:
        folder: The runner's folder.

    Returns:
        How many were killed.
    """
    n_killed = 0
    while found := _find(folder):
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(found, timeout=5.0)
        n_killed += len(found)
    return n_killed


def _find(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            is_ours = process.environ().get(MARK) == str(folder)
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
