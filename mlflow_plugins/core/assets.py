"""Assets: named things with versions (data, components, environments, endpoints, ...).

A name has one *head* record, and every version is a record of its own. Three facts need agreement
between processes and are write-once params: which head a name has (on an index run of the kind),
and which record a version number has (on the head). What may change is in tags: labels and the
archive mark on the head, the user's tags and the observed state on the version.

Read ``tests/mlflow_plugins/core/test_assets.py`` and ``mlflow_plugins/testing/contracts`` first.
"""

import contextlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from mlflow_plugins.core.errors import AlreadyExists, InvalidInput, NotFound, did_you_mean
from mlflow_plugins.core.names import LATEST, AssetReference, check_name, check_version
from mlflow_plugins.core.records import DRAFT, Page, Record, Records
from mlflow_plugins.core.write_once import set_or_read

HEAD, VERSION = "head", "version"

_NAME = "studio.name"
_LABEL = "studio.label/"
_ARCHIVED = "studio.archived/"
_DELETED = "studio.deleted/"
_VERSION_PARAM = "version/"
_USER_TAG = "tag."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One version of one asset as it stood when it was read.

    Attributes:
        kind: Such as ``data``.
        name: Unique within its kind.
        version: ``1``, ``2``, ... or a word that its creator chose.
        spec: What it is; never changes.
        tags: The user's own tags.
        state: What our own services observed about it, such as a deployment's URL.
        description: For people.
        labels: Labels that point to this version, ``latest`` among them.
        is_archived: Hidden from listings, still usable by version.
        record_id: The run that keeps it.
        artifact_uri: Where its files lie.
        created_at: Seconds since the epoch.
        created_by: The user, as MLflow knows it.
    """

    kind: str
    name: str
    version: str
    spec: Mapping[str, Any]
    tags: Mapping[str, str]
    state: Mapping[str, str]
    description: str
    labels: tuple[str, ...]
    is_archived: bool
    record_id: str
    artifact_uri: str
    created_at: float
    created_by: str

    @property
    def reference(self) -> str:
        """How job files refer to this version: ``azureml:NAME:VERSION``."""
        return f"azureml:{self.name}:{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version that nobody sees yet: files can be added to it before it is published."""

    kind: str
    name: str
    record_id: str
    artifact_uri: str


@dataclass(frozen=True, slots=True)
class _Head:
    """What a head record says about its versions."""

    record: Record

    @property
    def name(self) -> str:
        return self.record.tags[_NAME]

    @property
    def versions(self) -> dict[str, str]:
        """Record ids of the versions that exist, in the order of creation."""
        found = {
            key.removeprefix(_VERSION_PARAM): value.split("|")
            for key, value in self.record.params.items()
            if key.startswith(_VERSION_PARAM)
        }
        ordered = sorted(found.items(), key=lambda item: (float(item[1][0]), _number(item[0])))
        return {
            version: record_id
            for version, (_, record_id) in ordered
            if _DELETED + version not in self.record.tags
        }

    def with_params(self, params: Mapping[str, str]) -> "_Head":
        """Return what this is after more was claimed."""
        return _Head(replace(self.record, params={**self.record.params, **params}))

    @property
    def next_number(self) -> str:
        """The number after the highest that was ever used; deleted versions count."""
        used = (key.removeprefix(_VERSION_PARAM) for key in self.record.params)
        return str(max((_number(version) for version in used), default=0) + 1)

    def is_archived(self, version: str) -> bool:
        return self.record.tags.get(_ARCHIVED + version) == "true"

    @property
    def latest(self) -> str | None:
        """The highest number, or the newest where versions are words; not an archived one."""
        alive = [version for version in self.versions if not self.is_archived(version)]
        if alive and all(version.isdecimal() for version in alive):
            return max(alive, key=int)
        return alive[-1] if alive else None

    @property
    def labels(self) -> dict[str, str]:
        """Version by label."""
        labels = {
            key.removeprefix(_LABEL): value
            for key, value in self.record.tags.items()
            if key.startswith(_LABEL)
        }
        return labels | ({LATEST: self.latest} if self.latest else {})


