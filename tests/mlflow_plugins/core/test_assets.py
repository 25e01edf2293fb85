"""What only a look inside can show. What assets do is in the store's contract."""

import uuid
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import AlreadyExists, AssetStore, NotFound


class _CountingClient(MlflowClient):
    """A client that counts what it asks of the store."""

    def __init__(self, tracking_uri: str) -> None:
        super().__init__(tracking_uri)
        self.calls: Counter[str] = Counter()

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if not name.startswith("_") and callable(value):
            self.calls[name] += 1
        return value


@pytest.fixture
def assets(sqlite_client: MlflowClient) -> AssetStore:
    return AssetStore(sqlite_client)


def test_creating_a_version_takes_four_calls(sqlite_uri: str):
    client = _CountingClient(sqlite_uri)
    assets = AssetStore(client)
    assets.create("data", "adult", {})
    client.calls.clear()
    assets.create("data", "adult", {}, tags={"a": "b"}, description="More.")
    assert client.calls == {"create_run": 1, "get_run": 1, "log_param": 1, "set_terminated": 1}


def test_listing_takes_two_calls(sqlite_uri: str):
    client = _CountingClient(sqlite_uri)
    assets = AssetStore(client)
    for name in "abc":
        assets.create("data", name, {})
    client.calls.clear()
    assert len(assets.search("data").items) == 3
    assert client.calls == {"search_runs": 2}


def test_a_version_whose_record_somebody_deleted(assets: AssetStore, sqlite_client: MlflowClient):
    asset = assets.create("data", "adult", {})
    assets.create("data", "adult", {})
    sqlite_client.delete_run(asset.record_id)
    with pytest.raises(NotFound, match="was deleted"):
        assets.get("data", "adult", "1")
    assert [one.version for one in assets.versions("data", "adult")] == ["2"]


def test_a_creator_that_dies_before_its_claim_leaves_nothing_to_see(
    assets: AssetStore, sqlite_client: MlflowClient, monkeypatch: pytest.MonkeyPatch
):
    def die(*_arguments: Any) -> None:
        raise MlflowException("the server is gone")

    monkeypatch.setattr(sqlite_client, "log_param", die)
    with pytest.raises(MlflowException, match="the server is gone"):
        assets.create("data", "adult", {})
    monkeypatch.undo()
    assert not assets.exists("data", "adult")
    assert assets.search("data", include_archived=True).items == []
    assert assets.create("data", "adult", {}).version == "1"


def test_a_creator_that_dies_after_its_claim_has_created(
    assets: AssetStore, sqlite_client: MlflowClient, monkeypatch: pytest.MonkeyPatch
):
    def die(*_arguments: Any) -> None:
        raise MlflowException("the server is gone")

    monkeypatch.setattr(sqlite_client, "set_terminated", die)
    with pytest.raises(MlflowException, match="the server is gone"):
        assets.create("data", "adult", {"x": 1})
    monkeypatch.undo()
    assert assets.get("data", "adult").spec == {"x": 1}
    assert assets.create("data", "adult", {}).version == "2"


_STEPS = st.lists(
    st.tuples(st.just("create"), st.sampled_from([None, None, "2", "5", "beta", "gamma"]))
    | st.tuples(st.sampled_from(["archive", "restore", "delete"]), st.integers(0, 5)),
    max_size=10,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=_STEPS)
def test_a_life_of_an_asset(assets: AssetStore, steps: list[tuple[str, Any]]):
    """Any sequence of changes against a plain model of the rules."""
    name = uuid.uuid4().hex
    used: list[str] = []  # in the order of creation
    alive: dict[str, bool] = {}  # version -> is it archived
    for step, choice in steps:
        if step == "create":
            numbers = [int(version) for version in used if version.isdecimal()]
            expected = choice or str(max(numbers, default=0) + 1)
            if expected in used:
                with pytest.raises(AlreadyExists, match="exists or existed"):
                    assets.create("life", name, {}, version=choice)
            else:
                assert assets.create("life", name, {}, version=choice).version == expected
                used.append(expected)
                alive[expected] = False
        elif alive:
            version = list(alive)[choice % len(alive)]
            getattr(assets, step)("life", name, version)
            if step == "delete":
                del alive[version]
            else:
                alive[version] = step == "archive"
    if not used:
        return
    assert assets.exists("life", name) == bool(alive)
    shown = [version for version in used if alive.get(version) is False]
    listed = assets.versions("life", name)
    assert {asset.version for asset in listed} == set(shown)
    if shown and all(version.isdecimal() for version in shown):
        assert assets.get("life", name).version == max(shown, key=int)
    elif not shown:
        with pytest.raises(NotFound, match="no label 'latest'"):
            assets.get("life", name)
