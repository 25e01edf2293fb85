"""What in a table could mislead whoever trusts its models: leaks, drift, outliers, personal data.

All of it works on a sample, so that it costs a fraction of a second on any table. Nothing is
changed here; the user judges.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from automl._guardrails import Finding
from automl._metrics import TaskName
from automl._prepare._columns import DROPPED, Kind, as_date, as_number, as_text, guess_kind

Array = NDArray[Any]

_N_ROWS = 4_000
_N_COLUMNS = 1_000
_N_BINS = 16
_N_FINE_BINS = 64  # where one bin astride two classes must not matter
_N_LEVELS = 50
_LEAK = 0.97  # of what there is to explain, by one column alone
_TIME_LEAK = 0.05
_FAR = 10.0  # interquartile ranges from the median
_PRIOR = 0.1  # rows that a bin without any counts as
_DRIFT = 0.25  # population stability index; Siddiqi, "Credit Risk Scorecards", 2006
_MIN_ROWS = 50

_DATES = frozenset({Kind.DATE, Kind.DATE_AS_TEXT})
_NUMBERS = frozenset({Kind.NUMBER, Kind.NUMBER_AS_TEXT})
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")
_PERSONAL_WORDS = (
    r"e[ _-]?mails?|phone|telephone|mobile|fax|ssn|social[ _-]?security|passport|iban|surname|"
    r"(?:first|last|full|family|sur|user)[ _-]?name|street|address|date[ _-]?of[ _-]?birth|dob|"
    r"birth[ _-]?(?:date|day)|credit[ _-]?card|card[ _-]?number|ip[ _-]?addr(?:ess)?"
)
_PERSONAL = re.compile(rf"(?:^|[ _.-])(?:{_PERSONAL_WORDS})(?:$|[ _.-])")


def suspicions(
    features: pd.DataFrame,
    y: Array,
    task: TaskName,
    *,
    test: pd.DataFrame | None = None,
    is_in_time: bool = False,
    seed: int = 0,
) -> Iterator[Finding]:
    """Find what deserves a look before a model of this table is believed.

    Args:
        features: Raw feature columns.
        y: Class codes or values, one for each row.
        task: What `y` holds.
        test: Rows of the test set; their columns are compared with those of `features`.
        is_in_time: Whether validation already predicts later rows from earlier ones.
        seed: Seed of the sample.
    """
    chosen = _sample(len(features), seed)
    rows, truth = features.iloc[chosen, :_N_COLUMNS], y[chosen]
    columns = [
        (str(name), series, kind)
        for name, series in rows.items()
        if (kind := guess_kind(series)) not in DROPPED
    ]
    if len(rows) >= _MIN_ROWS:
        n_bins = min(_N_FINE_BINS, len(rows) // 8)
        skills = {name: _skill(bins_of(s, k, n_bins)(s), truth, task) for name, s, k in columns}
        yield _leaks(skills)
        if not is_in_time:
            dated = {name: skills[name] for name, _, kind in columns if kind in _DATES}
            yield from _time_leaks(dated)
    yield from _outliers({name: s for name, s, kind in columns if kind in _NUMBERS})
    yield _personal(rows)
    if test is not None:
        yield _drift(columns, test.iloc[_sample(len(test), seed)])


def _sample(n_rows: int, seed: int) -> Array:
    if n_rows <= _N_ROWS:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, _N_ROWS, replace=False))


# ------------------------------------------------------------------ bins


def bins_of(series: pd.Series, kind: Kind, n_bins: int = _N_BINS) -> Callable[[pd.Series], Array]:
    """Return what puts values of a column into few bins, 0 for missing and unknown ones."""
    if kind in _NUMBERS or kind in _DATES or kind is Kind.DURATION:
        edges = np.unique(np.nanquantile(_numbers(series, kind), np.arange(1, n_bins) / n_bins))
        return lambda values: _place(_numbers(values, kind), edges)
    levels = as_text(series).value_counts().index[:_N_LEVELS]
    places = {level: place for place, level in enumerate(levels, start=1)}
    return lambda values: as_text(values).map(places).fillna(0).to_numpy(np.int64)


def _numbers(series: pd.Series, kind: Kind) -> Array:
    if kind in _DATES:
        days = (as_date(series) - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)
        return np.asarray(days.to_numpy(np.float64, na_value=np.nan))
    if kind is Kind.DURATION:
        spans = pd.to_timedelta(series, errors="coerce").dt.total_seconds()
        return np.asarray(spans.to_numpy(np.float64, na_value=np.nan))
    return np.asarray(as_number(series))


def _place(values: Array, edges: Array) -> Array:
    places = np.searchsorted(edges, values) + 1
    places[np.isnan(values)] = 0
    return np.asarray(places)


# ------------------------------------------------------------------ leaks


def _skill(bins: Array, y: Array, task: TaskName) -> float:
    """Return the share of what there is to explain that a column explains alone.

    Each half of the rows is predicted from the other. For classes the share of the errors that
    the most common class makes; for values the explained variance of their ranks.
    """
    half = np.random.default_rng(0).permutation(len(y)) < len(y) // 2
    if task == "regression":
        ranks = pd.Series(y).rank().to_numpy()
        found = _cross_fitted(bins, ranks, half, _means)
        spread = float(np.sum((ranks - ranks.mean()) ** 2))
        return 1.0 - float(np.sum((ranks - found) ** 2)) / spread if spread else 0.0
    errors = float(np.mean(_cross_fitted(bins, y, half, _modes) != y))
    errors_of_mode = 1.0 - float(np.bincount(y).max()) / len(y)
    return 1.0 - errors / errors_of_mode if errors_of_mode else 0.0


def _cross_fitted(
    bins: Array, y: Array, half: Array, learn: Callable[[Array, Array, int], Array]
) -> Array:
    n_bins = int(bins.max()) + 1
    found = np.empty(len(y))
    for learned, judged in ((half, ~half), (~half, half)):
        found[judged] = learn(bins[learned], y[learned], n_bins)[bins[judged]]
    return found


def _means(bins: Array, y: Array, n_bins: int) -> Array:
    sums = np.bincount(bins, weights=y, minlength=n_bins) + _PRIOR * y.mean()
    return np.asarray(sums / (np.bincount(bins, minlength=n_bins) + _PRIOR))


def _modes(bins: Array, y: Array, n_bins: int) -> Array:
    counts = np.zeros((n_bins, int(y.max()) + 1))
    np.add.at(counts, (bins, y), 1.0)
    return np.asarray((counts + 0.5 * counts.mean(axis=0)).argmax(axis=1))


def _leaks(skills: dict[str, float]) -> Finding:
    names = tuple(name for name, skill in skills.items() if skill >= _LEAK)
    if not names:
        message = "No single column gives the target away."
        return Finding(check="leakage", state="passed", message=message)
    message = (
        "Nearly the target itself. If it is not known when predictions are made, leave it out, or "
        "every score here is worthless."
    )
    return Finding(check="leakage", state="alerted", message=message, columns=names)


def _time_leaks(skills: dict[str, float]) -> Iterator[Finding]:
    if not skills:
        return
    name, skill = max(skills.items(), key=lambda item: item[1])
    if skill < _TIME_LEAK:
        message = "The target does not change with time."
        yield Finding(check="time_leakage", state="passed", message=message, columns=(name,))
        return
    message = (
        f"The target changes with time ({skill:.0%} of it is explained by the date alone), but "
        "models are compared on rows from among those that they learn from. If they will predict "
        "what is to come, set time_column."
    )
    yield Finding(check="time_leakage", state="alerted", message=message, columns=(name,))


# ------------------------------------------------------------------ values


def _outliers(numbers: dict[str, pd.Series]) -> Iterator[Finding]:
    names = tuple(name for name, series in numbers.items() if _has_outliers(as_number(series)))
    if names:
        message = (
            f"Some values are more than {_FAR:g} interquartile ranges from the median. Trees are "
            "not disturbed by them; linear models see them clipped."
        )
        yield Finding(check="outliers", state="done", message=message, columns=names)


def _has_outliers(values: Array) -> bool:
    known = values[np.isfinite(values)]
    if len(known) < _MIN_ROWS:
        return False
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    return bool(high > low and np.abs(known - middle).max() > _FAR * (high - low))


def _personal(rows: pd.DataFrame) -> Finding:
    names = tuple(str(name) for name, series in rows.items() if _is_personal(str(name), series))
    if not names:
        message = "No column looks like personal data."
        return Finding(check="personal_data", state="passed", message=message)
    message = (
        "Looks like personal data. Leave it out if predictions need not depend on it; the model "
        "keeps the words of categories that it has learned."
    )
    return Finding(check="personal_data", state="alerted", message=message, columns=names)


def _is_personal(name: str, series: pd.Series) -> bool:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if _PERSONAL.search(words):
        return True
    if pd.api.types.is_numeric_dtype(series.dtype):
        return False
    some = as_text(series.dropna().head(200))
    return bool(len(some)) and bool(some.str.contains(_EMAIL).mean() > 0.5)


def _drift(columns: list[tuple[str, pd.Series, Kind]], test: pd.DataFrame) -> Finding:
    found = {}
    for name, series, kind in columns:
        if name not in test or len(test) < _MIN_ROWS:
            continue
        place = bins_of(series, kind)
        index = stability_index(place(series), place(test[name]))
        if index >= _DRIFT:
            found[name] = index
    if not found:
        message = "The columns of the test rows are spread like those of the training rows."
        return Finding(check="drift", state="passed", message=message)
    worst = max(found, key=lambda name: found[name])
    message = (
        f"Spread otherwise in the test rows than in training (population stability index up to "
        f"{found[worst]:.2f}, of {worst!r}). Scores on either do not speak for the other."
    )
    return Finding(check="drift", state="alerted", message=message, columns=tuple(found))


def stability_index(before: Array, after: Array) -> float:
    """Return the population stability index of two samples of bins, each counting from 0.

    Half a row is added to each bin, so that empty ones stay finite.
    """
    n_bins = int(max(before.max(), after.max())) + 1
    shares = [np.bincount(one, minlength=n_bins) + 0.5 for one in (before, after)]
    p, q = (share / share.sum() for share in shares)
    return float(np.sum((p - q) * np.log(p / q)))
