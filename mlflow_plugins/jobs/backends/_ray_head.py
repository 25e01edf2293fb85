"""A Ray head on this machine: started when a job needs it, ended when none does.

    python -m mlflow_plugins.jobs.backends._ray_head FOLDER OPTIONS

A keeper, a process in a session of its own, has the head below a guard (`_guard`), so the head goes
with its keeper and nothing of it stays. Everybody who uses the head holds a shared lock on a file;
a lock dies with its process, so the keeper knows that nobody uses the head when it gets the lock
for itself. Neither needs an agent: the head survives a restart of it and is found again.

A Jobs API runs what it is told to, and parts of Ray listen on every interface whatever address they
are given: a head of ours always asks for its token, which is a file that only this user can read.
"""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from mlflow_plugins.core import MissingExtra, StudioError, Unreachable
from mlflow_plugins.core.processes import ProcessIdentity, free_port, stop_tree
from mlflow_plugins.jobs.backends._base import JobProcess, Ticket
from mlflow_plugins.jobs.backends._ray_api import Access, RayApi
from mlflow_plugins.jobs.backends._ray_options import HeadOptions
from mlflow_plugins.jobs.backends.local import LocalBackend

_HOST = "127.0.0.1"
_START_SECONDS = 300.0
_STOP_SECONDS = 5.0
_FOREVER_SECONDS = str(365 * 24 * 3600)
_FOREIGN = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS", "RAY_AUTH_TOKEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadState:
    """A head that runs.

    Attributes:
        address: Of its Jobs API.
        gcs_address: What other nodes and Ray's own tools join.
        keeper: The process that has it.
    """

    address: str
    gcs_address: str
    keeper: str


