"""The store's contract on a SQLite database, with no server in between."""

import contextlib
from collections.abc import Iterator

import pytest

from mlflow_plugins.testing.contracts import StoreContract
from mlflow_plugins.testing.servers import create_database


@pytest.fixture(scope="module")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("sqlite")
    with contextlib.chdir(folder):  # MLflow puts artifacts below it
        yield create_database(folder / "mlflow.db", str(folder / "mlruns"))


class TestSqlite(StoreContract):
    pass
