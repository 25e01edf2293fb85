"""Records: JSON documents kept as runs in hidden experiments, one experiment for each kind.

The MLflow server is the only store, and it may be a remote and unmodified one, so a record is a run
in the experiment ``.studio/<kind>``. Its document (`spec`) is a tag while it is short; MLflow cuts
tags silently after 8000 characters, so a longer one is the artifact ``spec.json``, which the tag
then names. The state that changes is in tags, and whatever must be agreed between processes is a
write-once param. The tag ``mlflow.experiment.isGateway`` keeps these experiments out of the MLflow
UI's list.
"""

import getpass
import json
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.entities import Experiment, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_EXPERIMENT_IS_GATEWAY, MLFLOW_RUN_NOTE, MLFLOW_USER

from mlflow_plugins.core.errors import InvalidInput, NotFound, StudioError
from mlflow_plugins.core.runs import set_run_status

EXPERIMENT_PREFIX = ".studio/"
N_INDEX_RUNS = 8
SPEC_TAG_LIMIT = 8000
SPEC_FILE = "spec.json"
DRAFT, RECORD = "draft", "record"

T = TypeVar("T")

_KIND = "studio.kind"
_ROLE = "studio.role"
_SPEC = "studio.spec"
_INDEX = "studio.index"

_DOES_NOT_EXIST = "RESOURCE_DOES_NOT_EXIST"
_NO_SUCH_RUN = (_DOES_NOT_EXIST, "INVALID_PARAMETER_VALUE")  # the latter: it looks like no run id


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as it stood when it was read.

    Attributes:
        id: The run id.
        kind: Such as ``data`` or ``job``.
        role: What the record is among those of its kind, such as ``version`` or ``head``.
        spec: The document; None in listings where it is too long to come along (`Records.get`
            always has it).
        tags: The record's tags without MLflow's own.
        params: The write-once values.
        status: MLflow's run status.
        user: Who created it, as MLflow knows it.
        created_at: Seconds since the epoch.
        artifact_uri: Where files of the record lie.
        note: Description in MLflow's own tag for it.
    """

    id: str
    kind: str
    role: str
    spec: Mapping[str, Any] | None
    tags: Mapping[str, str]
    params: Mapping[str, str]
    status: str
    user: str
    created_at: float
    artifact_uri: str
    note: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of the results, and the token that brings the next ones (None after the last)."""

    items: Sequence[T]
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    experiment_id: str
    index_run_ids: tuple[str, ...]