class RayHead:
    """The head that belongs to one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def token_file(self) -> Path:
        """The file with the token; made with the first start."""
        return self.folder / "token"

    @property
    def log_file(self) -> Path:
        """What the keeper and Ray said."""
        return self.folder / "head.log"

    @property
    def use_file(self) -> Path:
        """The file that users of the head lock."""
        return self.folder / "use.lock"

    def state(self) -> HeadState | None:
        """Return the head that runs, if one does."""
        try:
            state = HeadState(**json.loads((self.folder / "head.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        return state if ProcessIdentity.parse(state.keeper).find() else None

    def access(self, state: HeadState) -> Access:
        """Return what a client of the head needs."""
        token = self.token_file.read_text(encoding="utf-8").strip()
        return Access(address=state.address, token=token)

    @contextlib.contextmanager
    def in_use(
        self, options: HeadOptions, *, is_unwanted: threading.Event | None = None
    ) -> Iterator[Access]:
        """Start the head if it does not run, and keep it until the end of the block.

        Args:
            options: How to start it.
            is_unwanted: Set when nobody waits for it any more.

        Raises:
            MissingExtra: Ray is not installed.
            StudioError: It could not be started; the end of its log says why.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.use_file.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # waits for a head that is being ended
            self.use_file.touch()
            try:
                yield self.access(self._ensure(options, is_unwanted or threading.Event()))
            finally:
                self.use_file.touch()

    def client_environment(self) -> dict[str, str]:
        """Return the variables with which Ray's own tools are let in."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token_file)}

    def stop(self) -> bool:
        """End the head whoever uses it; tell whether there was one."""
        state = self.state()
        if state is None:
            return False
        stop_tree(ProcessIdentity.parse(state.keeper).pid, grace_seconds=_STOP_SECONDS + 15.0)
        return True

    def _ensure(self, options: HeadOptions, is_unwanted: threading.Event) -> HeadState:
        with (self.folder / "start.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if state := self.state():
                return state
            return self._start(options, is_unwanted)

    def _start(self, options: HeadOptions, is_unwanted: threading.Event) -> HeadState:
        if find_spec("ray") is None:
            raise MissingExtra("ray", extra="ray", purpose="A Ray head on this machine")
        self._make_token()
        with self.log_file.open("wb") as log:
            answer = subprocess.run(
                [sys.executable, "-m", __name__, str(self.folder), options.model_dump_json()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                check=False,
            )
        keeper = ProcessIdentity.parse(answer.stdout) if answer.stdout else None
        deadline = time.monotonic() + _START_SECONDS
        while keeper and keeper.find() and time.monotonic() < deadline:
            if state := self.state():
                return state
            if is_unwanted.wait(0.2):
                break
        if keeper:
            stop_tree(keeper.pid, grace_seconds=_STOP_SECONDS + 15.0)
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
        raise StudioError("\n".join(["The Ray head could not be started.", *lines]))

    def _make_token(self) -> None:
        with contextlib.suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(self.token_file, flags, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))


class Keeper:
    """Has one head from its start to its end."""

    def __init__(self, head: RayHead, options: HeadOptions) -> None:
        self._head = head
        self._options = options
        self._is_asked_to_end = threading.Event()
        self._use = head.use_file.open("a")

    def run(self) -> None:
        """Start the head, wait until nobody needs it, end it."""
        signal.signal(signal.SIGTERM, lambda *_: self._is_asked_to_end.set())
        # Ray makes sockets below it, and their paths must be short.
        with tempfile.TemporaryDirectory(prefix="studio-ray-", ignore_cleanup_errors=True) as place:
            state = HeadState(
                address=f"http://{_HOST}:{free_port()}",
                gcs_address=f"{_HOST}:{free_port()}",
                keeper=str(ProcessIdentity.of()),
            )
            process = LocalBackend().start(
                " ".join(["exec", *self._command(state, Path(place))]),
                environment=self._environment(Path(place)),
                folder=None,
                log=self._head.log_file,
                ticket=Ticket(key="ray", number=1),
            )
            try:
                if self._is_up(state, process):
                    self._announce(state)
                    self._wait_for_end(process)
            finally:
                (self._head.folder / "head.json").unlink(missing_ok=True)
                process.stop(_STOP_SECONDS)

    def _command(self, state: HeadState, place: Path) -> list[str]:
        options = self._options
        return [
            "ray start --head --block",
            "--disable-usage-stats --no-monitor --include-log-monitor=false",
            f"--node-ip-address={_HOST} --port={state.gcs_address.rpartition(':')[2]}",
            f"--dashboard-host={_HOST} --dashboard-port={state.address.rpartition(':')[2]}",
            f"--ray-client-server-port={free_port()} --dashboard-agent-listen-port={free_port()}",
            f"--object-store-memory={options.object_store_bytes} --temp-dir={place}",
            *([f"--num-cpus={options.n_cpus}"] if options.n_cpus else []),
        ]

    def _environment(self, place: Path) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        return {
            **inherited,
            **self._head.client_environment(),
            # How long a job may wait for a free node is for whoever submitted it to say.
            "RAY_JOB_START_TIMEOUT_SECONDS": _FOREVER_SECONDS,
            "TMPDIR": str(place),  # what killed jobs leave goes with the head
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        }

    def _is_up(self, state: HeadState, process: JobProcess) -> bool:
        """Wait until the Jobs API answers; False if that will not happen."""
        api = RayApi(self._head.access(state))
        while process.poll() is None and not self._is_asked_to_end.wait(0.3):
            with contextlib.suppress(Unreachable):
                api.check()
                return True
        return False

    def _announce(self, state: HeadState) -> None:
        draft = self._head.folder / ".head.json"
        draft.write_text(json.dumps(asdict(state)), encoding="utf-8")
        draft.replace(self._head.folder / "head.json")

    def _wait_for_end(self, process: JobProcess) -> None:
        """Return when somebody asks for the end, the head is gone, or nobody has used it."""
        last_used = time.time()
        while process.poll() is None and not self._is_asked_to_end.wait(0.5):
            last_used = max(last_used, self._head.use_file.stat().st_mtime)
            is_idle = time.time() - last_used > self._options.idle_seconds
            if not self._lock(keep=is_idle and not self._options.keep):
                last_used = time.time()
            elif is_idle and not self._options.keep:
                return

    def _lock(self, *, keep: bool) -> bool:
        """Take the lock of the users if there are none; keep it from others until we have ended."""
        try:
            fcntl.flock(self._use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if not keep:
            fcntl.flock(self._use, fcntl.LOCK_UN)
        return True


def main(arguments: list[str]) -> None:
    """Keep a head, in a process of its own whose identity is printed."""
    folder, options = arguments
    if child := os.fork():
        print(ProcessIdentity.of(child))  # noqa: T201
        return
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Keeper(RayHead(Path(folder)), HeadOptions.model_validate_json(options)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
