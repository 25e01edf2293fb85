"""Datastores whose files fsspec reads and writes: folders, object storage, SFTP and SMB."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlflow.entities import FileInfo

from mlflow_plugins.core import InvalidInput, MissingExtra, NotAllowed, StudioError
from mlflow_plugins.data._hosts import check_host
from mlflow_plugins.data._transfer import (
    Fingerprint,
    Place,
    patiently,
    reason_of,
)
from mlflow_plugins.data.datastores._base import Datastore, inside, target_of
from mlflow_plugins.data.datastores._credentials import hide, is_secret_reference, read_all
from mlflow_plugins.data.datastores._sftp import open_sftp

Documents = Mapping[str, Any]
Secrets = Mapping[str, str]

_AZURE_VARIABLES = ("AZURE_STORAGE_", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")
_CLOUD = "core.windows.net"


@dataclass(frozen=True, slots=True)
class FileDatastore(Datastore):
    """Files in a file system of fsspec.

    Attributes:
        name: Its name in the workspace.
        spec: What is stored about it; credentials are references.
        kind: Such as ``s3``.
    """

    name: str
    spec: Documents
    kind: str

    def uri(self, path: str = "") -> str:
        """Return the address by which programs read a place, such as ``s3://BUCKET/PATH``."""
        return _KINDS[self.kind].uri(self.spec, inside(path))

    def upload(self, source: Path, path: str) -> str:
        """Copy a file, or what is in a folder. See `Datastore.upload`."""
        target = target_of(source, path)
        self._place(target).write(source)
        return target

    def listing(self, path: str = "") -> list[FileInfo]:
        """List what is directly in a folder."""
        place = self._place(path)
        try:
            found = place.files.ls(place.path, detail=True)
        except FileNotFoundError:
            return []
        except Exception as error:  # each provider has exceptions of its own
            raise self._unreachable(error, place) from error
        root = self._root().strip("/")
        shown = [_file_info(one, root) for one in found]
        return sorted(
            (one for one in shown if one.path not in ("", inside(path))), key=lambda one: one.path
        )

    def look_up(self, path: str, *, is_folder: bool = False) -> Fingerprint | None:
        """Return a file's etag or time, and its size. See `Datastore.look_up`."""
        del is_folder
        return patiently(lambda: self._place(path).ask())

    def fingerprints(self, path: str) -> dict[str, Fingerprint] | None:
        """Return what each file below a place says. See `Datastore.fingerprints`."""
        return patiently(lambda: self._place(path).ask_all())

    def fetch(self, path: str, folder: Path, *, is_folder: bool = False) -> Path:
        """Copy a file or folder. See `Datastore.fetch`."""
        del is_folder
        place = self._place(path)
        if self.kind == "local":
            check_no_way_out(Path(place.path), Path(self._root()))
        return place.copy_to(folder)

    def check(self) -> str:
        """List its top once."""
        place = self._place("")
        try:
            n_entries = len(place.files.ls(place.path, detail=False))
        except Exception as error:  # each provider has exceptions of its own
            raise self._unreachable(error, place) from error
        return f"There are {n_entries} files and folders at its top."

    # ------------------------------------------------------------ inside

    def _root(self) -> str:
        return _KINDS[self.kind].root(self.spec)

    def _place(self, path: str) -> Place:
        secrets = read_all(self.spec.get("credentials", {}))
        hidden = [
            secrets[field]
            for field, text in self.spec.get("credentials", {}).items()
            if is_secret_reference(text)
        ]
        shown = self.address(path)

        def mask(text: str) -> str:
            return hide(text, hidden)

        kind = _KINDS[self.kind]
        try:
            files = kind.open(self.spec, secrets)
        except StudioError:
            raise
        except ImportError as error:
            raise MissingExtra(
                kind.package, extra=kind.extra, purpose=f"A datastore of type {self.kind!r}"
            ) from error
        except Exception as error:  # each provider has exceptions of its own
            raise StudioError(
                f"The datastore {self.name!r} cannot be reached: {reason_of(error, mask)}."
            ) from error
        whole = "/".join(part for part in (self._root().rstrip("/"), inside(path)) if part)
        return Place(files=files, path=whole or "/", shown=shown, mask=mask)

    def _unreachable(self, error: Exception, place: Place) -> StudioError:
        return StudioError(
            f"The datastore {self.name!r} cannot be read at {place.shown}: "
            f"{reason_of(error, place.mask)}. Check its document, that this machine reaches it, "
            "and what its credentials allow."
        )


