"""Real servers for tests: MLflow over SQLite or another database, and PostgreSQL."""

import functools
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.tracking._tracking_service import utils as _tracking

from mlflow_plugins.core import StudioError, prepare_environment
from mlflow_plugins.core.processes import free_port, stop_tree, thread_limits
from mlflow_plugins.workspace.plugin import launch_command

_HOST = "127.0.0.1"
_TRACKING_URI = "MLFLOW_TRACKING_URI"
_START_SECONDS = 180.0
_STOP_SECONDS = 15.0


# ---------------------------------------------------------------- SQLite


def create_database(path: Path, artifact_root: str, *, wal: bool = True) -> str:
    """Make an empty MLflow database of the current version and return its URI.

    MLflow's migrations take seconds; they are run once in a process, into a template.

    Args:
        path: The file to make.
        artifact_root: Where the artifacts of the default experiment lie.
        wal: Whether readers and one writer may work at the same time (SQLite's WAL mode).
    """
    path.write_bytes(_empty_database())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE experiments SET artifact_location = ?", [f"{artifact_root}/0"])
    if wal:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{path}"


@functools.cache
def _empty_database() -> bytes:
    # MLflow makes the folder ./mlruns, hence the change of folder.
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        path = Path(folder) / "mlflow.db"
        MlflowClient(tracking_uri=f"sqlite:///{path}")
        with closing(sqlite3.connect(path)) as connection:
            return connection.serialize()


# ---------------------------------------------------------------- MLflow


@contextmanager
def use_tracking_uri(uri: str) -> Iterator[str]:
    """Make `uri` the process's tracking store, and afterwards whatever it was before, or none.

    MLflow cannot say "none was set": its getter answers with a default, and setting that makes it
    everybody's. It also writes the environment variable that child processes read.
    """
    variable, before = os.environ.get(_TRACKING_URI), _tracking._tracking_uri
    mlflow.set_tracking_uri(uri)
    try:
        yield uri
    finally:
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]
        if variable is None:
            os.environ.pop(_TRACKING_URI, None)
        else:
            os.environ[_TRACKING_URI] = variable


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingServer:
    """A running ``mlflow server``.

    Attributes:
        uri: Where it answers.
        folder: Its database (unless another one was given), artifacts and log.
        database_uri: Where it keeps its data.
        pid: Its process.
    """

    uri: str
    folder: Path
    database_uri: str
    pid: int

    @property
    def log(self) -> str:
        """What it has printed."""
        return _log_file(self.folder).read_text(encoding="utf-8", errors="replace")


@contextmanager
def tracking_server(
    folder: Path,
    *,
    n_workers: int = 1,
    port: int | None = None,
    database_uri: str | None = None,
    app_name: str | None = None,
    arguments: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[TrackingServer]:
    """Run a real ``mlflow server`` on the loopback interface as long as the block lasts.

    It ends with the block, and with the process that started it, however that ends.

    Args:
        folder: For its files.
        n_workers: Server processes.
        port: Where it listens; a free port if None.
        database_uri: Backend store; a new SQLite database in the folder if None.
        app_name: An ``mlflow.app`` plugin.
        arguments: More arguments of ``mlflow server``.
        environment: More environment variables.

    Raises:
        StudioError: The server ended, or did not answer in time; the message holds its log.
    """
    prepare_environment()
    folder.mkdir(parents=True, exist_ok=True)
    database_uri = database_uri or create_database(folder / "mlflow.db", "mlflow-artifacts:")
    uri = f"http://{_HOST}:{(port := port or free_port())}"
    command = [
        *launch_command(),
        *("--backend-store-uri", database_uri),
        *("--artifacts-destination", str(folder / "artifacts")),
        *("--host", _HOST, "--port", str(port), "--workers", str(n_workers)),
        *(("--app-name", app_name) if app_name else ()),
        *arguments,
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with _log_file(folder).open("ab") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **thread_limits(1), **quiet, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = TrackingServer(uri=uri, folder=folder, database_uri=database_uri, pid=process.pid)
    try:
        _wait_until(lambda: _is_healthy(uri), process, _log_file(folder))
        yield server
    finally:
        stop_tree(process.pid, grace_seconds=_STOP_SECONDS)
        process.wait()


def _log_file(folder: Path) -> Path:
    return folder / "server.log"


def _is_healthy(uri: str) -> bool:
    try:
        return requests.get(f"{uri}/health", timeout=5).ok
    except requests.RequestException:
        return False


def _wait_until(
    is_ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path
) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            state = "did not answer in time" if process.poll() is None else "ended while starting"
            tail = log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise StudioError(f"The server {state}. The end of its log ({log}):\n{tail}")
        time.sleep(0.2)


# ---------------------------------------------------------------- PostgreSQL


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A running PostgreSQL server that trusts everybody on the loopback interface.

    Attributes:
        port: Where it listens.
        binaries: Folder of its commands.
    """

    port: int
    binaries: Path

    def create_database(self, name: str) -> str:
        """Make an empty database and return its URI."""
        address = ["--host", _HOST, "--port", str(self.port), "--username", "postgres"]
        subprocess.run([self.binaries / "createdb", *address, name], check=True)
        return f"postgresql://postgres@{_HOST}:{self.port}/{name}"

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        address = ["--host", _HOST, "--port", str(self.port)]
        return (
            subprocess.run(
                [self.binaries / "pg_isready", "--quiet", *address], check=False
            ).returncode
            == 0
        )


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL server as long as the block lasts; what it held is lost then.

    Raises:
        StudioError: PostgreSQL is not installed, or its server ended or did not answer in time.
    """
    binaries = _find_postgres()
    if binaries is None:
        raise StudioError(
            "There is no 'initdb' on the PATH or in /usr/lib/postgresql/*/bin, so no PostgreSQL "
            "server can be started. Install it with: apt-get install postgresql"
        )
    server = PostgresServer(port=free_port(), binaries=binaries)
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        if user is not None:
            shutil.chown(folder, user, user)
        data, log = Path(folder) / "data", Path(folder) / "postgres.log"
        setup = ["--auth", "trust", "--username", "postgres", "--encoding", "UTF8", "--no-sync"]
        subprocess.run(
            [server.binaries / "initdb", *setup, "--pgdata", data],
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        settings = {
            "listen_addresses": _HOST,
            "port": server.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        with log.open("ab") as output:
            process = subprocess.Popen(
                [server.binaries / "postgres", "-D", data, *options],
                user=user,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until(server.is_ready, process, log)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # SIGTERM would wait for clients to leave
            process.wait(_STOP_SECONDS)


def has_postgres() -> bool:
    """Tell whether PostgreSQL is installed on this machine."""
    return _find_postgres() is not None


def _find_postgres() -> Path | None:
    """Return the folder of its commands, of the newest version where Debian keeps several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    on_path = shutil.which("initdb")
    found += [Path(on_path)] if on_path else []
    return found[0].parent if found else None