class AssetStore:
    """Creates, finds and changes assets of every kind on any MLflow tracking store.

    Safe for any number of threads, processes and machines at the same time: two creators never get
    the same version, and numbers have no gaps. Reading sees every version whose creation has
    returned.
    """

    def __init__(self, client: MlflowClient) -> None:
        self.records = Records(client)
        self._client = client
        self._head_ids: dict[tuple[str, str], str] = {}

    # ------------------------------------------------------------ create

    def create(
        self,
        kind: str,
        name: str,
        spec: Mapping[str, Any],
        *,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str = "",
    ) -> Asset:
        """Create a version of an asset.

        Args:
            kind: Such as ``data``.
            name: See `names.check_name`.
            spec: A document of JSON types.
            version: A word of the caller's choice; the next free number if None.
            tags: The user's tags.
            description: For people.

        Raises:
            InvalidInput: The name, the version or the document breaks a rule.
            AlreadyExists: That version exists, or existed and was deleted.
        """
        check_name(name, what=f"name of a {kind} asset")
        record = self.records.create(
            kind,
            spec,
            role=VERSION,
            name=name,
            tags=_version_tags(name, version, tags, description),
        )
        return self._publish(name, record, version)

    def draft(self, kind: str, name: str) -> Draft:
        """Begin a version to which files are added before anybody can see it."""
        check_name(name, what=f"name of a {kind} asset")
        record = self.records.create(kind, {}, role=DRAFT, name=name, tags={_NAME: name})
        return Draft(kind=kind, name=name, record_id=record.id, artifact_uri=record.artifact_uri)

    def add_file(self, draft: Draft, path: Path, folder: str | None = None) -> str:
        """Copy a file or a folder into a draft; return its URI (``runs:/...``)."""
        if path.is_dir():
            self._client.log_artifacts(draft.record_id, str(path), folder)
            return f"runs:/{draft.record_id}/{folder}" if folder else f"runs:/{draft.record_id}/"
        self._client.log_artifact(draft.record_id, str(path), folder)
        return f"runs:/{draft.record_id}/" + (f"{folder}/" if folder else "") + path.name

    def discard(self, draft: Draft) -> None:
        """Delete a draft and what was added to it."""
        self.records.delete(draft.record_id)

    def publish(
        self,
        draft: Draft,
        spec: Mapping[str, Any],
        *,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str = "",
    ) -> Asset:
        """Make a draft the asset's next version, or the given one. See `create`.

        If it is refused, the draft is discarded.
        """
        try:
            stored = _version_tags(draft.name, version, tags, description)
            record = self.records.fill(draft.record_id, spec, role=VERSION, tags=stored)
        except MlflowException:
            self.discard(draft)
            raise
        return self._publish(draft.name, record, version)

    def _publish(self, name: str, record: Record, version: str | None) -> Asset:
        """Claim a version for a record: until then, whatever it holds, nobody finds it."""
        head = self._head(record.kind, name, make=True)
        claim = f"{record.created_at!r}|{record.id}"
        number = version or head.next_number
        while standing := set_or_read(self._client, head.record.id, _VERSION_PARAM + number, claim):
            if version is not None:
                self.records.delete(record.id)
                raise AlreadyExists(
                    f"Version {version!r} of {record.kind} {name!r} exists or existed. Versions "
                    "never change: choose another version, or leave it out to get the next number."
                )
            head = head.with_params(standing)
            number = head.next_number
        self._client.set_terminated(record.id)
        return _to_asset(head.with_params({_VERSION_PARAM + number: claim}), number, record)

    # ------------------------------------------------------------ read

    def get(
        self, kind: str, name: str, version: str | None = None, *, label: str = LATEST
    ) -> Asset:
        """Read one version: the given one, or the one that the label points to.

        Raises:
            NotFound: No such asset, version or label.
        """
        head = self._head(kind, name)
        number = version if version is not None else head.labels.get(label)
        if number is None or number not in head.versions:
            wanted = f"version {version!r}" if version is not None else f"label {label!r}"
            known = ", ".join(head.versions) or "none"
            raise NotFound(f"The {kind} asset {name!r} has no {wanted}. Its versions: {known}.")
        return _to_asset(head, number, self.records.get(head.versions[number]))

    def find(self, kind: str, name: str) -> Asset | None:
        """Read the latest version; None if there is no such asset."""
        check_name(name, what=f"name of a {kind} asset")
        if (kind, name) not in self._head_ids and self._standing_head(kind, name) is None:
            return None
        with contextlib.suppress(NotFound):
            return self.get(kind, name)
        return None

    def resolve(self, kind: str, reference: AssetReference) -> Asset:
        """Read the asset that a reference means.

        Raises:
            NotFound: No such asset, version or label.
        """
        return self.get(kind, reference.name, reference.version, label=reference.label or LATEST)

    def exists(self, kind: str, name: str) -> bool:
        """Tell whether the asset has any version that is not deleted."""
        try:
            return bool(self._head(kind, name).versions)
        except NotFound:
            return False

    def versions(self, kind: str, name: str, *, include_archived: bool = False) -> list[Asset]:
        """Read all versions of an asset, newest first.

        Raises:
            NotFound: No such asset.
        """
        head = self._head(kind, name)
        shown = {
            version: record_id
            for version, record_id in head.versions.items()
            if include_archived or not head.is_archived(version)
        }
        records = self.records.get_many(kind, shown.values())
        return [
            _to_asset(head, version, self._with_spec(records[record_id]))
            for version, record_id in reversed(shown.items())
            if record_id in records
        ]

    def search(
        self,
        kind: str,
        *,
        name_contains: str = "",
        tags: Mapping[str, str] | None = None,
        include_archived: bool = False,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[Asset]:
        """List the assets of a kind by their latest versions, newest asset first.

        Args:
            kind: Such as ``data``.
            name_contains: Part of the name, whatever the case.
            tags: User tags that the latest version must carry.
            include_archived: Also those whose every version is archived.
            max_results: Names looked at for one page; a page may hold fewer assets.
            page_token: Where the last page ended.
        """
        page = self.records.search(
            kind,
            role=HEAD,
            where=_name_like(name_contains),
            max_results=max_results,
            page_token=page_token,
        )
        shown: list[tuple[_Head, str]] = []
        for head in map(_Head, page.items):
            version = head.latest or (
                next(reversed(head.versions), None) if include_archived else None
            )
            if version is not None:
                shown.append((head, version))
        records = self.records.get_many(kind, (head.versions[v] for head, v in shown))
        assets = [
            _to_asset(head, version, self._with_spec(records[head.versions[version]]))
            for head, version in shown
            if head.versions[version] in records
        ]
        wanted, words = (tags or {}).items(), name_contains.lower()
        fitting = [a for a in assets if wanted <= a.tags.items() and words in a.name.lower()]
        return Page(fitting, page.next_token)

    # ------------------------------------------------------------ change

    def set_label(self, kind: str, name: str, label: str, version: str) -> None:
        """Let a label point to a version, away from any other.

        Raises:
            InvalidInput: The label is ``latest`` or not a word.
            NotFound: No such asset or version.
        """
        check_version(label)
        asset = self.get(kind, name, version)
        self.records.set_tags(self._head_ids[kind, name], {_LABEL + label: asset.version})

    def remove_label(self, kind: str, name: str, label: str) -> None:
        """Take a label away if it is there."""
        head = self._head(kind, name)
        self.records.delete_tag(head.record.id, _LABEL + label)

    def set_tags(self, asset: Asset, tags: Mapping[str, str]) -> None:
        """Set some of the user's tags of one version."""
        self.records.set_tags(asset.record_id, _stored(tags))

    def delete_tag(self, asset: Asset, key: str) -> None:
        """Remove one of the user's tags if it is there."""
        self.records.delete_tag(asset.record_id, _USER_TAG + key)

    def set_description(self, asset: Asset, description: str) -> None:
        """Say something else for people about one version."""
        self.records.set_tags(asset.record_id, {MLFLOW_RUN_NOTE: description})

    def set_state(self, asset: Asset, state: Mapping[str, str]) -> None:
        """Note what was observed about a version, such as ``{"status": "Running"}``."""
        self.records.set_tags(
            asset.record_id, {f"studio.state/{key}": value for key, value in state.items()}
        )

    def archive(self, kind: str, name: str, version: str | None = None) -> None:
        """Hide one version, or all of them, from listings and from ``latest``."""
        self._mark(kind, name, version, "true")

    def restore(self, kind: str, name: str, version: str | None = None) -> None:
        """Undo `archive`."""
        self._mark(kind, name, version, "false")

    def delete(self, kind: str, name: str, version: str | None = None) -> None:
        """Delete one version, or all of them. Their numbers are not used again.

        Raises:
            NotFound: No such asset or version.
        """
        head = self._head(kind, name)
        for one in self._chosen(head, version):
            self.records.set_tags(head.record.id, {_DELETED + one: "true"})
            self.records.delete(head.versions[one])

    def _mark(self, kind: str, name: str, version: str | None, value: str) -> None:
        head = self._head(kind, name)
        chosen = self._chosen(head, version)
        self.records.set_tags(head.record.id, {_ARCHIVED + one: value for one in chosen})

    def _chosen(self, head: _Head, version: str | None) -> list[str]:
        if version is None:
            return list(head.versions)
        return [self.get(head.record.kind, head.name, version).version]

    # ------------------------------------------------------------ heads

    def _head(self, kind: str, name: str, *, make: bool = False) -> _Head:
        check_name(name, what=f"name of a {kind} asset")
        if (kind, name) not in self._head_ids:
            self._head_ids[kind, name] = self._find_head(kind, name, make=make)
        return _Head(self.records.get(self._head_ids[kind, name]))

    def _find_head(self, kind: str, name: str, *, make: bool) -> str:
        standing = self._standing_head(kind, name)
        if standing is not None:
            return standing
        if not make:
            raise NotFound(f"There is no {kind} asset {name!r}.{self._suggest(kind, name)}")
        head = self.records.create(kind, {}, role=HEAD, name=name, tags={_NAME: name})
        others = set_or_read(self._client, self._index_run_id(kind, name), name, head.id)
        if others is None:
            return head.id
        self.records.delete(head.id)
        return others[name]

    def _standing_head(self, kind: str, name: str) -> str | None:
        """Return the head that a name has, if it has one."""
        run = self._client.get_run(self._index_run_id(kind, name))
        standing: str | None = run.data.params.get(name)
        return standing

    def _index_run_id(self, kind: str, name: str) -> str:
        index = self.records.index_run_ids(kind)
        return index[zlib.crc32(name.encode()) % len(index)]

    def _suggest(self, kind: str, name: str) -> str:
        known = [asset.name for asset in self.search(kind, include_archived=True).items]
        return did_you_mean(name, known) or (
            f" There are: {', '.join(sorted(known)[:10])}."
            if known
            else f" No {kind} asset exists."
        )

    def _with_spec(self, record: Record) -> Record:
        return record if record.spec is not None else self.records.get(record.id)


def _name_like(text: str) -> str:
    """Write MLflow's condition; it finds more where the text has LIKE's own signs or quotes."""
    if not text:
        return ""
    pattern = "".join(one if one.isalnum() or one in "-./ " else "_" for one in text)
    return f"tags.`{_NAME}` ILIKE '%{pattern}%'"


def _to_asset(head: _Head, version: str, record: Record) -> Asset:
    return Asset(
        kind=record.kind,
        name=head.name,
        version=version,
        spec=record.spec or {},
        tags=_under(_USER_TAG, record.tags),
        state=_under("studio.state/", record.tags),
        description=record.note,
        labels=tuple(label for label, one in head.labels.items() if one == version),
        is_archived=head.is_archived(version),
        record_id=record.id,
        artifact_uri=record.artifact_uri,
        created_at=record.created_at,
        created_by=record.user,
    )


def _version_tags(
    name: str, version: str | None, tags: Mapping[str, str] | None, description: str
) -> dict[str, str]:
    """Return the tags of a version's record after checking what the caller chose."""
    if version is not None:
        check_version(version)
    return {_NAME: name, **_stored(tags)} | ({MLFLOW_RUN_NOTE: description} if description else {})


def _stored(tags: Mapping[str, str] | None) -> dict[str, str]:
    for key, value in (tags or {}).items():
        if not isinstance(value, str):
            raise InvalidInput(f"The tag {key!r} is {value!r}. Tags are texts: write it in quotes.")
    return {_USER_TAG + key: value for key, value in (tags or {}).items()}


def _under(prefix: str, tags: Mapping[str, str]) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in tags.items() if k.startswith(prefix)}


def _number(version: str) -> int:
    return int(version) if version.isdecimal() else 0
