"""Time steps: which one a series has, and which seasons belong to it."""

import re
from typing import Any

import numpy as np
import pandas as pd

from automl._errors import DataError, OptionError

# Spellings of pandas before 2.2, which Azure's files use, and what they are called now.
_OLD_UNITS = {
    "H": "h", "T": "min", "S": "s", "L": "ms", "U": "us", "N": "ns", "M": "ME", "Q": "QE",
    "A": "YE",
    "Y": "YE", "AS": "YS", "BM": "BME", "BQ": "BQE", "BA": "BYE", "BAS": "BYS", "BH": "bh",
    "CBM": "CBME", "SM": "SME",
}  # fmt: skip
_PATTERN = re.compile(r"(\d*)\s*([A-Za-z]+)(-[A-Za-z]+)?")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_END_UNITS = ("ME", "QE", "YE", "BME", "BQE", "BYE", "SME", "W")
_DAY_SECONDS = 86_400.0
_MAX_GRID = 20_000_000


def parse_frequency(text: Any) -> str:
    """Return a frequency in pandas' present spelling.

    >>> parse_frequency("15T"), parse_frequency("H"), parse_frequency("W-THU")
    ('15min', 'h', 'W-THU')

    Raises:
        OptionError: It is no frequency.
    """
    match = _PATTERN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is not None:
        count, unit, anchor = match.groups()
        spelled = f"{count}{_OLD_UNITS.get(unit, unit)}{(anchor or '').upper()}"
        try:
            return str(pd.tseries.frequencies.to_offset(spelled).freqstr)
        except ValueError:
            pass
    raise OptionError(
        "freq must be one of pandas' frequencies such as 'D', 'h', '15min', 'W-MON', 'MS' or "
        f"'QS', or 'auto', not {text!r}."
    )


def infer_frequency(stamps_of_series: list[pd.DatetimeIndex]) -> str:
    """Return the step that most neighbouring stamps are apart; stamps are sorted and unique.

    Raises:
        DataError: No series has three stamps, or they are not regular enough to tell.
    """
    longest = sorted(stamps_of_series, key=len, reverse=True)[:50]
    gaps = np.concatenate([_gaps_seconds(s) for s in longest]) if longest else np.array([])
    if max((len(s) for s in longest), default=0) < 3:
        raise DataError(
            "The frequency cannot be inferred: no series has three rows. Name it, such as freq='D'."
        )
    values, counts = np.unique(np.round(gaps), return_counts=True)
    step = float(values[counts.argmax()])
    local = pd.DatetimeIndex(np.concatenate([s.tz_localize(None).to_numpy() for s in longest]))
    candidate = _candidate(step, local)
    if candidate is None or counts.max() < 0.2 * len(gaps):
        raise DataError(
            "The frequency cannot be inferred: the commonest distance of two rows is "
            f"{step:g} seconds, for {counts.max()} of {len(gaps)}. Name it (freq='D', …) "
            "and say with aggregate='sum' or 'mean' how rows that fall into one step become one."
        )
    days = pd.DatetimeIndex(local.unique()).sort_values()
    return next((f for f in siblings(candidate) if lie_on_grid(days, f)), candidate)


def lie_on_grid(stamps: pd.DatetimeIndex, freq: str) -> bool:
    """Whether all sorted stamps lie on a grid of the frequency that begins with the first."""
    grid = make_grid(stamps[0], stamps[-1], freq, extra=0)
    return bool((grid.get_indexer(stamps) >= 0).all())


def _gaps_seconds(stamps: pd.DatetimeIndex) -> Any:
    return np.diff(stamps.as_unit("us").asi8) / 1e6


