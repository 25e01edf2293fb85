"""Which model is meant: a URI that may move is pinned to what it means now, and must exist."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import InvalidInput, NotFound, did_you_mean

_LOGGED_MODEL = re.compile(r"m-[0-9a-f]{32}")


def pin_model_uri(client: MlflowClient, model_uri: str) -> str:
    """Return a URI that means the same model for ever, after making sure that the model exists.

    Args:
        client: Client of the tracking store.
        model_uri: ``models:/NAME/VERSION``, ``models:/NAME@ALIAS``, ``models:/NAME/latest``,
            ``models:/ID``, ``runs:/RUN/PATH``, a folder, or an address of another scheme.

    Raises:
        InvalidInput: The text has another form.
        NotFound: There is no such model.
    """
    scheme = urlsplit(model_uri).scheme
    if scheme == "models":
        return _pin_registered(client, model_uri.removeprefix("models:").lstrip("/"), model_uri)
    if scheme == "runs":
        return _check_run_model(client, model_uri)
    if scheme in ("", "file"):
        return _check_folder(model_uri)
    return model_uri


def _pin_registered(client: MlflowClient, path: str, model_uri: str) -> str:
    name, at, alias = path.partition("@")
    if at:
        return f"models:/{name}/{_alias_version(client, name, alias)}"
    name, _, version = path.partition("/")
    if not version and _LOGGED_MODEL.fullmatch(name):
        _must_exist(lambda: client.get_logged_model(name), f"There is no logged model {name!r}.")
        return f"models:/{name}"
    if not name or not version:
        raise InvalidInput(
            f"{model_uri!r} does not say which version of the model is meant. Write "
            "models:/NAME/VERSION, models:/NAME@ALIAS or models:/NAME/latest."
        )
    if not version.isdecimal():
        return f"models:/{name}/{_latest_version(client, name, version)}"
    if client.search_model_versions(f"name={_quoted(name)}", max_results=1):
        versions = _versions(client, name)
        _must_exist(
            lambda: client.get_model_version(name, version),
            f"The model {name!r} has no version {version}. It has: {', '.join(versions)}.",
        )
    else:
        raise _no_model(client, name)
    return f"models:/{name}/{version}"


def _alias_version(client: MlflowClient, name: str, alias: str) -> str:
    try:
        return str(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        try:
            known = list(client.get_registered_model(name).aliases)
        except MlflowException:
            raise _no_model(client, name) from error
        raise NotFound(
            f"The model {name!r} has no alias {alias!r}. "
            f"Its aliases: {', '.join(known) or 'none'}.{did_you_mean(alias, known)}"
        ) from error


def _latest_version(client: MlflowClient, name: str, word: str) -> str:
    if word != "latest":
        raise InvalidInput(
            f"{word!r} is not a version of the model {name!r}. "
            f"Write a number, 'latest', or an alias as models:/{name}@ALIAS."
        )
    versions = _versions(client, name)
    if not versions:
        raise _no_model(client, name)
    return versions[-1]


def _versions(client: MlflowClient, name: str) -> list[str]:
    found = client.search_model_versions(f"name={_quoted(name)}")
    return sorted((str(one.version) for one in found), key=int)


def _no_model(client: MlflowClient, name: str) -> NotFound:
    known = [model.name for model in client.search_registered_models(max_results=1000)]
    return NotFound(
        f"There is no registered model {name!r} with a version."
        + (did_you_mean(name, known) or f" There are: {', '.join(sorted(known)[:10]) or 'none'}.")
    )


def _must_exist(read: Callable[[], object], message: str) -> None:
    try:
        read()
    except MlflowException as error:
        raise NotFound(message) from error


def _check_run_model(client: MlflowClient, model_uri: str) -> str:
    run_id, _, path = model_uri.removeprefix("runs:").lstrip("/").partition("/")
    _must_exist(lambda: client.get_run(run_id), f"There is no run {run_id!r} ({model_uri}).")
    files = [item.path for item in client.list_artifacts(run_id, path or None)]
    outputs = client.get_run(run_id).outputs
    names = [
        client.get_logged_model(one.model_id).name
        for one in (outputs.model_outputs if outputs else [])
    ]
    if any(file.rsplit("/", 1)[-1] == "MLmodel" for file in files) or path in names:
        return model_uri
    raise NotFound(
        f"The run {run_id!r} has no model at {path!r}. "
        f"Its models: {', '.join(names) or 'none'}.{did_you_mean(path, names)}"
    )


def _check_folder(model_uri: str) -> str:
    is_uri = model_uri.startswith("file:")
    folder = Path(unquote(urlsplit(model_uri).path) if is_uri else model_uri).resolve()
    if not (folder / "MLmodel").is_file():
        raise NotFound(
            f"The folder {str(folder)!r} holds no MLflow model (no file 'MLmodel'). "
            "Give a folder that mlflow's save_model wrote, or models:/NAME/VERSION."
        )
    return folder.as_uri()


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "\\'") + "'"
