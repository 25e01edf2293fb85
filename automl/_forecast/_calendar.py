"""What the calendar says about each step: known in advance, whatever the series."""

from typing import Any

import numpy as np
import pandas as pd

from automl._forecast._panel import Array

_NEAR_DAYS = 3


def calendar(stamps: pd.DatetimeIndex, country: str | None) -> tuple[tuple[str, ...], Array]:
    """Return names and values of the calendar features that vary, shape (T, c).

    Args:
        stamps: Steps.
        country: ISO code whose holidays are marked; None for no holidays.
    """
    day_of_year = stamps.day_of_year.to_numpy() / 365.25
    columns: dict[str, Any] = {
        "month": stamps.month,
        "quarter": stamps.quarter,
        "day_of_week": stamps.day_of_week,
        "day_of_month": stamps.day,
        "hour": stamps.hour + stamps.minute / 60.0,
        "is_weekend": stamps.day_of_week >= 5,
        "year_sin": np.sin(2 * np.pi * day_of_year),
        "year_cos": np.cos(2 * np.pi * day_of_year),
        "year_sin2": np.sin(4 * np.pi * day_of_year),
        "year_cos2": np.cos(4 * np.pi * day_of_year),
    }
    if country is not None:
        columns |= _holidays(stamps, country)
    values = {name: np.asarray(v, dtype=np.float64) for name, v in columns.items()}
    kept = {name: v for name, v in values.items() if np.ptp(v) > 0}
    if not kept:
        return (), np.empty((len(stamps), 0))
    return tuple(kept), np.column_stack(list(kept.values()))


def _holidays(stamps: pd.DatetimeIndex, country: str) -> dict[str, Any]:
    """Mark holidays, and how many days away the nearest ones are."""
    import holidays

    local = stamps.tz_localize(None).normalize()
    years = range(int(local.year.min()) - 1, int(local.year.max()) + 2)
    found = holidays.country_holidays(country.upper(), years=years)
    days = np.array(sorted(found), dtype="datetime64[D]")
    today = local.to_numpy().astype("datetime64[D]")
    after = np.searchsorted(days, today, side="left").clip(0, len(days) - 1)
    before = (np.searchsorted(days, today, side="right") - 1).clip(0)
    until = (days[after] - today).astype(int)
    since = (today - days[before]).astype(int)
    return {
        "is_holiday": until == 0,
        "days_to_holiday": np.clip(until, 0, _NEAR_DAYS),
        "days_since_holiday": np.clip(since, 0, _NEAR_DAYS),
    }
