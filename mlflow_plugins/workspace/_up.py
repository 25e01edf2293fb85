"""``mlflow-studio up``: an MLflow server with the studio, and an agent, in one workspace folder."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from mlflow_plugins.core import (
    InvalidInput,
    Settings,
    StudioError,
    check_database,
    without_password,
)
from mlflow_plugins.core.processes import is_port_free, thread_limits
from mlflow_plugins.workspace._folder import WorkspaceFolder
from mlflow_plugins.workspace._supervisor import Child, Supervisor
from mlflow_plugins.workspace.plugin import launch_command

_START_SECONDS = 180.0
_SERVER_STOP_SECONDS = 15.0
_ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """What the user of `mlflow-studio up` chose.

    Attributes:
        folder: The workspace folder.
        host: Interface that the server listens on.
        port: Port that the server listens on.
        workers: Server processes.
        backend_store_uri: Database; the folder's SQLite file if None.
        artifacts_destination: Where files go; the folder if None.
        static_prefix: Path below which everything is served, such as ``/ml``.
        with_auth: Whether users must log in.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 5000
    workers: int = 2
    backend_store_uri: str | None = None
    artifacts_destination: str | None = None
    static_prefix: str = ""
    with_auth: bool = False

    @property
    def tracking_uri(self) -> str:
        """Where clients on this machine reach the server."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://{host}:{self.port}{self.static_prefix}"

    def check(self) -> None:
        """Refuse what cannot work, before anything is started.

        Raises:
            InvalidInput: An option breaks a rule, or the port is taken.
            Unreachable: The database does not answer.
            MissingExtra: The database's driver is not installed.
        """
        if self.static_prefix and (
            not self.static_prefix.startswith("/") or self.static_prefix.endswith("/")
        ):
            raise InvalidInput(
                f"The static prefix is {self.static_prefix!r}. "
                "It must start with '/' and must not end with '/', such as /ml."
            )
        store = self.backend_store_uri
        if store is not None and urlsplit(store).scheme in ("", "file", "http", "https"):
            raise InvalidInput(
                f"The backend store is {without_password(store)!r}. It must be a database, such as "
                "sqlite:////data/mlflow.db or postgresql://user:password@host/mlflow."
            )
        if store is not None:
            check_database(store)
        if not is_port_free(self.host, self.port):
            raise InvalidInput(
                f"Port {self.port} on {self.host} is in use. "
                f"Stop what listens there, or choose another port: --port {self.port + 1}"
            )


def up(
    options: UpOptions,
    *,
    settings: Settings | None = None,
    on_ready: Callable[[UpOptions, WorkspaceFolder], None] = lambda _options, _folder: None,
    supervisor: Supervisor | None = None,
) -> None:
    """Run the server and one agent until SIGINT or SIGTERM, then stop both.

    Args:
        options: What the user chose.
        settings: Waiting times.
        on_ready: Called once the server answers and the agent runs.
        supervisor: Who keeps the children alive; one that stops on signals if None.

    Raises:
        InvalidInput: An option breaks a rule.
        StudioError: The folder is in use, or the server does not start.
    """
    options.check()
    settings = settings or Settings.from_environment()
    folder = WorkspaceFolder(options.folder.resolve())
    folder.prepare()
    supervisor = supervisor or _supervisor_on_signals()
    with folder.owned():
        if options.backend_store_uri is None:
            folder.enable_wal()
        if options.with_auth:
            _write_auth_config(folder)
        try:
            server = _server(options, folder)
            supervisor.start(server)
            if _wait_until_healthy(options, supervisor, server):
                supervisor.start(_agent(options, folder, settings))
                on_ready(options, folder)
                supervisor.watch()
        finally:
            supervisor.stop()


def _supervisor_on_signals() -> Supervisor:
    supervisor = Supervisor()
    supervisor.stop_on_signals()
    return supervisor


def _wait_until_healthy(options: UpOptions, supervisor: Supervisor, server: Child) -> bool:
    """Wait for the server; False if somebody asked to stop meanwhile."""
    waited = 0.0
    while waited < _START_SECONDS:
        supervisor.check(server)
        try:
            if requests.get(f"{options.tracking_uri}/health", timeout=5).ok:
                return True
        except requests.RequestException:
            pass
        if supervisor.wait(0.5):
            return False
        waited += 0.5
    raise StudioError(
        f"The server did not answer within {_START_SECONDS:.0f} s. "
        f"The end of its log ({server.log}):\n{server.log_tail()}"
    )


def _server(options: UpOptions, folder: WorkspaceFolder) -> Child:
    arguments = [
        *("--app-name", "studio-auth" if options.with_auth else "studio"),
        *("--backend-store-uri", options.backend_store_uri or folder.backend_store_uri),
        *("--artifacts-destination", options.artifacts_destination or str(folder.artifacts)),
        *("--host", options.host),
        *("--port", str(options.port)),
        *("--workers", str(options.workers)),
    ]
    if options.static_prefix:
        arguments += ["--static-prefix", options.static_prefix]
    environment = {
        **os.environ,
        **thread_limits(1),
        "MLFLOW_TRUNCATE_LONG_VALUES": "false",
    }
    # MLflow's own job runners serve features of its GenAI pages; eight idle processes are a high
    # price for everyone else. Whoever needs them sets the variable.
    environment.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    environment.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    environment.setdefault("MLFLOW_STUDIO_UPLOAD_FOLDER", str(folder.uploads.resolve()))
    if options.with_auth:
        environment |= {
            "MLFLOW_AUTH_CONFIG_PATH": str(folder.auth_config),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": folder.secret(folder.secret_key),
        }
        environment.setdefault("MLFLOW_AUTH_ADMIN_PASSWORD", folder.secret(folder.admin_password))
    return Child(
        name="server",
        command=[*launch_command(bootstraps_auth=options.with_auth), *arguments],
        environment=environment,
        log=folder.logs / "server.log",
        stop_seconds=_SERVER_STOP_SECONDS,
    )


def _agent(options: UpOptions, folder: WorkspaceFolder, settings: Settings) -> Child:
    environment = {**os.environ, "MLFLOW_TRACKING_URI": options.tracking_uri}
    if options.with_auth:
        environment.setdefault("MLFLOW_TRACKING_USERNAME", _ADMIN)
        environment.setdefault(
            "MLFLOW_TRACKING_PASSWORD",
            os.environ.get("MLFLOW_AUTH_ADMIN_PASSWORD") or folder.secret(folder.admin_password),
        )
    return Child(
        name="agent",
        command=[
            *(sys.executable, "-m", "mlflow_plugins.cli", "agent"),
            *("--folder", str(folder.agent)),
            *("--parent-pid", str(os.getpid())),
        ],
        environment=environment,
        log=folder.logs / "agent.log",
        stop_seconds=settings.stop_seconds * 2 + 5,
    )


def _write_auth_config(folder: WorkspaceFolder) -> None:
    """Write MLflow's basic-auth configuration once; afterwards it is the user's to change."""
    if folder.auth_config.exists():
        return
    folder.auth_config.write_text(
        "[mlflow]\n"
        "default_permission = READ\n"
        f"database_uri = sqlite:///{folder.auth_database}\n"
        f"admin_username = {_ADMIN}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "grant_default_workspace_access = true\n",
        encoding="utf-8",
    )
