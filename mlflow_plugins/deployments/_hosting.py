"""One generation of a deployment on this machine: its server process, from start to end."""

import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import requests

from mlflow_plugins.core import (
    Asset,
    AssetStore,
    Clock,
    Lease,
    Leases,
    Settings,
    given_environment,
    prepare_environment,
)
from mlflow_plugins.core.processes import ProcessIdentity, stop_tree, thread_limits
from mlflow_plugins.deployments._config import ServingConfig
from mlflow_plugins.deployments._entities import DeploymentStatus
from mlflow_plugins.deployments._log import LOG_FILE, last_lines, tail
from mlflow_plugins.deployments._note import read_note

N_STARTS = 3
START_SECONDS = 600.0
HEALTH_SECONDS = 10.0
LOG_SECONDS = 10.0
N_SILENCES = 5

_LONGEST_PAUSE_SECONDS = 60.0
_LOG_TAIL_BYTES = 64 * 1024
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
_LOGGER = logging.getLogger(__name__)


class Hosting:
    """Keeps the server of one generation running while this agent holds the generation's lease.

    Every method returns soon; `step` is called again and again.

    Args:
        store: Where the deployment is kept.
        asset: The generation.
        lease: This agent's right to host it.
        settings: How long things wait.
        folder: The deployment's folder on this machine; the servers' working directory.
        clock: Tells the time.
    """

    def __init__(
        self,
        store: AssetStore,
        asset: Asset,
        *,
        lease: Lease,
        settings: Settings,
        folder: Path,
        clock: Clock,
    ) -> None:
        self.asset = asset
        self.lease = lease
        self._store = store
        self._settings = settings
        self._folder = folder
        self._clock = clock
        self._child: subprocess.Popen[bytes] | None = None
        self._process = _identity(asset.state)
        self._is_ready = self.was_ready and self.is_process_alive
        self._n_failures = 0
        self._n_silences = 0
        self._start_at = 0.0
        self._started_at = clock.now()
        self._checked_at = 0.0
        self._renewed_at = clock.now()
        self._log_sent_at = 0.0
        self._log_sent_bytes = -1
        if self._is_ready:
            _LOGGER.info("Adopted the server of %s (%s).", self._label, self._process)
            self._note(status=DeploymentStatus.RUNNING, seen_at=repr(clock.now()))

    @property
    def was_ready(self) -> bool:
        """Whether this generation ever served, under this agent or another."""
        return "ready_at" in self.asset.state

    @property
    def is_process_alive(self) -> bool:
        """Whether the server process runs on this machine."""
        if self._child is not None:
            self._child.poll()  # so that a dead child does not stay a zombie
        return self._process is not None and self._process.find() is not None

    @property
    def _label(self) -> str:
        return f"{self.asset.name!r} generation {self.asset.version}"

    # ------------------------------------------------------------ step

    def step(self, leases: Leases, predecessor_port: int) -> None:
        """Look at the server once and do what is due.

        Args:
            leases: Renews this agent's lease.
            predecessor_port: Where the generation before this one listens; 0 if nowhere.

        Raises:
            LeaseLost: Another agent hosts this generation now.
        """
        now = self._clock.now()
        if now - self._renewed_at >= self._settings.lease_seconds / 3:
            leases.renew(self.lease)
            self._renewed_at = now
        if self.is_process_alive:
            self._tend(now)
        elif self._process is not None:
            self._on_death(now)
        elif not self._has_given_up and now >= self._start_at:
            self._start(predecessor_port)

    def _tend(self, now: float) -> None:
        self._send_log(now)
        if not self._is_ready:
            self._see_whether_ready(now)
        elif now - self._checked_at >= HEALTH_SECONDS:
            self._checked_at = now
            self._n_silences = 0 if self._answers() else self._n_silences + 1
            if self._n_silences >= N_SILENCES:
                self._kill(f"The server did not answer {N_SILENCES} times.")

    def _see_whether_ready(self, now: float) -> None:
        note = read_note(self._folder, self.asset.version)
        if note.get("process") == str(self._process):
            url = f"http://{self._url_host}:{note['port']}"
            self._is_ready = True
            self._n_failures = self._n_silences = 0
            self._checked_at = now
            self._note(
                status=DeploymentStatus.RUNNING,
                url=url,
                port=str(note["port"]),
                ready_at=repr(now),
                seen_at=repr(now),
                error="",
            )
            _LOGGER.info("%s runs at %s.", self._label, url)
        elif now - self._started_at > START_SECONDS:
            self._kill(f"The server was not ready after {START_SECONDS:g} seconds.")

    def _on_death(self, now: float) -> None:
        n_failures = self._n_failures + 1
        code = self._child.poll() if self._child is not None else None
        how = "" if code is None else f" ({_describe_exit(code)})"
        error = f"The server ended{how}. {last_lines(self._log)}".strip()
        status = DeploymentStatus.FAILED if n_failures >= N_STARTS else DeploymentStatus.CREATING
        _LOGGER.warning("%s: %s", self._label, error)
        # Before anything else: a store that cannot be written to now is told at the next step.
        self._note(status=status, error=error, process="")
        self._n_failures = n_failures
        self._start_at = now + min(2.0 ** (n_failures - 1), _LONGEST_PAUSE_SECONDS)
        self._process = self._child = None
        self._is_ready = False
        self._send_log(now, is_last=True)

    @property
    def _has_given_up(self) -> bool:
        """A generation that never served is not tried for ever; its successor may do better."""
        return not self.was_ready and (
            self._n_failures >= N_STARTS
            or self.asset.state.get("status") == DeploymentStatus.FAILED
        )

    # ------------------------------------------------------------ processes

    def _start(self, predecessor_port: int) -> None:
        config = ServingConfig.parse(self.asset.spec["config"])
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        port = int(self.asset.state.get("port", predecessor_port))
        command = [
            *(sys.executable, "-P", "-m", "mlflow_plugins.deployments.server"),
            *(self.asset.name, self.asset.version, "--port", str(port)),
        ]
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._environment(config),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._process = ProcessIdentity.of(self._child.pid)
        self._started_at = self._clock.now()
        try:
            state = {"process": str(self._process), "agent": self.lease.holder}
            if self._n_failures == 0:
                state["status"] = DeploymentStatus.CREATING
            self._note(**state)
        except Exception:
            self._child.kill()  # nobody would know of it
            raise
        _LOGGER.info("Started the server of %s (%s).", self._label, self._process)

    def _environment(self, config: ServingConfig) -> dict[str, str]:
        prepare_environment()
        return {
            **given_environment(),
            **thread_limits(config.n_threads),
            "PYTHONUNBUFFERED": "1",
            **config.environment,
            "MLFLOW_TRACKING_URI": self._store.records.client.tracking_uri,
        }

    def ask_to_end(self) -> None:
        """Ask the server to end; see `kill_if_alive`."""
        process = self._process.find() if self._process is not None else None
        if process is not None:
            process.terminate()

    def kill_if_alive(self) -> None:
        """End the server and whatever it started, now."""
        if self.is_process_alive and self._process is not None:
            stop_tree(self._process.pid, grace_seconds=0.1)
        if self._child is not None:
            self._child.poll()

    def _kill(self, reason: str) -> None:
        _LOGGER.warning("%s: %s It is started again.", self._label, reason)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{reason}\n")
        self.kill_if_alive()

    # ------------------------------------------------------------ words

    def note_stopped(self) -> None:
        """Say that the server was ended on purpose and nothing is wrong."""
        is_failed = self.asset.state.get("status") == DeploymentStatus.FAILED
        self._note(process="", **({} if is_failed else {"status": DeploymentStatus.STOPPED}))

    def _note(self, **state: str) -> None:
        self._store.set_state(self.asset, state)

    @property
    def _log(self) -> Path:
        return self._folder / f"g{self.asset.version}.log"

    def _send_log(self, now: float, *, is_last: bool = False) -> None:
        """Keep the end of the log with the record, where everybody can read it."""
        if not is_last and now - self._log_sent_at < LOG_SECONDS:
            return
        self._log_sent_at = now
        size = self._log.stat().st_size if self._log.is_file() else 0
        if size == self._log_sent_bytes:
            return
        self._log_sent_bytes = size
        text = tail(self._log, _LOG_TAIL_BYTES)
        try:
            self._store.records.client.log_text(self.asset.record_id, text, LOG_FILE)
        except Exception as error:  # noqa: BLE001 - a log is no reason to stop serving
            _LOGGER.warning("The log of %s cannot be kept (%s).", self._label, error)

    @property
    def _url_host(self) -> str:
        host = ServingConfig.parse(self.asset.spec["config"]).host
        if host in _WILDCARDS:
            return ProcessIdentity.of().host
        return f"[{host}]" if ":" in host else host

    def _answers(self) -> bool:
        url = self.asset.state.get("url", "")
        try:
            answer = requests.get(f"{url}/health/live", timeout=1.0)
        except requests.RequestException:
            return False
        return answer.ok


def _describe_exit(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit status {code}"


def _identity(state: Mapping[str, str]) -> ProcessIdentity | None:
    text = state.get("process")
    if not text:
        return None
    identity = ProcessIdentity.parse(text)
    return identity if identity.find() is not None else None
