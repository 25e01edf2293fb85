"""MLflow's app door: ``mlflow server --app-name studio`` and, with logins, ``studio-auth``.

Each of the server's processes calls one of the two factories. A factory that raises would have the
process started again for ever, so pages and settings that cannot be used are reported, not raised.
"""

import functools
import importlib
import logging
import os
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

_LOGGER = logging.getLogger("mlflow_plugins.studio")
_PLACES = ("data", "job", "deployment", "environment", "compute", "datastore")
_STATIC_PREFIX = "_MLFLOW_STATIC_PREFIX"
_ARTIFACTS_DESTINATION = "_MLFLOW_SERVER_ARTIFACT_DESTINATION"


def create_app() -> Any:
    """Return MLflow's server with the studio on it, for everybody who reaches it."""
    from mlflow.server import app

    from mlflow_plugins.studio._access import EverythingAllowed

    install(app, EverythingAllowed())
    if os.environ.get("_MLFLOW_SGI_NAME") != "uvicorn":  # gunicorn and waitress want Flask
        return app
    from mlflow.server.fastapi_app import create_fastapi_app

    return create_fastapi_app(app)


def create_auth_app() -> Any:
    """Return MLflow's server with its logins and the studio on it.

    MLflow refuses every route that it does not know to all but administrators, so it is told that
    the studio's routes are open to whoever is logged in: the studio checks by itself what they may
    see and do, call by call (`_access.UserClient`).
    """
    from mlflow.server import app

    auth = _auth()
    install(app, _LoginAccess())
    prefix = f"{_static_prefix()}/studio/"
    find_validator = auth._find_validator

    def find(request: Any) -> Any:
        return _allow if request.path.startswith(prefix) else find_validator(request)

    auth._find_validator = find
    return auth.create_app(app)


def _auth() -> Any:
    """Return MLflow's login app; importing it connects to its database."""
    return importlib.import_module("mlflow.server.auth")


def _allow() -> bool:
    return True


def install(app: Flask, access: Any) -> Any:
    """Add the studio to MLflow's Flask app, once; return it."""
    from mlflow_plugins.studio._application import make_studio

    if "studio" in app.extensions:
        return app.extensions["studio"]
    reach_stores_directly()
    studio = make_studio(
        app,
        static_prefix=_static_prefix(),
        make_client=lambda: _make_client(access),
        access=access,
        settings=_settings(),
    )
    app.extensions["studio"] = studio
    _link_from_mlflow(app)
    return studio


def _static_prefix() -> str:
    return os.environ.get(_STATIC_PREFIX, "").rstrip("/")


def _settings() -> Any:
    from mlflow_plugins.core import InvalidInput, Settings

    try:
        return Settings.from_environment()
    except InvalidInput as error:
        _LOGGER.error("%s The studio uses its own settings instead.", error.message)  # noqa: TRY400
        return Settings()


# ---------------------------------------------------------------- the store


def _make_client(access: Any) -> Any:
    """Return a client that talks to the server's own stores, with the present user's rights."""
    from mlflow import MlflowClient
    from mlflow.server import handlers
    from mlflow.tracking import get_registry_uri, get_tracking_uri
    from mlflow.utils.workspace_context import get_request_workspace

    from mlflow_plugins.studio._access import UserClient

    handlers._get_tracking_store()
    handlers._get_model_registry_store()
    addresses = {"tracking_uri": get_tracking_uri(), "registry_uri": get_registry_uri()}
    if not access.is_enforced:
        return MlflowClient(**addresses)
    _make_places(get_request_workspace())
    return UserClient(access, **addresses)


@functools.cache
def _make_places(_workspace: str | None) -> None:
    """Make the hidden experiments of a workspace in the server's name.

    Whoever makes an experiment owns it, and the first visitor must not own everybody's data.
    """
    from mlflow import MlflowClient

    from mlflow_plugins.core import Records

    records = Records(MlflowClient())
    for kind in _PLACES:
        records.experiment_id(kind)


def reach_stores_directly() -> None:
    """Let a server's process, or one that it has started, use the server's stores for others."""
    from mlflow_plugins.core import prepare_environment
    from mlflow_plugins.data import serve_others

    prepare_environment()
    serve_others()
    _reach_artifacts_directly()


def _reach_artifacts_directly() -> None:
    """Let this process read and write the files that it serves without calling itself.

    Runs of a server that serves artifacts have addresses ``mlflow-artifacts:/…``, which MLflow's
    client understands only with an HTTP server behind them; here the server itself asks.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact import artifact_repository_registry as repositories  # noqa: TID251
    from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository  # noqa: TID251
    from mlflow.utils.uri import append_to_uri_path

    registry = repositories._artifact_repository_registry

    def repository(
        artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> Any:
        parts = urlsplit(artifact_uri)
        destination = os.environ.get(_ARTIFACTS_DESTINATION)
        is_ours = not parts.netloc and destination and not _is_http(tracking_uri)
        if not is_ours:
            return MlflowArtifactsRepository(artifact_uri, tracking_uri, registry_uri)
        if ".." in PurePosixPath(parts.path).parts:
            raise MlflowException.invalid_parameter_value(f"{artifact_uri!r} is not a safe path.")
        return repositories.get_artifact_repository(
            append_to_uri_path(destination, parts.path.lstrip("/"))  # type: ignore[no-untyped-call]
        )

    registry.register("mlflow-artifacts", repository)  # type: ignore[no-untyped-call]


def _is_http(uri: str | None) -> bool:
    return urlsplit(uri or "").scheme in ("http", "https")


# ---------------------------------------------------------------- who may do what


class _LoginAccess:
    """What MLflow's own login app says about the user of the present request."""

    is_enforced = True

    def user(self) -> str | None:
        from flask import g, has_request_context

        return getattr(g, "mlflow_authenticated_user", None) if has_request_context() else None

    def may_read(self, resource: str, key: str) -> bool:
        return bool(self._permission(resource, key).can_read)

    def may_edit(self, resource: str, key: str) -> bool:
        return bool(self._permission(resource, key).can_update)

    def may_create(self, resource: str) -> bool:
        auth = _auth()
        if auth.sender_is_admin():
            return True
        check = {
            "experiment": auth.validate_can_create_experiment,
            "registered_model": auth.validate_can_create_registered_model,
        }
        return bool(check[resource]())

    def on_created(self, resource: str, key: str) -> None:
        auth = _auth()
        auth.store.grant_user_permission(self.user(), resource, key, "MANAGE")

    def _permission(self, resource: str, key: str) -> Any:
        from mlflow.server.auth.permissions import MANAGE

        auth = _auth()
        if auth.sender_is_admin():
            return MANAGE
        if resource == "experiment":
            return auth._get_experiment_permission(key, self.user())
        return auth._get_registered_model_permission(key)


# ---------------------------------------------------------------- the way from MLflow's UI


def _link_from_mlflow(app: Flask) -> None:
    """Put a link to the studio into MLflow's own page."""
    serve = app.view_functions.get("serve")
    if serve is None:
        return
    script = b'<script src="./studio/assets/studio-link.js" defer></script></body>'

    def serve_with_link() -> Any:
        answer = app.make_response(serve())  # type: ignore[arg-type]
        if answer.mimetype == "text/html":
            answer.direct_passthrough = False
            answer.set_data(answer.get_data().replace(b"</body>", script))
            answer.headers.pop("ETag", None)
            answer.headers.pop("Last-Modified", None)
        return answer

    app.view_functions["serve"] = serve_with_link
