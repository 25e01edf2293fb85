"""The store's contract on a PostgreSQL database, with no server of MLflow's in between."""

import contextlib
from collections.abc import Iterator

import pytest

from mlflow_plugins.testing.contracts import StoreContract
from mlflow_plugins.testing.servers import PostgresServer


@pytest.fixture(scope="module")
def tracking_uri(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with contextlib.chdir(tmp_path_factory.mktemp("postgres")):  # MLflow puts artifacts below it
        yield postgres.create_database("contract")


@pytest.mark.postgres
class TestPostgres(StoreContract):
    pass
