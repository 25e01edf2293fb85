"""Files at addresses outside of the workspace: looked up, fetched and written.

``http(s)`` is read by requests, everything else by fsspec: Azure's blob storage, S3, Google Cloud
Storage and whatever else fsspec has an implementation for. Credentials come from the environment of
the process that reads, in the variables of each provider's own tools; without them a public place
is read anonymously.
"""

import os
import posixpath
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from mlflow_plugins.core import InvalidInput, MissingExtra, NotFound, StudioError, did_you_mean
from mlflow_plugins.data._addresses import (
    AZURE_STORAGE,
    masked,
    parse_blob_url,
    scheme_of,
)

_WEB = ("http", "https")
_EXTRAS = {
    **dict.fromkeys(AZURE_STORAGE, ("adlfs", "azure")),
    "s3": ("s3fs", "s3"),
    "s3a": ("s3fs", "s3"),
    "gs": ("gcsfs", "gcs"),
    "gcs": ("gcsfs", "gcs"),
}
_LOOK_UP_SECONDS = 10.0
_TIMEOUT_SECONDS = 60.0
_AZURE_CREDENTIALS = ("AZURE_STORAGE_", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")
_AWS_CREDENTIALS = ("AWS_", "BOTO_CONFIG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a remote file says about itself without being read.

    Attributes:
        etag: The provider's word for this content.
        size_bytes: Its length.
        modified: When it was written, as the provider puts it.
    """

    etag: str = ""
    size_bytes: int | None = None
    modified: str = ""

    def as_document(self) -> dict[str, Any]:
        """Return what is known, as JSON types."""
        known = {"etag": self.etag, "size_bytes": self.size_bytes, "modified": self.modified}
        return {key: value for key, value in known.items() if value not in ("", None)}


def check_url(url: str, *, is_folder: bool) -> None:
    """Make sure that an address is of a kind that can be read, without asking anybody.

    Args:
        url: The address.
        is_folder: Whether it must be a folder.

    Raises:
        InvalidInput: It is of no such kind, or a web address that is to be a folder.
    """
    scheme = scheme_of(url)
    if scheme == "adl":
        raise InvalidInput(
            f"{masked(url)!r} is in Azure Data Lake Storage Gen1, which Azure has shut down. Give "
            "the new place of the data, such as abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH."
        )
    if scheme in AZURE_STORAGE and parse_blob_url(url) is None:
        raise InvalidInput(
            f"{masked(url)!r} does not name a container and an account. Write "
            f"{scheme}://CONTAINER@ACCOUNT.blob.core.windows.net/PATH."
        )
    if scheme in _WEB and is_folder and parse_blob_url(url) is None:
        raise InvalidInput(
            f"{masked(url)!r} is a web address, which cannot be listed as a folder. Write "
            "'type: uri_file', or give a storage address such as wasbs:, abfss:, s3: or gs:."
        )
    known = {*_known_schemes(), *_EXTRAS, *_WEB}
    if scheme not in known:
        usual = ("azureml", "https", "wasbs", "abfss", "s3", "gs", "file", "runs", "models")
        raise InvalidInput(
            f"{masked(url)!r} is an address of the unknown kind {scheme!r}. The usual ones are: "
            f"{', '.join(usual)}.{did_you_mean(scheme, usual)}"
        )


def look_up(url: str, *, is_folder: bool = False) -> Fingerprint | None:
    """Ask what lies at an address; None if it does not say (no access from here, no answer).

    Raises:
        NotFound: The place answers that there is nothing.
    """
    found: list[Fingerprint | NotFound] = []

    def ask() -> None:
        try:
            found.append(_ask(url, is_folder=is_folder))
        except NotFound as error:
            found.append(error)
        except Exception:  # noqa: BLE001  # whatever it is, whoever fetches it will say it
            return

    thread = threading.Thread(target=ask, daemon=True)  # storage libraries retry for minutes
    thread.start()
    thread.join(_LOOK_UP_SECONDS)
    if not found:
        return None
    if isinstance(found[0], NotFound):
        raise found[0]
    return found[0]


def fetch(url: str, folder: Path, *, is_folder: bool = False) -> Path:
    """Copy a remote file or folder into a folder of this machine; return where it lies.

    Args:
        url: The address.
        folder: An existing folder.
        is_folder: Whether it must be a folder: web addresses do not tell.

    Raises:
        NotFound: There is nothing.
        MissingExtra: What reads such addresses is not installed.
        StudioError: It cannot be read; the message says why.
    """
    if _is_web_file(url, is_folder=is_folder):
        return _download(url, folder)
    files, path = _open(url)
    try:
        names = [str(name) for name in files.find(path)]
        is_file = [name.strip("/") for name in names] == [path.strip("/")]
        targets = [
            _target(folder, name, posixpath.dirname(path) if is_file else path) for name in names
        ]
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
        files.get(names, [str(target) for target in targets])
    except FileNotFoundError:
        raise NotFound(_nothing_at(url)) from None
    except StudioError:
        raise
    except Exception as error:  # each provider has exceptions of its own
        raise _unreadable(url, error) from error
    if not names:
        raise NotFound(_nothing_at(url))
    return targets[0] if is_file else folder


def put(path: Path, url: str) -> None:
    """Copy a file or a folder of this machine to a storage address.

    Raises:
        InvalidInput: It is a web address, to which nothing can be written.
        MissingExtra: What writes to such addresses is not installed.
        StudioError: It cannot be written; the message says why.
    """
    if scheme_of(url) in _WEB and parse_blob_url(url) is None:
        raise InvalidInput(f"{masked(url)!r} is a web address, to which nothing can be written.")
    files, target = _open(url)
    sources = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    places = [
        target if path.is_file() else f"{target}/{one.relative_to(path).as_posix()}"
        for one in sources
    ]
    try:
        for place in {posixpath.dirname(place) for place in places}:
            files.makedirs(place, exist_ok=True)
        files.put([str(one) for one in sources], places)
    except Exception as error:
        raise StudioError(f"{masked(url)} cannot be written: {_reason(error, url)}.") from error


# ---------------------------------------------------------------- fsspec


def _known_schemes() -> list[str]:
    import fsspec

    return list(fsspec.available_protocols())


def _open(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for an address, and the path in it."""
    import fsspec

    blob = parse_blob_url(url)
    try:
        if blob is not None:
            options = {"account_name": blob.account, "anon": _is_anonymous(_AZURE_CREDENTIALS)}
            if blob.sas_token:
                options |= {"sas_token": blob.sas_token, "anon": False}
            place = f"{blob.container}/{blob.path}".strip("/")
            return fsspec.filesystem("abfs", **options), place
        options = {"anon": True} if _is_public_s3(url) else {}
        files, path = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        package, extra = _EXTRAS.get(scheme_of(url), ("", ""))
        if blob is not None:
            package, extra = _EXTRAS["wasbs"]
        if not extra:
            raise StudioError(f"{masked(url)} cannot be read: {error}.") from error
        raise MissingExtra(package, extra=extra, purpose=f"The address {masked(url)}") from error
    except ValueError as error:
        raise _unreadable(url, error) from error
    return files, path


def _is_anonymous(prefixes: tuple[str, ...]) -> bool:
    return not any(name.startswith(prefixes) for name in os.environ)


def _is_public_s3(url: str) -> bool:
    has_file = Path("~/.aws").expanduser().exists()
    return scheme_of(url) in ("s3", "s3a") and not has_file and _is_anonymous(_AWS_CREDENTIALS)


def _ask(url: str, *, is_folder: bool) -> Fingerprint:
    if _is_web_file(url, is_folder=is_folder):
        return _ask_web(url)
    files, path = _open(url)
    try:
        if files.isdir(path):
            return Fingerprint()
        return _read_info(files.info(path))
    except FileNotFoundError:
        raise NotFound(_nothing_at(url)) from None


def _read_info(info: Mapping[str, Any]) -> Fingerprint:
    def first(*keys: str) -> Any:
        return next((info[key] for key in keys if info.get(key) is not None), "")

    return Fingerprint(
        etag=str(first("etag", "ETag", "md5Hash")).strip('"'),
        size_bytes=info.get("size"),
        modified=str(first("last_modified", "LastModified", "updated", "mtime")),
    )


def _target(folder: Path, name: str, base: str) -> Path:
    relative = name.lstrip("/").removeprefix(base.strip("/")).lstrip("/")
    target = (folder / relative).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise StudioError(f"The name {name!r} leads out of the folder that it belongs to.")
    return target


# ---------------------------------------------------------------- the web


def _is_web_file(url: str, *, is_folder: bool) -> bool:
    return scheme_of(url) in _WEB and not is_folder


def _ask_web(url: str) -> Fingerprint:
    answer = requests.head(url, timeout=_LOOK_UP_SECONDS, allow_redirects=True)
    if answer.status_code in (404, 410):
        raise NotFound(_nothing_at(url))
    answer.raise_for_status()
    return _read_headers(answer.headers)


def _read_headers(headers: Mapping[str, str]) -> Fingerprint:
    length = headers.get("Content-Length", "")
    is_plain = headers.get("Content-Encoding", "identity") == "identity"
    return Fingerprint(
        etag=headers.get("ETag", "").strip('"'),
        size_bytes=int(length) if length.isdecimal() and is_plain else None,
        modified=headers.get("Last-Modified", ""),
    )


def _download(url: str, folder: Path) -> Path:
    name = Path(unquote(urlsplit(url).path)).name
    target = folder / ("download" if name in ("", "..") else name)
    try:
        with requests.get(url, stream=True, timeout=_TIMEOUT_SECONDS) as answer:
            if answer.status_code in (404, 410):
                raise NotFound(_nothing_at(url))
            answer.raise_for_status()
            with target.open("wb") as file:
                for block in answer.iter_content(1 << 20):
                    file.write(block)
    except requests.RequestException as error:
        raise _unreadable(url, error) from error
    return target


# ---------------------------------------------------------------- words


def _nothing_at(url: str) -> str:
    return f"There is nothing at {masked(url)}. Check the address, and whether it is public."


def _unreadable(url: str, error: Exception) -> StudioError:
    return StudioError(
        f"{masked(url)} cannot be read: {_reason(error, url)}. Check that this machine reaches it, "
        "and give the agent the credentials for it in its environment if it is not public."
    )


def _reason(error: Exception, url: str) -> str:
    lines = str(error).strip().splitlines()
    text = masked(lines[0] if lines else type(error).__name__, url)
    return text[:300].rstrip(".")
