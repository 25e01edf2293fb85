"""Reading the body of a scoring request, and telling which requests can be predicted together.

Two requests may share one call of the model if neither could tell: the table that both make
together must give every cell the type that it would have alone. pandas chooses a column's type by
the JSON types in it, so requests agree if they have the same columns and, column by column, the
same set of JSON types (`_column_types`). Where the model's signature casts a column to double, all
numbers are alike.
"""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow.types import DataType, Schema
from mlflow.types.schema import AnyType, ColSpec

from mlflow_plugins.deployments._failures import ScoringFailure

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
_SPLIT, _RECORDS = "dataframe_split", "dataframe_records"

_PLAIN = {
    DataType.boolean,
    DataType.integer,
    DataType.long,
    DataType.float,
    DataType.double,
    DataType.string,
}
_NUMBERS: frozenset[type] = frozenset({int, float, type(None)})
_CELLS: frozenset[type] = frozenset({bool, int, float, str, type(None)})
_INT64 = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringRequest:
    """One request, read as far as needed to know what it can be combined with.

    Attributes:
        media_type: One of `JSON`, `CSV` and `PARQUET`.
        body: The decoded JSON document, or the bytes of the other types.
        n_rows: Rows, where they were counted; else 1.
        batch_key: Requests with equal keys may be predicted together; None stays alone.
    """

    media_type: str
    body: Any
    n_rows: int = 1
    batch_key: Hashable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRule:
    """What the model allows.

    Attributes:
        max_rows: Rows of one combined call; 1 keeps all requests apart.
        doubles: Names of the columns that the signature casts to double.
        is_plain: Whether all columns have types whose reading looks at one cell at a time.
    """

    max_rows: int
    doubles: frozenset[str]
    is_plain: bool

    @classmethod
    def of(cls, schema: Schema | None, max_rows: int) -> "BatchRule":
        """Derive the rule from a model's input schema."""
        columns = list(schema.inputs) if schema is not None else []
        is_plain = all(isinstance(one, ColSpec) and _is_plain(one.type) for one in columns)
        doubles = frozenset(
            one.name for one in columns if one.name is not None and one.type == DataType.double
        )
        return cls(max_rows=max_rows, doubles=doubles, is_plain=is_plain)


def _is_plain(kind: Any) -> bool:
    return isinstance(kind, AnyType) or (isinstance(kind, DataType) and kind in _PLAIN)


def read_request(body: bytes, content_type: str | None, rule: BatchRule) -> ScoringRequest:
    """Read a request as MLflow's scoring server does.

    Raises:
        ScoringFailure: Status 415 for a content type that is not served, 400 for a broken body.
    """
    media_type = _media_type(content_type)
    if media_type != JSON:
        return ScoringRequest(media_type=media_type, body=body)
    document = _decode(body)
    rows = None if rule.max_rows <= 1 or not rule.is_plain else _rows(document)
    if rows is None or not 0 < len(rows.cells) < rule.max_rows:
        return ScoringRequest(media_type=JSON, body=document)
    types = _column_types(rows, rule.doubles)
    return ScoringRequest(
        media_type=JSON,
        body=document,
        n_rows=len(rows.cells),
        batch_key=types and (rows.form, rows.columns, types, _params_key(document)),
    )


def combine(requests: Sequence[ScoringRequest]) -> Any:
    """Make one document of requests with equal batch keys."""
    if len(requests) == 1:
        return requests[0].body
    first = requests[0].body
    if _RECORDS in first:
        return {**first, _RECORDS: [row for one in requests for row in one.body[_RECORDS]]}
    data = [row for one in requests for row in one.body[_SPLIT]["data"]]
    return {**first, _SPLIT: {"columns": first[_SPLIT]["columns"], "data": data}}


def _media_type(content_type: str | None) -> str:
    media_type, *parameters = [part.strip() for part in (content_type or "").split(";")]
    if media_type not in (JSON, CSV, PARQUET):
        raise ScoringFailure(
            415,
            f"This server reads the content types {JSON}, {CSV} and {PARQUET}; "
            "set the header Content-Type.",
        )
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name != "charset" or value.lower() != "utf-8":
            raise ScoringFailure(
                415, "The only parameter that Content-Type may have is charset=utf-8."
            )
    return media_type


def _decode(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ScoringFailure(400, "The body is not JSON.") from error
    if not isinstance(document, dict):
        raise ScoringFailure(
            400,
            "The body must be a JSON object with exactly one of dataframe_split, "
            "dataframe_records, instances and inputs.",
        )
    return document


@dataclass(frozen=True, slots=True)
class _Rows:
    form: str
    columns: tuple[str, ...]
    cells: Sequence[Sequence[Any]]


def _rows(document: Mapping[str, Any]) -> _Rows | None:
    """Return the table of a request that has one in the plain form, else None."""
    if len(document.keys() - {"params"}) != 1:
        return None
    if _SPLIT in document:
        return _split_rows(document[_SPLIT])
    return _record_rows(document[_RECORDS]) if _RECORDS in document else None


def _split_rows(split: Any) -> _Rows | None:
    if not isinstance(split, dict) or split.keys() - {"columns", "data", "index"}:
        return None
    columns, data, index = split.get("columns"), split.get("data"), split.get("index")
    if not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        return None
    if not isinstance(columns, list) or not _are_names(columns):
        return None
    if any(len(row) != len(columns) for row in data):
        return None
    if index is not None and (not isinstance(index, list) or len(index) != len(data)):
        return None
    return _Rows(_SPLIT, tuple(columns), data)


def _record_rows(records: Any) -> _Rows | None:
    if not isinstance(records, list) or not all(isinstance(one, dict) and one for one in records):
        return None
    shapes = {tuple(one) for one in records}
    if len(shapes) != 1:
        return None
    return _Rows(_RECORDS, shapes.pop(), [list(one.values()) for one in records])


def _are_names(columns: list[Any]) -> bool:
    are_texts = all(isinstance(name, str) for name in columns)
    return are_texts and 0 < len(set(columns)) == len(columns)


def _column_types(rows: _Rows, doubles: frozenset[str]) -> tuple[frozenset[type], ...] | None:
    """Return the set of JSON types of each column; None if a cell could not be combined."""
    columns: list[frozenset[type]] = []
    for name, cells in zip(rows.columns, zip(*rows.cells, strict=True), strict=True):
        types: frozenset[type] = frozenset(type(cell) for cell in cells)
        if not types <= _CELLS or (int in types and not _fit_int64(cells)):
            return None
        columns.append(_NUMBERS if name in doubles and types <= _NUMBERS else types)
    return tuple(columns)


def _fit_int64(cells: Sequence[Any]) -> bool:
    return all(-_INT64 <= cell < _INT64 for cell in cells if type(cell) is int)


def _params_key(document: Mapping[str, Any]) -> str:
    return json.dumps(document.get("params"), sort_keys=True)
