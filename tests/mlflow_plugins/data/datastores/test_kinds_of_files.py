"""Each kind of datastore against a server that speaks its protocol: list, read, write, refuse."""

import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import paramiko
import pytest

from mlflow_plugins.core import InvalidInput, NotAllowed, NotFound, StudioError
from mlflow_plugins.data.datastores import HttpDatastore
from mlflow_plugins.testing.hosts import public_hosts

SECRET = "hunter2hunter2"


# ---------------------------------------------------------------- folder


def test_a_folder(folder, tmp_path, opened, is_like_a_disk):
    (tmp_path / "root").mkdir()
    datastore = opened(type="local", path=str(tmp_path / "root"))
    is_like_a_disk(datastore, folder, tmp_path)
    assert datastore.uri("one/a.csv") == (tmp_path / "root/one/a.csv").as_uri()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_out_of_a_folder_is_refused(tmp_path, what, opened):
    (tmp_path / "root" / "in").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").write_text("secret")
    (tmp_path / "root" / "in" / "link").symlink_to(tmp_path / "out" / ("x" * (what == "file")))
    datastore = opened(type="local", path=str(tmp_path / "root"))
    for path in ("in", "in/link"):
        with pytest.raises(NotAllowed, match="leads out of the folder"):
            datastore.fetch(path, tmp_path)


def test_a_folder_that_is_not_on_this_machine_says_so(opened):
    with pytest.raises(StudioError, match="no folder '/no/such' on this machine"):
        opened(type="local", path="/no/such").check()


# ---------------------------------------------------------------- S3


def test_s3():
    tests = Path(__file__).with_name("s3_store.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tests)],
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout


# ---------------------------------------------------------------- SFTP


class _Login(paramiko.ServerInterface):
    def check_auth_password(self, username, password):
        is_right = (username, password) == ("me", SECRET)
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username):
        return "password"

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED


class _Disk(paramiko.SFTPServerInterface):
    """The files of a folder."""

    root: Path

    def _real(self, path):
        return str(self.root) + self.canonicalize(path)

    def list_folder(self, path):
        return [
            paramiko.SFTPAttributes.from_stat(entry.stat(), entry.name)
            for entry in os.scandir(self._real(path))
        ]

    def stat(self, path):
        try:
            return paramiko.SFTPAttributes.from_stat(Path(self._real(path)).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    lstat = stat

    def open(self, path, flags, attr):
        try:
            number = os.open(self._real(path), flags, 0o600)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = handle.writefile = os.fdopen(
            number, "wb" if flags & os.O_WRONLY else "rb"
        )
        handle.stat = lambda: self.stat(path)
        return handle

    def mkdir(self, path, attr):
        Path(self._real(path)).mkdir()
        return paramiko.SFTP_OK


@pytest.fixture
def sftp_server(tmp_path):
    root = tmp_path / "server"
    (root / "home").mkdir(parents=True)
    disk = type("Disk", (_Disk,), {"root": root})
    key = paramiko.ECDSAKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    transports = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, disk)
            try:
                transport.start_server(server=_Login())
            except (paramiko.SSHException, EOFError):
                continue
            transports.append(transport)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], f"{key.get_name()} {key.get_base64()}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for transport in transports:
        transport.close()
    thread.join(5)


def sftp(opened, port, **more):
    place = {"host": "127.0.0.1", "username": "me", "port": port, "path": "/home"}
    return opened(type="sftp", **place, credentials={"password": "env:SFTP_PASSWORD"}, **more)


def test_sftp(sftp_server, folder, tmp_path, monkeypatch, is_like_a_disk, opened):
    monkeypatch.setenv("SFTP_PASSWORD", SECRET)
    port, host_key = sftp_server
    datastore = sftp(opened, port, host_key=host_key)
    is_like_a_disk(datastore, folder, tmp_path)
    assert datastore.uri("one/a.csv") == f"sftp://me@127.0.0.1:{port}/home/one/a.csv"


def test_an_unknown_sftp_server_gets_no_password(sftp_server, monkeypatch, opened):
    monkeypatch.setenv("SFTP_PASSWORD", SECRET)
    port, host_key = sftp_server
    with pytest.raises(StudioError, match="not among this user's known hosts"):
        sftp(opened, port).check()
    wrong = paramiko.ECDSAKey.generate()
    with pytest.raises(StudioError, match="not the one of 'host_key'"):
        sftp(opened, port, host_key=f"{wrong.get_name()} {wrong.get_base64()}").check()
    known = Path("~/.ssh/known_hosts").expanduser()
    known.parent.mkdir(exist_ok=True)
    known.write_text(f"[127.0.0.1]:{port} {host_key}\n")
    try:
        assert "0 files" in sftp(opened, port).check()
    finally:
        known.unlink()


