"""Rolling origins: what a backtest may see, and what came after."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automl._errors import OptionError
from automl._forecast._measures import Truth
from automl._forecast._panel import Array, Panel

_MIN_HISTORY = 4


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One origin.

    Attributes:
        series: Numbers of the series that are long enough, shape (n,).
        history: What may be seen of them.
        known: Their covariates known in advance of the steps to come, shapes (h, p).
        truth: What came.
        offset: Steps from the origin to the end of each series.
    """

    series: Array
    history: Panel
    known: Sequence[Array]
    truth: Truth
    offset: int


def make_folds(
    panel: Panel, horizon: int, *, n_windows: int | None, step: int | None
) -> tuple[Fold, ...]:
    """Return backtest windows, the latest first; () if no series is long enough for one.

    Args:
        panel: All series.
        horizon: Steps of a window.
        n_windows: Number of windows; None chooses by the number and the length of the series.
        step: Steps between origins; None chooses.

    Raises:
        OptionError: Named windows do not fit.
    """
    offsets = _offsets(panel, horizon, n_windows=n_windows, step=step)
    return tuple(_fold(panel, horizon, offset) for offset in offsets)


def _offsets(panel: Panel, horizon: int, *, n_windows: int | None, step: int | None) -> list[int]:
    longest = int(panel.lengths.max())
    room = longest - horizon - _MIN_HISTORY
    if room < 0:
        if n_windows is not None:
            raise OptionError(
                f"n_windows={n_windows} does not fit: the longest series has {longest} steps, "
                "a window of "
                f"{horizon} and {_MIN_HISTORY} before it are needed. Give more history or a "
                "shorter horizon."
            )
        return []
    if n_windows is not None:
        wanted = step or max(1, min(horizon, room // max(n_windows - 1, 1)))
        if (n_windows - 1) * wanted > room:
            raise OptionError(
                f"{n_windows} windows {wanted} steps apart do not fit into {longest} steps: at "
                "most "
                f"{room // wanted + 1} do."
            )
        return [horizon + j * wanted for j in range(n_windows)]
    typical = int(np.median(panel.lengths))
    # The earliest origin keeps half of a typical series, and two seasons where there are three.
    kept = max(typical // 2, min(2 * panel.spec.season + 2, typical - horizon), _MIN_HISTORY)
    usable = max(typical - horizon - kept, 0)
    wanted = step or max(
        1, min(horizon, usable // 2) if len(panel) > _FEW_SERIES else -(-horizon // 2)
    )
    n = min(_n_windows(panel), usable // wanted + 1)
    return [horizon + j * wanted for j in range(n)]


_FEW_SERIES = 10
_MANY_VALUES = 5000


def _n_windows(panel: Panel) -> int:
    """Few series need many windows for a fair choice; many series have enough in two."""
    n = len(panel)
    if n <= _FEW_SERIES and int(panel.lengths.sum()) <= _MANY_VALUES:
        return 8
    return next((windows for most, windows in ((60, 4), (1000, 3)) if n <= most), 2)


def _fold(panel: Panel, horizon: int, offset: int) -> Fold:
    enough = panel.lengths - offset >= min(_MIN_HISTORY, int(panel.lengths.max()) - offset)
    series = np.flatnonzero(enough)
    part = panel.select(series)
    cut = part.lengths - offset
    history = part.until(cut)

    def after(values: Sequence[Array]) -> list[Array]:
        return [v[n : n + horizon] for v, n in zip(values, cut, strict=True)]

    truth = Truth(
        y=np.array(after(part.y)),
        seen=np.array(after(part.observed)),
        scale=history.scales(),
        span=spans(part),
    )
    return Fold(series=series, history=history, known=after(part.known), truth=truth, offset=offset)


def spans(panel: Panel) -> Array:
    """Return the range of each series, 1 where it is constant, shape (N,)."""
    return np.array([float(np.ptp(v)) or 1.0 for v in panel.y])
