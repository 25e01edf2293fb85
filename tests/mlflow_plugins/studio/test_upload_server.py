"""Uploads through a real server that is killed, over connections that break, within its memory."""

import concurrent.futures
import contextlib
import hashlib
import os
import signal
import socket
import time
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import mlflow
import psutil
import pytest
import requests

from mlflow_plugins.core.processes import free_port
from mlflow_plugins.testing import servers

pytestmark = pytest.mark.slow

MIB = 1 << 20


class Site:
    """A server that can be killed and started again where it was."""

    def __init__(self, folder) -> None:
        self.folder, self.port = folder, free_port()
        self._database = None
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        environment = {"MLFLOW_STUDIO_UPLOAD_FOLDER": str(self.folder / "uploads")}
        self.server = self._stack.enter_context(
            servers.tracking_server(
                self.folder,
                app_name="studio",
                n_workers=2,
                port=self.port,
                database_uri=self._database,
                environment=environment,
            )
        )
        self._database = self.server.database_uri

    def kill(self) -> None:
        """End it as a crash does: nobody is asked."""
        killed = self.processes()
        for one in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        # Before they are gone, what they started counts as theirs, and closing would end it.
        wait_for(lambda: not any(map(is_alive, killed)))
        self._stack.close()

    def processes(self) -> list[psutil.Process]:
        """Return the server's own processes, without those that read data."""
        root = psutil.Process(self.server.pid)
        return [
            one
            for one in [root, *root.children(recursive=True)]
            if "mlflow_plugins.studio._import_worker" not in one.cmdline()
        ]

    def close(self) -> None:
        self._stack.close()

    # ------------------------------------------------------------ what a browser does

    @property
    def address(self) -> str:
        return f"{self.server.uri}/studio/_upload"

    def begin(self, name: str, size_bytes: int) -> str:
        body = {"files": [{"path": name, "size_bytes": size_bytes}]}
        answer = requests.post(self.address, json=body, timeout=60)
        assert answer.ok, answer.text
        return answer.json()["token"]

    def put(self, token: str, at: int, piece: bytes) -> requests.Response:
        address = f"{self.address}/{token}?offset={at}&crc32={zlib.crc32(piece)}"
        return requests.put(address, data=piece, timeout=60)

    def status(self, token: str) -> dict:
        return requests.get(f"{self.address}/{token}", timeout=60).json()

    def received(self, token: str) -> int:
        [found] = self.status(token)["received"]
        return found

    def finish(self, token: str, **wish) -> dict:
        answer = requests.post(f"{self.address}/{token}/finish", json=wish, timeout=60)
        assert answer.ok, answer.text
        return self.outcome(token)

    def outcome(self, token: str) -> dict:
        deadline = time.monotonic() + 120
        while (state := self.status(token))["phase"] == "running":
            assert time.monotonic() < deadline, state
            time.sleep(0.2)
        return state

    def cut_short(self, token: str, at: int, piece: bytes) -> socket.socket:
        """Send the first half of a piece and leave the connection hanging."""
        parts = urlsplit(self.address)
        query = f"offset={at}&crc32={zlib.crc32(piece)}"
        head = (
            f"PUT {parts.path}/{token}?{query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(piece)}\r\n\r\n"
        )
        connection = socket.create_connection((parts.hostname, parts.port))
        connection.sendall(head.encode() + piece[: len(piece) // 2])
        return connection


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    site.start()
    yield site
    site.close()


def test_a_piece_whose_connection_breaks_is_sent_again(site):
    content = os.urandom(3 * MIB)
    token = site.begin("noise.bin", len(content))
    assert site.put(token, 0, content[:MIB]).json() == {"received": MIB}
    site.cut_short(token, MIB, content[MIB : 2 * MIB]).close()
    time.sleep(0.5)
    assert site.received(token) == MIB
    assert site.put(token, 2 * MIB, content[2 * MIB :]).json()["received"] == MIB  # a wrong offset
    for at in (MIB, 2 * MIB):
        assert site.put(token, at, content[at : at + MIB]).ok
    state = site.finish(token, name="noise")
    assert state["phase"] == "done", state
    assert digest_of(site, "noise") == hashlib.sha256(content).hexdigest()


def test_an_upload_goes_on_after_the_server_was_killed(site):
    content = os.urandom(12 * MIB)
    token = site.begin("noise.bin", len(content))
    for at in (0, 4 * MIB):
        assert site.put(token, at, content[at : at + 4 * MIB]).ok
    hanging = site.cut_short(token, 8 * MIB, content[8 * MIB :])
    site.kill()
    hanging.close()
    with pytest.raises(requests.ConnectionError):
        site.status(token)
    site.start()
    assert site.received(token) == 8 * MIB
    assert site.put(token, 8 * MIB, content[8 * MIB :]).json() == {"received": 12 * MIB}
    assert site.finish(token, name="survivor")["phase"] == "done"
    assert digest_of(site, "survivor") == hashlib.sha256(content).hexdigest()


def test_three_hundred_mib_leave_the_servers_memory_alone_and_others_are_served(site):
    """It is read by a process of its own, which outlives a server that is killed meanwhile."""
    block = b"".join(b"%d,%d,word\n" % (n, n * 7) for n in range(200_000))
    header, n_blocks = b"a,b,c\n", 300 * MIB // len(block)
    size_bytes = len(header) + n_blocks * len(block)
    before = memory_of(site)
    token = site.begin("large.csv", size_bytes)
    at = 0
    for piece in pieces(header, block, n_blocks):
        assert site.put(token, at, piece).ok
        at += len(piece)
    wish = {"name": "large", "as_it_is": True}
    assert requests.post(f"{site.address}/{token}/finish", json=wish, timeout=60).ok
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        list(pool.map(site.status, [token] * 8))
        assert time.monotonic() - began < 5
    assert memory_of(site) - before < 120 * MIB
    wait_for(lambda: site.status(token).get("step") == "Checking and storing the file")
    site.kill()
    site.start()
    state = site.outcome(token)
    assert state["phase"] == "done", state
    client = mlflow.MlflowClient(site.server.uri)
    assert client.get_run(record_of(site, "large")).info.status == "FINISHED"


def pieces(header: bytes, block: bytes, n_blocks: int) -> Iterator[bytes]:
    waiting = bytearray(header)
    for _ in range(n_blocks):
        waiting += block
        while len(waiting) >= 8 * MIB:
            yield bytes(waiting[: 8 * MIB])
            del waiting[: 8 * MIB]
    yield bytes(waiting)


def memory_of(site: Site) -> int:
    """Return the most that one of the server's processes takes."""
    return max(one.memory_info().rss for one in site.processes())


def is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def wait_for(is_so) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def store_of(site: Site):
    from mlflow_plugins.core import AssetStore

    return AssetStore(mlflow.MlflowClient(site.server.uri))


def digest_of(site: Site, name: str) -> str:
    return store_of(site).get("data", name).spec["digest"]


def record_of(site: Site, name: str) -> str:
    return store_of(site).get("data", name).record_id
