"""Charts of a table: what was chosen becomes a Plotly figure and the few values behind it.

Everything is counted where the data is; a figure has at most some thousand values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore import (
    FUNCTIONS,
    Condition,
    Table,
    TableColumn,
    boxes,
    heat_map,
    histogram,
    scatter,
    time_series,
    value_counts,
)
from mlflow_plugins.studio._charts import COLOURS
from mlflow_plugins.studio.pages.data._figure_parts import (
    axis_labels,
    axis_places,
    cut,
    figure,
    is_number,
    middle,
    place_labels,
    rounded,
    safe,
    short,
)
from mlflow_plugins.studio.pages.data._grid_query import column_at

MOST_BINS = 100
_N_POINTS = 1000
_COLOUR_CHARACTERS = 30
_N_LINES = 5
_N_GROUPS = 30
_MOST_TIMES = 500
_MISSING = "(missing)"
_SHADES = [[0, "#eaf2f9"], [1, "#0e538b"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is to be drawn.

    Attributes:
        kind: One of `KINDS`.
        x, y, by: Names of columns; which are needed depends on the kind.
        bins: Bins, or most values, of an axis.
        function: For time series: what to compute of ``y``.
        interval: For time series: width of a bucket; None chooses.
    """

    kind: str
    x: str | None = None
    y: str | None = None
    by: str | None = None
    bins: int = 30
    function: str = "count"
    interval: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A chart.

    Attributes:
        figure: For Plotly.
        columns: Heads of the values behind it.
        rows: These values.
        note: What the reader should know, such as that points are a sample.
    """

    figure: dict[str, Any]
    columns: list[str]
    rows: list[list[Any]]
    note: str = ""


def read_choice(columns: Sequence[TableColumn], document: object) -> Choice:
    """Read what the browser sent; columns come by their places, ``c0``, ``c1``, and so on.

    Raises:
        InvalidInput: It is no choice, or names a column that the table does not have.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput(f"The choice of a chart is {document!r}; it must be an object.")
    named = {
        field: column_at(columns, document[field]).name
        for field in ("x", "y", "by")
        if document.get(field)
    }
    bins = document.get("bins") or 30
    if not isinstance(bins, int):
        raise InvalidInput(f"A chart cannot have {bins!r} bins. Choose 1 to {MOST_BINS}.")
    return Choice(
        kind=str(document.get("kind")),
        bins=bins,
        function=str(document.get("function") or "count"),
        interval=str(document["interval"]) if document.get("interval") else None,
        **named,
    )


def draw(table: Table, choice: Choice, conditions: Sequence[Condition] = ()) -> Drawn:
    """Draw a chart over the rows that meet the conditions.

    Raises:
        InvalidInput: A column is missing or of a type that the chart cannot show.
    """
    if choice.kind not in KINDS:
        raise InvalidInput(f"{choice.kind!r} is not a chart. Choose from {', '.join(KINDS)}.")
    if not 1 <= choice.bins <= MOST_BINS:
        raise InvalidInput(f"A chart cannot have {choice.bins} bins. Choose 1 to {MOST_BINS}.")
    return KINDS[choice.kind](table, choice, conditions)


def _histogram(table: Table, choice: Choice, conditions: Sequence[Condition]) -> Drawn:
    x = _needed(choice, "x")
    found = histogram(table, x, bins=choice.bins, filters=conditions)
    spans = list(zip(found.edges[:-1], found.edges[1:], strict=True))
    trace = {
        "type": "bar",
        "x": [middle(low, high) for low, high in spans],
        "y": list(found.counts),
        "customdata": [f"{short(low)} to {short(high)}" for low, high in spans],
        "hovertemplate": "%{customdata}<br>%{y:,} rows<extra></extra>",
        "marker": {"color": COLOURS[0]},
    }
    rows = [[low, high, n] for (low, high), n in zip(spans, found.counts, strict=True)]
    left_out = [(found.n_missing, "missing"), (found.n_infinite, "infinite")]
    note = ", ".join(f"{n:,} {what}" for n, what in left_out if n)
    return Drawn(
        figure=figure([trace], x=x, y="Rows", bargap=0.02),
        columns=["from", "to", "rows"],
        rows=rows,
        note=f"Not drawn: {note}." if note else "",
    )


