"""``apply``: a file that describes an asset becomes that asset, whatever its kind.

A package adds kinds through the entry-point group ``mlflow_studio.asset_types``: the name is the
stem of the document's ``$schema`` (``amlCompute`` for ``.../amlCompute.schema.json``) or its
``type``, in any case; the value is a function ``apply(client, document, *, base_folder) -> Asset``
that creates the asset, or finds that it stands already as the document says.
"""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlflow import MlflowClient

from mlflow_plugins.core.assets import Asset
from mlflow_plugins.core.errors import InvalidInput, StudioError, did_you_mean
from mlflow_plugins.core.yaml_files import read_yaml

ASSET_TYPES = "mlflow_studio.asset_types"
JOB_TYPES = "mlflow_studio.job_types"

_JOB = "job"


def apply_file(client: MlflowClient, path: Path) -> Asset:
    """Make the asset that a file describes; relative paths in it count from its folder.

    Raises:
        InvalidInput: The file cannot be read or breaks a rule.
    """
    document = read_yaml(path, what="file that describes an asset", example="type: amlcompute")
    try:
        return apply_document(client, document, base_folder=path.absolute().parent, source=path)
    except StudioError as error:
        if error.message.startswith(str(path)):
            raise
        raise type(error)(f"{path}: {error.message}") from error


def apply_document(
    client: MlflowClient, document: Mapping[str, Any], *, base_folder: Path, source: Path
) -> Asset:
    """Make the asset that a document describes. Nothing happens if it stands as described.

    Args:
        client: Client of the tracking store.
        document: With ``$schema`` or ``type``, which say of what kind it is.
        base_folder: What relative paths in it count from.
        source: The file it came from, for messages.

    Raises:
        InvalidInput: The kind is not known, or the document breaks one of its rules.
    """
    kind = asset_kind(document)
    points = {point.name.lower(): point for point in entry_points(group=ASSET_TYPES)}
    if kind.lower() in points:
        asset: Asset = points[kind.lower()].load()(client, dict(document), base_folder=base_folder)
        return asset
    if _is_job(document, kind):
        raise InvalidInput(
            f"{source}: this describes a job. Submit it with: mlflow run {source} -b studio"
        )
    raise InvalidInput(f"{source}: {_refusal(kind, points)}")


def asset_kind(document: Mapping[str, Any]) -> str:
    """Return of what kind a document says to be; empty if it does not say so.

    Example:
        >>> asset_kind({"$schema": "https://example.com/latest/amlCompute.schema.json"})
        'amlCompute'
        >>> asset_kind({"type": "uri_file"})
        'uri_file'
    """
    schema = document.get("$schema")
    if schema is None:
        return str(document.get("type") or "")
    return Path(urlsplit(str(schema)).path).name.partition(".")[0]


def _is_job(document: Mapping[str, Any], kind: str) -> bool:
    job_types = {"command", *entry_points(group=JOB_TYPES).names}
    stem = kind.lower()
    return "command" in document or stem in job_types or stem.endswith(_JOB)


def _refusal(kind: str, points: Mapping[str, EntryPoint]) -> str:
    names = sorted(point.name for point in points.values())
    if not kind:
        return (
            "nothing says what this describes. Give it a '$schema' or a 'type', one of: "
            f"{', '.join(names)}."
        )
    return (
        f"{kind!r} is not a kind of asset that can be applied. There are: {', '.join(names)}."
        f"{did_you_mean(kind, names)}"
    )
