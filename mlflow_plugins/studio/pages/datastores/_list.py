"""The list of datastores."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.datastores._parts import DETAIL, LIST, NEW, WORDS, where


class ListPage:
    """The page of all datastores."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        studio.add_page(
            LIST, self.page, title="Datastores", icon="datastores", section="Assets", order=12
        )

    def page(self) -> Component:
        """List them, the workspace's own first."""
        from mlflow_plugins.data.datastores import default_datastore, list_datastores

        studio = self._studio
        store = studio.assets()
        default = default_datastore(store)
        rows = [self._row(asset, default) for asset in list_datastores(store)]
        new = ui.button_link("New datastore", studio.link(NEW))
        return ui.page(
            "Datastores",
            ui.table(
                ["Name", "Kind", "Where", "Credentials", "Created", "By"], rows, label="Datastores"
            ),
            html.P(
                "A datastore keeps where its credentials are, never what they are. The default one "
                "is meant where none is named.",
                className="studio-dim",
            ),
            subtitle="Named places for files and tables.",
            actions=[new],
        )

    def _row(self, asset: Asset, default: str) -> list[Any]:
        spec = asset.spec
        kind = str(spec.get("type") or "workspace")
        name: list[Any] = [ui.link(asset.name, self._studio.link(DETAIL, name=asset.name))]
        if asset.name == default:
            name += [" ", ui.tag("default")]
        credentials = ", ".join(spec.get("credentials") or {})
        return [
            html.Span(name, className="studio-nowrap"),
            html.Span(WORDS.get(kind, kind), className="studio-nowrap"),
            html.Span(where(spec), className="studio-nowrap"),
            credentials or "-",
            ui.ago(asset.created_at),
            asset.created_by,
        ]