def check_no_way_out(path: Path, root: Path) -> None:
    """Make sure that no link in a folder leads out of it.

    Raises:
        NotAllowed: One does.
    """
    real_root = root.resolve()
    below = path.rglob("*") if path.is_dir() else ()
    for one in (path, *below):
        if not one.resolve().is_relative_to(real_root):
            raise NotAllowed(
                f"{str(one)!r} is a link that leads out of the folder {str(root)!r}. "
                "Put a copy there, or make a datastore of the place that it leads to."
            )


def _file_info(found: Documents, root: str) -> FileInfo:
    path = str(found["name"]).strip("/").removeprefix(root).strip("/")
    is_dir = found.get("type") == "directory"
    return FileInfo(path, is_dir, None if is_dir else found.get("size"))


# ---------------------------------------------------------------- kinds


@dataclass(frozen=True, slots=True)
class _FileKind:
    """How files of one kind are reached.

    Attributes:
        open: From the document and the secrets to fsspec's file system.
        root: The folder in that file system which the datastore is.
        uri: The address of a place by which programs read it.
        package: What fsspec needs for it.
        extra: The extra of ours that brings it.
    """

    open: Callable[[Documents, Secrets], Any]
    root: Callable[[Documents], str]
    uri: Callable[[Documents, str], str]
    package: str = ""
    extra: str = ""


def _system(protocol: str, **options: Any) -> Any:
    import fsspec

    given = {key: value for key, value in options.items() if value is not None}
    return fsspec.filesystem(protocol, skip_instance_cache=True, **given)


def _below(top: str, spec: Documents) -> str:
    return "/".join(part for part in (top, inside(spec.get("prefix", ""))) if part)


def _open_local(spec: Documents, secrets: Secrets) -> Any:
    del secrets
    if not Path(spec["path"]).is_dir():
        raise StudioError(
            f"There is no folder {spec['path']!r} on this machine. A datastore of type 'local' "
            "is a folder that exists on every machine that uses it."
        )
    return _system("file", auto_mkdir=True)


def _open_s3(spec: Documents, secrets: Secrets) -> Any:
    if "endpoint" in spec:
        check_host(spec["endpoint"])
    client = {"region_name": spec.get("region")} if "region" in spec else None
    return _system(
        "s3",
        key=secrets.get("access_key_id"),
        secret=secrets.get("secret_access_key"),
        token=secrets.get("session_token"),
        anon=None if secrets else _is_public_s3() or None,
        endpoint_url=spec.get("endpoint"),
        client_kwargs=client,
        use_listings_cache=False,
    )


def _is_public_s3() -> bool:
    has_file = Path("~/.aws").expanduser().exists()
    return not has_file and not any(name.startswith("AWS_") for name in os.environ)


def _open_azure(spec: Documents, secrets: Secrets) -> Any:
    cloud = spec.get("endpoint", _CLOUD)
    check_host(f"https://{spec['account_name']}.blob.{cloud}")
    has_own = any(name.startswith(_AZURE_VARIABLES) for name in os.environ)
    login = {key: secrets.get(key) for key in ("account_key", "tenant_id", "client_id")}
    token = secrets.get("sas_token")
    return _system(
        "abfs",
        account_name=spec["account_name"],
        account_host=None if cloud == _CLOUD else f"{spec['account_name']}.blob.{cloud}",
        sas_token=token.lstrip("?") if token else None,
        client_secret=secrets.get("client_secret"),
        anon=not secrets and not has_own,
        use_listings_cache=False,
        **login,
    )


