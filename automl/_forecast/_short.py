"""Series that are too short for a backtest: kept, padded, dropped or refused."""

from dataclasses import replace

import numpy as np
import pandas as pd

from automl._errors import DataError
from automl._forecast._options import Settings
from automl._forecast._panel import Array, Panel
from automl._guardrails import Finding, done

_FEW = 3


def handle_short(panel: Panel, settings: Settings) -> tuple[Panel, list[Finding]]:
    """Do with series that are too short for a backtest what `short_series` says."""
    needed = settings.horizon + _FEW
    is_short = panel.lengths < needed
    if not is_short.any():
        return panel, []
    n = int(is_short.sum())
    what = f"{n} of {len(panel)} series have fewer than {needed} steps (the horizon and {_FEW})"
    if settings.short_series == "none":
        raise DataError(
            f"{what}. Give more history or a shorter horizon, or choose short_series='pad' or "
            "'drop'."
        )
    if settings.short_series == "drop":
        if is_short.all():
            raise DataError(
                f"{what}: short_series='drop' would leave none. Use 'pad' or a shorter horizon."
            )
        kept = panel.select(np.flatnonzero(~is_short))
        return kept, [done("short_series", f"{what} and were dropped.")]
    if settings.short_series == "pad":
        return _padded(panel, needed), [
            done("short_series", f"{what} and were padded in front with their first value.")
        ]
    note = f"{what}: they are forecast with what was learned from the others, or by simple rules."
    return panel, [done("short_series", note, state="alerted")]


def _padded(panel: Panel, length: int) -> Panel:
    lost = np.maximum(length - panel.lengths, 0)
    first = int(panel.starts.min())
    shift = max(int((lost - (panel.starts - first)).max()), 0)
    offset = pd.tseries.frequencies.to_offset(panel.spec.freq)
    grid = pd.date_range(end=panel.grid[-1], periods=len(panel.grid) + shift, freq=offset)

    def front(values: tuple[Array, ...], *, is_seen: bool = False) -> tuple[Array, ...]:
        return tuple(
            np.concatenate([np.repeat(np.zeros_like(v[:1]) if is_seen else v[:1], k, axis=0), v])
            for v, k in zip(values, lost, strict=True)
        )

    return replace(
        panel,
        grid=grid,
        starts=panel.starts + shift - lost,
        y=front(panel.y),
        observed=front(panel.observed, is_seen=True),
        known=front(panel.known),
        past=front(panel.past),
    )
