"""New data, first step: where it is. Files of the browser's machine, or a place elsewhere."""

from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import InvalidInput, StudioError
from mlflow_plugins.data import SERVED_SCHEMES, check_place
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._server_folders import check_address
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio._upload_folder import Upload, in_words
from mlflow_plugins.studio._upload_places import folder_of, new_token, remove_forgotten
from mlflow_plugins.studio.pages.data._places import DATA, IMPORT, LIST, NEW

# By the words on the tabs; ``?source=`` has the keys.
_SOURCES = {
    "Files from this computer": "files",
    "A path or an address": "address",
    "A query": "query",
    "A reference": "reference",
}
_PLACEHOLDER = "TOKEN"  # the browser puts the upload's own in its place
_WHAT = {
    "address": "A file or folder in a datastore, in object storage or on the web is copied into "
    "the workspace, looked at, and stored as a version that never changes.",
    "query": "The rows of a SELECT to a datastore of type sql are stored as a table. A query that "
    "writes is refused.",
    "reference": "Nothing is copied: the asset keeps the address, and a digest of what is there "
    "now. Whenever it is used it is compared, and a change is an error.",
}


class NewPage:
    """The page where new data begins."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._fetch = studio.action("data-fetch", self._on_fetch)
        studio.add_page(NEW, self.page, title="New data")

    def page(
        self,
        name: str = "",
        source: str = "files",
        datastore: str = "",
        place: str = "",
    ) -> Component:
        """Show one of the sources; `datastore` and `place` fill in where something lies."""
        studio = self._studio
        current = next((words for words, key in _SOURCES.items() if key == source), None)
        if current is None:
            raise InvalidInput(
                f"There is no source {source!r}. There are: {', '.join(_SOURCES.values())}."
            )
        addresses = {
            words: studio.link(NEW, name=name or None, source=key)
            for words, key in _SOURCES.items()
        }
        content = (
            self._files(name) if source == "files" else self._place(name, source, datastore, place)
        )
        return ui.page(
            f"New version of {name}" if name else "New data",
            ui.tabs(addresses, current=current, label="Where the data is"),
            content,
            subtitle="First where it is; then how it is read and what it is called.",
            back=("Data", studio.link(LIST)),
        )

    # ------------------------------------------------------------ from this computer

    def _files(self, name: str) -> Component:
        studio = self._studio
        limit = in_words(studio.settings.upload_mib * (1 << 20))
        box = html.Div(
            className="studio-upload",
            **ui.attributes(
                data_address=studio.link("/_upload").split("?")[0],
                data_next=studio.link(IMPORT, token=_PLACEHOLDER, name=name or None),
            ),
        )
        return html.Div(
            [
                box,
                html.P(
                    f"Up to {limit} at once. Tables: CSV, Parquet, JSON lines, Excel, and a zip or "
                    "tar of tables with the same columns. Any other file, and any folder, is kept "
                    "as it is.",
                    className="studio-dim",
                ),
            ]
        )

    # ------------------------------------------------------------ from elsewhere

    def _place(self, name: str, source: str, datastore: str, place: str) -> Component:
        field = self._fetch.field
        if source == "query":
            inputs: list[Any] = [
                self._datastores("sql", datastore),
                dmc.Textarea(
                    id=field("query"),
                    label="Query",
                    placeholder="SELECT * FROM orders WHERE year = 2024",
                    value=f"SELECT * FROM {place}" if place else "",  # noqa: S608  (shown, not run)
                    autosize=True,
                    minRows=4,
                    spellCheck=False,
                    className="studio-editor",
                ),
            ]
        else:
            inputs = [
                dmc.TextInput(
                    id=field("address"),
                    label="Address",
                    description="azureml://datastores/NAME/paths/PATH, https://…, s3://…, gs://…, "
                    "abfss://…",
                    value=_address(datastore, place),
                ),
                dmc.Select(
                    id=field("what"),
                    label="What is there",
                    data=[
                        {"value": "file", "label": "A file"},
                        {"value": "folder", "label": "A folder"},
                    ],
                    value="folder" if place.endswith("/") else "file",
                    allowDeselect=False,
                ),
            ]
        label = "Continue" if source == "reference" else "Fetch and look"
        button = self._fetch.button(label, source=source, name=name)
        return ui.card(
            None,
            html.P(_WHAT[source], className="studio-dim"),
            ui.form(*inputs, self._fetch.result(), html.Div(button)),
        )

    def _datastores(self, kind: str, chosen: str) -> Component:
        names = _names_of(self._studio, kind)
        select: Component = dmc.Select(
            id=self._fetch.field("datastore"),
            label="Datastore",
            data=names,
            value=chosen or (names[0] if names else None),
            placeholder="" if names else f"There is no datastore of type {kind} yet",
            allowDeselect=False,
        )
        return select

    def _on_fetch(
        self,
        source: str,
        name: str,
        address: str | None = None,
        what: str | None = None,
        datastore: str | None = None,
        query: str | None = None,
    ) -> Any:
        studio = self._studio
        studio.check_edit(DATA)
        wanted = (
            _query(datastore, query)
            if source == "query"
            else _read_address(address, what, is_reference=source == "reference")
        )
        if source == "query":
            self._check_datastore(wanted["datastore"])
        else:
            check_address(studio.assets(), wanted["address"])
        remove_forgotten()
        token = new_token()
        shown = wanted.get("address") or f"a query to {wanted['datastore']}"
        upload = Upload.begin(
            folder_of(studio, token), [], purpose="data", shown=shown, source=wanted
        )
        if source != "reference":
            from mlflow_plugins.studio._import_start import start_bringing

            start_bringing(studio, upload)
        kind = "uri_folder" if wanted.get("is_folder") else None
        return studio.Done(
            go_to=studio.link(IMPORT, token=token, name=name or None, type=kind),
            show=html.Span(),
        )

    def _check_datastore(self, name: str) -> None:
        from mlflow_plugins.data.datastores import get_datastore

        check_place(name, get_datastore(self._studio.assets(), name).spec)


def _names_of(studio: Studio, kind: str) -> list[str]:
    from mlflow_plugins.data.datastores import list_datastores

    return [one.name for one in list_datastores(studio.assets()) if one.spec.get("type") == kind]


def _address(datastore: str, place: str) -> str:
    return f"azureml://datastores/{datastore}/paths/{place}" if datastore else place


def _query(datastore: str | None, query: str | None) -> dict[str, Any]:
    if not datastore:
        raise InvalidInput("No datastore is chosen. Make one of type sql first: Datastores, New.")
    if not (query or "").strip():
        raise InvalidInput("There is no query. Write one SELECT.")
    return {"kind": "query", "datastore": datastore, "query": (query or "").strip()}


def _read_address(address: str | None, what: str | None, *, is_reference: bool) -> dict[str, Any]:
    """Return what is fetched or referred to; the server's own disk is nothing of the browser's.

    Raises:
        InvalidInput: It is a path of the server's disk, has a secret in it, or cannot be read.
    """
    from mlflow_plugins.data import (
        DatastorePath,
        check_url,
        masked,
        parse_azureml,
        scheme_of,
        secrets_in,
    )

    text, is_folder = (address or "").strip(), what == "folder"
    if not text:
        raise InvalidInput("No address is given. Write one, such as https://example.com/a.csv.")
    if scheme_of(text) in ("", "file"):
        raise InvalidInput(
            f"{text!r} is a path, and pages read nothing from the server's disk. Send the file "
            "from this computer, or give an address: azureml://datastores/NAME/paths/PATH, "
            "https://…, s3://…"
        )
    if scheme_of(text) not in SERVED_SCHEMES:
        raise InvalidInput(
            f"Addresses that begin with {scheme_of(text)!r} are not read for a page. It must begin "
            f"with one of: {', '.join(SERVED_SCHEMES)}. Make a datastore of any other place."
        )
    if secrets_in(text):
        raise InvalidInput(
            f"The address {masked(text)!r} has a signature or password in it, which is never "
            "stored. Make a datastore of the place, whose credentials are by reference."
        )
    parsed = parse_azureml(text)
    if parsed is not None and not isinstance(parsed, DatastorePath):
        raise InvalidInput(
            f"{text!r} is not a place in a datastore. Give azureml://datastores/NAME/paths/PATH, "
            "or a storage or web address."
        )
    if parsed is None:
        try:
            check_url(text, is_folder=is_folder)
        except StudioError as error:
            raise InvalidInput(error.message) from None
    kind = "reference" if is_reference else "address"
    return {"kind": kind, "address": text, "is_folder": is_folder}
