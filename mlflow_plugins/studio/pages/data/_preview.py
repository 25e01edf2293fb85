"""The rows of a table: all of them, in a grid that fetches what is in sight."""

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._answers import Answers
from mlflow_plugins.studio.pages.data._files import Files
from mlflow_plugins.studio.pages.data._open_tables import OpenTables
from mlflow_plugins.studio.pages.data._places import is_table

_GRID = "studio-data-grid"
_BLOCK_ROWS = 100


class Preview:
    """The tab that shows what is in an asset."""

    def __init__(self, studio: Studio, tables: OpenTables) -> None:
        self._studio = studio
        self._files = Files(studio)
        Answers(studio, tables)

    def section(self, asset: Asset) -> Component:
        """Return the grid, which ``assets/data-grid.js`` brings to life, or a folder's files."""
        if not is_table(asset):
            return self._files.section(asset)
        return html.Div(
            [html.Div(className="studio-data-tools"), _grid()],
            className="studio-data",
            **ui.attributes(
                data_calls=self._studio.call_link(),
                data_name=asset.name,
                data_version=asset.version,
            ),
        )


def _grid() -> Component:
    grid: Component = dag.AgGrid(
        id=_GRID,
        rowModelType="infinite",
        columnDefs=[],
        defaultColDef={"sortable": True, "resizable": True, "minWidth": 90, "width": 170},
        dashGridOptions={
            "animateRows": False,
            "rowHeight": 30,
            "headerHeight": 96,
            "cacheBlockSize": _BLOCK_ROWS,
            "maxBlocksInCache": 30,
            "blockLoadDebounceMillis": 60,
            "maxConcurrentDatasourceRequests": 2,
            "enableCellTextSelection": True,
            "tooltipShowDelay": 600,
        },
        className="studio-grid studio-data-grid",
    )
    return html.Div(grid, role="region", **ui.attributes(aria_label="Rows"))
