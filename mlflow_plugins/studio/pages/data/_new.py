"""A new data asset, or a new version of one."""

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._places import LIST, NEW


class NewPage:
    """The page that brings data in."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        studio.add_page(NEW, self.page, title="Upload data")

    def page(self, name: str = "") -> Component:
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
