"""What charts show: records of few values, however long the table is."""

from dataclasses import dataclass
from typing import Literal

Edge = float | str
Interval = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts in bins of equal width; all bins but the last are open on the right.

    ``sum(counts) + n_missing + n_infinite == n_rows``.

    Attributes:
        edges: One more than bins; ISO texts for dates. Empty if there is no finite value.
        counts: Rows in each bin.
        n_missing: Rows without a value.
        n_infinite: Rows with an infinite value, which no bin can hold.
        n_rows: Rows that meet the filters.
    """

    column: str
    edges: tuple[Edge, ...]
    counts: tuple[int, ...]
    n_missing: int
    n_infinite: int
    n_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCounts:
    """The most frequent values; ``sum(counts) + n_other + n_missing == n_rows``."""

    column: str
    values: tuple[str, ...]
    counts: tuple[int, ...]
    n_other: int
    n_missing: int
    n_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Tukey's box of one group: whiskers end at the last value within 1.5 IQR of the box.

    Attributes:
        label: The group's value; None without groups, or for rows that miss one.
        count: Finite values.
        n_outliers: Values beyond the whiskers.
    """

    label: str | None
    count: int
    minimum: float
    lower_whisker: float
    q1: float
    median: float
    q3: float
    upper_whisker: float
    maximum: float
    mean: float
    n_outliers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """Points, all or a sample of them.

    Attributes:
        x, y: Coordinates; dates as ISO texts.
        colour: A value for each point, if a column for it was named.
        n_rows: Rows with both coordinates; more than there are points if this is a sample.
    """

    x: tuple[Edge, ...]
    y: tuple[Edge, ...]
    colour: tuple[float | str | None, ...] | None
    n_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of a heat map: ``edges`` of bins, or ``labels`` of the most frequent values."""

    column: str
    edges: tuple[Edge, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many cells the axis has."""
        return len(self.labels) or max(len(self.edges) - 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Counts in cells; row by row along ``y``.

    Attributes:
        n_rows: Rows that meet the filters.
        n_shown: Rows in some cell: not missing, not infinite, not of a rare label.
    """

    x: Axis
    y: Axis
    counts: tuple[tuple[int, ...], ...]
    n_rows: int
    n_shown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLine:
    """One line of a time series; ``values`` are at the times of the series."""

    label: str | None
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    """A figure for each bucket of time that has rows.

    Attributes:
        interval: Width of a bucket.
        times: Starts of the buckets, ISO texts in ascending order.
        lines: One, or one for each of the most frequent groups.
    """

    interval: Interval
    times: tuple[str, ...]
    lines: tuple[TimeLine, ...]
