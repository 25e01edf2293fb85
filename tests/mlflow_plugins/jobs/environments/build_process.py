"""A process of its own that makes an environment; `test_cache` runs it with ``configuration``."""

import os
import signal
from pathlib import Path

from mlflow_plugins.core import Settings
from mlflow_plugins.jobs.environments import Environment, Host, prepare
from mlflow_plugins.jobs.environments._pin import pin_content


def main(given: dict) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    log = Path(given["log"])
    log.touch()
    host = Host(Path(given["folder"]), log, given["variables"], Settings())
    content = Environment.model_validate({"requirements": given["requirements"]})
    prepared = prepare(pin_content(content), host)
    log.with_suffix(".done").write_text(str(prepared.folder))


if __name__ == "<run_path>":
    main(configuration)  # noqa: F821  (a global that the test gives)