def _bars(table: Table, choice: Choice, conditions: Sequence[Condition]) -> Drawn:
    x = _needed(choice, "x")
    found = value_counts(table, x, n=choice.bins, filters=conditions)
    rows: list[list[Any]] = [
        [cut(value), count] for value, count in zip(found.values, found.counts, strict=True)
    ]
    if found.n_missing:
        rows.append([_MISSING, found.n_missing])
    trace = {
        "type": "bar",
        "orientation": "h",
        # By place: two long labels may be cut to the same text.
        "y": list(range(len(rows))),
        "x": [count for _, count in rows],
        "customdata": [safe(label) for label, _ in rows],
        "hovertemplate": "%{customdata}<br>%{x:,} rows<extra></extra>",
        "marker": {"color": COLOURS[0]},
    }
    drawn = figure(
        [trace], x="Rows", y=x, yaxis=place_labels([label for label, _ in rows], is_reversed=True)
    )
    note = f"{found.n_other:,} rows have other values." if found.n_other else ""
    return Drawn(figure=drawn, columns=[x, "rows"], rows=rows, note=note)


def _boxes(table: Table, choice: Choice, conditions: Sequence[Condition]) -> Drawn:
    y = _needed(choice, "y")
    found = boxes(table, y, by=choice.by, max_groups=_N_GROUPS, filters=conditions)
    labels = [_MISSING if one.label is None else cut(one.label) for one in found]
    labels = labels if choice.by else [y]
    trace = {
        "type": "box",
        "x": list(range(len(found))),
        "lowerfence": [one.lower_whisker for one in found],
        "q1": [one.q1 for one in found],
        "median": [one.median for one in found],
        "q3": [one.q3 for one in found],
        "upperfence": [one.upper_whisker for one in found],
        "mean": [one.mean for one in found],
        "marker": {"color": COLOURS[0]},
    }
    names = ["count", "minimum", "lower_whisker", "q1", "median", "q3", "upper_whisker"]
    names += ["maximum", "mean", "n_outliers"]
    rows = [
        [label, *(getattr(one, name) for name in names)]
        for label, one in zip(labels, found, strict=False)
    ]
    n_outliers = sum(one.n_outliers for one in found)
    note = "Whiskers end at the last value within 1.5 IQR of the box" + (
        f"; {n_outliers:,} values lie beyond." if n_outliers else "."
    )
    if choice.by and len(found) == _N_GROUPS:
        note += f" The {_N_GROUPS} largest groups are drawn."
    drawn = figure([trace], x=choice.by or "", y=y, xaxis=place_labels(labels))
    return Drawn(figure=drawn, columns=[choice.by or "column", *names], rows=rows, note=note)


def _scatter(table: Table, choice: Choice, conditions: Sequence[Condition]) -> Drawn:
    x, y = _needed(choice, "x"), _needed(choice, "y")
    found = scatter(table, x, y, colour=choice.by, n=_N_POINTS, filters=conditions)
    points = [
        [rounded(a), rounded(b), *([_shade(c)] if found.colour else [])]
        for a, b, c in zip(found.x, found.y, found.colour or found.x, strict=True)
    ]
    note = (
        f"{len(points):,} points drawn at random of {found.n_rows:,}."
        if found.n_rows > len(points)
        else f"{len(points):,} points."
    )
    columns = [x, y, *([choice.by] if choice.by else [])]
    traces = _point_traces(points, has_colour=found.colour is not None)
    drawn = figure(traces, x=x, y=y, showlegend=len(traces) > 1)
    return Drawn(figure=drawn, columns=columns, rows=points, note=note)


def _shade(value: Any) -> Any:
    return cut(value, _COLOUR_CHARACTERS) if isinstance(value, str) else rounded(value)


