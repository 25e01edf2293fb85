"""The list of data assets."""

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._places import DATA, DETAIL, LIST, NEW

_PAGE_SIZE = 50


class ListPage:
    """The page of all data assets."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        studio.add_page(LIST, self.page, title="Data", icon="data", section="Assets", order=10)

    def page(self, page_token: str | None = None) -> Component:
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
