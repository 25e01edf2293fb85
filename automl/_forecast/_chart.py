"""The picture of a forecast: as data for pages, and as a page of its own that needs nothing else.

The page holds plain SVG, no script: it opens in MLflow's artifact view, from a file, and in
print, in light and dark.
"""

import html
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from automl._forecast._panel import Panel

if TYPE_CHECKING:
    from automl._forecast._predictor import ForecastPredictor

MAX_SERIES = 20
_HISTORY_PER_HORIZON = 6
_MIN_HISTORY, _MAX_HISTORY = 48, 600
_WIDTH, _HEIGHT = 920, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 10, 28


def chart_data(predictor: "ForecastPredictor") -> dict[str, Any]:
    """Return history, forecast and latest backtest of the largest series, ready for JSON.

    Returns:
        `target`, `freq`, `levels`, `n_series` and `series`: for each of them `name`, `history`
        (`ds`, `y`), `forecast` and `backtest` (`ds`, `yhat`, and `low` and `high` with a list for
        each level). A forecast that needs covariates is left out: null.
    """
    panel = predictor.panel
    sizes = np.array([float(np.mean(np.abs(v))) for v in panel.y])
    chosen = np.sort(np.argsort(-sizes, kind="stable")[:MAX_SERIES])
    forecast = None if panel.spec.known else predictor.predict()
    backtest = predictor.backtests
    latest = backtest[backtest["window"] == 0] if len(backtest) else backtest
    return {
        "target": panel.spec.target,
        "freq": panel.spec.freq,
        "levels": list(predictor.levels),
        "n_series": len(panel),
        "series": [_one(predictor, panel, int(i), forecast, latest) for i in chosen],
    }


def _one(
    predictor: "ForecastPredictor",
    panel: Panel,
    i: int,
    forecast: pd.DataFrame | None,
    backtest: pd.DataFrame,
) -> dict[str, Any]:
    n = int(np.clip(_HISTORY_PER_HORIZON * predictor.horizon, _MIN_HISTORY, _MAX_HISTORY))
    y, seen = panel.y[i][-n:], panel.observed[i][-n:]
    end = int(panel.ends[i])
    stamps = panel.stamps(0)[end - len(y) : end]
    return {
        "name": ", ".join(map(str, panel.keys[i])) or panel.spec.target,
        "history": {
            "ds": [s.isoformat() for s in stamps],
            "y": [float(v) if ok else None for v, ok in zip(y, seen, strict=True)],
        },
        "forecast": None if forecast is None else _part(predictor, forecast, panel.keys[i]),
        "backtest": _part(predictor, backtest, panel.keys[i]) if len(backtest) else None,
    }


def _part(
    predictor: "ForecastPredictor", frame: pd.DataFrame, key: tuple[Any, ...]
) -> dict[str, Any] | None:
    spec = predictor.panel.spec
    is_mine = np.ones(len(frame), dtype=bool)
    for name, value in zip(spec.id_columns, key, strict=True):
        is_mine &= (frame[name] == value).to_numpy()
    mine = frame[is_mine]
    if len(mine) == 0:
        return None

    def bounds(side: int) -> list[list[float]]:
        return [
            mine[f"q{round(0.5 + side * level / 200, 6):g}"].tolist() for level in predictor.levels
        ]

    return {
        "ds": [s.isoformat() for s in mine[spec.time_column]],
        "yhat": mine["yhat"].tolist(),
        "low": bounds(-1),
        "high": bounds(1),
    }


# ------------------------------------------------------------------ the page

_STYLE = """
:root { color-scheme: light dark; --text: #11171c; --dim: #5a6570; --line: #d8dde2; --page: #fff;
  --history: #5a6570; --forecast: #2272b4; --backtest: #b35c00; }
@media (prefers-color-scheme: dark) { :root { --text: #e8ecf0; --dim: #a6b1bb; --line: #37424d;
  --page: #12171c; --history: #a6b1bb; --forecast: #8acaff; --backtest: #ffb56b; } }
body { margin: 24px auto; max-width: 960px; padding: 0 16px; background: var(--page); color:
var(--text);
  font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 20px; } h2 { font-size: 15px; margin: 24px 0 4px; overflow-wrap: anywhere; }
p { color: var(--dim); margin: 4px 0; } svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--dim); font: 12px system-ui, sans-serif; }
.grid { stroke: var(--line); } .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.history { stroke: var(--history); } .forecast { stroke: var(--forecast); }
.backtest { stroke: var(--backtest); stroke-dasharray: 5 3; } .band { stroke: none; opacity: .16; }
.band.forecast { fill: var(--forecast); }
.band.backtest { fill: var(--backtest); opacity: .1; }
.key { display: inline-block; margin-right: 16px; }
.key::before { content: ""; display: inline-block; width: 18px; margin-right: 6px;
  vertical-align: middle; border-top: 3px solid var(--c); }
"""


