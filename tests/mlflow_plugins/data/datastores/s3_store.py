"""S3, against a server that speaks it. `test_kinds_of_files.py` runs this in a process of its own.

Asynchronous clients read the certificate authorities when they are imported, and other tests have
some of their own.
"""

import socket

import pytest
import s3fs

from mlflow_plugins.core import NotFound, StudioError
from mlflow_plugins.data.datastores import FileDatastore

SECRET = "hunter2hunter2"


@pytest.fixture(scope="module")
def s3_endpoint():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_endpoint, monkeypatch, unique_name, opened):
    monkeypatch.setenv("STORE_KEY", "AKIAxxxxxxxx")
    monkeypatch.setenv("STORE_SECRET", SECRET)
    s3fs.S3FileSystem(
        key="x", secret="y", endpoint_url=s3_endpoint, skip_instance_cache=True
    ).mkdir(unique_name)
    credentials = {"access_key_id": "env:STORE_KEY", "secret_access_key": "env:STORE_SECRET"}
    return opened(
        type="s3",
        bucket=unique_name,
        prefix="some/where/",
        endpoint=s3_endpoint,
        region="us-east-1",
        credentials=credentials,
    )


def test_s3(s3, folder, tmp_path, unique_name, is_like_a_disk):
    is_like_a_disk(s3, folder, tmp_path)
    assert s3.uri("one/a.csv") == f"s3://{unique_name}/some/where/one/a.csv"
    assert len(s3.look_up("one/a.csv").etag) == 32


def test_the_credentials_of_s3_are_looked_up_when_used(s3, tmp_path, monkeypatch):
    monkeypatch.delenv("STORE_SECRET")
    with pytest.raises(NotFound, match="STORE_SECRET is not set in this process"):
        s3.check()


def test_an_s3_that_does_not_answer_is_named_without_secrets(s3, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    broken = FileDatastore("mine", {**s3.spec, "endpoint": f"http://127.0.0.1:{port}"}, "s3")
    with pytest.raises(StudioError, match="'mine' cannot be read") as caught:
        broken.check()
    assert SECRET not in str(caught.value)
    assert broken.look_up("x") is None
