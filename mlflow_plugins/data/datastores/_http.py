"""Datastores on web servers: files can be read by name, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import requests
from mlflow.entities import FileInfo

from mlflow_plugins.core import InvalidInput, StudioError
from mlflow_plugins.data._transfer import Fingerprint, patiently, reason_of
from mlflow_plugins.data._web import ask_web, download
from mlflow_plugins.data.datastores._base import Datastore, inside
from mlflow_plugins.data.datastores._credentials import hide, read_all


@dataclass(frozen=True, slots=True)
class HttpDatastore(Datastore):
    """What lies below an http(s) address.

    Attributes:
        name: Its name in the workspace.
        spec: What is stored about it; credentials are references.
    """

    name: str
    spec: Mapping[str, Any]
    kind: str = "http"

    def uri(self, path: str = "") -> str:
        """Return the URL of a file."""
        return f"{self.spec['url'].rstrip('/')}/{quote(unquote(inside(path)))}"

    def upload(self, source: Path, path: str) -> str:
        """Refuse: nothing can be written to a web server."""
        del source
        raise InvalidInput(
            f"{self.address(path)} is on a web server, to which nothing can be written. "
            "Choose a datastore of another type."
        )

    def listing(self, path: str = "") -> list[FileInfo]:
        """Refuse: web servers do not list."""
        raise InvalidInput(
            f"{self.address(path)} is on a web server, which cannot be listed. "
            "Name one file ('type: uri_file')."
        )

    def look_up(self, path: str, *, is_folder: bool = False) -> Fingerprint | None:
        """Return a file's etag and size. See `Datastore.look_up`."""
        if is_folder:
            self.listing(path)
        login = self._login()
        return patiently(lambda: ask_web(self.uri(path), shown=self.address(path), auth=login))

    def fingerprints(self, path: str) -> dict[str, Fingerprint] | None:
        """Refuse: web servers do not list."""
        self.listing(path)
        return None

    def fetch(self, path: str, folder: Path, *, is_folder: bool = False) -> Path:
        """Copy a file. See `Datastore.fetch`."""
        if is_folder:
            self.listing(path)
        return download(
            self.uri(path), folder, shown=self.address(path), mask=self._mask, auth=self._login()
        )

    def check(self) -> str:
        """Ask for its address once; any answer but a refusal of the credentials will do."""
        try:
            ask_web(self.uri(), shown=self.address(), auth=self._login())
        except requests.HTTPError as error:
            if error.response.status_code not in (401, 403):
                return f"The server answers ({error.response.status_code} at its top)."
            raise StudioError(
                f"The datastore {self.name!r} refuses its credentials "
                f"({error.response.status_code}). Check what they allow."
            ) from error
        except requests.RequestException as error:
            raise StudioError(
                f"The datastore {self.name!r} cannot be reached: {reason_of(error, self._mask)}."
            ) from error
        except StudioError as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return "The server answers (404 at its top)."
            raise
        return "The server answers."

    def _secrets(self) -> dict[str, str]:
        return read_all(self.spec.get("credentials", {}))

    def _mask(self, text: str) -> str:
        secrets = self._secrets()
        return hide(text, [secrets[key] for key in ("token", "password") if key in secrets])

    def _login(self) -> Any:
        secrets = self._secrets()
        if "token" in secrets:
            return _Bearer(secrets["token"])
        return (secrets["username"], secrets["password"]) if secrets else None


class _Bearer(requests.auth.AuthBase):
    """Shows a token; requests takes it away when a redirect leads to another host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