def _point_traces(points: Sequence[Sequence[Any]], *, has_colour: bool) -> list[dict[str, Any]]:
    base = {"type": "scatter", "mode": "markers"}
    dots = {"size": 5, "opacity": 0.6}
    if not has_colour:
        return [_points(points) | base | {"marker": dots | {"color": COLOURS[0]}}]
    if all(is_number(point[2]) or point[2] is None for point in points):
        shades = {"color": [point[2] for point in points], "colorscale": "Viridis"}
        return [_points(points) | base | {"marker": dots | shades | {"showscale": True}}]
    groups: dict[str, list[Sequence[Any]]] = {}
    for point in points:
        label = _MISSING if point[2] is None else str(point[2])
        groups.setdefault(label, []).append(point)
    by_size = sorted(groups, key=lambda label: -len(groups[label]))
    kept = by_size[: len(COLOURS) - 1]
    rest = [point for label in by_size[len(kept) :] for point in groups[label]]
    parts = [(label, groups[label]) for label in kept] + ([("others", rest)] if rest else [])
    return [
        _points(part)
        | base
        | {
            "name": safe(label),
            "marker": dots | {"color": COLOURS[place]},
        }
        for place, (label, part) in enumerate(parts)
    ]


def _points(points: Sequence[Sequence[Any]]) -> dict[str, Any]:
    return {"x": [point[0] for point in points], "y": [point[1] for point in points]}


def _heat_map(table: Table, choice: Choice, conditions: Sequence[Condition]) -> Drawn:
    x, y = _needed(choice, "x"), _needed(choice, "y")
    found = heat_map(table, x, y, bins=min(choice.bins, 60), filters=conditions)
    across, down = axis_labels(found.x), axis_labels(found.y)
    trace = {
        "type": "heatmap",
        "x": axis_places(found.x),
        "y": axis_places(found.y),
        "z": [list(line) for line in found.counts],
        "colorscale": _SHADES,
        "colorbar": {"title": {"text": "Rows"}},
        "hovertemplate": "%{z:,} rows<extra></extra>",
    }
    rows = [[label, *line] for label, line in zip(down, found.counts, strict=True)]
    hidden = found.n_rows - found.n_shown
    drawn = figure(
        [trace],
        x=x,
        y=y,
        xaxis=place_labels(across) if found.x.labels else {},
        yaxis=place_labels(down) if found.y.labels else {},
    )
    note = f"{hidden:,} rows have a missing, infinite or rare value and are not drawn."
    return Drawn(
        figure=drawn, columns=[f"{y} / {x}", *across], rows=rows, note=note if hidden else ""
    )


def _time_series(table: Table, choice: Choice, conditions: Sequence[Condition]) -> Drawn:
    x = _needed(choice, "x")
    if choice.function not in FUNCTIONS:
        raise InvalidInput(f"{choice.function!r} is not one of {', '.join(FUNCTIONS)}.")
    found = time_series(
        table,
        x,
        function=choice.function,  # type: ignore[arg-type]
        column=choice.y,
        interval=choice.interval,  # type: ignore[arg-type]
        by=choice.by,
        max_lines=_N_LINES,
        filters=conditions,
    )
    if len(found.times) > _MOST_TIMES:
        raise InvalidInput(
            f"There are {len(found.times):,} times to the {found.interval}, and at most "
            f"{_MOST_TIMES} are drawn. Choose a wider interval, or filter the rows."
        )
    figures = [[rounded(value) for value in line.values] for line in found.lines]
    labels = [None if line.label is None else cut(line.label) for line in found.lines]
    what = f"{choice.function} of {choice.y}" if choice.y else "Rows"
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers" if len(found.times) <= 60 else "lines",
            "x": list(found.times),
            "y": values,
            "name": safe(label or what),
            "line": {"color": COLOURS[place], "width": 2},
        }
        for place, (label, values) in enumerate(zip(labels, figures, strict=True))
    ]
    rows = [[time, *values] for time, *values in zip(found.times, *figures, strict=True)]
    return Drawn(
        figure=figure(traces, x=x, y=what, showlegend=bool(choice.by), hovermode="x unified"),
        columns=[x, *(label or what for label in labels)],
        rows=rows,
        note=f"One value a {found.interval}."
        + (f" The {_N_LINES} most frequent groups." if len(labels) == _N_LINES else ""),
    )


KINDS: Mapping[str, Callable[[Table, Choice, Sequence[Condition]], Drawn]] = {
    "histogram": _histogram,
    "bar": _bars,
    "box": _boxes,
    "scatter": _scatter,
    "heat": _heat_map,
    "time": _time_series,
}


def _needed(choice: Choice, field: str) -> str:
    name = getattr(choice, field)
    if not name:
        raise InvalidInput(f"Choose a column for the {field} axis of the chart.")
    return str(name)
