"""The interface of a forecasting model, and what models of single series share."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from automl._forecast._panel import Array, Panel, right_aligned

_FIRST_CELLS, _MOST_CELLS = 1500, 60_000
_CHUNK_SECONDS = 0.15


def always() -> bool:
    """Answer that there is time."""
    return True


class OutOfTime(Exception):
    """A fit noticed that its time is up."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """The circumstances of a fit.

    Attributes:
        horizon: Steps to forecast.
        seed: Seed of everything random.
        n_threads: Threads that a library may use.
        may_go_on: Asked between pieces of work; false means: raise `OutOfTime`.
        lags: Lags of the target for global models; None chooses.
        rolling_window: Steps of their rolling means; None chooses.
        has_feature_lags: Whether past covariates are used.
        max_rows: Upper bound of a global model's training rows.
    """

    horizon: int
    seed: int = 0
    n_threads: int = 1
    may_go_on: Callable[[], bool] = always
    lags: tuple[int, ...] | None = None
    rolling_window: int | None = None
    has_feature_lags: bool = True
    max_rows: int = 60_000

    def check_time(self) -> None:
        """Raise `OutOfTime` when the time is up."""
        if not self.may_go_on():
            raise OutOfTime


class Fitted(Protocol):
    """A fitted model: picklable, and ready for newer history than it was fitted on."""

    def forecast(self, panel: Panel, known: Sequence[Array], horizon: int) -> Array:
        """Return forecasts of the steps after each series' end, shape (N, horizon).

        Args:
            panel: The history.
            known: Covariates of these steps that are known in advance, shapes (horizon, p).
            horizon: Number of steps.
        """

    def without_clock(self) -> "Fitted":
        """Return the model for use after the search, whose clock it no longer asks."""


class ForecastModel(Protocol):
    """A candidate of the search."""

    name: str

    def suits(self, panel: Panel, horizon: int) -> bool:
        """Whether it can say anything about these series."""

    def fit(self, panel: Panel, work: Work) -> Fitted:
        """Learn from the history.

        Raises:
            OutOfTime: `work.may_go_on` turned false.
        """


class LocalModel(ABC):
    """A model that looks at each series alone: fitting and forecasting are one act.

    Attributes:
        name: Unique name.
        min_length: Series shorter than this are left to the seasonal naive rule.
        max_length: Only so many last values are looked at.
        chunk_size: Series that are worked on at once at most; the time is checked between chunks.
    """

    name: str
    min_length: int = 2
    max_length: int = 2000
    chunk_size: int = 256

    def suits(self, panel: Panel, horizon: int) -> bool:
        """Whether at least one series is long enough."""
        del horizon
        return bool((panel.lengths >= self.min_length).any())

    def fit(self, panel: Panel, work: Work) -> "LocalFitted":
        """Return the model bound to its circumstances; the work is done by `forecast`."""
        del panel
        return LocalFitted(model=self, may_go_on=work.may_go_on)

    @abstractmethod
    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Forecast some series, each as if it were alone.

        Args:
            y: Series of at least `min_length` values that end together, NaN in front, shape (n, T).
            seasons: Seasons in steps, the shortest first; may be empty.
            horizon: Number of steps.

        Returns:
            Forecasts, shape (n, horizon); rows that are not finite fall back to the naive rule.
        """


@dataclass(frozen=True)
class LocalFitted:
    """A local model with the clock of the search, which is forgotten when it is stored."""

    model: LocalModel
    may_go_on: Callable[[], bool] = always

    def without_clock(self) -> "LocalFitted":
        """Return the model for use after the search."""
        return LocalFitted(model=self.model)

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model, "may_go_on": always}

    def forecast(self, panel: Panel, known: Sequence[Array], horizon: int) -> Array:
        """Return forecasts, shape (N, horizon)."""
        del known
        seasons = panel.spec.seasons
        out = np.full((len(panel), horizon), np.nan)
        order = np.argsort(panel.lengths, kind="stable")
        order = order[panel.lengths[order] >= self.model.min_length]
        begin, cells = 0, _FIRST_CELLS
        while begin < len(order):
            if not self.may_go_on():
                raise OutOfTime
            width = min(int(panel.lengths[order[begin]]), self.model.max_length)
            size = int(np.clip(cells // width, 1, self.model.chunk_size))
            rows = order[begin : begin + size]
            begin += size
            started = time.monotonic()
            y = right_aligned([panel.y[i][-self.model.max_length :] for i in rows])
            with np.errstate(all="ignore"):
                out[rows] = self.model.forecast_rows(y, seasons, horizon)
            # A chunk is as large as can be done between two looks at the clock.
            pace = _CHUNK_SECONDS / max(time.monotonic() - started, 1e-4)
            cells = int(np.clip(cells * min(max(pace, 0.25), 4.0), 200, _MOST_CELLS))
        return with_fallback(out, panel)


def with_fallback(forecasts: Array, panel: Panel) -> Array:
    """Replace rows that are not finite or absurd by the seasonal naive forecast.

    Absurd is what lies more than three ranges of the series outside of its range.
    """
    out = forecasts.copy()
    horizon = out.shape[1]
    for i, y in enumerate(panel.y):
        low, high = float(y.min()), float(y.max())
        room = 3.0 * ((high - low) or abs(high) or 1.0)
        row = out[i]
        if not (np.isfinite(row).all() and row.min() >= low - room and row.max() <= high + room):
            out[i] = seasonal_naive(y, panel.spec.season, horizon)
    return out


def seasonal_naive(y: Array, season: int, horizon: int) -> Array:
    """Repeat the last season; a series shorter than a season repeats its last value.

    >>> seasonal_naive(np.array([1.0, 2.0, 3.0]), 2, 3)
    array([2., 3., 2.])
    """
    m = season if len(y) >= season else 1
    return np.resize(y[-m:], horizon)
