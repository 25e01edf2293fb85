"""SFTP with paramiko: only servers whose key is known are talked to."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow_plugins.core import InvalidInput, MissingExtra, StudioError

_CONNECT_SECONDS = 15


def open_sftp(spec: Mapping[str, Any], credentials: Mapping[str, str]) -> Any:
    """Return a file system of fsspec.

    Raises:
        MissingExtra: paramiko is not installed.
        InvalidInput: The private key cannot be read.
        StudioError: The server cannot be reached, or is not the one that it should be.
    """
    try:
        from fsspec.implementations.sftp import SFTPFileSystem
    except ImportError as error:
        raise MissingExtra(
            "paramiko", extra="sftp", purpose="A datastore of type 'sftp'"
        ) from error
    return SFTPFileSystem(
        spec["host"],
        port=spec.get("port", 22),
        username=spec["username"],
        host_key_policy=_policy(spec.get("host_key")),
        timeout=_CONNECT_SECONDS,
        banner_timeout=_CONNECT_SECONDS,
        auth_timeout=_CONNECT_SECONDS,
        allow_agent=not credentials,
        look_for_keys=not credentials,
        skip_instance_cache=True,
        **_login(credentials),
    )


def _login(credentials: Mapping[str, str]) -> dict[str, Any]:
    if "password" in credentials:
        return {"password": credentials["password"]}
    if "private_key" not in credentials:
        return {}
    return {"pkey": _key(credentials["private_key"], credentials.get("passphrase"))}


def _key(text: str, passphrase: str | None) -> Any:
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text + "\n"), passphrase)
        except (paramiko.SSHException, ValueError):
            continue
    raise InvalidInput(
        "The private key of the datastore cannot be read. It must be an OpenSSH or PEM key of "
        "type Ed25519, ECDSA or RSA; one with a passphrase needs 'passphrase: env:NAME'."
    )


def _policy(host_key: str | None) -> Any:
    import paramiko

    class KnownKey(paramiko.MissingHostKeyPolicy):
        """Takes the key that the datastore names, or one of the user's known hosts."""

        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            shown = f"{key.get_name()} {key.get_base64()}"
            if host_key is not None and host_key.split()[:2] == shown.split():
                return
            if host_key is None and _is_known_host(hostname, key):
                return
            client.close()
            raise StudioError(
                f"The SFTP server {hostname} shows the key {shown!r}, which is not "
                + ("the one of 'host_key'." if host_key else "among this user's known hosts.")
                + " If it is the right server, write it as 'host_key' in the datastore."
            )

    return KnownKey()


def _is_known_host(hostname: str, key: Any) -> bool:
    import paramiko

    path = Path("~/.ssh/known_hosts").expanduser()
    if not path.is_file():
        return False
    return bool(paramiko.HostKeys(str(path)).check(hostname, key))
