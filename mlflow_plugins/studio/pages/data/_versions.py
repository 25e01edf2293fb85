"""The versions of an asset."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._places import DATA, DETAIL, LIST


class Versions:
    """The tab with all versions; each can be looked at and archived."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._archive = studio.action("data-archive", self._on_archive)

    def section(self, asset: Asset) -> Component:
        """List the versions, the one that is shown in bold."""
        rows = [
            self._row(one, is_shown=one.version == asset.version)
            for one in self._studio.assets().versions(DATA, asset.name)
        ]
        return ui.table(["Version", "Rows", "Created", ""], rows, label="Versions")

    def _row(self, asset: Asset, *, is_shown: bool) -> list[Any]:
        address = self._studio.link(DETAIL, name=asset.name, version=asset.version)
        archive = self._archive.button(
            "Archive",
            confirm=f"Version {asset.version} disappears from lists. Jobs that name it "
            "still find it.",
            look="plain",
            name=asset.name,
            version=asset.version,
        )
        return [
            html.Strong(asset.version) if is_shown else ui.link(asset.version, address),
            ui.number(asset.spec.get("n_rows")),
            ui.ago(asset.created_at),
            archive,
        ]

    def _on_archive(self, name: str, version: str) -> Any:
        self._studio.assets().archive(DATA, name, version)
        return self._studio.Done(
            message=f"Version {version} of {name} is archived.", go_to=self._studio.link(LIST)
        )
