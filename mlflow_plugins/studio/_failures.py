"""What people see of an error: our own messages word for word, anything else as a number."""

import logging
import uuid
from dataclasses import dataclass

from mlflow.exceptions import MlflowException

_LOGGER = logging.getLogger("mlflow_plugins.studio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as it is shown.

    Attributes:
        title: One short sentence.
        message: What came, the rule, what to do instead.
        is_refusal: The user may not do this.
    """

    title: str
    message: str
    is_refusal: bool = False


def failure_of(error: Exception) -> Failure:
    """Translate an error; one that nobody raised on purpose is logged under a number."""
    if isinstance(error, MlflowException) and error.error_code != "INTERNAL_ERROR":
        if error.error_code == "PERMISSION_DENIED":
            return Failure(title="You may not do this", message=error.message, is_refusal=True)
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return Failure(title="Not found", message=error.message)
        return Failure(title="That did not work", message=error.message)
    incident = uuid.uuid4().hex[:8]
    _LOGGER.error("Unexpected error %s in the studio", incident, exc_info=error)
    return Failure(
        title="Something went wrong",
        message=f"The server's log has the details under the number {incident}.",
    )


def http_status(error: Exception) -> int:
    """Return the HTTP status that says the same as the error."""
    if not isinstance(error, MlflowException):
        return 500
    status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]
    return status
