"""Files from the browser: sent in pieces, put together on disk, then made a data asset or code.

MLflow's server holds a request's whole body in memory before it calls us, so the browser sends
pieces of some MiB. The pieces of one upload lie in one folder of this machine, whose name is a
secret that only its browser knows; any of the server's processes can take the next one.
"""

import hashlib
import re
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request

from mlflow_plugins.core import InvalidInput, NotFound
from mlflow_plugins.studio._failures import failure_of, http_status
from mlflow_plugins.studio._studio import Studio

PIECE_BYTES = 4 << 20
_KEEP_SECONDS = 6 * 3600
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def add_upload_routes(server: Flask, studio: Studio, prefix: str) -> None:
    """Serve ``_upload``: POST begins, PUT adds a piece, POST with ``finish`` makes the asset."""

    @server.post(prefix + "_upload", endpoint="studio_upload_begin")
    def begin() -> tuple[Response, int]:
        return _answer(lambda: _begin(studio))

    @server.put(prefix + "_upload/<token>", endpoint="studio_upload_piece")
    def piece(token: str) -> tuple[Response, int]:
        return _answer(lambda: _add_piece(studio, token))

    @server.post(prefix + "_upload/<token>/finish", endpoint="studio_upload_finish")
    def finish(token: str) -> tuple[Response, int]:
        return _answer(lambda: _finish(studio, token))


def _answer(work: Any) -> tuple[Response, int]:
    try:
        return jsonify(work()), 200
    except Exception as error:  # noqa: BLE001 - shown to the user, logged if unexpected
        code = http_status(error)
        return jsonify(message=failure_of(error).message), code


def _begin(studio: Studio) -> dict[str, Any]:
    document = _document()
    size_bytes = int(document.get("size_bytes") or 0)
    limit = studio.settings.upload_mib
    is_code = document.get("purpose") == "code"
    if size_bytes > limit * (1 << 20):
        raise InvalidInput(
            f"The file has {size_bytes / (1 << 20):.0f} MiB; the studio takes at most "
            f"{limit:.0f} MiB. Create it on the command line with: "
            f"{'mlflow run' if is_code else 'mlflow-studio data create'}, or raise "
            "MLFLOW_STUDIO_UPLOAD_MIB."
        )
    # Who may not even look is told so now.
    studio.assets().records.experiment_id("job" if is_code else "data")
    _remove_forgotten()
    token = secrets.token_urlsafe(32)
    folder = _folder(studio, token)
    folder.mkdir(parents=True, mode=0o700)
    (folder / _file_name(document)).touch()
    return {"token": token, "piece_bytes": PIECE_BYTES}


def _add_piece(studio: Studio, token: str) -> dict[str, Any]:
    file = uploaded_file(studio, token)
    offset = request.args.get("offset", type=int)
    size_bytes = file.stat().st_size
    if offset != size_bytes:
        raise InvalidInput(f"The piece begins at {offset}, but {size_bytes} bytes have come.")
    if size_bytes + len(request.data) > studio.settings.upload_mib * (1 << 20):
        shutil.rmtree(file.parent, ignore_errors=True)
        raise InvalidInput(
            f"The file is larger than {studio.settings.upload_mib:.0f} MiB, which is the most that "
            "the studio takes."
        )
    with file.open("ab") as target:
        target.write(request.data)
    return {"size_bytes": file.stat().st_size}


def _finish(studio: Studio, token: str) -> dict[str, Any]:
    from mlflow_plugins.data import create_data_asset, format_of

    file = uploaded_file(studio, token)
    document = _document()
    try:
        format_of(file)  # the page is for tables
        asset = create_data_asset(
            studio.assets(),
            file,
            name=str(document.get("name") or ""),
            description=str(document.get("description") or ""),
        )
    finally:
        shutil.rmtree(file.parent, ignore_errors=True)
    address = studio.link("/data/asset/<name>", name=asset.name)
    return {"name": asset.name, "version": asset.version, "address": address}


def _document() -> dict[str, Any]:
    document = request.get_json(silent=True)
    return document if isinstance(document, dict) else {}


def _file_name(document: dict[str, Any]) -> str:
    plain = str(document.get("file") or "").replace("\\", "/").rsplit("/", 1)[-1]
    cleaned = re.sub(r"[^\w.() -]", "_", plain).strip(". ")
    if not cleaned:
        raise InvalidInput("The file has no name. Choose a CSV or Parquet file.")
    return cleaned[-120:]


def _uploads() -> Path:
    return Path(tempfile.gettempdir()) / "mlflow-studio-uploads"


def _folder(studio: Studio, token: str) -> Path:
    """Return the upload's folder; another user's knowledge of the token is of no use to him."""
    owner = hashlib.sha256(f"{studio.access.user()}/{token}".encode()).hexdigest()
    return _uploads() / owner


def uploaded_file(studio: Studio, token: str) -> Path:
    """Return what has come of an upload of the present user's.

    Raises:
        NotFound: It is not known.
    """
    folder = _folder(studio, token)
    if not _TOKEN.fullmatch(token) or not folder.is_dir():
        raise NotFound("The upload is not known, or it was left alone too long. Start it again.")
    return next(folder.iterdir())


def remove_upload(studio: Studio, token: str) -> None:
    """Remove an upload of the present user's; it is no error if it is gone."""
    if _TOKEN.fullmatch(token):
        shutil.rmtree(_folder(studio, token), ignore_errors=True)


def _remove_forgotten() -> None:
    oldest = time.time() - _KEEP_SECONDS
    uploads = _uploads()
    for folder in uploads.iterdir() if uploads.is_dir() else ():
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
