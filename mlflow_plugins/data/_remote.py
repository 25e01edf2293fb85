"""Files at addresses outside of the workspace: looked up, fetched and written.

``http(s)`` is read by requests, everything else by fsspec: Azure's blob storage, S3, Google Cloud
Storage and whatever else fsspec has an implementation for. Credentials come from the environment of
the process that reads, in the variables of each provider's own tools; without them a public place
is read anonymously.
"""

import os
import re
from pathlib import Path
from typing import Any

from mlflow_plugins.core import InvalidInput, MissingExtra, StudioError, did_you_mean
from mlflow_plugins.data._addresses import (
    AZURE_STORAGE,
    masked,
    parse_blob_url,
    scheme_of,
)
from mlflow_plugins.data._hosts import check_host
from mlflow_plugins.data._transfer import Fingerprint, Mask, Place, patiently, unreadable
from mlflow_plugins.data._web import ask_web, download

__all__ = ["Fingerprint", "check_url", "fetch", "list_remote", "look_up", "put"]

_WEB = ("http", "https")
_EXTRAS = {
    **dict.fromkeys(AZURE_STORAGE, ("adlfs", "azure")),
    "s3": ("s3fs", "s3"),
    "s3a": ("s3fs", "s3"),
    "gs": ("gcsfs", "gcs"),
    "gcs": ("gcsfs", "gcs"),
}
_CHAIN = re.compile(r"[A-Za-z0-9+.-]+::")
_AZURE_CREDENTIALS = ("AZURE_STORAGE_", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")
_AWS_CREDENTIALS = ("AWS_", "BOTO_CONFIG")


def check_url(url: str, *, is_folder: bool) -> None:
    """Make sure that an address is of a kind that can be read, without asking its host.

    Args:
        url: The address.
        is_folder: Whether it must be a folder.

    Raises:
        InvalidInput: It is of no such kind, or a web address that is to be a folder.
        NotAllowed: Its host is one that hands out credentials of this machine.
    """
    scheme = scheme_of(url)
    _check_plain(url)
    if scheme not in _EXTRAS:  # the others name buckets, not hosts
        check_host(url)
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
    if _is_web_file(url, is_folder=is_folder):
        return patiently(lambda: ask_web(url, shown=masked(url)))
    return patiently(lambda: _place(url).ask())


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
        return download(url, folder, shown=masked(url), mask=_mask_of(url))
    return _place(url).copy_to(folder)


def list_remote(url: str) -> dict[str, Fingerprint] | None:
    """Return what each file below an address says about itself; None if it does not answer.

    Raises:
        NotFound: There is nothing.
    """
    return patiently(lambda: _place(url).ask_all())


def put(path: Path, url: str) -> None:
    """Copy a file or a folder of this machine to a storage address.

    Raises:
        InvalidInput: It is a web address, to which nothing can be written.
        MissingExtra: What writes to such addresses is not installed.
        StudioError: It cannot be written; the message says why.
    """
    if scheme_of(url) in _WEB and parse_blob_url(url) is None:
        raise InvalidInput(f"{masked(url)!r} is a web address, to which nothing can be written.")
    _place(url).write(path)


# ---------------------------------------------------------------- fsspec


def _check_plain(url: str) -> None:
    """Refuse what fsspec takes for one address within another: only the outer one was looked at.

    Raises:
        InvalidInput: It is such an address.
    """
    if _CHAIN.match(url):
        raise InvalidInput(
            f"{masked(url)!r} is an address within another one ('::'). Give the inner one alone."
        )


def _known_schemes() -> list[str]:
    import fsspec

    return list(fsspec.available_protocols())


def _mask_of(url: str) -> Mask:
    return lambda text: masked(text, url)


def _place(url: str) -> Place:
    files, path = _open(url)
    return Place(files=files, path=path, shown=masked(url), mask=_mask_of(url))


def _open(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for an address, and the path in it."""
    import fsspec

    _check_plain(url)
    blob = parse_blob_url(url)
    if blob is None and scheme_of(url) in _WEB:
        raise InvalidInput(f"{masked(url)!r} is a web address, which cannot be listed as a folder.")
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
        raise unreadable(masked(url), error, _mask_of(url)) from error
    return files, path


def _is_anonymous(prefixes: tuple[str, ...]) -> bool:
    return not any(name.startswith(prefixes) for name in os.environ)


def _is_public_s3(url: str) -> bool:
    has_file = Path("~/.aws").expanduser().exists()
    return scheme_of(url) in ("s3", "s3a") and not has_file and _is_anonymous(_AWS_CREDENTIALS)


def _is_web_file(url: str, *, is_folder: bool) -> bool:
    return scheme_of(url) in _WEB and not is_folder
