"""From submission to the first line of the log: Ray's bare Jobs API, and our jobs on the same head.

Part of `jobs.py`. Both ways use one head on this machine that runs already, one job at a time, and
wait until the line can be read: from Ray's API for the bare one, from MLflow's store for ours,
which is also what outlives the node.
"""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from mlflow_plugins.core import StudioError, connect
from mlflow_plugins.core.processes import stop_tree
from mlflow_plugins.jobs import get_job, read_log, submit
from mlflow_plugins.jobs.backends._ray_api import RayApi
from mlflow_plugins.jobs.backends._ray_head import RayHead
from mlflow_plugins.jobs.backends._ray_options import HeadOptions, ray_folder
from mlflow_plugins.testing import servers

PATIENCE_SECONDS = 300


def measure(n_jobs: int) -> dict[str, list[float]]:
    """Return the seconds that each job of each way took."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(servers.tracking_server(place / "server"))
        agent_folder = place / "agent"
        head = RayHead(ray_folder(agent_folder))
        stack.callback(head.stop)
        access = stack.enter_context(head.in_use(HeadOptions(idle_seconds=20)))
        agent = subprocess.Popen(
            [sys.executable, "-m", "mlflow_plugins.cli", "agent", "--folder", str(agent_folder)],
            env={**os.environ, "MLFLOW_TRACKING_URI": server.uri},
        )
        stack.callback(_end, agent)
        bare = [_bare(RayApi(access)) for _ in range(n_jobs)]
        ours = [_ours(server.uri) for _ in range(n_jobs)]
    return {"ray jobs": bare, "studio on ray": ours}


def _bare(api: RayApi) -> float:
    name = uuid.uuid4().hex
    begun = time.monotonic()
    document = {"entrypoint": "echo first", "submission_id": name, "entrypoint_num_cpus": 1}
    _until(lambda: _is_submitted(api, document))
    _until(lambda: b"\nfirst\n" in _content(api, name))
    seconds = time.monotonic() - begun
    _until(lambda: (api.info(name) or {}).get("status") == "SUCCEEDED")
    api.delete(name)
    return seconds


def _is_submitted(api: RayApi, document: dict[str, object]) -> bool:
    try:
        api.submit(document)
    except StudioError:  # the first submission to a new head is refused for some seconds
        return False
    return True


def _content(api: RayApi, name: str) -> bytes:
    node = (api.info(name) or {}).get("driver_node_id")
    if not node:
        return b""
    try:
        with api.log(name, node, follow=False) as response:
            return bytes(response.content)
    except StudioError:  # the node has no such file yet
        return b""


def _ours(uri: str) -> float:
    client = connect(uri)
    begun = time.monotonic()
    job = submit(client, {"command": "echo first", "compute": "ray"}, base_folder=Path.cwd())
    _until(lambda: "\nfirst\n" in read_log(client, job.run_id).text)
    seconds = time.monotonic() - begun
    _until(lambda: get_job(client, job.run_id).status.is_final)
    return seconds


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.05)


def _end(agent: subprocess.Popen) -> None:
    stop_tree(agent.pid, grace_seconds=30)
    agent.wait()