def chart_page(data: dict[str, Any]) -> str:
    """Return the picture as an HTML page."""
    shown, n = len(data["series"]), data["n_series"]
    which = f"The {shown} largest of {n} series." if n > shown else ""
    levels = " and ".join(f"{level:g} %" for level in data["levels"])
    parts = "".join(f"<h2>{html.escape(one['name'])}</h2>{_svg(one)}" for one in data["series"])
    title = html.escape(f"Forecast of {data['target']}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>{which} Bands are intervals of {levels}.</p><p>"
        f'<span class="key" style="--c: var(--history)">history</span>'
        f'<span class="key" style="--c: var(--forecast)">forecast</span>'
        f'<span class="key" style="--c: var(--backtest)">backtest: the end unseen</span>'
        f"</p>{parts}</body></html>"
    )


class _Scale:
    """Maps stamps and values to the picture's coordinates."""

    def __init__(self, stamps: list[str], values: list[float]) -> None:
        self._x0, self._x1 = (pd.Timestamp(f(stamps)).value for f in (min, max))
        low, high = min(values), max(values)
        room = 0.05 * ((high - low) or abs(high) or 1.0)
        self.low, self.high = low - room, high + room

    def x(self, stamp: str) -> float:
        share: float = (pd.Timestamp(stamp).value - self._x0) / max(self._x1 - self._x0, 1)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def points(self, stamps: list[str], values: list[Any]) -> str:
        pairs = zip(stamps, values, strict=True)
        return " ".join(f"{self.x(s):.1f},{self.y(v):.1f}" for s, v in pairs if v is not None)


def _svg(one: dict[str, Any]) -> str:
    history = one["history"]
    parts = [(name, one[name]) for name in ("backtest", "forecast") if one[name]]
    stamps = [*history["ds"], *(s for _, part in parts for s in part["ds"])]
    values = [v for v in history["y"] if v is not None]
    for _, part in parts:
        values += [v for rows in (part["low"], part["high"]) for row in rows for v in row]
    scale = _Scale(stamps, values)
    shapes = [_axes(scale, stamps)]
    for name, part in parts:
        for low, high in zip(part["low"], part["high"], strict=True):
            there = scale.points(part["ds"], low)
            back = scale.points(part["ds"][::-1], high[::-1])
            shapes.append(f'<polygon class="band {name}" points="{there} {back}"/>')
    shapes.append(_line("history", scale.points(history["ds"], history["y"])))
    shapes += [_line(name, scale.points(part["ds"], part["yhat"])) for name, part in parts]
    label = html.escape(f"History and forecast of {one['name']}", quote=True)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(shapes)}</svg>"
    )


def _line(name: str, points: str) -> str:
    return f'<polyline class="line {name}" points="{points}"/>'


def _axes(scale: _Scale, stamps: list[str]) -> str:
    shapes = []
    for value in np.linspace(scale.low, scale.high, 5):
        y = scale.y(float(value))
        shapes.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>'
        )
    ordered = sorted(set(stamps))
    has_time = any(not s[10:].startswith("T00:00:00") for s in ordered)
    for k in range(5):
        stamp = ordered[round(k * (len(ordered) - 1) / 4)]
        anchor = ("start", "middle", "middle", "middle", "end")[k]
        text = stamp[:16].replace("T", " ") if has_time else stamp[:10]
        shapes.append(
            f'<text x="{scale.x(stamp):.1f}" y="{_HEIGHT - 8}" text-anchor="{anchor}">{text}</text>'
        )
    return "".join(shapes)
