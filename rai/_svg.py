"""Small charts as SVG text: no scripts, fonts or requests; colours come from CSS classes.

Every chart has a title for screen readers; its figures also stand in a table or in ``<title>``
marks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

SERIES_CLASSES = 10
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line, its points, or a band around it.

    Attributes:
        label: Name in the legend.
        x: Coordinates; the line runs through them in order.
        y: Coordinates.
        low: Lower ends of intervals drawn at the points, or None.
        high: Upper ends.
        has_points: Whether to draw points and not only a line.
        is_reference: Whether it is a baseline, drawn dashed and grey.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    has_points: bool = False
    is_reference: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The plotting area: data ranges mapped to pixels."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    width: int = 360
    height: int = 280
    left: int = 46
    right: int = 12
    top: int = 10
    bottom: int = 40

    def x(self, value: float) -> float:
        """Return the pixel column of a data value."""
        share = (value - self.x_low) / ((self.x_high - self.x_low) or 1.0)
        return self.left + share * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """Return the pixel row of a data value."""
        share = (value - self.y_low) / ((self.y_high - self.y_low) or 1.0)
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)


def number(value: float, digits: int = 3) -> str:
    """Return a number as people read it: thousands grouped, about ``digits`` significant digits."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "-"
    if not 1e-4 <= abs(value) < 1e9:
        return f"{value:.{digits - 1}e}"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{min(decimals, 4)}f}"


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Return round numbers between two ends, about ``n`` of them."""
    reach = high - low
    if not reach > 0:
        return [low]
    raw = reach / n
    unit = 10.0 ** math.floor(math.log10(raw))
    step = unit * next(m for m in (1, 2, 2.5, 5, 10) if unit * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
) -> str:
    """Draw lines with axes; without ranges the data decide."""
    x_low, x_high = x_range or _reach([v for s in series for v in s.x])
    y_low, y_high = y_range or _reach(
        [v for s in series for values in (s.y, s.low or (), s.high or ()) for v in values]
    )
    frame = Frame(x_low=x_low, x_high=x_high, y_low=y_low, y_high=y_high)
    body = [_axes(frame, x_label, y_label)]
    colour = 0
    for line in series:
        name = "ref" if line.is_reference else f"s{colour % SERIES_CLASSES}"
        colour += not line.is_reference
        body.append(_line(frame, line, name))
    return _svg(title, frame.width, frame.height, "".join(body))


def _reach(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.04 or 1.0
    return low - margin, high + margin


def _line(frame: Frame, line: Series, name: str) -> str:
    points = [(frame.x(x), frame.y(y)) for x, y in zip(line.x, line.y, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [f'<polyline class="line {name}" points="{path}"/>']
    for x, low, high in zip(line.x, line.low or (), line.high or (), strict=False):
        parts.append(
            f'<line class="whisker {name}" x1="{frame.x(x):.1f}" x2="{frame.x(x):.1f}" '
            f'y1="{frame.y(low):.1f}" y2="{frame.y(high):.1f}"/>'
        )
    if line.has_points:
        parts += [
            f'<circle class="dot {name}" cx="{px:.1f}" cy="{py:.1f}" r="3.5">'
            f"<title>{escape(line.label)}: {number(x)}, {number(y)}</title></circle>"
            for (px, py), x, y in zip(points, line.x, line.y, strict=True)
        ]
    return "".join(parts)


def _axes(frame: Frame, x_label: str, y_label: str) -> str:
    bottom, right = frame.height - frame.bottom, frame.width - frame.right
    parts = []
    for value in ticks(frame.y_low, frame.y_high):
        y = frame.y(value)
        parts.append(
            f'<line class="grid" x1="{frame.left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{frame.left - 6}" y="{y + 3.5:.1f}" '
            f'text-anchor="end">{_tick(value)}</text>'
        )
    for value in ticks(frame.x_low, frame.x_high):
        x = frame.x(value)
        parts.append(
            f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>'
            f'<text class="tick" x="{x:.1f}" y="{bottom + 15}" '
            f'text-anchor="middle">{_tick(value)}</text>'
        )
    middle_x, middle_y = (frame.left + right) / 2, (frame.top + bottom) / 2
    parts.append(
        f'<line class="axis" x1="{frame.left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
        f'<text class="label" x="{middle_x:.0f}" y="{frame.height - 8}" '
        f'text-anchor="middle">{escape(x_label)}</text>'
        f'<text class="label" transform="translate(11 {middle_y:.0f}) rotate(-90)" '
        f'text-anchor="middle">{escape(y_label)}</text>'
    )
    return "".join(parts)


def _tick(value: float) -> str:
    if abs(value) >= 1e6 or (value != 0 and abs(value) < 1e-3):
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", f"e{MINUS}")
    if abs(value) >= 1e4:
        return f"{value / 1000:g}k".replace("-", MINUS)
    return f"{value:g}".replace("-", MINUS)


def histogram(
    title: str, edges: Sequence[float], counts: Sequence[int], *, x_label: str, y_label: str
) -> str:
    """Draw a histogram; bars are as wide as their bins and as high as their counts."""
    frame = Frame(
        x_low=edges[0], x_high=edges[-1], y_low=0.0, y_high=max(*counts, 1) * 1.05, width=480
    )
    bars = []
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        x, width = frame.x(low), max(frame.x(high) - frame.x(low) - 1, 0.5)
        y = frame.y(count)
        bars.append(
            f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{frame.height - frame.bottom - y:.1f}">'
            f"<title>{number(low)} to {number(high)}: {count:,} rows</title></rect>"
        )
    zero = ""
    if edges[0] < 0 < edges[-1]:
        zero = (
            f'<line class="line ref" x1="{frame.x(0):.1f}" x2="{frame.x(0):.1f}" '
            f'y1="{frame.top}" y2="{frame.height - frame.bottom}"/>'
        )
    return _svg(
        title, frame.width, frame.height, _axes(frame, x_label, y_label) + "".join(bars) + zero
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A row of a dot chart: a value with its interval, or no value."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    is_faint: bool = False


def dot_chart(
    title: str, dots: Sequence[Dot], *, overall: float | None, x_range: tuple[float, float] | None
) -> str:
    """Draw values with intervals, one row each; a dashed line marks the value over all rows."""
    known = [v for d in dots for v in (d.value, d.low, d.high) if v is not None]
    if overall is not None:
        known.append(overall)
    x_low, x_high = x_range or _reach(known or [0.0, 1.0])
    left = int(min(max(len(d.label) for d in dots), 26) * 6.4) + 14
    frame = Frame(
        x_low=x_low, x_high=x_high, y_low=0, y_high=1, width=left + 300, height=len(dots) * 24 + 34,
        left=left, right=46, top=6, bottom=28,
    )  # fmt: skip
    bottom = frame.height - frame.bottom
    body = []
    for value in ticks(x_low, x_high, 4):
        x = frame.x(value)
        body.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top}" y2="{bottom}"/>'
            f'<text class="tick" x="{x:.1f}" y="{bottom + 15}" '
            f'text-anchor="middle">{_tick(value)}</text>'
        )
    if overall is not None:
        x = frame.x(overall)
        body.append(
            f'<line class="line ref" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top}" y2="{bottom}">'
            f"<title>All rows: {number(overall)}</title></line>"
        )
    body += [_dot_row(frame, dot, frame.top + 12 + 24 * i) for i, dot in enumerate(dots)]
    return _svg(title, frame.width, frame.height, "".join(body))


def _dot_row(frame: Frame, dot: Dot, y: int) -> str:
    label = dot.label if len(dot.label) <= 26 else dot.label[:25] + "…"
    faint = " faint" if dot.is_faint else ""
    name = (
        f'<text class="name" x="{frame.left - 8}" y="{y + 4}" text-anchor="end">'
        f"<title>{escape(dot.label)}</title>{escape(label)}</text>"
    )
    parts = [name]
    end = frame.width - frame.right + 40
    if dot.value is None:
        parts.append(f'<text class="tick" x="{end}" y="{y + 4}" text-anchor="end">n/a</text>')
        return "".join(parts)
    if dot.low is not None and dot.high is not None:
        parts.append(
            f'<line class="whisker s0{faint}" x1="{frame.x(dot.low):.1f}" '
            f'x2="{frame.x(dot.high):.1f}" '
            f'y1="{y}" y2="{y}"/>'
        )
    parts.append(
        f'<circle class="dot s0{faint}" cx="{frame.x(dot.value):.1f}" cy="{y}" r="4.5">'
        f"<title>{escape(dot.label)}: {number(dot.value)}</title></circle>"
        f'<text class="tick value" x="{end}" y="{y + 4}" '
        f'text-anchor="end">{number(dot.value)}</text>'
    )
    return "".join(parts)


def bar_chart(title: str, bars: Sequence[tuple[str, float, float]]) -> str:
    """Draw horizontal bars of (label, value, standard error), one row each."""
    left = int(min(max(len(label) for label, _, _ in bars), 28) * 6.6) + 14
    top_value = max((value + 2 * error for _, value, error in bars), default=1.0) or 1.0
    width, row = left + 420, 26
    frame = Frame(
        x_low=0, x_high=top_value, y_low=0, y_high=1, width=width, height=len(bars) * row + 8,
        left=left, right=64, top=4, bottom=4,
    )  # fmt: skip
    body = []
    for i, (label, value, error) in enumerate(bars):
        y = frame.top + i * row
        shown = label if len(label) <= 28 else label[:27] + "…"
        reach = frame.x(value + 1.96 * error)
        body.append(
            f'<text class="name" x="{left - 8}" y="{y + 17}" text-anchor="end">'
            f"<title>{escape(label)}</title>{escape(shown)}</text>"
            f'<rect class="bar" x="{left}" y="{y + 4}" '
            f'width="{max(frame.x(value) - left, 0.5):.1f}" height="18" rx="2"/>'
            f'<line class="whisker ink" x1="{max(frame.x(value - 1.96 * error), left):.1f}" '
            f'x2="{reach:.1f}" '
            f'y1="{y + 13}" y2="{y + 13}"/>'
            f'<text class="tick value" x="{reach + 7:.1f}" y="{y + 17}">{number(value)}</text>'
        )
    return _svg(title, frame.width, frame.height, "".join(body))


def _svg(title: str, width: int, height: int, body: str) -> str:
    return (
        f'<svg class="chart" role="img" aria-label="{escape(title)}" viewBox="0 0 {width} '
        f'{height}" '
        f'width="{width}" height="{height}"><title>{escape(title)}</title>{body}</svg>'
    )
