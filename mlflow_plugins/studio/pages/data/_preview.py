"""The first rows of a table."""

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio

_N_ROWS = 100


class Preview:
    """The tab that shows what is in an asset."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def section(self, asset: Asset) -> Component:
        """Show the first rows."""
        if not asset.spec.get("schema"):
            return ui.note("A folder of files has no preview.")
        rows = self._studio.preview(asset, n_rows=_N_ROWS)
        n_rows = asset.spec.get("n_rows", len(rows))
        caption = f"The first {len(rows)} of {ui.number(n_rows)} rows"
        return html.Div(
            [ui.grid(rows, label=caption, height=380), html.P(caption, className="studio-dim")]
        )
