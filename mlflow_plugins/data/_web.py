"""Files on web servers, read by requests: every host on the way is checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from mlflow_plugins.core import NotFound
from mlflow_plugins.data._hosts import session
from mlflow_plugins.data._transfer import (
    LOOK_UP_SECONDS,
    Fingerprint,
    Mask,
    nothing_at,
    unreadable,
)

_TIMEOUT_SECONDS = 60.0
_GONE = (404, 410)


def ask_web(url: str, *, shown: str, auth: Any = None) -> Fingerprint:
    """Return what a web server says about a file.

    Raises:
        NotFound: The server says that there is nothing.
        requests.RequestException: It says something else, or nothing.
    """
    with session() as web:
        answer = web.head(url, timeout=LOOK_UP_SECONDS, allow_redirects=True, auth=auth)
    if answer.status_code in _GONE:
        raise NotFound(nothing_at(shown))
    answer.raise_for_status()
    return _read_headers(answer.headers)


def download(url: str, folder: Path, *, shown: str, mask: Mask, auth: Any = None) -> Path:
    """Copy a file from a web server into a folder; return where it lies.

    Raises:
        NotFound: The server says that there is nothing.
        StudioError: It cannot be read.
    """
    name = Path(unquote(urlsplit(url).path)).name
    target = folder / ("download" if name in ("", "..") else name)
    try:
        with (
            session() as web,
            web.get(url, stream=True, timeout=_TIMEOUT_SECONDS, auth=auth) as answer,
        ):
            if answer.status_code in _GONE:
                raise NotFound(nothing_at(shown))
            answer.raise_for_status()
            with target.open("wb") as file:
                for block in answer.iter_content(1 << 20):
                    file.write(block)
    except requests.RequestException as error:
        raise unreadable(shown, error, mask) from error
    return target


def _read_headers(headers: Mapping[str, str]) -> Fingerprint:
    length = headers.get("Content-Length", "")
    is_plain = headers.get("Content-Encoding", "identity") == "identity"
    return Fingerprint(
        etag=headers.get("ETag", "").strip('"'),
        size_bytes=int(length) if length.isdecimal() and is_plain else None,
        modified=headers.get("Last-Modified", ""),
    )
