"""One data asset, at one of its versions."""

from typing import Protocol

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._about import About
from mlflow_plugins.studio.pages.data._charts import Charts
from mlflow_plugins.studio.pages.data._consume import ConsumeTab
from mlflow_plugins.studio.pages.data._lineage import LineageTab
from mlflow_plugins.studio.pages.data._open_tables import OpenTables
from mlflow_plugins.studio.pages.data._places import DATA, DETAIL, LIST, NEW, is_table
from mlflow_plugins.studio.pages.data._preview import Preview
from mlflow_plugins.studio.pages.data._profile import Profile
from mlflow_plugins.studio.pages.data._profiles import Profiles
from mlflow_plugins.studio.pages.data._versions import Versions

_OF_TABLES = frozenset({"Profile", "Charts"})


class Tab(Protocol):
    """A part of an asset's page that has an address of its own."""

    def section(self, asset: Asset) -> Component:
        """Return its content."""
        ...


class AssetPage:
    """The page of one data asset."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        tables = OpenTables()
        # By the words on the tabs, from left to right; ``?tab=`` has them in small letters.
        self._tabs: dict[str, Tab] = {
            "Preview": Preview(studio, tables),
            "Profile": Profile(studio, Profiles(tables)),
            "Charts": Charts(studio, tables),
            "Versions": Versions(studio),
            "Lineage": LineageTab(studio),
            "Consume": ConsumeTab(studio),
            "About": About(),
        }
        studio.add_page(DETAIL, self.page, title="Data asset")

    def page(self, name: str, version: str | None = None, tab: str | None = None) -> Component:
        """Show one tab of a version, by default the first tab of the latest version."""
        studio = self._studio
        asset = studio.assets().get(DATA, name, version)
        tabs = [words for words in self._tabs if words not in _OF_TABLES or is_table(asset)]
        first = tabs[0]
        shown = next((words for words in tabs if words.lower() == tab), first)
        addresses = {
            words: studio.link(
                DETAIL, name=name, version=version, tab=None if words == first else words.lower()
            )
            for words in tabs
        }
        start = ui.button_link(
            "Start AutoML", studio.link("/automl/new", data=name, version=asset.version)
        )
        upload = ui.button_link("New version", studio.link(NEW, name=name), is_primary=False)
        return ui.page(
            name,
            ui.tabs(addresses, current=shown, label="Parts of the data asset"),
            self._tabs[shown].section(asset),
            subtitle=_in_short(asset),
            actions=[upload, start],
            back=("Data", studio.link(LIST)),
        )


def _in_short(asset: Asset) -> list[Component | str]:
    spec, schema = asset.spec, asset.spec.get("schema", [])
    figures = [f"{ui.number(spec.get('n_rows'))} rows", f"{ui.number(len(schema))} columns"]
    parts = [*(figures if schema else []), ui.size(spec.get("size_bytes", 0))]
    facts = html.Span([html.Code(asset.reference), " \N{MIDDLE DOT} ".join(["", *parts])])
    return [asset.description, html.Br(), facts] if asset.description else [facts]
