"""Data assets by reference: an address, and what its content was when the asset was made.

Nothing is copied. A small file is read once for a digest over its content; of a large one, and of a
folder, the digest is over what the place says of each file: its name, size, etag or time.
"""

import contextlib
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow_plugins.core import Asset, AssetStore, InvalidInput, StudioError
from mlflow_plugins.data._addresses import (
    AssetAddress,
    JobOutput,
    masked,
    parse_azureml,
    scheme_of,
    secrets_in,
)
from mlflow_plugins.data._digest import content_digest, content_size_bytes
from mlflow_plugins.data._places import fetch_place, list_place, look_up_place
from mlflow_plugins.data._remote import check_url
from mlflow_plugins.data._tables import SUFFIXES, TableSummary, summarize, table_fields

SMALL_BYTES = 64 << 20

CONTENT, FINGERPRINT, UNKNOWN = "content", "fingerprint", "unknown"
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What the content at an address is.

    Attributes:
        kind: ``content``: over the bytes; ``fingerprint``: over what the place says of them;
            ``unknown``: the place says nothing to this machine.
        digest: SHA-256 in hex.
        size_bytes: Of the content, where it is known.
        table: Rows and columns, if a table was read.
    """

    kind: str
    digest: str
    size_bytes: int
    table: TableSummary | None = None


def is_address(path: str) -> bool:
    """Tell whether a ``path`` of a document is an address that is kept as a reference."""
    return scheme_of(path) not in ("", "file")


def reference_spec(store: AssetStore, address: str, *, kind: str) -> dict[str, Any]:
    """Return what is stored about an asset by reference.

    Args:
        store: Where datastores are looked up.
        address: Where its content is.
        kind: ``uri_file``, ``uri_folder`` or ``mltable``.

    Raises:
        InvalidInput: It is an address that cannot be read, or has a secret in it.
        NotFound: There is nothing, or no such datastore.
    """
    _check_address(address, is_folder=kind != "uri_file")
    found = digest_of(store, address, is_folder=kind != "uri_file")
    if found.kind == UNKNOWN:
        _LOGGER.warning(
            "Nothing could be asked about %s from here. It is noted as it is written, and its "
            "content is not verified when it is used.",
            address,
        )
    return {
        "type": kind,
        "path": address,
        "is_reference": True,
        "digest": found.digest,
        "digest_of": found.kind,
        "size_bytes": found.size_bytes,
        **({} if found.table is None else table_fields(found.table)),
    }


def _check_address(address: str, *, is_folder: bool) -> None:
    if secrets_in(address):
        raise InvalidInput(
            f"Field 'path' is {masked(address)!r}, with a signature or password, which an asset "
            "never keeps. Make a datastore of the place whose credentials are 'env:NAME', and "
            "write azureml://datastores/NAME/paths/PATH."
        )
    parsed = parse_azureml(address)
    if isinstance(parsed, JobOutput | AssetAddress):
        raise InvalidInput(
            f"Field 'path' is {address!r}. Give a place in a datastore, a storage or web address, "
            "or a path on this machine."
        )
    if parsed is None:
        check_url(address, is_folder=is_folder)


def digest_of(store: AssetStore, address: str, *, is_folder: bool) -> Digest:
    """Return what the content at an address is, reading it only if it is small.

    Raises:
        NotFound: There is nothing.
    """
    if is_folder:
        return _folder_digest(store, address)
    found = look_up_place(store, address, is_folder=False)
    if found is None:
        return Digest(kind=UNKNOWN, digest=_hash(address), size_bytes=0)
    if found.size_bytes is not None and found.size_bytes > SMALL_BYTES:
        return _of_documents([{"name": "", **found.as_document()}], found.size_bytes)
    with tempfile.TemporaryDirectory() as folder:
        fetched = fetch_place(store, address, Path(folder), is_folder=False)
        return Digest(
            kind=CONTENT,
            digest=content_digest(fetched),
            size_bytes=content_size_bytes(fetched),
            table=_table(fetched),
        )


def _table(path: Path) -> TableSummary | None:
    """Return what a table file holds; None if it is none, or a broken one: it is not ours."""
    if path.suffix.lower() not in SUFFIXES:
        return None
    with contextlib.suppress(InvalidInput):
        return summarize(path)
    return None


def _folder_digest(store: AssetStore, address: str) -> Digest:
    found = list_place(store, address)
    if found is None:
        return Digest(kind=UNKNOWN, digest=_hash(address), size_bytes=0)
    documents = [{"name": name, **print_.as_document()} for name, print_ in sorted(found.items())]
    return _of_documents(documents, sum(one.get("size_bytes", 0) for one in documents))


def _of_documents(documents: Sequence[Mapping[str, Any]], size_bytes: int) -> Digest:
    body = json.dumps(documents, sort_keys=True)
    return Digest(kind=FINGERPRINT, digest=_hash(body), size_bytes=size_bytes)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def fetch_reference(store: AssetStore, asset: Asset, target: Path) -> Path:
    """Bring the content of an asset by reference to this machine, verified.

    Args:
        store: Where datastores are looked up.
        asset: The asset.
        target: A folder for it; what is in it goes.

    Raises:
        StudioError: The content is not what it was when the asset was made.
    """
    address, is_folder = str(asset.spec["path"]), asset.spec["type"] != "uri_file"
    if asset.spec["digest_of"] == FINGERPRINT:
        _compare(asset, digest_of(store, address, is_folder=is_folder).digest)
    if target.is_dir():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    fetched = fetch_place(store, address, target, is_folder=is_folder)
    if asset.spec["digest_of"] == CONTENT:
        _compare(asset, content_digest(fetched))
    return fetched


def _compare(asset: Asset, digest: str) -> None:
    noted = asset.spec["digest"]
    if digest != noted:
        raise StudioError(
            f"The content of {asset.reference} has changed: its digest at {asset.spec['path']} is "
            f"{digest}, and {noted} was noted. Create a new version to use what is there now."
        )
