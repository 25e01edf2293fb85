"""Parts of Plotly figures, as plain dictionaries."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow_plugins.data.explore import Axis

_LABEL_CHARACTERS = 60
_CLEAR = "rgba(0,0,0,0)"


def figure(traces: list[dict[str, Any]], *, x: str, y: str, **layout: Any) -> dict[str, Any]:
    """Return a figure with titles of its axes; colours of texts come from ``studio.css``."""
    axes = {
        "xaxis": {"title": {"text": safe(cut(x))}, "automargin": True, "zeroline": False}
        | layout.pop("xaxis", {}),
        "yaxis": {"title": {"text": safe(cut(y))}, "automargin": True, "zeroline": False}
        | layout.pop("yaxis", {}),
    }
    plain = {
        "margin": {"l": 60, "r": 16, "t": 16, "b": 48},
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "font": {"size": 12},
        "showlegend": False,
    }
    return {"data": traces, "layout": plain | axes | layout}


def place_labels(labels: Sequence[str], *, is_reversed: bool = False) -> dict[str, Any]:
    """Return an axis of places with these labels, not all of them if there are many."""
    step = max(1, -(-len(labels) // 40))
    places = list(range(0, len(labels), step))
    shown = [safe(labels[place]) for place in places]
    axis: dict[str, Any] = {"tickvals": places, "ticktext": shown}
    return axis | ({"autorange": "reversed"} if is_reversed else {})


def axis_labels(axis: "Axis") -> list[str]:
    """Return what stands at each place of an axis."""
    if axis.labels:
        return [cut(label) for label in axis.labels]
    return [f"{short(low)} to {short(high)}" for low, high in pairwise(axis.edges)]


def axis_places(axis: "Axis") -> list[Any]:
    """Return where the cells along an axis are drawn."""
    if axis.labels:
        return list(range(len(axis.labels)))
    return [middle(low, high) for low, high in pairwise(axis.edges)]


def safe(text: str) -> str:
    """Return a text that Plotly, which reads some HTML, shows as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, longest: int = _LABEL_CHARACTERS) -> str:
    """Return a text that is not too long for a label."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def middle(low: Any, high: Any) -> Any:
    """Return where a bin is drawn: numbers at the middle, dates at the beginning."""
    return low if isinstance(low, str) else low / 2 + high / 2


def short(value: Any) -> str:
    """Return an edge of a bin as people read it."""
    return value.replace("T", " ") if isinstance(value, str) else f"{value:.5g}"


def rounded(value: Any) -> Any:
    """Return a number to the digits that a screen can show, and a day without its midnight."""
    if isinstance(value, str):
        return value.removesuffix("T00:00:00")
    return float(f"{value:.6g}") if isinstance(value, float) else value


def is_number(value: object) -> bool:
    """Tell numbers from truth values and texts."""
    return isinstance(value, int | float) and not isinstance(value, bool)
