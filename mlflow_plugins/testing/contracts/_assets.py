"""Assets: versions that never change, numbers without gaps, labels, archive, deletion."""

from pathlib import Path

import mlflow.artifacts
import pytest
from mlflow import MlflowClient

from mlflow_plugins.core import (
    AlreadyExists,
    AssetStore,
    InvalidInput,
    NotFound,
    Records,
    connect,
    parse_reference,
)
from mlflow_plugins.testing.concurrency import in_processes, in_threads
from mlflow_plugins.testing.contracts._base import StoreCase

N_WRITERS, N_VERSIONS = 6, 20


class AssetContract(StoreCase):
    """Named things with versions."""

    # ------------------------------------------------------------ create and read

    def test_what_is_created_is_read_back(
        self, store: AssetStore, shared_kind: str, name: str
    ) -> None:
        """Everything that was given, and what `create` answers is what stands."""
        created = store.create(
            shared_kind, name, {"rows": 3}, tags={"team": "risk: 'A'"}, description="Some rows."
        )
        assert created == store.get(shared_kind, name, "1") == store.get(shared_kind, name)
        assert (created.kind, created.name, created.version) == (shared_kind, name, "1")
        assert created.spec == {"rows": 3}
        assert created.tags == {"team": "risk: 'A'"}
        assert created.description == "Some rows."
        assert created.labels == ("latest",)
        assert not created.is_archived
        assert created.created_by
        assert created.reference == f"azureml:{name}:1"
        assert store.resolve(shared_kind, parse_reference(created.reference)) == created
        assert store.resolve(shared_kind, parse_reference(f"{name}@latest")) == created

    def test_long_specification(self, store: AssetStore, shared_kind: str, name: str) -> None:
        """A document over eight kilobytes is kept whole, in every way of reading it."""
        spec = {"columns": [f"column {n}" for n in range(1000)]}
        store.create(shared_kind, name, spec, tags={"is": "long"})
        assert store.get(shared_kind, name).spec == spec
        assert [asset.spec for asset in store.versions(shared_kind, name)] == [spec]
        assert spec in [
            asset.spec for asset in store.search(shared_kind, tags={"is": "long"}).items
        ]

    def test_numbers_and_words(self, store: AssetStore, shared_kind: str, name: str) -> None:
        """Without a version the next number is given, after the highest that was ever used."""
        given = [
            store.create(shared_kind, name, {}, version=version).version
            for version in [None, "7", "beta", None, "3", None]
        ]
        assert given == ["1", "7", "beta", "8", "3", "9"]
        newest_first = [asset.version for asset in store.versions(shared_kind, name)]
        assert sorted(newest_first) == sorted(given)
        assert store.get(shared_kind, name, "beta").version == "beta"

    def test_a_version_is_given_once(self, store: AssetStore, shared_kind: str, name: str) -> None:
        """The second creator is refused and nothing of it stays."""
        first = store.create(shared_kind, name, {"by": "first"}, version="1.0")
        with pytest.raises(AlreadyExists, match=r"Version '1\.0' of .* exists or existed"):
            store.create(shared_kind, name, {"by": "second"}, version="1.0")
        assert store.get(shared_kind, name, "1.0") == first
        named = store.records.search(shared_kind, role="version", tags={"studio.name": name})
        assert [record.id for record in named.items] == [first.record_id]

    def test_refused_input_leaves_nothing(self, store: AssetStore, kind: str, name: str) -> None:
        """Broken names, versions, documents and tags are refused before anything is stored."""
        with pytest.raises(InvalidInput, match="cannot be used as name of a"):
            store.create(kind, "not a name", {})
        with pytest.raises(InvalidInput, match="cannot be used as a version"):
            store.create(kind, name, {}, version="latest")
        with pytest.raises(InvalidInput, match="must be JSON"):
            store.create(kind, name, {"x": float("nan")})
        with pytest.raises(InvalidInput, match="Tags are texts"):
            store.create(kind, name, {}, tags={"n": 1})  # type: ignore[dict-item]
        with pytest.raises(InvalidInput, match="at most 8000"):
            store.create(kind, name, {}, tags={"text": "x" * 8001})
        assert not store.exists(kind, name)
        assert store.records.search(kind, role="version").items == []

    def test_not_found_says_what_there_is(self, store: AssetStore, kind: str) -> None:
        """The nearest name, the versions, or that there is nothing at all."""
        with pytest.raises(NotFound, match=f"No {kind} asset exists"):
            store.get(kind, "adult")
        store.create(kind, "adult", {})
        assert store.exists(kind, "adult")
        assert not store.exists(kind, "adlut")
        with pytest.raises(NotFound, match=r"There is no .* 'adlut'\. Did you mean 'adult'"):
            store.get(kind, "adlut")
        with pytest.raises(NotFound, match="There are: adult"):
            store.get(kind, "zzz")
        with pytest.raises(NotFound, match=r"no version '2'\. Its versions: 1"):
            store.get(kind, "adult", "2")
        with pytest.raises(NotFound, match=r"no label 'best'\. Its versions: 1"):
            store.get(kind, "adult", label="best")

    # ------------------------------------------------------------ drafts

    def test_draft_with_files(
        self, store: AssetStore, shared_kind: str, name: str, tmp_path: Path
    ) -> None:
        """Nobody sees a draft; once published its files can be read by its record."""
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "inner.txt").write_text("inner")
        (tmp_path / "outer.txt").write_text("outer")
        draft = store.draft(shared_kind, name)
        outer = store.add_file(draft, tmp_path / "outer.txt")
        inner = store.add_file(draft, tmp_path / "folder", "inside")
        assert not store.exists(shared_kind, name)
        asset = store.publish(draft, {"outer": outer, "inner": inner}, tags={"a": "b"})
        assert asset == store.get(shared_kind, name)
        assert asset.record_id == draft.record_id
        for uri, text in [(outer, "outer"), (f"{inner}/inner.txt", "inner")]:
            path = mlflow.artifacts.download_artifacts(
                uri, dst_path=str(tmp_path / text), tracking_uri=store.records.client.tracking_uri
            )
            assert Path(path).read_text() == text

    def test_refused_draft_is_discarded(
        self, store: AssetStore, shared_kind: str, name: str
    ) -> None:
        """Whatever the reason of the refusal."""
        store.create(shared_kind, name, {}, version="1")
        taken, broken = store.draft(shared_kind, name), store.draft(shared_kind, name)
        with pytest.raises(AlreadyExists, match="'1'"):
            store.publish(taken, {}, version="1")
        with pytest.raises(InvalidInput, match="must be JSON"):
            store.publish(broken, {"x": {1, 2}})
        for draft in (taken, broken):
            with pytest.raises(NotFound, match="deleted"):
                store.records.get(draft.record_id)

    # ------------------------------------------------------------ labels and latest

    def test_labels(self, store: AssetStore, shared_kind: str, name: str) -> None:
        """A label points to one version and can be moved and removed; ``latest`` moves itself."""
        for _ in range(2):
            store.create(shared_kind, name, {})
        store.set_label(shared_kind, name, "best", "1")
        assert store.get(shared_kind, name, label="best").version == "1"
        assert store.get(shared_kind, name, "2").labels == ("latest",)
        store.set_label(shared_kind, name, "best", "2")
        assert set(store.get(shared_kind, name, "2").labels) == {"best", "latest"}
        store.remove_label(shared_kind, name, "best")
        store.remove_label(shared_kind, name, "best")
        with pytest.raises(NotFound, match="no label 'best'"):
            store.get(shared_kind, name, label="best")
        with pytest.raises(InvalidInput, match="reserved"):
            store.set_label(shared_kind, name, "latest", "1")
        with pytest.raises(NotFound, match="no version '9'"):
            store.set_label(shared_kind, name, "best", "9")

    def test_latest_is_the_highest_number_or_the_newest_word(
        self, store: AssetStore, shared_kind: str, name: str
    ) -> None:
        """Numbers count as numbers; one word among them and age decides."""
        for version in ["10", "9"]:
            store.create(shared_kind, name, {}, version=version)
        assert store.get(shared_kind, name).version == "10"
        store.create(shared_kind, name, {}, version="beta")
        assert store.get(shared_kind, name).version == "beta"

    # ------------------------------------------------------------ change

    def test_tags_and_state_of_a_version(
        self, store: AssetStore, shared_kind: str, name: str
    ) -> None:
        """They can change, apart from one another; the document cannot."""
        asset = store.create(shared_kind, name, {"x": 1}, tags={"a": "1", "b": "2"})
        store.set_tags(asset, {"b": "3", "status": "mine"})
        store.set_state(asset, {"status": "Running"})
        store.delete_tag(asset, "a")
        store.delete_tag(asset, "a")
        read = store.get(shared_kind, name)
        assert read.tags == {"b": "3", "status": "mine"}
        assert read.state == {"status": "Running"}
        assert read.spec == {"x": 1}

    def test_archive_and_restore(self, store: AssetStore, shared_kind: str, name: str) -> None:
        """Archived versions are hidden and not ``latest``, yet usable; restoring undoes it."""
        for _ in range(2):
            store.create(shared_kind, name, {})
        store.archive(shared_kind, name, "2")
        assert store.get(shared_kind, name).version == "1"
        assert store.get(shared_kind, name, "2").is_archived
        assert [asset.version for asset in store.versions(shared_kind, name)] == ["1"]
        everything = store.versions(shared_kind, name, include_archived=True)
        assert [asset.version for asset in everything] == ["2", "1"]
        store.archive(shared_kind, name)
        with pytest.raises(NotFound, match="no label 'latest'"):
            store.get(shared_kind, name)
        assert store.versions(shared_kind, name) == []
        store.restore(shared_kind, name)
        assert store.get(shared_kind, name).version == "2"
        assert store.create(shared_kind, name, {}).version == "3"

    def test_deleted_numbers_are_not_used_again(
        self, store: AssetStore, shared_kind: str, name: str
    ) -> None:
        """A version that somebody has seen never comes back as another one."""
        for _ in range(3):
            store.create(shared_kind, name, {})
        store.delete(shared_kind, name, "3")
        assert store.get(shared_kind, name).version == "2"
        with pytest.raises(NotFound, match=r"no version '3'\. Its versions: 1, 2"):
            store.get(shared_kind, name, "3")
        with pytest.raises(AlreadyExists, match="'3'"):
            store.create(shared_kind, name, {}, version="3")
        assert store.create(shared_kind, name, {}).version == "4"
        store.delete(shared_kind, name)
        assert not store.exists(shared_kind, name)
        assert store.create(shared_kind, name, {}).version == "5"
        with pytest.raises(NotFound, match="no version '9'"):
            store.delete(shared_kind, name, "9")

    # ------------------------------------------------------------ search

    def test_search(self, store: AssetStore, kind: str) -> None:
        """One entry for each name, by its latest version; tags select, pages hold all once."""
        for name in ["a", "b", "c", "gone", "hidden"]:
            store.create(kind, name, {"v": 1}, tags={"team": "old"})
        store.create(kind, "b", {"v": 2}, tags={"team": "red", "size": "small"})
        store.archive(kind, "hidden")
        store.delete(kind, "gone")
        found = store.search(kind).items
        assert [asset.name for asset in found] == ["c", "b", "a"]
        assert found[1] == store.get(kind, "b", "2")
        everything = store.search(kind, include_archived=True).items
        assert [asset.name for asset in everything] == ["hidden", "c", "b", "a"]
        assert [asset.name for asset in store.search(kind, tags={"team": "old"}).items] == [
            "c",
            "a",
        ]
        named = store.search(kind, name_contains="ID", include_archived=True).items
        assert [asset.name for asset in named] == ["hidden"]
        assert store.search(kind, name_contains="_").items == []  # no sign of LIKE
        both = store.search(kind, tags={"team": "red", "size": "small"}).items
        assert [asset.name for asset in both] == ["b"]
        names, token = [], None
        for _ in range(4):
            page = store.search(kind, max_results=2, page_token=token)
            names += [asset.name for asset in page.items]
            token = page.next_token
            if token is None:
                break
        assert names == ["c", "b", "a"]

    # ------------------------------------------------------------ concurrency

    def test_versions_are_unique_and_gapless(
        self, tracking_uri: str, shared_kind: str, name: str
    ) -> None:
        """Six threads with clients of their own write twenty versions each of one asset."""
        written = in_threads(
            N_WRITERS, lambda index: _write(index, tracking_uri, shared_kind, name, N_VERSIONS)
        )
        _check_versions(written, connect(tracking_uri), shared_kind, name)

    def test_versions_of_processes_are_unique_and_gapless(
        self, tracking_uri: str, shared_kind: str, name: str
    ) -> None:
        """Four processes write five versions each of one asset."""
        written = in_processes(4, _write, tracking_uri, shared_kind, name, 5)
        _check_versions(written, connect(tracking_uri), shared_kind, name)

    def test_first_version_of_a_new_kind(
        self, tracking_uri: str, client: MlflowClient, kind: str, name: str
    ) -> None:
        """Eight processes create the first asset of a new kind: one experiment, one head."""
        written = in_processes(8, _write, tracking_uri, kind, name, 1)
        _check_versions(written, client, kind, name)
        experiments = client.search_experiments(filter_string=f"name LIKE '%/{kind}%'")
        assert [experiment.name for experiment in experiments] == [f".studio/{kind}"]
        assert len(Records(client).search(kind, role="head").items) == 1


def _write(index: int, uri: str, kind: str, name: str, n: int) -> list[tuple[str, str]]:
    """Create versions; return each with the id of the record that its creator was told of."""
    store = AssetStore(connect(uri))
    assets = [store.create(kind, name, {"writer": index, "n": n}) for n in range(n)]
    return [(asset.version, asset.record_id) for asset in assets]


def _check_versions(
    written: list[list[tuple[str, str]]], client: MlflowClient, kind: str, name: str
) -> None:
    answered = [pair for part in written for pair in part]
    numbers = sorted(int(version) for version, _ in answered)
    assert numbers == list(range(1, len(answered) + 1))
    stored = {asset.version: asset for asset in AssetStore(client).versions(kind, name)}
    assert {version: asset.record_id for version, asset in stored.items()} == dict(answered)
    for index, part in enumerate(written):
        assert [stored[version].spec["writer"] for version, _ in part] == [index] * len(part)
        assert [stored[version].spec["n"] for version, _ in part] == list(range(len(part)))
