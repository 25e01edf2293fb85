"""Charts: plain functions from values to components; light and dark come from ``studio.css``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui

# Seven colours that people with any kind of colour vision tell apart, on white and on black.
COLOURS = ("#2272b4", "#d9730d", "#1f8a5b", "#c2417c", "#7a5cc9", "#0d93a8", "#9a7b00")

_TRANSPARENT = "rgba(0,0,0,0)"
_N_MARKED = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a chart.

    Attributes:
        name: For the legend.
        x: Positions, ascending.
        y: Values at them.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    x_title: str,
    height: int = 240,
    from_zero: bool = False,
) -> Component:
    """Return a chart of values over steps or time; the mouse shows all lines at one position.

    Args:
        lines: What is drawn; a legend appears where there are several.
        title: What the values are; also the chart's name for those who cannot see it.
        x_title: What the positions are.
        height: In pixels.
        from_zero: Whether the axis of the values begins at zero.
    """
    figure = go.Figure(
        [
            go.Scatter(
                x=list(line.x),
                y=list(line.y),
                name=line.name,
                mode="lines+markers" if len(line.x) <= _N_MARKED else "lines",
                line={"color": COLOURS[index % len(COLOURS)], "width": 2},
                marker={"size": 5},
                hovertemplate="%{y:.6g}<extra>%{fullData.name}</extra>",
            )
            for index, line in enumerate(lines)
        ],
        {
            "margin": {"l": 56, "r": 12, "t": 8, "b": 40},
            "paper_bgcolor": _TRANSPARENT,
            "plot_bgcolor": _TRANSPARENT,
            "font": {"size": 12},
            "hovermode": "x unified",
            "showlegend": len(lines) > 1,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "xaxis": {"title": {"text": x_title}, "zeroline": False},
            "yaxis": {
                "zeroline": False,
                "exponentformat": "power",
                "rangemode": "tozero" if from_zero else "normal",
            },
            "uirevision": title,  # new values leave the reader's zoom as it is
        },
    )
    graph = dcc.Graph(
        figure=figure,
        config={"displaylogo": False},
        responsive=True,
        style={"height": f"{height}px"},
    )
    return html.Figure(
        [html.Figcaption(title), graph],
        className="studio-chart",
        **ui.attributes(aria_label=f"Chart of {title}"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of parallel coordinates.

    Attributes:
        name: What it measures.
        values: One for each line, in the same order on every axis: all numbers, or all texts;
            None where a line has no value.
    """

    name: str
    values: Sequence[float | str | None]


def parallel_coordinates(
    axes: Sequence[Axis], *, names: Sequence[str], links: Sequence[str] = (), label: str
) -> Component:
    """Return parallel coordinates: one line through the values of each run.

    Dragging along an axis keeps the lines in that range; a click on a line follows its link. Drawn
    by ``assets/parallel.js``, because Plotly's own needs a script policy that the studio refuses.

    Args:
        axes: From left to right; the last one gives the lines their colours.
        names: One for each line.
        links: Where a click on a line leads, if anywhere.
        label: What the chart shows, for those who cannot see it.
    """
    spec: Mapping[str, Any] = {
        "axes": [{"name": axis.name, "values": list(axis.values)} for axis in axes],
        "names": list(names),
        "links": list(links),
    }
    return html.Div(
        className="studio-parallel",
        role="img",
        **ui.attributes(aria_label=label, data_spec=json.dumps(spec)),
    )
