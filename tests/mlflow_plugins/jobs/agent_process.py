"""What an agent's process in these tests does; `conftest` runs it with its ``configuration``."""

import logging
import os
from pathlib import Path
from typing import Any

from mlflow_plugins.core import Settings, connect, give_up_soon
from mlflow_plugins.core.agent import Agent
from mlflow_plugins.core.processes import exit_with_parent
from mlflow_plugins.jobs.plugin import make_reconciler


def main(given: dict[str, Any]) -> None:
    folder = Path(given["folder"])
    os.setsid()
    exit_with_parent(os.getppid())
    os.environ.update(given["environment"])
    log = os.open(folder / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.basicConfig(level=logging.INFO)
    settings = Settings.from_environment()
    reconciler = make_reconciler(connect(), settings, folder)
    give_up_soon()
    Agent([reconciler], poll_seconds=settings.poll_seconds).run()


if __name__ == "<run_path>":  # by `runpy`, not by an import
    main(configuration)  # noqa: F821  (a global that `conftest` gives)
