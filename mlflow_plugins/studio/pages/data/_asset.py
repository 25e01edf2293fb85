"""One data asset, at one of its versions."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._places import DATA, DETAIL, LIST, NEW

_N_PREVIEW_ROWS = 100


class AssetPage:
    """The page of one data asset."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._archive = studio.action("data-archive", self._on_archive)
        studio.add_page(DETAIL, self.page, title="Data asset")

    def page(self, name: str, version: str | None = None) -> Component:
        studio = self._studio
        store = studio.assets()
        asset = store.get(DATA, name, version)
        start = ui.button_link(
            "Start AutoML", studio.link("/automl/new", data=name, version=asset.version)
        )
        upload = ui.button_link("New version", studio.link(NEW, name=name), is_primary=False)
        facts = {
            "Version": ui.tag(asset.version),
            "Rows": ui.number(asset.spec.get("n_rows")),
            "Columns": str(len(asset.spec.get("schema", []))),
            "File": asset.spec.get("file"),
            "Size": ui.size(asset.spec.get("size_bytes", 0)),
            "Created": ui.ago(asset.created_at),
            "Created by": asset.created_by,
            "In job files": html.Code(asset.reference),
            "SHA-256": html.Code(asset.spec.get("digest", "")),
            **{f"Tag {key}": value for key, value in asset.tags.items()},
        }
        return ui.page(
            name,
            self._preview(asset),
            ui.columns(
                ui.card("About", ui.key_values(facts)),
                ui.card("Columns", _schema(asset)),
                ui.card("Versions", self._versions(name, asset.version)),
            ),
            subtitle=asset.description or None,
            actions=[upload, start],
            back=("Data", studio.link(LIST)),
        )

    def _preview(self, asset: Any) -> Component:
        if not asset.spec.get("schema"):
            return ui.note("A folder of files has no preview.")
        rows = self._studio.preview(asset, n_rows=_N_PREVIEW_ROWS)
        n_rows = asset.spec.get("n_rows", len(rows))
        caption = f"The first {len(rows)} of {ui.number(n_rows)} rows"
        return html.Div(
            [ui.grid(rows, label=caption, height=380), html.P(caption, className="studio-dim")]
        )

    def _versions(self, name: str, shown: str) -> Component:
        studio = self._studio
        rows = [
            [
                html.Strong(asset.version)
                if asset.version == shown
                else ui.link(asset.version, studio.link(DETAIL, name=name, version=asset.version)),
                ui.number(asset.spec.get("n_rows")),
                ui.ago(asset.created_at),
                self._archive.button(
                    "Archive",
                    confirm=f"Version {asset.version} disappears from lists. Jobs that name it "
                    "still find it.",
                    look="plain",
                    name=name,
                    version=asset.version,
                ),
            ]
            for asset in studio.assets().versions(DATA, name)
        ]
        return ui.table(["Version", "Rows", "Created", ""], rows, label="Versions")

    def _on_archive(self, name: str, version: str) -> Any:
        self._studio.assets().archive(DATA, name, version)
        return self._studio.Done(
            message=f"Version {version} of {name} is archived.", go_to=self._studio.link(LIST)
        )


def _schema(asset: Any) -> Component:
    rows = [[column["name"], ui.tag(column["type"])] for column in asset.spec.get("schema", [])]
    return ui.table(["Name", "Type"], rows, label="Columns")
