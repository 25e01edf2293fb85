"""Why a scoring request was refused, in words that never repeat what it contained."""

import json
import re
from collections.abc import Iterator
from http import HTTPStatus

from mlflow.exceptions import MlflowException
from mlflow.types import Schema

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    413: "REQUEST_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

# Of all that MLflow says about data that does not fit, these name columns and types only.
_HARMLESS = re.compile(
    r"Model is missing inputs \[[^\]]*\]"
    r"|Incompatible input types for column [^\n]{1,200}?\. Can not safely convert \S+ to \S+"
    r"|Failed to convert column [^\n]{1,200}? from type \S+ to \S+"
)


class ScoringFailure(Exception):
    """A request ends with this HTTP status and this message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def to_json(self) -> str:
        """Return the body of the answer, in the form of MLflow's errors."""
        code = _CODES.get(self.status, HTTPStatus(self.status).name)
        return json.dumps({"error_code": code, "message": self.message})


def to_failure(error: Exception, schema: Schema | None) -> ScoringFailure:
    """Say why a prediction failed without repeating values of the request.

    Messages of pandas, of models and of MLflow's own schema check quote cells, so only messages
    that are known to be harmless are passed on.
    """
    if isinstance(error, ScoringFailure):
        return error
    if not isinstance(error, MlflowException):
        return ScoringFailure(
            400,
            f"The model failed on this input ({type(error).__name__}).{_expectation(schema)}",
        )
    reasons = [match.group(0) for text in _messages(error) if (match := _HARMLESS.match(text))]
    reason = f" {reasons[-1]}." if reasons else ""
    return ScoringFailure(
        int(error.get_http_status_code()),  # type: ignore[no-untyped-call]
        f"The input does not fit the model.{reason}{_expectation(schema)}",
    )


def _messages(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__ or error.__context__


def _expectation(schema: Schema | None) -> str:
    if schema is None or not schema.has_input_names():
        return ""
    columns = ", ".join(
        f"{one.name} ({getattr(one.type, 'name', one.type)})" for one in schema.inputs[:50]
    )
    more = len(schema.inputs) - 50
    return f" It takes: {columns}{f' and {more} more' if more > 0 else ''}."
