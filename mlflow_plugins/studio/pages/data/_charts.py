"""Charts of a table's columns, over the rows that the preview's filter leaves."""

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._grid_query import read_query
from mlflow_plugins.studio.pages.data._open_tables import OpenTables
from mlflow_plugins.studio.pages.data._places import DATA

_GRAPH = "studio-data-chart"


class Charts:
    """The tab with charts; ``assets/data-charts.js`` has the form and asks for figures."""

    def __init__(self, studio: Studio, tables: OpenTables) -> None:
        self._studio = studio
        self._tables = tables
        studio.answer("data-chart", self.chart)

    def section(self, asset: Asset) -> Component:
        """Return the places that the script fills."""
        graph = dcc.Graph(
            id=_GRAPH,
            figure={
                "data": [],
                "layout": {"xaxis": {"visible": False}, "yaxis": {"visible": False}},
            },
            config={"displaylogo": False},
            responsive=True,
            style={"height": "460px"},
        )
        return html.Div(
            [
                html.Div(className="studio-chart-form"),
                html.Figure(graph, className="studio-chart", hidden=True),
                html.Div(className="below"),
            ],
            className="studio-data-charts",
            **ui.attributes(
                data_calls=self._studio.call_link(),
                data_name=asset.name,
                data_version=asset.version,
            ),
        )

    def chart(
        self,
        name: str,
        version: str | None = None,
        *,
        choice: object,
        filters: object = None,
        search: object = None,
    ) -> dict[str, Any]:
        """Draw what was chosen, see `_figures.read_choice`."""
        from mlflow_plugins.studio.pages.data import _figures

        store = self._studio.assets()
        asset = store.get(DATA, name, version)
        with self._tables.lend(store, asset) as open_table:
            table = open_table.table
            query = read_query(table.columns, filters=filters, search=search)
            chosen = _figures.read_choice(table.columns, choice)
            drawn = _figures.draw(table, chosen, query.conditions)
        return {
            "figure": drawn.figure,
            "columns": drawn.columns,
            "rows": drawn.rows,
            "note": drawn.note,
        }
