"""The store's contract through a real ``mlflow server`` with two processes."""

from collections.abc import Iterator

import pytest

from mlflow_plugins.testing.contracts import StoreContract
from mlflow_plugins.testing.servers import tracking_server


@pytest.fixture(scope="module")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with tracking_server(tmp_path_factory.mktemp("rest"), n_workers=2) as server:
        yield server.uri


class TestServer(StoreContract):
    pass
