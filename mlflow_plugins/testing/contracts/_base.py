"""What the parts of the store's contract share."""

import uuid

import pytest
from mlflow import MlflowClient

from mlflow_plugins.core import AssetStore, Record, Records, connect

_SHARED_KIND = f"kind-{uuid.uuid4().hex[:8]}"


class StoreCase:
    """Fixtures on top of ``tracking_uri``."""

    @pytest.fixture
    def client(self, tracking_uri: str) -> MlflowClient:
        """Return a client of the store."""
        return connect(tracking_uri)

    @pytest.fixture
    def store(self, client: MlflowClient) -> AssetStore:
        """Return the assets of the store."""
        return AssetStore(client)

    @pytest.fixture
    def shared_kind(self) -> str:
        """Return a kind of records that all tests share, because making one takes a while."""
        return _SHARED_KIND

    @pytest.fixture
    def kind(self) -> str:
        """Return a kind of records that exists nowhere yet."""
        return f"kind-{uuid.uuid4().hex[:8]}"

    @pytest.fixture
    def name(self) -> str:
        """Return a name that no asset has yet."""
        return f"name-{uuid.uuid4().hex[:8]}"

    @pytest.fixture
    def record(self, client: MlflowClient, shared_kind: str) -> Record:
        """Return a new record."""
        return Records(client).create(shared_kind, {})
