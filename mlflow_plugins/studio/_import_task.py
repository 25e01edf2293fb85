"""What is done with an upload once it is there: brought from elsewhere, or made a data asset.

Knows no request and no page: a store, an upload's folder and a document go in, and what happens is
noted in the folder for whoever polls.
"""

import errno
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow_plugins.core import Asset, AssetStore, InvalidInput
from mlflow_plugins.studio._failures import failure_of
from mlflow_plugins.studio._upload_folder import Upload, check_room, in_words

BRING, CREATE = "bring", "create"
TYPES = ("uri_file", "uri_folder", "mltable")

_NOTE_SECONDS = 0.5
_COPIES = 2  # of a table while it is read: in plain UTF-8, and as Parquet


def run_task(store: AssetStore, upload: Upload, job: str, document: Mapping[str, Any]) -> None:
    """Do a job; what comes of it, errors as well, is noted in the upload's folder."""
    try:
        result = _bring(store, upload, document) if job == BRING else _make(store, upload, document)
    except Exception as error:  # noqa: BLE001 - shown to the user, logged if unexpected
        if upload.folder.is_dir():  # else it was cancelled meanwhile
            upload.note(phase="failed", message=_message_of(error))
        return
    upload.note(phase="done", **result)


def _message_of(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"A disk of the server is full ({error.strerror}): the one of uploads, or the one of "
            "artifacts. Make room, and try again: what was sent is still there."
        )
    return in_pages_words(failure_of(error).message)


# What messages say of options of the command line, in the words of the page.
_PAGES_WORDS = {
    "Or keep such lines aside with: --on-bad-lines keep-aside": "Or choose that lines that are no "
    "rows are kept aside.",
    "or keep such lines aside with: --on-bad-lines keep-aside": "or choose that lines that are no "
    "rows are kept aside.",
    "Say which it is with: --encoding NAME": "Choose the encoding",
    "Give another with --encoding, or leave it out to have it found.": "Choose another encoding, "
    "or let it be found out.",
    "Say which it is with --delimiter.": "Choose the separator.",
    "Choose one with --sheet:": "Write the name of one under 'Sheet':",
}


def in_pages_words(message: str) -> str:
    """Return a message of the importer that speaks of the page's form."""
    for words, other in _PAGES_WORDS.items():
        message = message.replace(words, other)
    return message


# ---------------------------------------------------------------- from elsewhere


def _bring(store: AssetStore, upload: Upload, document: Mapping[str, Any]) -> dict[str, Any]:
    """Copy what lies elsewhere into the upload."""
    for old in upload.things():
        old.unlink()
    if document["kind"] == "query":
        return _bring_query(store, upload, document)
    from mlflow_plugins.data import check_url, fetch_place, look_up_place, parse_azureml

    address = str(document["address"])
    is_folder = bool(document.get("is_folder"))
    upload.note(step="Looking at what is there")
    if parse_azureml(address) is None:
        check_url(address, is_folder=is_folder)
    found = look_up_place(store, address, is_folder=is_folder)
    if found is not None and found.size_bytes is not None:
        _check_size(found.size_bytes, int(document["limit_bytes"]))
        check_room(upload.folder, found.size_bytes, [])
        upload.note(n_bytes=found.size_bytes)
    upload.note(step="Fetching it")
    fetch_place(store, address, upload.content, is_folder=is_folder)
    if not upload.things():
        raise InvalidInput(f"There is no file at {address!r}.")
    _check_size(_size_bytes(upload), int(document["limit_bytes"]))
    return {}


def _bring_query(store: AssetStore, upload: Upload, document: Mapping[str, Any]) -> dict[str, Any]:
    from mlflow_plugins.data.datastores import SqlDatastore, open_datastore

    opened = open_datastore(store, str(document["datastore"]))
    if not isinstance(opened, SqlDatastore):
        raise InvalidInput(
            f"The datastore {opened.name!r} is of type {opened.kind!r}. A query needs one of type "
            "'sql'."
        )
    upload.note(step="Running the query")
    n_rows = opened.query(str(document["query"]), upload.content / "query.parquet")
    return {"n_rows": n_rows}


def _check_size(n_bytes: int, limit_bytes: int) -> None:
    if n_bytes > limit_bytes:
        raise InvalidInput(
            f"There are {in_words(n_bytes)}; the studio takes at most {in_words(limit_bytes)} "
            "(MLFLOW_STUDIO_UPLOAD_MIB). Keep it as a reference instead, which copies nothing."
        )


def _size_bytes(upload: Upload) -> int:
    return sum(one.stat().st_size for one in upload.things())


# ---------------------------------------------------------------- the asset


def _make(store: AssetStore, upload: Upload, document: Mapping[str, Any]) -> dict[str, Any]:
    manifest = upload.manifest()
    facts: dict[str, Any] = {
        "name": document["name"],
        "version": document.get("version") or None,
        "description": document.get("description") or "",
        "tags": document.get("tags") or {},
    }
    source = manifest.get("source") or {}
    if source.get("kind") == "reference":
        from mlflow_plugins.data import create_reference

        upload.note(step="Looking at what is there")
        asset = create_reference(store, source["address"], kind=document["type"], **facts)
        return _result(asset, 0, None)
    check_room(upload.folder, _COPIES * _size_bytes(upload), [])
    noted = _noted(manifest)
    made = _Maker(store, upload, document, facts, noted).make()
    _forget_content(upload)
    return made


