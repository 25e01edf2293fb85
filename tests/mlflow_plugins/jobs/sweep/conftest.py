"""Sweeps whose trials are tiny: they log metrics by plain REST, without importing MLflow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from mlflow_plugins.jobs import Job, submit

# `log NAME VALUE...`: one step for each value.
LOG = """
import json, os, sys, time, urllib.request

for step, value in enumerate(sys.argv[2:]):
    entry = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": sys.argv[1], "value": float(value),
             "timestamp": int(time.time() * 1000), "step": step}
    urllib.request.urlopen(urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
        json.dumps(entry).encode(), {"Content-Type": "application/json"}))
"""
PRELUDE = 'log() { python -S log.py "$@"; }; '


@pytest.fixture(scope="module")
def agent_variables() -> dict[str, str]:
    return {"MLFLOW_STUDIO_MAX_JOBS": "6"}


@pytest.fixture
def submit_sweep(client: MlflowClient, tmp_path: Path) -> Callable[..., Job]:
    """Submits a sweep over a grid with ``log`` at hand; fields may be added and changed."""
    code = tmp_path / "src"
    code.mkdir()
    (code / "log.py").write_text(LOG)

    def submit_one(command: str, values: dict[str, list[Any]], **fields: Any) -> Job:
        changed_inputs = fields.pop("changed_inputs", None)
        document = {
            "type": "sweep",
            "trial": {"command": PRELUDE + command, "code": "src"},
            "sampling_algorithm": "grid",
            "search_space": {n: {"type": "choice", "values": one} for n, one in values.items()},
            "objective": {"goal": "minimize", "primary_metric": "loss"},
            "display_name": "sweep",
            **fields,
        }
        document = {field: value for field, value in document.items() if value is not None}
        return submit(client, document, base_folder=tmp_path, inputs=changed_inputs)

    return submit_one
