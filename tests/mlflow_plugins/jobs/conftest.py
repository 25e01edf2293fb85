"""Real agents for jobs: processes that can be killed, with short times."""

import multiprocessing
import runpy
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from mlflow_plugins.core.processes import ProcessIdentity, stop_tree, thread_limits
from mlflow_plugins.jobs import Job, get_job, read_log, submit
from mlflow_plugins.jobs.backends._ray_head import RayHead
from mlflow_plugins.testing import servers

# The scripts of the job files there are run by jobs; doctest would import them.
collect_ignore = ["azure_shapes"]

PATIENCE_SECONDS = 90
SCRIPT = Path(__file__).with_name("agent_process.py")

TIMES = {
    "MLFLOW_STUDIO_POLL_SECONDS": "0.2",
    "MLFLOW_STUDIO_LEASE_SECONDS": "8",
    "MLFLOW_STUDIO_LOG_SECONDS": "0.2",
    "MLFLOW_STUDIO_STOP_SECONDS": "1",
}


class AgentProcess:
    """An agent for jobs as a process of its own, forked from one that has imported MLflow."""

    _context = multiprocessing.get_context("forkserver")
    _context.set_forkserver_preload(
        ["mlflow_plugins.jobs.runner", "mlflow_plugins.jobs._reconciler"]
    )

    def __init__(self, uri: str, folder: Path, **settings: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**thread_limits(1), **TIMES, **settings, "MLFLOW_TRACKING_URI": uri}
        configuration = {"folder": str(folder), "environment": environment}
        self.process = self._context.Process(
            target=runpy.run_path,
            args=(str(SCRIPT), {"configuration": configuration}),
        )
        self.process.start()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def stop(self) -> None:
        self.process.terminate()
        self.process.join(60)

    def runners(self) -> list[psutil.Process]:
        """The living runners in this agent's folder."""
        found = []
        for file in self.folder.glob("jobs/*/runner"):
            process = ProcessIdentity.parse(file.read_text()).find()
            if process is not None:
                found.append(process)
        return found


@contextmanager
def running_agent(uri: str, folder: Path, **settings: str) -> Iterator[AgentProcess]:
    agent = AgentProcess(uri, folder, **settings)
    try:
        yield agent
    finally:
        if agent.process.is_alive():
            agent.stop()
        if agent.process.is_alive():
            agent.kill()
            pytest.fail("the agent did not end within a minute of being asked to")
        for runner in agent.runners():
            stop_tree(runner.pid, grace_seconds=2)


@pytest.fixture(scope="module")
def agent_variables() -> dict[str, str]:
    """The environment of the module's agent, beside the usual; for modules to override."""
    return {}


@pytest.fixture(scope="module")
def agent(
    tracking_server: servers.TrackingServer,
    tmp_path_factory: pytest.TempPathFactory,
    agent_variables: dict[str, str],
) -> Iterator[AgentProcess]:
    """An agent on the shared server, for tests that kill nothing."""
    folder = tmp_path_factory.mktemp("agent")
    with running_agent(tracking_server.uri, folder, **agent_variables) as agent:
        yield agent


@pytest.fixture(scope="module")
def ray_agent(tracking_server: servers.TrackingServer, ray_head: RayHead) -> Iterator[AgentProcess]:
    """An agent that finds the session's Ray head in its own folder."""
    with running_agent(
        tracking_server.uri, ray_head.folder.parent, MLFLOW_STUDIO_MAX_JOBS="4"
    ) as agent:
        yield agent


class Driver:
    """Submits jobs and waits for them."""

    def __init__(self, client: MlflowClient) -> None:
        self.client = client

    def submit(self, command: str, **fields: object) -> Job:
        return submit(self.client, {"command": command, **fields}, base_folder=Path.cwd())

    def get(self, job: Job) -> Job:
        return get_job(self.client, job.run_id)

    def wait_for_end(self, job: Job) -> Job:
        self.wait_until(lambda: self.get(job).status.is_final, f"{job.display_name} ended")
        return self.get(job)

    def log(self, job: Job) -> str:
        """The whole log of a job that has ended."""
        text, offset, is_complete = "", 0, False
        while not is_complete:
            part = read_log(self.client, job.run_id, offset=offset)
            text, offset, is_complete = text + part.text, part.next_offset, part.is_complete
        return text

    def own_lines(self, job: Job) -> list[str]:
        """The log without the runner's lines."""
        return [line for line in self.log(job).splitlines() if not line.startswith("[studio] ")]

    @staticmethod
    def wait_until(
        is_so: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS
    ) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                pytest.fail(f"waited {seconds:.0f} seconds in vain until {what}")
            time.sleep(0.1)

    @staticmethod
    def is_running(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


@pytest.fixture
def driver(client: MlflowClient) -> Driver:
    return Driver(client)


@pytest.fixture
def start_agent(
    tracking_server: servers.TrackingServer, tmp_path: Path
) -> Iterator[Callable[..., AgentProcess]]:
    """Starts agents; they end with the test."""
    with ExitStack() as stack:
        yield lambda name="agent", uri=tracking_server.uri, **settings: stack.enter_context(
            running_agent(uri, tmp_path / name, **settings)
        )
