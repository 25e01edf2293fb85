"""Records: what is written is read back whole, and a kind has one place."""

from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType

from mlflow_plugins.core import InvalidInput, NotFound, Record, Records, connect
from mlflow_plugins.testing.concurrency import in_processes
from mlflow_plugins.testing.contracts._base import StoreCase

_LIMIT = 8000


def _document(length: int) -> dict[str, Any]:
    """Return a document whose JSON has that many characters."""
    return {"text": "x" * (length - len('{"text": ""}'))}


class RecordContract(StoreCase):
    """JSON documents with tags."""

    @pytest.fixture
    def records(self, client: MlflowClient) -> Records:
        """Return the records of the store."""
        return Records(client)

    @pytest.mark.parametrize("length", [2 * 6 + 8, _LIMIT, _LIMIT + 1, 300_000])
    def test_document_is_read_back_whole(
        self, records: Records, shared_kind: str, length: int
    ) -> None:
        """Short documents and long ones alike, also in listings and once more after `fill`."""
        spec = _document(length)
        created = records.create(shared_kind, spec, tags={"size": str(length)})
        assert created.spec == spec
        assert records.get(created.id) == created
        (listed,) = records.search(shared_kind, tags={"size": str(length)}).items
        assert listed.spec == (spec if length <= _LIMIT else None)
        filled = records.fill(created.id, {"now": "short"}, role="record", tags={"size": "new"})
        assert filled.spec == {"now": "short"} == records.get(created.id).spec

    def test_any_text_survives(self, records: Records, shared_kind: str) -> None:
        """Documents and tags keep every character."""
        text = "\u00e4\u4e2d\U0001f600 'single' \"double\" back\\slash\n\ttab | ; -- %s {}"
        created = records.create(shared_kind, {"text": text, text: [None, True, 1.5]})
        records.set_tags(created.id, {"note": text})
        read = records.get(created.id)
        assert read.spec == {"text": text, text: [None, True, 1.5]}
        assert read.tags["note"] == text

    @pytest.mark.parametrize("value", ["plain", "it's", 'say "x"', "50% _off_", "back\\slash"])
    def test_search_finds_exact_values(
        self, records: Records, shared_kind: str, name: str, value: str
    ) -> None:
        """A tag is found by its value, whatever is in it, and by nothing else."""
        wanted = records.create(shared_kind, {}, tags={name: value})
        records.create(shared_kind, {}, tags={name: value + "x"})
        found = records.search(shared_kind, tags={name: value}).items
        assert [record.id for record in found] == [wanted.id]

    def test_search_refuses_what_cannot_be_said(self, records: Records, shared_kind: str) -> None:
        """A value with both kinds of quotes has no form in MLflow's filters."""
        with pytest.raises(InvalidInput, match="both kinds of quotes"):
            records.search(shared_kind, tags={"x": "\"'"})

    def test_search_pages_through_everything(self, records: Records, kind: str) -> None:
        """Pages hold each record once, newest first, and index runs and drafts never."""
        ids = [records.create(kind, {"n": n}).id for n in range(5)]
        records.create(kind, {}, role="draft")
        first = records.search(kind, max_results=3)
        second = records.search(kind, max_results=3, page_token=first.next_token)
        seen = [record.id for record in [*first.items, *second.items]]
        assert sorted(seen) == sorted(ids)
        times = [record.created_at for record in [*first.items, *second.items]]
        assert times == sorted(times, reverse=True)
        assert second.next_token is None

    def test_get_many_leaves_out_what_is_gone(self, records: Records, kind: str) -> None:
        """One query for many records, in whatever number."""
        kept, gone = records.create(kind, {"a": 1}), records.create(kind, {})
        records.delete(gone.id)
        assert records.get_many(kind, [gone.id, kept.id, kept.id]) == {kept.id: kept}
        assert records.get_many(kind, []) == {}

    def test_status_to_begin_with(self, records: Records, shared_kind: str) -> None:
        """A record may begin in any of MLflow's run states."""
        created = records.create(shared_kind, {}, status="SCHEDULED")
        assert created.status == "SCHEDULED"
        assert records.get(created.id) == created

    def test_what_is_no_record_is_not_found(
        self, records: Records, record: Record, client: MlflowClient
    ) -> None:
        """Unknown ids, deleted records and other people's runs."""
        with pytest.raises(NotFound, match="No record has the id"):
            records.get("0" * 32)
        with pytest.raises(NotFound, match="No record has the id"):
            records.get("no/run/id")
        with pytest.raises(NotFound, match="is not a record"):
            records.get(client.create_run("0").info.run_id)
        records.delete(record.id)
        with pytest.raises(NotFound, match="deleted"):
            records.get(record.id)

    def test_removing_a_tag_twice(self, records: Records, record: Record) -> None:
        """Removing what is not there is no error."""
        records.set_tags(record.id, {"colour": "red", "shape": "round"})
        records.delete_tag(record.id, "colour")
        records.delete_tag(record.id, "colour")
        assert "colour" not in records.get(record.id).tags
        assert records.get(record.id).tags["shape"] == "round"

    def test_kinds_are_hidden_from_the_list_of_experiments(
        self, records: Records, client: MlflowClient, kind: str
    ) -> None:
        """The filter that MLflow's UI uses does not show them."""
        place = records.experiment_id(kind)
        shown = client.search_experiments(
            filter_string="tags.`mlflow.experiment.isGateway` IS NULL"
        )
        assert place not in [experiment.experiment_id for experiment in shown]

    def test_first_users_of_a_kind_agree_on_its_place(
        self, tracking_uri: str, client: MlflowClient, kind: str
    ) -> None:
        """Eight processes store the first record of a kind at once: one place, eight records."""
        places = in_processes(8, _create_first, tracking_uri, kind)
        assert len(set(places)) == 1
        assert len(Records(client).search(kind).items) == 8
        named = client.search_experiments(
            view_type=ViewType.ALL, filter_string=f"name LIKE '%/{kind}%'"
        )
        active = [each for each in named if each.lifecycle_stage == "active"]
        assert [each.experiment_id for each in active] == places[:1]


def _create_first(_index: int, uri: str, kind: str) -> str:
    records = Records(connect(uri))
    records.create(kind, {})
    return records.experiment_id(kind)
