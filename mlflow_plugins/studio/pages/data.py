"""Data: upload tables, look into them, start from them."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio

LIST, NEW, DETAIL = "/data", "/data/new", "/data/asset/<name>"
DATA = "data"
_PAGE_SIZE = 50
_N_PREVIEW_ROWS = 100


def register(studio: Studio) -> None:
    """Add the pages."""
    _Data(studio)


class _Data:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._archive = studio.action("data-archive", self._on_archive)
        add = studio.add_page
        add(LIST, self.overview, title="Data", icon="data", section="Assets", order=10)
        add(NEW, self.upload, title="Upload data")
        add(DETAIL, self.detail, title="Data asset")

    # ------------------------------------------------------------ the list

    def overview(self, page_token: str | None = None) -> Component:
        studio = self._studio
        page = studio.assets().search(DATA, max_results=_PAGE_SIZE, page_token=page_token)
        upload = ui.button_link("Upload data", studio.link(NEW))
        if not page.items:
            return ui.page(
                "Data",
                ui.empty(
                    "No data asset yet",
                    "A data asset is a table with a name and versions that never change, so that "
                    "every job can say exactly what it learned from. Upload a CSV or Parquet file, "
                    "or run: mlflow-studio data create NAME FILE",
                    upload,
                ),
            )
        rows = [
            [
                ui.link(asset.name, studio.link(DETAIL, name=asset.name)),
                ui.tag(asset.version),
                ui.number(asset.spec.get("n_rows")),
                str(len(asset.spec.get("schema", []))),
                asset.spec.get("format", "folder"),
                ui.ago(asset.created_at),
                asset.created_by,
            ]
            for asset in page.items
        ]
        headings = ["Name", "Latest", "Rows", "Columns", "Format", "Created", "Created by"]
        older = studio.link(LIST, page_token=page.next_token)
        more = [html.P(ui.link("More", older))] if page.next_token else []
        return ui.page(
            "Data",
            ui.table(headings, rows, label="Data assets"),
            *more,
            subtitle="Tables with versions that never change.",
            actions=[upload],
        )

    # ------------------------------------------------------------ upload

    def upload(self, name: str = "") -> Component:
        studio = self._studio
        limit = studio.settings.upload_mib
        box = html.Div(
            className="studio-upload",
            **ui.attributes(data_address=studio.link("/_upload").split("?")[0], data_name=name),
        )
        return ui.page(
            "Upload data",
            box,
            html.P(
                f"At most {limit:g} MiB. One header line; UTF-8; separated by comma, semicolon, "
                "tab or bar. A name that exists gets its next version.",
                className="studio-dim",
            ),
            back=("Data", studio.link(LIST)),
        )

    # ------------------------------------------------------------ one asset

    def detail(self, name: str, version: str | None = None) -> Component:
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
