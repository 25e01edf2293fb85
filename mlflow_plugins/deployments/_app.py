"""The HTTP surface of a scoring server: MLflow's protocol with keys, limits and health."""

import asyncio
import logging
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import mlflow
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlflow_plugins.deployments._batching import Batcher
from mlflow_plugins.deployments._config import ServingConfig
from mlflow_plugins.deployments._failures import ScoringFailure
from mlflow_plugins.deployments._key_ring import Guard
from mlflow_plugins.deployments._openapi import describe
from mlflow_plugins.deployments._scorer import Scorer

_ACCESS = logging.getLogger("mlflow_plugins.deployments.access")


class ScoringApp:
    """Answers the routes of a scoring server with one model.

    Args:
        scorer: The model.
        config: Limits.
        guard: Decides who may score.
        identity: What ``/health/live`` says about who answers, such as the deployment's name.
    """

    def __init__(
        self, scorer: Scorer, config: ServingConfig, *, guard: Guard, identity: dict[str, str]
    ) -> None:
        self.is_draining = False
        self._scorer = scorer
        self._config = config
        self._guard = guard
        self._identity = identity
        self._max_body_bytes = int(config.max_body_mib * 2**20)
        self._batcher: Batcher[str | ScoringFailure] = Batcher(
            scorer.score, max_rows=scorer.rule.max_rows, max_queue=config.max_queue
        )

    def to_asgi(self) -> ASGIApp:
        """Return the application for an ASGI server."""
        routes = [
            Route("/invocations", self._invocations, methods=["POST"]),
            Route("/ping", self._ping),
            Route("/health", self._ping),
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
            Route("/version", self._version),
            Route("/openapi.json", self._openapi),
        ]
        app = Starlette(
            routes=routes,
            exception_handlers={ScoringFailure: _refuse},  # type: ignore[dict-item]
        )
        return _AccessLog(app, lambda: self.is_draining)

    async def _ping(self, _request: Request) -> Response:
        return Response("\n", media_type="application/json")

    async def _live(self, _request: Request) -> Response:
        return JSONResponse({"status": "live", **self._identity})

    async def _ready(self, _request: Request) -> Response:
        if self.is_draining:
            raise ScoringFailure(503, "This server is ending.")
        return JSONResponse({"status": "ready", **self._identity})

    async def _version(self, _request: Request) -> Response:
        return Response(mlflow.__version__, media_type="application/json")

    async def _openapi(self, request: Request) -> Response:
        await self._guard.check(request.headers.get("authorization"))
        return JSONResponse(describe(self._identity, self._scorer.schema))

    async def _invocations(self, request: Request) -> Response:
        await self._guard.check(request.headers.get("authorization"))
        body = await self._body(request)
        asked = self._scorer.read(body, request.headers.get("content-type"))
        limit = self._config.request_timeout_seconds
        try:
            answer = await asyncio.wait_for(self._batcher.submit(asked), timeout=limit)
        except TimeoutError as error:
            raise ScoringFailure(504, f"There was no answer within {limit:g} seconds.") from error
        if isinstance(answer, ScoringFailure):
            raise answer
        return Response(answer, media_type="application/json")

    async def _body(self, request: Request) -> bytes:
        """Read the body, but never more of it than is allowed."""
        limit = self._max_body_bytes
        too_large = ScoringFailure(
            413, f"The request has more than {limit} bytes. Send the rows in several requests."
        )
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise too_large
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large
            parts.append(part)
        return b"".join(parts)


async def _refuse(_request: Request, failure: ScoringFailure) -> Response:
    headers = {}
    if failure.status == 401:
        headers["www-authenticate"] = "Bearer"
    elif failure.status in (429, 503):
        headers["retry-after"] = "1"
    elif failure.status == 413:
        headers["connection"] = "close"  # the rest of the body is not read
    return Response(
        failure.to_json(), failure.status, media_type="application/json", headers=headers
    )


class _AccessLog:
    """Logs one line for each request, never its query, headers or body.

    While the server drains, every answer asks the client to open its next connection elsewhere.
    """

    def __init__(self, app: ASGIApp, is_draining: Callable[[], bool]) -> None:
        self._app = app
        self._is_draining = is_draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self._is_draining():
                    _close_after(message)
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except ClientDisconnect:
            status = 499
        finally:
            milliseconds = (time.perf_counter() - started) * 1000
            _ACCESS.info("%s %r %d %.1f ms", scope["method"], scope["path"], status, milliseconds)


def _close_after(message: MutableMapping[str, Any]) -> None:
    others = [(name, value) for name, value in message["headers"] if name != b"connection"]
    message["headers"] = [*others, (b"connection", b"close")]