def _noted(manifest: Mapping[str, Any]) -> dict[str, Any]:
    source = manifest.get("source") or {}
    if source.get("kind") == "query":
        text, datastore = source["query"], source["datastore"]
        return {"imported_from": f"a query to {datastore}", "query": text}
    return {"imported_from": manifest["shown"]}


def _forget_content(upload: Upload) -> None:
    """Give the disk back at once; the state stays to be asked for."""
    shutil.rmtree(upload.content, ignore_errors=True)
    shutil.rmtree(upload.work, ignore_errors=True)


def _result(asset: Asset, n_bad_lines: int, sentence: str | None) -> dict[str, Any]:
    return {
        "step": "Done",
        "asset": {"name": asset.name, "version": asset.version},
        "n_bad_lines": n_bad_lines,
        "sentence": sentence or "",
    }


class _Maker:
    """Makes an asset of what lies in an upload."""

    def __init__(
        self,
        store: AssetStore,
        upload: Upload,
        document: Mapping[str, Any],
        facts: Mapping[str, Any],
        noted: Mapping[str, Any],
    ) -> None:
        from mlflow_plugins.data.importing import ImportOptions

        self._store, self._upload, self._document = store, upload, document
        self._facts, self._noted = facts, noted
        self._shown = str(noted["imported_from"])
        self._noted_at = 0.0
        chosen = {**(document.get("options") or {})}
        self._options = ImportOptions(
            **chosen, rejected_folder=upload.work, join_folder=True, shown=self._shown
        )

    def make(self) -> dict[str, Any]:
        from mlflow_plugins.data.importing import is_archive, is_table

        kind, things = self._document["type"], self._upload.things()
        if not things:
            raise InvalidInput("Nothing has come. Choose a file, and send it.")
        one = things[0] if len(things) == 1 else None
        if kind == "uri_folder":
            return self._store_folder(self._unpacked(one), "uri_folder")
        if kind == "mltable":
            folder = self._unpacked(one)
            has_document = (folder / "MLTable").is_file()
            return (
                self._store_folder(folder, kind) if has_document else self._as_table(one, "mltable")
            )
        is_read = one is None or is_table(one.name) or is_archive(one.name)
        if self._document.get("as_it_is"):
            is_read = False
        return self._as_table(one) if is_read else self._store_file(one)

    # ------------------------------------------------------------ as it is

    def _store_file(self, one: Path | None) -> dict[str, Any]:
        from mlflow_plugins.data import create_data_asset

        if one is None:
            raise InvalidInput(
                "There are several files. A uri_file is one: choose uri_folder, or have them read "
                "as one table."
            )
        self._upload.note(step="Checking and storing the file")
        asset = create_data_asset(self._store, one, noted=self._noted, **self._facts)
        return _result(asset, 0, None)

    def _unpacked(self, one: Path | None) -> Path:
        """Return the folder of the files, those of an archive unpacked."""
        from mlflow_plugins.data.importing import is_archive, unpack

        if one is None or not is_archive(one.name):
            return self._upload.content
        self._upload.note(step="Unpacking the archive")
        folder = self._upload.work / "unpacked"
        folder.mkdir(exist_ok=True)
        unpack(one, folder)
        inner = list(folder.iterdir())
        return inner[0] if len(inner) == 1 and inner[0].is_dir() else folder

    def _store_folder(self, folder: Path, kind: str) -> dict[str, Any]:
        from mlflow_plugins.data import create_data_asset

        self._upload.note(step="Checking and storing the files")
        asset = create_data_asset(self._store, folder, kind=kind, noted=self._noted, **self._facts)
        return _result(asset, 0, None)

    # ------------------------------------------------------------ as a table

    def _as_table(self, one: Path | None, kind: str = "uri_file") -> dict[str, Any]:
        """Read a table to its last row and store it as Parquet."""
        from mlflow_plugins.data import create_data_asset
        from mlflow_plugins.data.importing import look_at

        source = str(self._upload.content if one is None else one)
        self._upload.note(step="Reading the rows")
        looking = look_at(self._store, source, options=self._options, progress=self._progress)
        with looking as (look, table):
            self._upload.note(step="Checking and storing the table", n_rows=look.n_rows)
            path = self._named(table) if kind == "uri_file" else self._described(table)
            noted = {**self._noted, "n_rejected": look.n_rejected}
            asset = create_data_asset(self._store, path, kind=kind, noted=noted, **self._facts)
            self._keep_rejected(asset, look.rejected)
            return _result(asset, look.n_rejected, look.sentence())

    def _named(self, table: Path) -> Path:
        """Call a table like its asset."""
        named = self._upload.work / f"{self._facts['name'].replace('/', '-')}.parquet"
        shutil.move(table, named)
        return named

    def _described(self, table: Path) -> Path:
        """Put a table into a folder with the file that says how it is read."""
        folder = self._upload.work / "mltable"
        folder.mkdir(exist_ok=True)
        shutil.move(table, folder / "table.parquet")
        (folder / "MLTable").write_text(
            "type: mltable\npaths:\n  - file: ./table.parquet\n"
            "transformations:\n  - read_parquet\n",
            encoding="utf-8",
        )
        return folder

    def _keep_rejected(self, asset: Asset, rejected: Path | None) -> None:
        """Keep the lines that are no rows beside the asset, for whoever asks what they were."""
        if rejected is not None:
            self._store.records.client.log_artifact(asset.record_id, str(rejected), "rejected")

    def _progress(self, n_rows: int) -> None:
        if time.monotonic() - self._noted_at > _NOTE_SECONDS:
            self._noted_at = time.monotonic()
            self._upload.note(n_rows=n_rows)
