"""Scoring through the store: the deployment's name is enough, address and key come along."""

import time
from collections.abc import Mapping
from typing import Any

import requests

from mlflow_plugins.core import (
    AssetStore,
    InvalidInput,
    NotAllowed,
    StudioError,
    Unreachable,
)
from mlflow_plugins.deployments._keys import issue_key
from mlflow_plugins.deployments._service import get_deployment

KEY_SECONDS = 3600.0

_keys: dict[tuple[str, str], tuple[str, float]] = {}


def score(store: AssetStore, name: str, inputs: Any, *, timeout_seconds: float = 60.0) -> Any:
    """Send rows to a deployment and return the decoded answer, ``{"predictions": ...}``.

    Whoever may write to the deployment's record may score: a key for this process is issued on
    first use, valid for an hour.

    Args:
        store: Where the deployment is kept.
        name: The deployment.
        inputs: A pandas DataFrame, or a whole request body such as ``{"dataframe_split": ...}``.
        timeout_seconds: How long the answer may take.

    Raises:
        NotFound: There is no such deployment.
        Unreachable: Its server does not answer, or has no address yet.
        InvalidInput: The server refuses the inputs.
        NotAllowed: The server refuses the key.
    """
    url = _address(store, name)
    body = _body(inputs)
    answer = _post(url, body, _key(store, name), timeout_seconds)
    if answer.status_code == 401:  # revoked, or the deployment was made anew
        _keys.pop(_slot(store, name), None)
        answer = _post(url, body, _key(store, name), timeout_seconds)
    if answer.status_code != 200:
        raise _to_error(name, answer)
    return answer.json()


def _address(store: AssetStore, name: str) -> str:
    deployment = get_deployment(store, name)
    if deployment.url is None:
        reason = deployment.error or "Is an agent running? Start one with: mlflow-studio agent"
        raise Unreachable(
            f"The deployment {name!r} is {deployment.status} and has no address yet. {reason}"
        )
    return deployment.url


def _body(inputs: Any) -> str:
    from mlflow.utils.proto_json_utils import dump_input_data

    text: str = dump_input_data(inputs) if not isinstance(inputs, Mapping) else _dump(inputs)
    return text


def _dump(document: Mapping[str, Any]) -> str:
    import json

    try:
        return json.dumps(dict(document))
    except TypeError as error:
        raise InvalidInput(f"The inputs are not JSON: {error}.") from error


def _slot(store: AssetStore, name: str) -> tuple[str, str]:
    return store.records.client.tracking_uri, name


def _key(store: AssetStore, name: str) -> str:
    slot = _slot(store, name)
    key, expires_at = _keys.get(slot, ("", 0.0))
    if time.time() > expires_at - 60:
        key = issue_key(store, name, seconds=KEY_SECONDS, label="short-lived")
        _keys[slot] = key, time.time() + KEY_SECONDS
    return key


def _post(url: str, body: str, key: str, timeout_seconds: float) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        return requests.post(
            f"{url}/invocations", data=body.encode(), headers=headers, timeout=timeout_seconds
        )
    except requests.RequestException as error:
        raise Unreachable(
            f"The scoring server at {url} does not answer ({type(error).__name__}). "
            "Look at its log with: mlflow-studio endpoint logs NAME"
        ) from error


def _to_error(name: str, answer: requests.Response) -> StudioError:
    try:
        message = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        message = f"status {answer.status_code}"
    text = f"The deployment {name!r} refused: {message}"
    kinds = {400: InvalidInput, 413: InvalidInput, 401: NotAllowed}
    return kinds.get(answer.status_code, Unreachable)(text)