def test_a_wrong_password_is_said_and_not_shown(sftp_server, monkeypatch, opened):
    monkeypatch.setenv("SFTP_PASSWORD", "wrongwrong")
    port, host_key = sftp_server
    with pytest.raises(StudioError, match="cannot be reached: Authentication failed") as caught:
        sftp(opened, port, host_key=host_key).check()
    assert "wrongwrong" not in str(caught.value)


# ---------------------------------------------------------------- web


class _Web(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
            self.end_headers()
            return
        if self.headers.get("Authorization") != f"Bearer {SECRET}":
            self.send_response(401)
            self.end_headers()
            return
        if not self.path.startswith("/data/a%20b.csv"):
            self.send_response(404)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.send_header("ETag", '"e1"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"a\n1\n")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def web():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_web_server_is_read_and_nothing_else(web, folder, tmp_path, monkeypatch, opened):
    monkeypatch.setenv("WEB_TOKEN", SECRET)
    datastore = opened(type="http", url=f"{web}/data/", credentials={"token": "env:WEB_TOKEN"})
    assert datastore.uri("a b.csv") == f"{web}/data/a%20b.csv"
    assert datastore.fetch("a b.csv", tmp_path).read_text() == "a\n1\n"
    assert datastore.look_up("a b.csv").as_document() == {"etag": "e1", "size_bytes": 4}
    with pytest.raises(NotFound, match="nothing at azureml://datastores/mine/paths/nothing"):
        datastore.fetch("nothing", tmp_path)
    with pytest.raises(InvalidInput, match="nothing can be written"):
        datastore.upload(folder / "a.csv", "x")
    with pytest.raises(InvalidInput, match="cannot be listed"):
        datastore.listing()
    assert datastore.check() == "The server answers (404 at its top)."
    monkeypatch.setenv("WEB_TOKEN", "wrong")
    with pytest.raises(StudioError, match=r"refuses its credentials \(401\)"):
        datastore.check()


def test_a_redirect_to_a_metadata_service_is_not_followed(web, tmp_path):
    with pytest.raises(
        NotAllowed, match=r"'169\.254\.169\.254' is a link-local or metadata address"
    ):
        HttpDatastore("mine", {"type": "http", "url": web}).fetch("away", tmp_path)


# ---------------------------------------------------------------- Azure, Google


AZURE = """
import json, sys
from pathlib import Path
from mlflow_plugins.data.datastores import read_document
from mlflow_plugins.data.datastores._registry import _opened

read = read_document(json.loads(sys.argv[1]))
datastore = _opened(read.name, read.spec)
fetched = datastore.fetch("b.csv", Path(sys.argv[2])).read_text()
listed = [one.path for one in datastore.listing()]
print(json.dumps([fetched, listed, datastore.look_up("b.csv").size_bytes]))
"""


def test_azure_blobs_are_read(tmp_path, opened):
    """In a process of its own: asynchronous clients read the authorities when they are imported."""
    files = tmp_path / "hosts" / "shapes.blob.core.windows.net" / "datasets" / "deep"
    files.mkdir(parents=True)
    (files / "b.csv").write_text("b\n2\n")
    document = {"type": "azure_blob", "account_name": "shapes", "container_name": "datasets"}
    document |= {"name": "mine", "prefix": "deep"}
    with public_hosts(tmp_path / "hosts", tmp_path / "certificates") as variables:
        done = subprocess.run(
            [sys.executable, "-c", AZURE, json.dumps(document), str(tmp_path)],
            env=os.environ | variables,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["b\n2\n", ["b.csv"], 4]
    host = "shapes.dfs.core.windows.net"
    assert opened(**document).uri("b.csv") == f"abfss://datasets@{host}/deep/b.csv"


def test_a_key_of_google_must_be_json(monkeypatch, opened):
    monkeypatch.setenv("GOOGLE_KEY", SECRET)
    datastore = opened(type="gcs", bucket="b", credentials={"service_account": "env:GOOGLE_KEY"})
    with pytest.raises(InvalidInput, match="is not JSON") as caught:
        datastore.check()
    assert SECRET not in str(caught.value)
    assert datastore.uri("x/y") == "gs://b/x/y"


def test_a_share_needs_its_key(opened):
    share = {"type": "azure_file", "account_name": "a", "file_share_name": "s"}
    with pytest.raises(InvalidInput, match="needs the account's key"):
        opened(**share).check()
    assert opened(**share).uri("x") == "smb://a.file.core.windows.net/s/x"
