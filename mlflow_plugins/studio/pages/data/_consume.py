"""How a version is used, to be copied."""

from dash import html
from dash.development.base_component import Component
from flask import request

from mlflow_plugins.core import Asset
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._snippets import snippets


class ConsumeTab:
    """The tab with code for a version."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def section(self, asset: Asset) -> Component:
        """Show the code, with this server's own address in it."""
        studio = self._studio
        root = studio.link("/").split("?")[0].removesuffix("/").removesuffix("/studio")
        tracking_uri = request.host_url.rstrip("/") + root
        found = snippets(asset, tracking_uri=tracking_uri, workspace=studio.workspace)
        hint = (
            "Where it runs, mlflow-studio must be installed; the content is checked against its "
            "digest whenever it is read."
        )
        return ui.stack(
            [
                html.P(hint, className="studio-dim"),
                *(ui.code(one.text, label=one.title) for one in found),
            ]
        )
