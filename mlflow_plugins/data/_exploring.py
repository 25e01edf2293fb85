"""Data assets as tables that answer questions, with a profile that is computed once per version."""

import json
import tempfile
from pathlib import Path

import mlflow.artifacts
import pyarrow.parquet
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import Asset, AssetStore, InvalidInput
from mlflow_plugins.data._content import download_asset
from mlflow_plugins.data.explore import Limits, Table, TableProfile, open_table, profile
from mlflow_plugins.data.explore._source import write_once

PROFILE_FILE = "profile/profile.json"


def cache_folder() -> Path:
    """Return where this user's tables are kept to be explored again."""
    return Path.home() / ".cache" / "mlflow-studio" / "data"


def open_asset(
    store: AssetStore, asset: Asset, *, cache: Path | None = None, limits: Limits | None = None
) -> Table:
    """Open a version of a data asset to explore it.

    Args:
        store: The asset's store.
        asset: A table file or an MLTable.
        cache: Where its content is kept for the next time; `cache_folder` if None.
        limits: See `explore.open_table`.

    Raises:
        InvalidInput: It is a folder, or a file that is no table.
        StudioError: Its content is not what was noted.
    """
    cache = cache or cache_folder()
    if asset.spec["type"] == "uri_folder":
        raise InvalidInput(
            f"{asset.reference} is a folder; only tables are explored. Describe it with an MLTable "
            "file and create it again with the type mltable."
        )
    path = download_asset(store, asset, cache)
    if asset.spec["type"] == "mltable":
        path = _as_parquet(store, path, cache / "tables" / f"{asset.record_id}.parquet")
    return open_table(path, cache=cache / "tables", limits=limits)


def asset_profile(
    store: AssetStore, asset: Asset, *, target: str | None = None, cache: Path | None = None
) -> TableProfile:
    """Return the profile of a version; without a target it is computed once and kept with it.

    Args:
        store: The asset's store.
        asset: A table file or an MLTable.
        target: See `explore.profile`.
        cache: See `open_asset`.

    Raises:
        InvalidInput: It is no table, or has no such target.
    """
    if target is None and (kept := kept_profile(store, asset)):
        return kept
    with open_asset(store, asset, cache=cache) as table:
        found = profile(table, target=target)
    if target is None:
        keep_profile(store, asset, found)
    return found


def _as_parquet(store: AssetStore, folder: Path, target: Path) -> Path:
    from mlflow_plugins.data.mltable import load

    def write(path: Path) -> None:
        with (
            load(folder, store=store, stay_inside=True).reader() as reader,
            pyarrow.parquet.ParquetWriter(path, reader.schema) as writer,
        ):
            for batch in reader:
                writer.write_batch(batch)

    if not target.exists():
        write_once(target, write)
    return target


def kept_profile(store: AssetStore, asset: Asset) -> TableProfile | None:
    """Return the profile that is kept with a version, or None."""
    client = store.records.client
    folder = PROFILE_FILE.partition("/")[0]
    if not client.list_artifacts(asset.record_id, folder):
        return None
    with tempfile.TemporaryDirectory() as passing:
        path = mlflow.artifacts.download_artifacts(
            run_id=asset.record_id,
            artifact_path=PROFILE_FILE,
            dst_path=passing,
            tracking_uri=client.tracking_uri,
        )
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    try:
        return TableProfile.from_dict(document)
    except InvalidInput:  # another version of this package wrote it
        return None


def keep_profile(store: AssetStore, asset: Asset, found: TableProfile) -> None:
    """Keep it for everybody; who may only read the asset has it all the same."""
    text = json.dumps(found.to_dict(), allow_nan=False)
    try:
        store.records.client.log_text(asset.record_id, text, PROFILE_FILE)
    except MlflowException as error:
        if error.error_code != "PERMISSION_DENIED":
            raise
