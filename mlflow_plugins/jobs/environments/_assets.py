"""Environment assets: named, versioned, and whole, since the texts of all files are in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from mlflow_plugins.core import (
    AlreadyExists,
    Asset,
    AssetStore,
    InvalidInput,
    NotFound,
    parse_reference,
)
from mlflow_plugins.jobs._explain import validate
from mlflow_plugins.jobs.environments._fields import Environment
from mlflow_plugins.jobs.environments._pin import (
    ENVIRONMENT,
    PinnedEnvironment,
    inline_files,
    pin_content,
)

_ABOUT_THE_ASSET = {"name", "version", "description", "tags", "reference"}


def apply(
    client: MlflowClient,
    document: Mapping[str, Any],
    *,
    base_folder: Path,
    root: Path | None = None,
) -> Asset:
    """Make an environment file true: create what it describes, unless that exists already.

    Args:
        client: Client of the tracking store.
        document: An environment in the format of Azure ML's CLI v2.
        base_folder: What relative paths in it count from.
        root: A folder below which all files must lie; None for anywhere.

    Returns:
        The version that has this content: a new one, or the latest if it has it already.

    Raises:
        InvalidInput: The document breaks a rule, or a file that it names is not there.
        AlreadyExists: The version that it names has another content.
    """
    environment, content = _read(document, base_folder, root)
    pin_content(content)  # refuses what could never be used
    spec = content.model_dump(mode="json", exclude_defaults=True, exclude=_ABOUT_THE_ASSET)
    store = AssetStore(client)
    name = str(environment.name)
    standing = _standing(store, name, environment.version)
    if standing is not None and standing.spec == spec:
        return standing
    if standing is not None and environment.version is not None:
        raise AlreadyExists(
            f"The environment {standing.reference} exists and has another content. Versions never "
            "change: choose another version, or leave it out to get the next number."
        )
    return store.create(
        ENVIRONMENT,
        name,
        spec,
        version=environment.version,
        tags=environment.tags,
        description=environment.description or "",
    )


def check_environment(
    document: Mapping[str, Any], *, base_folder: Path, root: Path | None = None
) -> PinnedEnvironment:
    """Return what `apply` would make of a document, pinned, without storing anything."""
    _, content = _read(document, base_folder, root)
    return pin_content(content)


def _read(
    document: Mapping[str, Any], base_folder: Path, root: Path | None
) -> tuple[Environment, Environment]:
    """Return the environment as it is written, and with what its files say."""
    environment = validate(Environment, document, what="environment")
    if environment.reference is not None or not environment.name:
        raise InvalidInput(
            "Field 'name' is missing. An environment needs it: jobs refer to azureml:NAME:VERSION."
        )
    return environment, inline_files(environment, base_folder, root=root)


def _standing(store: AssetStore, name: str, version: str | None) -> Asset | None:
    try:
        return store.get(ENVIRONMENT, name, version)
    except NotFound:
        return None


def list_environments(client: MlflowClient, *, include_archived: bool = False) -> list[Asset]:
    """Return all environments by their latest versions, the newest first."""
    store = AssetStore(client)
    found: list[Asset] = []
    token: str | None = None
    while True:
        page = store.search(ENVIRONMENT, include_archived=include_archived, page_token=token)
        found += page.items
        token = page.next_token
        if token is None:
            return found


def get_environment(client: MlflowClient, reference: str) -> Asset:
    """Return one version of an environment.

    Args:
        client: Client of the tracking store.
        reference: ``NAME``, ``NAME:VERSION``, ``NAME@LABEL``, with or without ``azureml:``.

    Raises:
        NotFound: There is no such environment.
    """
    return AssetStore(client).resolve(ENVIRONMENT, parse_reference(reference))


def archive_environment(client: MlflowClient, reference: str) -> None:
    """Hide an environment, or one version of it, from listings and from ``latest``.

    Raises:
        NotFound: There is no such environment.
    """
    parsed = parse_reference(reference)
    store = AssetStore(client)
    version = parsed.version
    if parsed.label is not None:
        version = store.resolve(ENVIRONMENT, parsed).version
    store.archive(ENVIRONMENT, parsed.name, version)


def pin_asset(asset: Asset) -> PinnedEnvironment:
    """Return the pinned form of an environment asset, as a job that names it would get it."""
    content = Environment.model_validate(asset.spec)
    return pin_content(content, title=f"{asset.name}:{asset.version}")
