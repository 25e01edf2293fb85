"""Where a document lies, and what is refused before anything is sent."""

import getpass
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import InvalidInput, Records, StudioError
from mlflow_plugins.core.records import SPEC_FILE, SPEC_TAG_LIMIT

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.fixture
def records(sqlite_client: MlflowClient) -> Records:
    return Records(sqlite_client)


@pytest.mark.parametrize(("n_more", "is_file"), [(0, False), (1, True)])
@pytest.mark.parametrize("letter", ["x", "\u00e4"])
def test_the_longest_tag_and_the_shortest_file(
    records: Records, sqlite_client: MlflowClient, letter: str, n_more: int, is_file: bool
):
    room = SPEC_TAG_LIMIT - len(json.dumps({"a": letter}))
    spec = {"a": letter + "x" * (room + n_more)}
    record = records.create("thing", spec)
    tag = sqlite_client.get_run(record.id).data.tags["studio.spec"]
    files = [file.path for file in sqlite_client.list_artifacts(record.id)]
    assert (tag, files) == ((SPEC_FILE, [SPEC_FILE]) if is_file else (json.dumps(spec), []))
    assert records.get(record.id).spec == spec


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(spec=st.dictionaries(st.text(st.characters(codec="utf-8")), _JSON, max_size=5))
def test_every_document_comes_back(records: Records, spec: dict[str, Any]):
    assert records.get(records.create("thing", spec).id).spec == spec


@pytest.mark.parametrize(
    "spec", [{"x": float("inf")}, {"x": {1, 2}}, {"x": Path("p")}, {("a", "b"): 1}]
)
def test_what_is_no_json_is_refused(records: Records, spec: dict[str, Any]):
    with pytest.raises(InvalidInput, match="must be JSON"):
        records.create("thing", spec)


def test_long_tags_are_refused_not_cut(records: Records):
    longest = "x" * SPEC_TAG_LIMIT
    record = records.create("thing", {}, tags={"text": longest})
    assert records.get(record.id).tags["text"] == longest
    with pytest.raises(InvalidInput, match="has 8001 characters"):
        records.create("thing", {}, tags={"text": longest + "x"})
    with pytest.raises(InvalidInput, match="put long text into a file"):
        records.set_tags(record.id, {"text": longest + "x"})


def test_a_record_is_found_only_when_its_long_document_is_stored(
    records: Records, sqlite_client: MlflowClient, monkeypatch: pytest.MonkeyPatch
):
    seen = []

    def look_then_fail(*_arguments: Any) -> None:
        seen.append(records.search("thing").items)
        raise MlflowException("the disk is full")

    monkeypatch.setattr(sqlite_client, "log_text", look_then_fail)
    with pytest.raises(MlflowException, match="the disk is full"):
        records.create("thing", {"x": "x" * SPEC_TAG_LIMIT}, tags={"colour": "red"})
    assert seen == [[]]
    assert records.search("thing").items == []


def test_the_creator_is_known(records: Records):
    assert records.create("thing", {}).user == getpass.getuser()
    assert records.create("thing", {}, tags={"mlflow.user": "ann"}).user == "ann"


def test_a_user_without_a_name(records: Records, monkeypatch: pytest.MonkeyPatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)
    assert records.create("thing", {}).user == "unknown"


def test_a_deleted_experiment_is_not_made_again(records: Records, sqlite_client: MlflowClient):
    sqlite_client.delete_experiment(records.experiment_id("thing"))
    with pytest.raises(StudioError, match="Bring it back with: mlflow experiments restore"):
        Records(sqlite_client).create("thing", {})


def test_an_unreachable_server_is_not_taken_for_a_missing_record(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    records = Records(MlflowClient("http://127.0.0.1:9"))
    with pytest.raises(MlflowException, match="Max retries exceeded"):
        records.get("0" * 32)