@dataclass(slots=True)
class Records:
    """Creates, reads and lists the records of all kinds. Safe to share between threads."""

    client: MlflowClient
    _places: dict[str, _Place] = field(default_factory=dict)

    def create(
        self,
        kind: str,
        spec: Mapping[str, Any],
        *,
        role: str = RECORD,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        status: str | None = None,
    ) -> Record:
        """Store a new record.

        One whose document is long is a draft until the document is stored, so nobody finds it half
        made.

        Args:
            kind: Which hidden experiment it goes to.
            spec: A document of JSON types.
            role: Tells kinds of records within one kind apart.
            name: Run name, for people who look into the experiment.
            tags: Searchable words of at most 8000 characters; ``mlflow.user`` says who creates it
                (the operating system's user if it is left out).
            status: MLflow run status to begin with; RUNNING if None.

        Raises:
            InvalidInput: The document is not JSON, or a tag is too long.
        """
        body = _dump(spec)
        own_tags = {MLFLOW_USER: _user(), **(tags or {})}
        _check_tags(own_tags)
        run_name = name or f"{kind}-{role}"
        if len(body) > SPEC_TAG_LIMIT:
            draft = self.create(kind, {}, role=DRAFT, name=run_name)
            record = self.fill(draft.id, spec, role=role, tags=own_tags)
        else:
            all_tags = {**own_tags, _KIND: kind, _ROLE: role, _SPEC: body}
            run = self.client.create_run(self.experiment_id(kind), run_name=run_name, tags=all_tags)
            record = to_record(run, spec=json.loads(body))
        if status is not None:
            set_run_status(self.client, record.id, status)
            record = replace(record, status=status)
        return record

    def fill(
        self, record_id: str, spec: Mapping[str, Any], *, role: str, tags: Mapping[str, str]
    ) -> Record:
        """Give a record that was made with the role ``draft`` its document, role and tags.

        Raises:
            InvalidInput: The document is not JSON, or a tag is too long.
        """
        body = _dump(spec)
        _check_tags(tags)
        if len(body) > SPEC_TAG_LIMIT:
            self.client.log_text(record_id, body, SPEC_FILE)
            body = SPEC_FILE
        self.set_tags(record_id, {**tags, _ROLE: role, _SPEC: body})
        return self.get(record_id)

    def get(self, record_id: str) -> Record:
        """Read one record with its document.

        Raises:
            NotFound: There is no such run, or it is deleted, or it is not a record.
        """
        try:
            run = self.client.get_run(record_id)
        except MlflowException as error:
            if error.error_code not in _NO_SUCH_RUN:
                raise
            raise NotFound(f"No record has the id {record_id!r}.") from error
        if _KIND not in run.data.tags or run.info.lifecycle_stage != "active":
            raise NotFound(f"The run {record_id!r} is not a record, or it was deleted.")
        return self.complete(run)

    def complete(self, run: Run) -> Record:
        """Return the record that a run is, with its document."""
        return to_record(run, spec=self._read_spec(run))

    def get_many(self, kind: str, record_ids: Iterable[str]) -> dict[str, Record]:
        """Read several records of one kind by one query; those that are gone are left out."""
        wanted = list(dict.fromkeys(record_ids))
        found: dict[str, Record] = {}
        for start in range(0, len(wanted), 200):
            quoted = ", ".join(f"'{one}'" for one in wanted[start : start + 200])
            runs = self.client.search_runs(
                [self.experiment_id(kind)], f"attributes.run_id IN ({quoted})", max_results=200
            )
            found |= {run.info.run_id: to_record(run, spec=_inline_spec(run)) for run in runs}
        return found

    def search(
        self,
        kind: str,
        *,
        role: str = RECORD,
        tags: Mapping[str, str] | None = None,
        where: str = "",
        max_results: int = 100,
        page_token: str | None = None,
        order_by: Sequence[str] = ("attributes.start_time DESC",),
    ) -> Page[Record]:
        """List records of one kind, newest first.

        Args:
            kind: Which hidden experiment.
            role: The role that they have.
            tags: Exact values that the records must carry.
            where: More of MLflow's filter language, joined by AND.
            max_results: Size of a page.
            page_token: Where the last page ended.
            order_by: In MLflow's words. Ordering by a tag takes seconds in a large store.
        """
        wanted = {_ROLE: role, **(tags or {})}
        clauses = [f"tags.`{key}` = {_quote(value)}" for key, value in wanted.items()]
        clauses += [where] if where else []
        runs = self.client.search_runs(
            [self.experiment_id(kind)],
            " and ".join(clauses),
            max_results=max_results,
            page_token=page_token,
            order_by=list(order_by),
        )
        return Page([to_record(run, spec=_inline_spec(run)) for run in runs], runs.token or None)

    def set_tags(self, record_id: str, tags: Mapping[str, str]) -> None:
        """Change what may change about a record, all in one call.

        Raises:
            InvalidInput: A tag is too long.
        """
        _check_tags(tags)
        self.client.log_batch(record_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def delete_tag(self, record_id: str, key: str) -> None:
        """Remove a tag if it is there."""
        try:
            self.client.delete_tag(record_id, key)
        except MlflowException as error:
            if error.error_code != _DOES_NOT_EXIST:
                raise

    def delete(self, record_id: str) -> None:
        """Delete a record; MLflow keeps it recoverable until ``mlflow gc``."""
        self.client.delete_run(record_id)

    def experiment_id(self, kind: str) -> str:
        """Return the id of the kind's hidden experiment, making it on first use."""
        return self._place(kind).experiment_id

    def index_run_ids(self, kind: str) -> tuple[str, ...]:
        """Return the runs whose write-once params say which names of the kind are taken."""
        return self._place(kind).index_run_ids

    def _place(self, kind: str) -> _Place:
        if kind not in self._places:
            self._places[kind] = self._find_place(kind) or self._make_place(kind)
        return self._places[kind]

    def _find_place(self, kind: str) -> _Place | None:
        experiment = self.client.get_experiment_by_name(EXPERIMENT_PREFIX + kind)
        if experiment is None:
            return None
        if experiment.lifecycle_stage != "active":
            raise StudioError(
                f"The experiment {experiment.name!r}, in which every {kind} is kept, was deleted. "
                f"Bring it back with: mlflow experiments restore -x {experiment.experiment_id}"
            )
        return _place_of(experiment)

    def _make_place(self, kind: str) -> _Place:
        """Make the experiment under a passing name and rename it when it is complete.

        Names are unique, so the renaming elects one of several makers; and a maker that dies half
        way leaves an unused hidden experiment behind, never a half-made one in use.
        """
        draft_name = f"{EXPERIMENT_PREFIX}.draft/{kind}/{uuid.uuid4().hex}"
        draft_id = self.client.create_experiment(
            draft_name, tags={MLFLOW_EXPERIMENT_IS_GATEWAY: "true", _KIND: kind}
        )
        runs = [
            self.client.create_run(draft_id, run_name=f"index-{n}", tags={_ROLE: "index"})
            for n in range(N_INDEX_RUNS)
        ]
        self.client.set_experiment_tag(
            draft_id, _INDEX, json.dumps([run.info.run_id for run in runs])
        )
        try:
            self.client.rename_experiment(draft_id, EXPERIMENT_PREFIX + kind)
        except MlflowException:
            place = self._wait_for_place(kind)
            if place is None:
                raise
            self.client.delete_experiment(draft_id)
            return place
        return _place_of(self.client.get_experiment(draft_id))

    def _wait_for_place(self, kind: str) -> _Place | None:
        for _ in range(20):
            place = self._find_place(kind)
            if place is not None:
                return place
            time.sleep(0.1)
        return None

    def _read_spec(self, run: Run) -> Mapping[str, Any]:
        inline = _inline_spec(run)
        if inline is not None:
            return inline
        with tempfile.TemporaryDirectory() as folder:
            path = mlflow.artifacts.download_artifacts(
                run_id=run.info.run_id,
                artifact_path=SPEC_FILE,
                dst_path=folder,
                tracking_uri=self.client.tracking_uri,
            )
            document: Mapping[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        return document


def to_record(run: Run, *, spec: Mapping[str, Any] | None) -> Record:
    """Read a record out of a run."""
    tags = run.data.tags
    return Record(
        id=run.info.run_id,
        kind=tags.get(_KIND, ""),
        role=tags.get(_ROLE, ""),
        spec=spec,
        tags={key: value for key, value in tags.items() if not key.startswith("mlflow.")},
        params=dict(run.data.params),
        status=run.info.status,
        user=tags.get(MLFLOW_USER) or run.info.user_id or "",
        created_at=run.info.start_time / 1000,
        artifact_uri=run.info.artifact_uri,
        note=tags.get(MLFLOW_RUN_NOTE, ""),
    )


def _inline_spec(run: Run) -> Mapping[str, Any] | None:
    body = run.data.tags.get(_SPEC)
    document: Mapping[str, Any] | None = None if body in (None, SPEC_FILE) else json.loads(body)
    return document


def _place_of(experiment: Experiment) -> _Place:
    return _Place(experiment.experiment_id, tuple(json.loads(experiment.tags[_INDEX])))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return "unknown"


def _dump(spec: Mapping[str, Any]) -> str:
    try:
        return json.dumps(spec, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"A specification must be JSON (texts, finite numbers, lists, mappings): {error}."
        ) from error


def _check_tags(tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        if len(value) > SPEC_TAG_LIMIT:
            raise InvalidInput(
                f"The tag {key!r} has {len(value)} characters. "
                f"The store keeps at most {SPEC_TAG_LIMIT}; put long text into a file."
            )


def _quote(value: str) -> str:
    if "'" in value and '"' in value:
        raise InvalidInput(f"One cannot search for {value!r}: it has both kinds of quotes.")
    return f'"{value}"' if "'" in value else f"'{value}'"
