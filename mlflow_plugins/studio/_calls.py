"""Questions that a page's own script asks: JSON in, JSON out, with the rights of the user."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, jsonify, request

from mlflow_plugins.core import InvalidInput, NotFound
from mlflow_plugins.studio._failures import failure_of, http_status

Handler = Callable[..., Mapping[str, Any]]


def add_call_route(server: Flask, prefix: str, handlers: Mapping[str, Handler]) -> None:
    """Serve ``_call/NAME``: the posted object's members become the handler's arguments.

    What a handler raises comes back as ``{"title": ..., "message": ...}`` under the error's status.
    """

    @server.post(prefix + "_call/<name>", endpoint="studio_call")
    def call(name: str) -> tuple[Response, int]:
        try:
            return jsonify(_answer(handlers, name)), 200
        except Exception as error:  # noqa: BLE001 - shown to the user, logged if unexpected
            problem = failure_of(error)
            return jsonify(title=problem.title, message=problem.message), http_status(error)


def _answer(handlers: Mapping[str, Handler], name: str) -> Mapping[str, Any]:
    handler = handlers.get(name)
    if handler is None:
        raise NotFound(f"The studio answers no question {name!r}. Load the page again.")
    document = request.get_json(silent=True)
    if not isinstance(document, dict):
        raise InvalidInput(f"The question {name!r} came without a JSON object. Send one.")
    try:
        inspect.signature(handler).bind(**document)
    except TypeError as error:
        raise InvalidInput(f"The question {name!r} cannot be read: {error}.") from error
    return handler(**document)
