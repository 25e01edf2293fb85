"""The studio's view of a forecasting search: chart and measures, and the fields of a new one."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow import MlflowClient

_CHART_TYPE, _SELECT_TYPE = "automl-forecast-chart", "automl-forecast-series"
_HEIGHT = 340
# The studio's chart colours; bands are the same with little opacity.
_FORECAST, _BACKTEST, _HISTORY = "#2272b4", "#d9730d", "#8a949e"
_BAND = {_FORECAST: "rgba(34, 114, 180, .17)", _BACKTEST: "rgba(217, 115, 13, .12)"}
_TRANSPARENT = "rgba(0,0,0,0)"


class ForecastCards:
    """The cards that a finished forecasting search adds to its page."""

    def __init__(self, studio: Any) -> None:
        from dash import MATCH, Input, Output, State

        self._studio = studio
        studio.callback(
            Output({"type": _CHART_TYPE, "run": MATCH}, "children"),
            Input({"type": _SELECT_TYPE, "run": MATCH}, "value"),
            State({"type": _SELECT_TYPE, "run": MATCH}, "id"),
            prevent_initial_call=True,
        )(self._on_series)

    def cards(self, client: MlflowClient, run: Any) -> list[Any]:
        """Return the forecast's chart, the measures of the backtests, and the features' shares."""
        run_id = run.info.run_id
        data = read_json(client, run_id, "forecast.json")
        if not data or not data["series"]:
            return []
        ui = self._studio.ui
        found = [ui.card("Forecast", *self._chart_parts(data, run_id))]
        importance = read_json(client, run_id, "importance.json")
        measures = _measures(ui, run.data.metrics)
        if importance:
            features = ui.card("What the forecast rests on", _importance(ui, importance[:10]))
            found.append(ui.columns(ui.card("Measures", measures), features))
        else:
            found.append(ui.card("Measures", measures))
        return found

    def _chart_parts(self, data: dict[str, Any], run_id: str) -> list[Any]:
        import dash_mantine_components as dmc
        from dash import html

        names = [one["name"] for one in data["series"]]
        shown = html.Div(series_chart(data, 0), id={"type": _CHART_TYPE, "run": run_id})
        if len(names) == 1:
            return [shown]
        n = data["n_series"]
        about = f"The {len(names)} largest of {n}." if n > len(names) else None
        select = dmc.Select(
            id={"type": _SELECT_TYPE, "run": run_id},
            label="Series",
            description=about,
            data=[{"value": str(i), "label": name} for i, name in enumerate(names)],
            value="0",
            searchable=True,
            allowDeselect=False,
            maw=420,
            mb="sm",
        )
        return [select, shown]

    def _on_series(self, value: str, place: dict[str, str]) -> Any:
        data = read_json(self._studio.client(), place["run"], "forecast.json")
        return series_chart(data, int(value))


def read_json(client: MlflowClient, run_id: str, name: str) -> Any:
    """Return an artifact's content; None if it is not there."""
    if name not in {item.path for item in client.list_artifacts(run_id)}:
        return None
    with TemporaryDirectory() as folder:
        path = client.download_artifacts(run_id, name, folder)
        return json.loads(Path(path).read_text(encoding="utf-8"))


def series_chart(data: dict[str, Any], i: int) -> Any:
    """Return the chart of one series: history, backtest and forecast with their bands."""
    import plotly.graph_objects as go
    from dash import dcc, html

    one = data["series"][i]
    figure = go.Figure(layout=_LAYOUT)
    for name, label, colour in (
        ("backtest", "Backtest", _BACKTEST),
        ("forecast", "Forecast", _FORECAST),
    ):
        if one[name]:
            _add_bands(figure, one[name], data["levels"], colour, label)
    figure.add_scatter(
        x=one["history"]["ds"],
        y=one["history"]["y"],
        name="History",
        mode="lines",
        line={"color": _HISTORY, "width": 2},
    )
    for name, label, colour, dash in (
        ("backtest", "Backtest", _BACKTEST, "dash"),
        ("forecast", "Forecast", _FORECAST, "solid"),
    ):
        if one[name]:
            figure.add_scatter(
                x=one[name]["ds"],
                y=one[name]["yhat"],
                name=label,
                mode="lines",
                line={"color": colour, "width": 2, "dash": dash},
            )
    levels = " and ".join(f"{level:g} %" for level in data["levels"])
    title = f"{one['name']}: history, forecast and backtest"
    graph = dcc.Graph(
        figure=figure,
        config={"displaylogo": False},
        responsive=True,
        style={"height": f"{_HEIGHT}px"},
    )
    note = html.P(
        f"Bands are intervals of {levels}. The backtest was made without seeing its steps."
        + (
            "" if one["forecast"] else " A forecast needs the covariates that are known in advance."
        ),
        className="studio-dim",
    )
    return html.Figure(
        [html.Figcaption(title), graph, note],
        className="studio-chart",
        **_named(f"Chart of {title}"),
    )