def _azure_container(spec: Documents) -> str:
    return str(spec.get("container_name") or spec.get("filesystem"))


def _azure_uri(spec: Documents, path: str) -> str:
    host = f"{spec['account_name']}.dfs.{spec.get('endpoint', _CLOUD)}"
    place = _below("", {"prefix": f"{spec.get('prefix', '')}/{path}"})
    return f"abfss://{_azure_container(spec)}@{host}/{place}"


def _open_azure_file(spec: Documents, secrets: Secrets) -> Any:
    if "account_key" not in secrets:
        raise InvalidInput(
            "An Azure file share is read by SMB, which needs the account's key and takes no "
            "signature. Write 'credentials: {account_key: env:NAME}', or mount the share and "
            "make a datastore of type 'local' of it."
        )
    host = _share_host(spec)
    check_host(f"smb://{host}")
    return _system(
        "smb",
        host=host,
        username=spec["account_name"],
        password=secrets["account_key"],
        encrypt=True,
        register_session_retries=0,
    )


def _share_host(spec: Documents) -> str:
    return f"{spec['account_name']}.file.{spec.get('endpoint', _CLOUD)}"


def _open_gcs(spec: Documents, secrets: Secrets) -> Any:
    if "endpoint" in spec:
        check_host(spec["endpoint"])
    account = secrets.get("service_account")
    return _system(
        "gcs",
        project=spec.get("project"),
        token=_service_account(account) if account else None,
        endpoint_url=spec.get("endpoint"),
        use_listings_cache=False,
    )


def _service_account(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise InvalidInput(
            "The service account of the datastore is not JSON. Point to the key file that Google "
            "gave you, such as service_account: file:/home/me/key.json."
        ) from None


def _open_sftp_checked(spec: Documents, secrets: Secrets) -> Any:
    check_host(f"sftp://{spec['host']}")
    return open_sftp(spec, {key: value for key, value in secrets.items() if key != "username"})


def _sftp_uri(spec: Documents, path: str) -> str:
    port = f":{spec['port']}" if "port" in spec else ""
    whole = PurePosixPath("/") / spec.get("path", "") / path
    return f"sftp://{spec['username']}@{spec['host']}{port}{whole}"


_AZURE = _FileKind(
    _open_azure, lambda spec: _below(_azure_container(spec), spec), _azure_uri, "adlfs", "azure"
)

_KINDS: Mapping[str, _FileKind] = {
    "azure_blob": _AZURE,
    "azure_data_lake_gen2": _AZURE,
    "azure_file": _FileKind(
        _open_azure_file,
        lambda spec: "/" + _below(str(spec["file_share_name"]), spec),
        lambda spec, path: (
            f"smb://{_share_host(spec)}/{_below(spec['file_share_name'], spec)}/{path}"
        ),
        "smbprotocol",
        "smb",
    ),
    "gcs": _FileKind(
        _open_gcs,
        lambda spec: _below(spec["bucket"], spec),
        lambda spec, path: f"gs://{_below(spec['bucket'], spec)}/{path}",
        "gcsfs",
        "gcs",
    ),
    "local": _FileKind(
        _open_local,
        lambda spec: str(spec["path"]),
        lambda spec, path: (Path(spec["path"]) / path).as_uri(),
    ),
    "s3": _FileKind(
        _open_s3,
        lambda spec: _below(spec["bucket"], spec),
        lambda spec, path: f"s3://{_below(spec['bucket'], spec)}/{path}",
        "s3fs",
        "s3",
    ),
    "sftp": _FileKind(
        _open_sftp_checked,
        lambda spec: str(PurePosixPath("/") / spec.get("path", "")),
        _sftp_uri,
        "paramiko",
        "sftp",
    ),
}