def _candidate(step: float, local: pd.DatetimeIndex) -> str | None:
    """Return a frequency whose step is so many seconds; its anchor is a guess."""
    days = step / _DAY_SECONDS
    if step < _DAY_SECONDS:
        return parse_frequency(_sub_daily(step))
    suffix = "S" if bool((local.day <= 15).mean() > 0.5) else "E"
    month = int(pd.Series(local.month).mode()[0])
    if days == 1:
        has_weekend = bool((local.day_of_week >= 5).any())
        return "D" if has_weekend or len(local) < 6 else "B"
    if days == 7:
        return f"W-{_WEEKDAYS[int(pd.Series(local.day_of_week).mode()[0])]}"
    if 28 <= days <= 31:
        return f"M{suffix}"
    if 89 <= days <= 92:
        first = (month - 1) % 3 if suffix == "S" else (month - 1) % 3 - 3
        return f"Q{suffix}-{_MONTHS[first if first != -3 else 9]}"
    if 365 <= days <= 366:
        return f"Y{suffix}-{_MONTHS[month - 1]}"
    return f"{int(days)}D" if days == int(days) else None


def _sub_daily(step: float) -> str:
    for unit, seconds in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if step % seconds == 0:
            return f"{int(step // seconds)}{unit}"
    return f"{max(int(step * 1000), 1)}ms"


def siblings(freq: str) -> list[str]:
    """Return the frequency and those that differ only in the day that stands for the period."""
    match = _PATTERN.fullmatch(freq)
    count, unit, anchor = match.groups() if match else ("", freq, None)
    if unit == "W":
        days = [f"{count}W-{day}" for day in _WEEKDAYS]
        return [freq, *(day for day in days if day != freq)]
    base = unit.rstrip("SE")
    if base in ("M", "BM"):
        return list(dict.fromkeys([freq, f"{count}MS", f"{count}ME", f"{count}BME", f"{count}BMS"]))
    if base in ("Q", "Y"):
        others = [f"{count}{base}{end}-{m}" for end in ("S", "E") for m in _MONTHS]
        return [freq, *(one for one in others if one != freq)]
    del anchor
    return [freq]


def make_grid(
    first: pd.Timestamp, last: pd.Timestamp, freq: str, *, extra: int
) -> pd.DatetimeIndex:
    """Return all steps from `first` to `last` and `extra` more.

    Raises:
        DataError: The table would have more than twenty million steps.
    """
    offset = pd.tseries.frequencies.to_offset(freq)
    two = pd.date_range(first, periods=3, freq=offset)
    step = (two[-1] - two[0]).total_seconds() / 2
    if step > 0 and (last - first).total_seconds() / step > _MAX_GRID:
        raise DataError(
            f"From {first} to {last} at freq={freq!r} are more than {_MAX_GRID:,} steps. Is the "
            "frequency right, or are there stray dates?"
        )
    known = pd.date_range(first, last, freq=offset)
    if len(known) == 0:
        known = pd.date_range(first, periods=1, freq=offset)
    return pd.date_range(known[0], periods=len(known) + extra, freq=offset)


def is_labelled_at_end(freq: str) -> bool:
    """Whether a step's stamp is the last of its period, as with weeks and month ends."""
    match = _PATTERN.fullmatch(freq)
    return match is not None and match.group(2) in _END_UNITS


def natural_seasons(freq: str) -> tuple[int, ...]:
    """Return the usual seasons of a frequency in steps, the shortest first; () if there are none.

    >>> natural_seasons("h"), natural_seasons("MS"), natural_seasons("W-MON"), natural_seasons("YS")
    ((24, 168), (12,), (52,), ())
    """
    match = _PATTERN.fullmatch(freq)
    if match is None:
        return ()
    count = int(match.group(1) or 1)
    unit = match.group(2)
    by_calendar = {"B": (5,), "C": (5,), "D": (7,), "W": (52,), "bh": (8,)}
    for names, year in ((("MS", "ME", "BMS", "BME"), 12), (("QS", "QE", "BQS", "BQE"), 4)):
        by_calendar |= dict.fromkeys(names, (year,))
    seconds = {"h": 3600.0, "min": 60.0, "s": 1.0}.get(unit)
    if seconds is not None:
        day = _DAY_SECONDS / (seconds * count)
        found = [n for n in (day, 7 * day) if n == int(n) and n > 1]
        return tuple(int(n) for n in found)
    return tuple(n // count for n in by_calendar.get(unit, ()) if n % count == 0 and n // count > 1)
