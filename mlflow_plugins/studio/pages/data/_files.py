"""The files of an asset that is no table: a list, and a look into one of them."""

import base64
import tempfile
from pathlib import Path
from typing import Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset, InvalidInput
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._cells import rows_of
from mlflow_plugins.studio.pages.data._places import DATA

_MOST_LISTED = 1000
_MOST_BYTES = 64 << 20
_MOST_IMAGE_BYTES = 4 << 20
_MOST_CHARACTERS = 60_000
_N_ROWS = 50
_N_COLUMNS = 50
_IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}
_TABLES = frozenset({".csv", ".tsv", ".parquet", ".pq"})


class Files:
    """The part of a page that shows the files of an asset."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        studio.answer("data-files", self.list)
        studio.answer("data-file", self.look)

    def section(self, asset: Asset) -> Component:
        """Return the place for the list; ``assets/data-files.js`` asks for it."""
        return html.Div(
            className="studio-data-files",
            **ui.attributes(
                data_calls=self._studio.call_link(),
                data_name=asset.name,
                data_version=asset.version,
            ),
        )

    def list(self, name: str, version: str | None = None, search: str = "") -> dict[str, Any]:
        """List the first files whose paths contain a text; ``n_files`` says how many do."""
        from mlflow_plugins.data import list_files

        store = self._studio.assets()
        listing = list_files(store, store.get(DATA, name, version))
        words = str(search).lower()
        found = [one for one in listing.files if words in one.path.lower()]
        return {
            "files": [[one.path, one.size_bytes] for one in found[:_MOST_LISTED]],
            "n_files": len(found),
            "is_complete": listing.is_complete,
        }

    def look(self, name: str, path: str, version: str | None = None) -> dict[str, Any]:
        """Return what a file has to show: ``image``, ``text``, or ``columns`` and ``rows``."""
        from mlflow_plugins.data import fetch_file

        store = self._studio.assets()
        asset = store.get(DATA, name, version)
        with tempfile.TemporaryDirectory() as folder:
            file = fetch_file(store, asset, str(path), Path(folder), most_bytes=_MOST_BYTES)
            return look_into(file)


def look_into(path: Path) -> dict[str, Any]:
    """Return what a file on this machine has to show.

    Args:
        path: The file; its name says what it is, and else its first bytes do.

    Returns:
        ``image`` as a ``data:`` address; ``columns`` and ``rows`` of a table's beginning;
        ``text``, and ``is_cut`` if that is only the beginning; or ``note`` if it is none of these.
    """
    suffix, n_bytes = path.suffix.lower(), path.stat().st_size
    if suffix in _IMAGES and n_bytes <= _MOST_IMAGE_BYTES:
        content = base64.b64encode(path.read_bytes()).decode()
        return {"image": f"data:{_IMAGES[suffix]};base64,{content}"}
    if suffix in _TABLES:
        try:
            return _table(path)
        except InvalidInput as error:
            if suffix not in (".csv", ".tsv"):
                return {"note": error.message}
    with path.open("rb") as file:
        beginning = file.read(4 * _MOST_CHARACTERS)
    if b"\0" in beginning:
        return {"note": f"A binary file of {ui.size(n_bytes)} that cannot be shown here."}
    text = beginning.decode("utf-8", errors="replace")
    is_cut = n_bytes > len(beginning) or len(text) > _MOST_CHARACTERS
    return {"text": text[:_MOST_CHARACTERS], "is_cut": is_cut}


def _table(path: Path) -> dict[str, Any]:
    from mlflow_plugins.data.explore import open_table

    with tempfile.TemporaryDirectory() as cache, open_table(path, cache=Path(cache)) as table:
        names = [column.name for column in table.columns]
        page = table.rows(limit=_N_ROWS, columns=names[:_N_COLUMNS])
        return {
            "columns": names[:_N_COLUMNS],
            "rows": rows_of(page)["rows"],
            "n_rows": table.n_rows,
            "n_columns": len(names),
        }
