"""``import_data``: a table from anywhere becomes a version of a data asset."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow_plugins.core import AssetStore, InvalidInput, check_name
from mlflow_plugins.data._addresses import masked, parse_azureml
from mlflow_plugins.data._assets import create_data_asset, local_path
from mlflow_plugins.data._places import fetch_place
from mlflow_plugins.data._references import is_address
from mlflow_plugins.data._remote import check_url
from mlflow_plugins.data._tables import summarize
from mlflow_plugins.data.datastores import SqlDatastore, open_datastore
from mlflow_plugins.data.importing._entities import Imported, ImportOptions, Look, SqlQuery
from mlflow_plugins.data.importing._readers import Progress
from mlflow_plugins.data.importing._reading import nobody, read_many, read_table


def import_data(
    store: AssetStore,
    source: str | SqlQuery,
    *,
    name: str,
    version: str | None = None,
    tags: Mapping[str, str] | None = None,
    description: str = "",
    options: ImportOptions | None = None,
    progress: Progress = nobody,
) -> Imported:
    """Read a table from anywhere and store it as a version of a data asset.

    Args:
        store: Where to create it.
        source: A path, an address (``azureml://datastores/...``, ``https:``, ``s3:``), or a query.
        name: Name of the asset.
        version: A word of the caller's choice; the next number if None.
        tags: The user's tags.
        description: For people.
        options: What is known about the source.
        progress: Told the number of rows read so far.

    Raises:
        InvalidInput: The source is broken; the message says where.
        NotAllowed: The query writes, or an archive has what leads out of it.
        NotFound: There is no such source.
        MissingExtra: What reads it is not installed.
    """
    check_name(name, what="name of a data asset")
    with look_at(store, source, options=options, progress=progress) as (look, path):
        noted: dict[str, Any] = {"imported_from": look.shown, "n_rejected": look.n_rejected}
        if isinstance(source, SqlQuery):
            noted["query"] = source.text
        is_as_it_was = options is not None and options.keep_original
        asset = create_data_asset(
            store,
            path if is_as_it_was else _named(path, name),
            name=name,
            version=version,
            tags=tags,
            description=description,
            noted=noted,
        )
        return Imported(asset=asset, look=look)


@contextlib.contextmanager
def look_at(
    store: AssetStore,
    source: str | SqlQuery,
    *,
    options: ImportOptions | None = None,
    progress: Progress = nobody,
) -> Iterator[tuple[Look, Path]]:
    """Read a source without storing it: what it is, and the file that would be stored.

    The file is gone when the block ends. See `import_data` for what is given and raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if isinstance(source, SqlQuery):
            yield _look_at_query(store, source, work)
            return
        (work / "in").mkdir()
        path, shown = _bring(store, source, work / "in")
        options = options or ImportOptions()
        shown = options.shown or shown
        if path.is_dir() and options.join_folder:
            found = sorted(one for one in path.rglob("*") if one.is_file())
            yield read_many(found, path, shown, options, work, progress)
            return
        if path.is_dir():
            raise InvalidInput(
                f"{shown!r} is a folder. Import its tables one by one, or keep it as a folder: "
                "mlflow-studio data create FOLDER --name NAME"
            )
        yield read_table(path, shown, options, work, progress)


def _look_at_query(store: AssetStore, query: SqlQuery, work: Path) -> tuple[Look, Path]:
    opened = open_datastore(store, query.datastore)
    if not isinstance(opened, SqlDatastore):
        raise InvalidInput(
            f"The datastore {opened.name!r} is of type {opened.kind!r}. A query needs one of type "
            "'sql'."
        )
    target = work / "query.parquet"
    opened.query(query.text, target)
    summary = summarize(target)
    look = Look(
        shown=f"a query to {opened.name}",
        format="sql",
        dialect=None,
        columns=summary.columns,
        n_rows=summary.n_rows,
    )
    return look, target


def _bring(store: AssetStore, source: str, work: Path) -> tuple[Path, str]:
    """Return the source on this machine, and what people call it."""
    if not source:
        raise InvalidInput("Nothing is named to import. Give a path or an address.")
    if not is_address(source):
        path = local_path(source, base_folder=Path.cwd())
        return path, path.name
    if parse_azureml(source) is None:
        check_url(source, is_folder=False)
    return fetch_place(store, source, work, is_folder=False), masked(source)


def _named(path: Path, name: str) -> Path:
    """Call the stored file like the asset."""
    named = path.with_name(f"{name.replace('/', '-')}.parquet")
    return path if named == path else path.rename(named)