def _named(label: str) -> dict[str, Any]:
    return {"aria-label": label}


_LAYOUT: dict[str, Any] = {
    "margin": {"l": 56, "r": 12, "t": 8, "b": 36},
    "paper_bgcolor": _TRANSPARENT,
    "plot_bgcolor": _TRANSPARENT,
    "font": {"size": 12},
    "hovermode": "x unified",
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    "xaxis": {"zeroline": False},
    "yaxis": {"zeroline": False, "exponentformat": "power"},
}


def _add_bands(
    figure: Any, part: dict[str, Any], levels: list[float], colour: str, label: str
) -> None:
    for level, low, high in reversed(list(zip(levels, part["low"], part["high"], strict=True))):
        figure.add_scatter(
            x=[*part["ds"], *part["ds"][::-1]],
            y=[*low, *high[::-1]],
            name=f"{label}, {level:g} %",
            mode="lines",
            fill="toself",
            fillcolor=_BAND[colour],
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )


def _measures(ui: Any, metrics: dict[str, float]) -> Any:
    from automl._forecast._measures import FORECAST_METRICS

    has_test = any(key.startswith("test_") for key in metrics)
    headings = ["Measure", "Backtests", *(["Test rows"] if has_test else [])]
    rows = [
        [
            name,
            ui.number(metrics.get(f"backtest_{name}")),
            *([ui.number(metrics.get(f"test_{name}"))] if has_test else []),
        ]
        for name in FORECAST_METRICS
        if f"backtest_{name}" in metrics or f"test_{name}" in metrics
    ]
    return ui.table(headings, rows, label="Measures of the forecast")


def _importance(ui: Any, rows: list[dict[str, Any]]) -> Any:
    shown = [
        [
            row["feature"],
            ui.bar(row["importance"], label=row["feature"]),
            f"{row['importance']:.0%}",
        ]
        for row in rows
    ]
    return ui.table(["Feature", "Share", ""], shown, label="Shares of the features")


# ------------------------------------------------------------------ a new search


def form_fields(field: Any, columns: list[str]) -> list[Any]:
    """Return the fields that only forecasting has.

    Args:
        field: Makes the id of a field from its name.
        columns: Columns of the chosen table.
    """
    import dash_mantine_components as dmc

    return [
        dmc.Select(
            id=field("time"), label="Time column", description="Dates or times of the rows.",
            data=columns, value=guessed_time(columns), searchable=True, allowDeselect=False,
        ),
        dmc.MultiSelect(
            id=field("series"), label="Series", data=columns, value=[], searchable=True,
            description="Columns that name a series, if there are several series in the table.",
        ),
        dmc.MultiSelect(
            id=field("known"), label="Known in advance", data=columns, value=[], searchable=True,
            description="Columns whose future you will give, such as prices or promotions.",
        ),
        dmc.NumberInput(
            id=field("horizon"), label="Horizon", description="Steps to forecast.",
            value=12, min=1, step=1, allowDecimal=False,
        ),
    ]  # fmt: skip


def guessed_time(columns: list[str]) -> str | None:
    """Return the column whose name sounds like a time."""
    words = ("date", "time", "ds", "timestamp", "day", "week", "month", "year")
    exact = [c for word in words for c in columns if c.lower() == word]
    close = [c for word in words if len(word) > 2 for c in columns if word in c.lower()]
    return next(iter([*exact, *close]), None)


def forecasting_section(
    *,
    time: str | None,
    series: list[str],
    known: list[str],
    horizon: float | str | None,
    others: list[str],
) -> dict[str, Any]:
    """Return the `forecasting` section of a job file.

    Args:
        time: The time column.
        series: Columns that name a series.
        known: Columns known in advance.
        horizon: Steps to forecast.
        others: All columns but the target.

    Raises:
        MlflowException: A field is empty.
    """
    from mlflow.exceptions import MlflowException

    if not time:
        raise MlflowException.invalid_parameter_value("Choose the time column of the forecast.")
    if not isinstance(horizon, int | float) or int(horizon) != horizon or horizon < 1:
        raise MlflowException.invalid_parameter_value(
            f"The horizon is {horizon!r}. It must be a whole number of steps from 1."
        )
    section: dict[str, Any] = {"time_column_name": time, "forecast_horizon": int(horizon)}
    if series:
        section["time_series_id_column_names"] = list(series)
    unknown = [c for c in others if c not in {time, *series, *known}]
    if unknown:
        section["features_unknown_at_forecast_time"] = unknown
    return section
