"""Reaching an MLflow server: one place that knows how, and says clearly when it cannot."""

import os
from urllib.parse import urlsplit

import mlflow
import requests
import sqlalchemy
import sqlalchemy.exc
from mlflow import MlflowClient

from mlflow_plugins.core.errors import InvalidInput, MissingExtra, Unreachable


def prepare_environment() -> None:
    """Set what MLflow must do in every process of ours, unless the user decided otherwise.

    Nothing may be cut silently (MLflow's default for long values), and nobody wants a link or a
    progress bar printed for each record that is touched.
    """
    os.environ["MLFLOW_TRUNCATE_LONG_VALUES"] = "false"
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
_given_retries: list[str | None] = []


def give_up_soon() -> None:
    """Have MLflow report in this process within seconds that a server is away.

    It would try again for minutes by itself; whoever has a better way to wait calls this.
    """
    if not _given_retries:
        _given_retries.append(os.environ.get(_RETRIES))
    os.environ[_RETRIES] = "2"


def given_environment() -> dict[str, str]:
    """Return the environment for processes that are not ours: as it was before `give_up_soon`."""
    given = dict(os.environ)
    for retries in _given_retries:
        given.pop(_RETRIES, None)
        given |= {} if retries is None else {_RETRIES: retries}
    return given


def connect(
    tracking_uri: str | None = None, *, timeout_seconds: float = 10.0, is_known: bool = False
) -> MlflowClient:
    """Return a client of the tracking server after making sure that it answers.

    Args:
        tracking_uri: An ``http(s)://`` server or a database URI; MLflow's own setting if None.
        timeout_seconds: How long a server may take to answer.
        is_known: The caller knows that it answers, or knows how to wait for it: do not ask.

    Raises:
        Unreachable: Nothing answers there.
        InvalidInput: No store is named, or it is a folder of files, in which nothing can be
            agreed upon.
        MissingExtra: The database's driver is not installed.
    """
    prepare_environment()
    if tracking_uri is None and not mlflow.is_tracking_uri_set():  # type: ignore[no-untyped-call]
        raise InvalidInput(
            "No tracking server is named, and MLflow would make a new database in this folder. "
            "Set MLFLOW_TRACKING_URI, for example to http://127.0.0.1:5000, and start a server "
            "with: mlflow-studio up"
        )
    uri = tracking_uri or mlflow.get_tracking_uri()
    scheme = urlsplit(uri).scheme
    if scheme in ("", "file"):
        raise InvalidInput(
            f"The tracking store {uri!r} is a folder of files. mlflow-studio needs a server or a "
            "database: set MLFLOW_TRACKING_URI, for example to http://127.0.0.1:5000, and start "
            "one with: mlflow-studio up"
        )
    if is_known:
        pass
    elif scheme in ("http", "https"):
        _check_health(uri, timeout_seconds)
    else:
        check_database(uri)
    return MlflowClient(tracking_uri=uri)


def check_database(uri: str) -> None:
    """Connect once: MLflow itself would retry for minutes before it says that it cannot.

    Raises:
        Unreachable: The database does not answer.
        MissingExtra: Its driver is not installed.
    """
    try:
        engine = sqlalchemy.create_engine(uri)
        with engine.connect():
            pass
        engine.dispose()
    except ModuleNotFoundError as error:
        purpose = f"The database {without_password(uri)!r}"
        raise MissingExtra(error.name or "driver", extra="postgres", purpose=purpose) from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        reason = str(error).splitlines()[0].partition(") ")[2] or type(error).__name__
        raise Unreachable(
            f"The database {without_password(uri)} cannot be used: {reason}. "
            "Check its address and that it runs."
        ) from error


def _check_health(uri: str, timeout_seconds: float) -> None:
    try:
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=timeout_seconds)
    except requests.RequestException as error:
        raise Unreachable(
            f"No MLflow server answers at {without_password(uri)} ({_reason(error)}). "
            "Check MLFLOW_TRACKING_URI, or start a server with: mlflow-studio up"
        ) from error
    if not answer.ok:
        raise Unreachable(
            f"{without_password(uri)} answers {answer.status_code} to /health, so it is not a "
            "healthy MLflow server. Check MLFLOW_TRACKING_URI."
        )


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "connection refused or host unknown"
    return type(error).__name__


def without_password(uri: str) -> str:
    """Return a URI that may be shown: a password in it becomes ``***``.

    Example:
        >>> without_password("postgresql://me:secret@db/mlflow")
        'postgresql://me:***@db/mlflow'
    """
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return uri.replace(f":{parts.password}@", ":***@", 1)
