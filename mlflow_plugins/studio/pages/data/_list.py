"""The list of data assets."""

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, ctx, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from mlflow_plugins.core import Asset, AssetStore, InvalidInput
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._actions import LOCATION
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._places import DATA, DETAIL, LIST, NEW

_PAGE_SIZE = 50
_MOST_PAGES = 20  # that are looked through for one page of what fits
_TYPES = {"uri_file": "File", "uri_folder": "Folder", "mltable": "MLTable"}
_HEADINGS = [
    *("Name", "Latest", "Type", "Rows", "Columns", "Size"),
    *("Labels and tags", "Created", "Created by"),
]


class ListPage:
    """The page of all data assets."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        choose = studio.callback(
            Output(LOCATION, "href", allow_duplicate=True),
            Input({"data-filter": ALL}, "value"),
            Input({"data-switch": ALL}, "checked"),
            prevent_initial_call=True,
        )
        choose(self._on_filter)
        studio.add_page(LIST, self.page, title="Data", icon="data", section="Assets", order=10)

    def page(
        self,
        page_token: str | None = None,
        text: str | None = None,
        type: str | None = None,  # noqa: A002  (the word of the address)
        tag: str | None = None,
        archived: str | None = None,
    ) -> Component:
        """List the latest versions of the assets that fit, newest first."""
        studio = self._studio
        given = {"text": text, "type": type, "tag": tag, "archived": archived}
        chosen = {name: value for name, value in given.items() if value}
        assets, next_token = fitting_assets(studio.assets(), page_token, **chosen)
        upload = ui.button_link("Upload data", studio.link(NEW))
        if not assets and not chosen and not page_token:
            return ui.page("Data", self._filters(chosen), self._nothing(upload))
        rows = [self._row(asset) for asset in assets]
        older = studio.link(LIST, page_token=next_token, **chosen)
        return ui.page(
            "Data",
            self._filters(chosen),
            ui.table(_HEADINGS, rows, label="Data assets")
            if rows
            else html.P("No data asset here fits.", className="studio-dim"),
            *([html.P(ui.link("Older data assets", older))] if next_token else []),
            subtitle="Tables and files with versions that never change.",
            actions=[upload],
        )

    def _nothing(self, upload: Component) -> Component:
        return ui.empty(
            "No data asset yet",
            "A data asset is a table with a name and versions that never change, so that "
            "every job can say exactly what it learned from. Upload a CSV or Parquet file, "
            "or run: mlflow-studio data create --name NAME FILE",
            upload,
        )

    def _row(self, asset: Asset) -> list[Any]:
        spec, schema = asset.spec, asset.spec.get("schema")
        # Without a version, an asset whose versions are all archived is not found.
        version = asset.version if asset.is_archived else None
        address = self._studio.link(DETAIL, name=asset.name, version=version)
        name: Any = ui.link(asset.name, address)
        if asset.is_archived:
            name = html.Span([name, " ", ui.tag("archived")])
        words = [label for label in asset.labels if label != "latest"]
        words += [f"{key}: {value}" if value else key for key, value in asset.tags.items()]
        kind = _TYPES.get(spec["type"], spec["type"])
        return [
            name,
            ui.tag(asset.version),
            html.Span([kind, " ", ui.tag("by reference")]) if spec.get("is_reference") else kind,
            ui.number(spec.get("n_rows")) if schema else "-",
            ui.number(len(schema)) if schema else "-",
            ui.size(spec["size_bytes"]) if spec.get("size_bytes") else "-",
            html.Span([ui.tag(word) for word in words], className="studio-tags"),
            ui.ago(asset.created_at),
            asset.created_by,
        ]

    def _filters(self, chosen: Mapping[str, str]) -> Component:
        text = dmc.TextInput(
            id={"data-filter": "text"},
            placeholder="Search by name",
            value=chosen.get("text", ""),
            debounce=500,
            **ui.attributes(aria_label="Search by name"),
        )
        kind = dmc.Select(
            id={"data-filter": "type"},
            placeholder="Any type",
            data=[{"value": value, "label": label} for value, label in _TYPES.items()],
            value=chosen.get("type"),
            clearable=True,
            **ui.attributes(aria_label="Type"),
        )
        tag = dmc.TextInput(
            id={"data-filter": "tag"},
            placeholder="Tag, as team or team=risk",
            value=chosen.get("tag", ""),
            debounce=500,
            **ui.attributes(aria_label="Tag"),
        )
        switch = dmc.Switch(
            id={"data-switch": "archived"},
            label="Show archived",
            checked="archived" in chosen,
            size="sm",
        )
        return html.Div([text, kind, tag, switch], className="studio-filters", role="search")

    def _on_filter(self, values: list[str | None], switches: list[bool]) -> str:
        if not values:  # the page was left, and its filters with it
            raise PreventUpdate
        names = [one["id"]["data-filter"] for one in ctx.inputs_list[0]]
        chosen = dict(zip(names, values, strict=True)) | {
            "archived": "1" if any(switches) else None
        }
        return self._studio.link(LIST, **{name: value or None for name, value in chosen.items()})


def fitting_assets(
    store: AssetStore,
    page_token: str | None = None,
    *,
    text: str = "",
    type: str = "",  # noqa: A002  (the word of the address)
    tag: str = "",
    archived: str = "",
) -> tuple[list[Asset], str | None]:
    """Return one page of the data assets that fit, and the token of the next.

    Args:
        store: Where to look.
        page_token: Where the last page ended.
        text: Part of the name.
        type: ``uri_file``, ``uri_folder`` or ``mltable``.
        tag: The name of a tag that the latest version has, or ``NAME=VALUE``.
        archived: Anything: also those whose versions are all archived.

    Raises:
        InvalidInput: There is no such type.
    """
    if type and type not in _TYPES:
        raise InvalidInput(f"{type!r} is not a type of data. Choose from {', '.join(_TYPES)}.")
    key, equals, value = tag.partition("=")
    found: list[Asset] = []
    for _ in range(_MOST_PAGES):
        page = store.search(
            DATA,
            name_contains=text,
            include_archived=bool(archived),
            max_results=_PAGE_SIZE,
            page_token=page_token,
        )
        found += [
            asset
            for asset in page.items
            if (not type or asset.spec["type"] == type)
            and (not key or key.strip() in asset.tags)
            and (not equals or asset.tags.get(key.strip()) == value.strip())
        ]
        page_token = page.next_token
        if page_token is None or len(found) >= _PAGE_SIZE:
            break
    return found, page_token
