"""Copying the log of a Ray submission from its node to a file here, while it grows.

Ray keeps a log on the node that wrote it, so it is gone with the node: what counts is what was
copied before. Ray gives a file from its beginning only, so one connection follows it to the end,
and what a new connection repeats is skipped.
"""

import re
import threading
from pathlib import Path

import requests

from mlflow_plugins.core import Unreachable
from mlflow_plugins.jobs.backends._ray_api import RayApi, hang_up

_BLOCK_BYTES = 1 << 16


class LogTail:
    """Appends to a file what a submission writes, without Ray's own lines at the beginning."""

    def __init__(self, api: RayApi, submission_id: str, node_id: str, target: Path) -> None:
        self._api = api
        self._submission_id = submission_id
        self._node_id = node_id
        self._target = target
        self._filter = HeaderFilter(submission_id)
        self._n_received = 0
        self._response: requests.Response | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tail", daemon=True)
        self._thread.start()

    def finish(self, *, is_node_alive: bool) -> None:
        """Copy what is missing and end; the submission writes no more.

        Args:
            is_node_alive: Whether there is a node to ask.
        """
        self._closing.set()
        while self._thread.is_alive():
            if self._response is not None:
                hang_up(self._response)
            self._thread.join(0.2)
        if is_node_alive:
            self._copy(follow=False)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._copy(follow=True)
            self._closing.wait(0.3)

    def _copy(self, *, follow: bool) -> None:
        """Copy until the connection ends; one that breaks is a reason to try again, not to fail."""
        position = 0
        try:
            with self._api.log(self._submission_id, self._node_id, follow=follow) as response:
                self._response = response
                for chunk in response.iter_content(None if follow else _BLOCK_BYTES):
                    new = chunk[max(0, self._n_received - position) :]
                    position += len(chunk)
                    self._append(new)
        except (requests.RequestException, Unreachable, OSError):
            pass
        finally:
            self._response = None

    def _append(self, content: bytes) -> None:
        self._n_received += len(content)
        if output := self._filter.feed(content):
            with self._target.open("ab") as file:
                file.write(output)


class HeaderFilter:
    """Drops everything up to the line with which Ray says that it runs the command."""

    def __init__(self, submission_id: str) -> None:
        line = rb"^Running entrypoint for job " + re.escape(submission_id.encode()) + rb": .*\n"
        self._last_line = re.compile(line, re.MULTILINE)
        self._header: bytes | None = b""

    def feed(self, content: bytes) -> bytes:
        r"""Take the next bytes; return those that are the command's.

        Example:
            >>> one = HeaderFilter("x")
            >>> one.feed(b"Runtime env is setting up.\nRunning entry")
            b''
            >>> one.feed(b"point for job x: echo hi\nhi\n")
            b'hi\n'
            >>> one.feed(b"Running entrypoint for job x: echo\n")
            b'Running entrypoint for job x: echo\n'
        """
        if self._header is None:
            return content
        self._header += content
        match = self._last_line.search(self._header)
        if match is None:
            return b""
        output, self._header = self._header[match.end() :], None
        return output
