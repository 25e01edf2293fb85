"""Ray's Jobs API over plain REST, as far as a job backend needs it.

The package `ray` is needed on the machines of a cluster, not here: importing it costs a second, and
its client and a cluster must have the same version, while the API has been the same for years.
"""

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from mlflow_plugins.core import InvalidInput, NotAllowed, StudioError, Unreachable

DASHBOARD_PORT = 8265
_TIMEOUT_SECONDS = 10.0
_INTERVAL_SECONDS = "0.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where a cluster's Jobs API is and what it wants to see.

    Attributes:
        address: Such as ``http://127.0.0.1:8265``.
        token: The cluster's token; empty if it asks for none.
    """

    address: str
    token: str

    def __repr__(self) -> str:
        return f"Access({self.address!r})"  # a token is nothing for a log


def jobs_address(text: str) -> str:
    """Return the address of the Jobs API that an address of a cluster means.

    Example:
        >>> jobs_address("ray://head:10001")
        'http://head:8265'
        >>> jobs_address("http://head:8265/")
        'http://head:8265'

    Raises:
        InvalidInput: It is no address.
    """
    with contextlib.suppress(ValueError):
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if parts.scheme == "ray" and parts.hostname:
            return f"http://{parts.hostname}:{DASHBOARD_PORT}"
        if parts.scheme in ("http", "https") and parts.hostname:
            return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
    raise InvalidInput(
        f"The address {text!r} is not one of a Ray cluster. Give the one of its dashboard, such as "
        f"http://head:{DASHBOARD_PORT}, or ray://head:10001."
    )


def token_from_environment(environment: Mapping[str, str] = os.environ) -> str:
    """Return the token that Ray's own tools would show: RAY_AUTH_TOKEN, or that of a file."""
    if token := environment.get("RAY_AUTH_TOKEN", ""):
        return token
    default = Path.home() / ".ray" / "auth_token"
    path = Path(environment.get("RAY_AUTH_TOKEN_PATH", default))
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8").strip()
    return ""


class RayApi:
    """The Jobs API of one cluster."""

    def __init__(self, access: Access) -> None:
        self._address = access.address
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between us and a cluster, no token from .netrc
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        if access.token:
            self._session.headers["Authorization"] = f"Bearer {access.token}"

    def check(self) -> None:
        """Make sure that the cluster answers.

        Raises:
            Unreachable: It does not.
            NotAllowed: It wants another token.
        """
        self._call("GET", "/api/version")

    def submit(self, document: Mapping[str, Any]) -> None:
        """Submit; nothing happens if that submission is there already.

        Raises:
            Unreachable: The cluster does not answer or is not ready yet.
            InvalidInput: It refuses the document.
        """
        try:
            self._call("POST", "/api/jobs/", json=dict(document))
        except StudioError:
            if self.info(str(document["submission_id"])) is None:
                raise

    def info(self, submission_id: str) -> dict[str, Any] | None:
        """Return what is known about a submission; None if there is none of that name."""
        answer: dict[str, Any] | None = self._call("GET", f"/api/jobs/{submission_id}")
        return answer

    def submissions(self) -> list[dict[str, Any]]:
        """Return all submissions that the cluster knows."""
        found: list[dict[str, Any]] = self._call("GET", "/api/jobs/")
        return [one for one in found if one.get("type") == "SUBMISSION"]

    def stop(self, submission_id: str) -> None:
        """Ask a submission to end; returns before it has."""
        self._call("POST", f"/api/jobs/{submission_id}/stop")

    def delete(self, submission_id: str) -> None:
        """Forget a submission that has ended."""
        self._call("DELETE", f"/api/jobs/{submission_id}")

    @contextlib.contextmanager
    def log(self, submission_id: str, node_id: str, *, follow: bool) -> Iterator[requests.Response]:
        """Open the file that a submission writes to on its node, from its beginning.

        Args:
            submission_id: Whose.
            node_id: Where it runs.
            follow: Whether to wait for what comes after the end of the file.

        Raises:
            Unreachable: The cluster or the node does not answer.
        """
        parameters = {
            "node_id": node_id,
            "filename": f"job-driver-{submission_id}.log",
            "lines": "-1",
            **({"interval": _INTERVAL_SECONDS} if follow else {}),
        }
        with self._session.get(
            f"{self._address}/api/v0/logs/{'stream' if follow else 'file'}",
            params=parameters,
            stream=True,
            timeout=(_TIMEOUT_SECONDS, None if follow else _TIMEOUT_SECONDS),
        ) as response:
            if not response.ok:
                raise Unreachable(f"Ray has no log of {submission_id}: {response.status_code}.")
            yield response

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._session.request(
                method, f"{self._address}{path}", timeout=_TIMEOUT_SECONDS, **arguments
            )
        except requests.RequestException as error:
            raise Unreachable(
                f"No Ray cluster answers at {self._address}. Check that its head runs and that "
                "the address is that of its dashboard."
            ) from error
        if answer.status_code == requests.codes.not_found:
            return None
        if answer.status_code in (401, 403):
            raise NotAllowed(
                f"The Ray cluster at {self._address} answers {answer.status_code}: it wants "
                "its token. Set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH, for the agent."
            )
        if answer.ok:
            return answer.json() if answer.content else None
        reason = answer.text.strip().rpartition("\n")[2][:500]
        kind = Unreachable if answer.status_code >= 500 else InvalidInput
        raise kind(f"The Ray cluster at {self._address} answers {answer.status_code}: {reason}")


def hang_up(response: requests.Response) -> None:
    """Wake a thread that waits for more of a response; it sees the end of it."""
    connection = getattr(response.raw, "connection", None)
    wire: socket.socket | None = getattr(connection, "sock", None)
    if wire is not None:
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
