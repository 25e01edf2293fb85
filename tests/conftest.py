"""Fixtures for every test: a real server, fresh databases, and an environment of our own.

``tracking_server``  one ``mlflow server`` (one worker, SQLite) for the session: ``.uri``, ...
``client``, ``store``  an `MlflowClient` and an `AssetStore` on it; share it by using unique names
``unique_name``      a name nobody else uses
``sqlite_uri``       a fresh database of its own; artifacts land in ``tmp_path``
``sqlite_client``    an `MlflowClient` on that
``postgres``         one PostgreSQL server for the session (mark such tests ``postgres``)
``ray_head``         one Ray head for the session (mark such tests ``ray``)
``ray_variables``    an environment in which job backends find that head
"""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

_FOREIGN = ("MLFLOW_", "_MLFLOW_", "DATABRICKS_", "OPTUNA_", "RAY_")


def _clean_environment() -> None:
    """Let nothing from outside decide a test, and nothing of ours call out."""
    for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
        del os.environ[name]
    os.environ |= {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRUNCATE_LONG_VALUES": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": "2",
    }
    # The credentials of whoever runs the tests stay out. Matplotlib's font cache is slow to make.
    os.environ.setdefault("MPLCONFIGDIR", str(Path.home() / ".cache" / "matplotlib"))
    os.environ["HOME"] = tempfile.mkdtemp(prefix="home-")


_clean_environment()  # before anything imports MLflow

from hypothesis import HealthCheck, settings  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.tracking._tracking_service import utils as tracking  # noqa: E402

from mlflow_plugins.core import AssetStore, connect  # noqa: E402
from mlflow_plugins.jobs.backends._ray_head import RayHead  # noqa: E402
from mlflow_plugins.jobs.backends._ray_options import HeadOptions  # noqa: E402
from mlflow_plugins.testing import servers  # noqa: E402

# How long an example takes says something about the machine, not about the law.
settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["HOME"], ignore_errors=True)


@pytest.fixture(autouse=True)
def _no_store_is_left_behind() -> Iterator[None]:
    """Name the test that makes its store everybody's: MLflow keeps the URI for the process."""
    before = tracking._tracking_uri
    yield
    assert tracking._tracking_uri == before, "set it with mlflow_plugins.testing.use_tracking_uri"


@pytest.fixture(scope="session")
def tracking_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[servers.TrackingServer]:
    with servers.tracking_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def client(tracking_server: servers.TrackingServer) -> MlflowClient:
    return connect(tracking_server.uri)


@pytest.fixture
def store(client: MlflowClient) -> AssetStore:
    return AssetStore(client)


@pytest.fixture
def unique_name() -> str:
    return f"n{uuid.uuid4().hex[:12]}"


@pytest.fixture
def sqlite_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    # MLflow puts the artifacts of a database that has no server below the current folder.
    monkeypatch.chdir(tmp_path)
    return servers.create_database(tmp_path / "mlflow.db", str(tmp_path / "mlruns"))


@pytest.fixture
def sqlite_client(sqlite_uri: str) -> MlflowClient:
    return connect(sqlite_uri)


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.PostgresServer]:
    if not servers.has_postgres():
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip("PostgreSQL is not installed and this user cannot install it")
        subprocess.run(["apt-get", "install", "--yes", "-qq", "postgresql"], check=True)
    with servers.postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def ray_head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayHead]:
    head = RayHead(tmp_path_factory.mktemp("agent") / "ray")
    # If this process is killed, the head sees that nobody uses it and ends.
    options = HeadOptions(n_cpus=2, object_store_bytes=80 << 20, idle_seconds=20)
    try:
        with head.in_use(options):
            yield head
    finally:
        head.stop()


@pytest.fixture
def ray_variables(ray_head: RayHead, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    state = ray_head.state()
    assert state is not None, ray_head.log_file.read_text()
    variables = {
        **ray_head.client_environment(),
        "RAY_API_SERVER_ADDRESS": state.address,
        "MLFLOW_STUDIO_STOP_SECONDS": "1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables
