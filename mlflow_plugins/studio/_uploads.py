"""Files from the browser: sent in pieces that survive a dropped connection and a restarted server.

MLflow's server holds a request's whole body in memory before it calls us, so the browser sends
pieces of some MiB. What has come lies in one folder of this machine (`_upload_folder`), whose name
is a secret that only its browser knows; any of the server's processes can take the next piece, and
the browser asks how much has come whenever it does not know.

    POST   _upload                begins; answers with the token and what has come
    GET    _upload/TOKEN          what has come of each file, and what is done with it
    PUT    _upload/TOKEN          ?file=0&offset=0&crc32=…  a piece; 409 says where to go on
    POST   _upload/TOKEN/finish   makes the data asset, beside the request
    DELETE _upload/TOKEN          forgets it
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, jsonify, request

from mlflow_plugins.core import InvalidInput, check_name
from mlflow_plugins.studio._failures import failure_of, http_status
from mlflow_plugins.studio._import_start import start_creating
from mlflow_plugins.studio._import_task import TYPES
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio._upload_folder import (
    PIECE_BYTES,
    Upload,
    WrongOffset,
    check_room,
    checked_files,
    in_words,
)
from mlflow_plugins.studio._upload_places import (
    all_uploads,
    folder_of,
    get_upload,
    new_token,
    remove_forgotten,
    remove_upload,
    uploads_folder,
)

DATA, CODE = "data", "code"

_ACTIVE_SECONDS = 3600.0


def add_upload_routes(server: Flask, studio: Studio, prefix: str) -> None:
    """Serve ``_upload``."""
    address = prefix + "_upload"
    one = address + "/<token>"

    @server.post(address, endpoint="studio_upload_begin")
    def begin() -> tuple[Response, int]:
        return _answer(lambda: _begin(studio))

    @server.get(one, endpoint="studio_upload_status")
    def status(token: str) -> tuple[Response, int]:
        return _answer(lambda: _status(get_upload(studio, token)))

    @server.put(one, endpoint="studio_upload_piece")
    def piece(token: str) -> tuple[Response, int]:
        return _answer(lambda: _add_piece(get_upload(studio, token)))

    @server.post(one + "/finish", endpoint="studio_upload_finish")
    def finish(token: str) -> tuple[Response, int]:
        return _answer(lambda: _finish(studio, token))

    @server.delete(one, endpoint="studio_upload_forget")
    def forget(token: str) -> tuple[Response, int]:
        return _answer(lambda: _forget(studio, token))


def _answer(work: Callable[[], dict[str, Any]]) -> tuple[Response, int]:
    try:
        return jsonify(work()), 200
    except WrongOffset as error:
        return jsonify(message=error.message, received=error.received), 409
    except Exception as error:  # noqa: BLE001 - shown to the user, logged if unexpected
        return jsonify(message=failure_of(error).message), http_status(error)


def _begin(studio: Studio) -> dict[str, Any]:
    document = _document()
    purpose = CODE if document.get("purpose") == CODE else DATA
    files = checked_files(_files_of(document))
    n_bytes = sum(one.size_bytes for one in files)
    _check_limit(studio, n_bytes, purpose)
    studio.check_edit("job" if purpose == CODE else "data")
    remove_forgotten()
    check_room(uploads_folder(), n_bytes, _active_uploads())
    token = new_token()
    shown = str(document.get("shown") or "") or files[0].path
    upload = Upload.begin(folder_of(studio, token), files, purpose=purpose, shown=shown[:200])
    return {"token": token, "piece_bytes": PIECE_BYTES, **_status(upload)}


def _forget(studio: Studio, token: str) -> dict[str, Any]:
    remove_upload(studio, token)
    return {}


def _files_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the files of a request: a list, or one that the request itself describes."""
    files = document.get("files")
    if files is None and "file" in document:
        name = str(document["file"] or "").replace("\\", "/").rsplit("/", 1)[-1]
        files = [{"path": name, "size_bytes": document.get("size_bytes")}]
    if not isinstance(files, list) or not all(isinstance(one, dict) for one in files):
        raise InvalidInput("No file is named. Choose at least one file.")
    return files


def _check_limit(studio: Studio, n_bytes: int, purpose: str) -> None:
    limit_mib = studio.settings.code_mib if purpose == CODE else studio.settings.upload_mib
    if n_bytes <= limit_mib * (1 << 20):
        return
    command, variable = (
        ("mlflow run", "MLFLOW_STUDIO_CODE_MIB")
        if purpose == CODE
        else ("mlflow-studio data create", "MLFLOW_STUDIO_UPLOAD_MIB")
    )
    raise InvalidInput(
        f"There are {in_words(n_bytes)}; the studio takes at most {in_words(limit_mib * 2**20)}. "
        f"Create it on the command line with: {command}, or raise {variable}."
    )


def _active_uploads() -> list[Upload]:
    """Return the uploads that still come: their bytes will need room on the disk."""
    since = time.time() - _ACTIVE_SECONDS
    found = []
    for one in all_uploads():
        try:
            is_active = one.folder.stat().st_mtime > since
        except FileNotFoundError:
            continue
        if is_active:
            found.append(one)
    return found


def _status(upload: Upload) -> dict[str, Any]:
    files = upload.files()
    state = upload.state()
    return {
        "received": [upload.received(one) for one in files],
        "sizes": [one.size_bytes for one in files],
        **{
            key: state[key]
            for key in ("job", "phase", "step", "n_rows", "message", "asset")
            if key in state
        },
    }


def _add_piece(upload: Upload) -> dict[str, Any]:
    index = request.args.get("file", 0, type=int)
    offset = request.args.get("offset", type=int)
    crc32 = request.args.get("crc32", type=int)
    if offset is None or offset < 0:
        raise InvalidInput("The request has no 'offset'. Say where the piece begins, in bytes.")
    piece: bytes = request.data
    if len(piece) > PIECE_BYTES:
        raise InvalidInput(
            f"The piece has {len(piece)} bytes; send at most {PIECE_BYTES} at a time."
        )
    return {"received": upload.add_piece(index, offset, piece, crc32=crc32)}


def _finish(studio: Studio, token: str) -> dict[str, Any]:
    upload = get_upload(studio, token)
    start_creating(studio, upload, read_wish(_document()))
    return _status(upload)


def read_wish(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be made of an upload, checked as far as that can be told at once.

    Args:
        document: ``name``, and what else `_import_task` reads.

    Raises:
        InvalidInput: A name breaks a rule, or the type is none.
    """
    name = str(document.get("name") or "").strip()
    check_name(name, what="name of a data asset")
    kind = str(document.get("type") or "uri_file")
    if kind not in TYPES:
        raise InvalidInput(f"The type is {kind!r}. It must be one of: {', '.join(TYPES)}.")
    tags = document.get("tags") or {}
    return {
        "name": name,
        "version": str(document.get("version") or "").strip() or None,
        "description": str(document.get("description") or ""),
        "tags": {str(key): str(value) for key, value in tags.items()},
        "type": kind,
        "as_it_is": bool(document.get("as_it_is")),
        "options": _options_of(document.get("options") or {}),
    }


_OPTIONS: Mapping[str, type | tuple[type, ...]] = {
    "encoding": str,
    "delimiter": str,
    "has_header": bool,
    "quote": str,
    "sheet": str,
    "on_bad_lines": str,
    "types": dict,
}


def _options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an import that are given; nothing else reaches the importer."""
    found = {key: given[key] for key in _OPTIONS if given.get(key) is not None}
    for key, value in found.items():
        if not isinstance(value, _OPTIONS[key]):
            raise InvalidInput(f"The option {key!r} is {value!r}, which it cannot be.")
    if found.get("on_bad_lines", "refuse") not in ("refuse", "keep-aside"):
        raise InvalidInput("The option 'on_bad_lines' must be 'refuse' or 'keep-aside'.")
    return found


def _document() -> dict[str, Any]:
    document = request.get_json(silent=True)
    return document if isinstance(document, dict) else {}
