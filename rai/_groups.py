"""Turn sensitive columns into groups: numbers in bands, missing values on their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rai._errors import InputError, unknown_name

MISSING = "(missing)"
OTHER = "(other)"
MAX_GROUPS = 50
MAX_CROSSED = 6
MAX_PLAIN_NUMBERS = 10
N_BANDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """Group of each row by one feature or by the intersection of two.

    Attributes:
        features: Names of the features.
        keys: Values of the features for each group, bands in their order, else the largest group
            first.
        codes: Group of each row, shape (n_rows,); an index into ``keys``.
        notes: What was pooled.
    """

    features: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    codes: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def group_by_column(column: pd.Series, bands: Sequence[float] | None = None) -> Grouping:
    """Group rows by one column.

    Numbers and dates with more than ten distinct values are cut into bands: at ``bands``, else at
    rounded quintiles. Columns of more than 50 groups keep the 49 largest; the rest is pooled as
    ``(other)``.
    """
    name = str(column.name)
    if bands is not None and not pd.api.types.is_numeric_dtype(column):
        raise InputError(
            f"Bands are given for column {name!r} of type {column.dtype}; only numbers can be cut "
            f"into bands."
        )
    is_banded = bands is not None or _is_quantity(column)
    codes, labels = _band_labels(column, bands) if is_banded else _category_labels(column)
    return _grouping((name,), [(label,) for label in labels], codes, is_ordered=is_banded)


def cross(first: Grouping, second: Grouping) -> Grouping:
    """Return the groups of rows that share the values of two features."""
    n_second = len(second.keys)
    pairs, codes = np.unique(first.codes * n_second + second.codes, return_inverse=True)
    keys = [first.keys[pair // n_second] + second.keys[pair % n_second] for pair in pairs]
    return _grouping(first.features + second.features, keys, codes.astype(np.int64))


def group_rows(sensitive: pd.DataFrame, bands: Mapping[str, Sequence[float]]) -> list[Grouping]:
    """Group by each column, then by each pair of the first six columns.

    Raises:
        InputError: Bands are given for an unknown or non-numeric column.
    """
    for name in bands:
        if name not in sensitive.columns:
            raise unknown_name("sensitive feature", name, sensitive.columns)
    singles = [group_by_column(sensitive[name], bands.get(name)) for name in sensitive.columns]
    crossed = singles[:MAX_CROSSED]
    return singles + [cross(a, b) for i, a in enumerate(crossed) for b in crossed[i + 1 :]]


def _is_quantity(column: pd.Series) -> bool:
    types = pd.api.types
    if types.is_bool_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype):
        return False
    is_ordered = types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column)
    return is_ordered and int(column.nunique()) > MAX_PLAIN_NUMBERS


def _category_labels(column: pd.Series) -> tuple[NDArray[np.int64], list[str]]:
    codes, values = pd.factorize(column.astype(object), use_na_sentinel=True)
    labels = [str(value) for value in values]
    if pd.api.types.is_float_dtype(column):
        labels = [f"{value:g}" for value in values]
    # Two values may read alike (1 and "1"); they are then one group, as the reader would take them.
    distinct = list(dict.fromkeys(labels))
    merged = np.array([distinct.index(label) for label in labels] + [len(distinct)], dtype=np.int64)
    return merged[codes], [*distinct, MISSING]


def _band_labels(
    column: pd.Series, bands: Sequence[float] | None
) -> tuple[NDArray[np.int64], list[str]]:
    is_missing = column.isna().to_numpy()
    if pd.api.types.is_datetime64_any_dtype(column):
        years = column.dt.year
        return group_labels_of_years(years, is_missing)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = values[~is_missing]
    edges = np.asarray(sorted(bands), dtype=np.float64) if bands is not None else _nice_edges(known)
    labels = _edge_labels(edges, is_whole=bool(np.equal(np.mod(known, 1), 0).all()))
    codes = np.searchsorted(edges, values, side="right")
    return np.where(is_missing, len(labels), codes).astype(np.int64), [*labels, MISSING]


def group_labels_of_years(
    years: pd.Series, is_missing: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], list[str]]:
    """Group dates by year, or by decade where there are more than ten years."""
    known = years[~is_missing].astype(int)
    step = 1 if known.nunique() <= MAX_PLAIN_NUMBERS else 10
    starts = (known // step * step).to_numpy()
    values, codes = np.unique(starts, return_inverse=True)
    labels = [f"{value}" if step == 1 else f"{value}s" for value in values]
    all_codes = np.full(len(years), len(labels), dtype=np.int64)
    all_codes[~is_missing] = codes
    return all_codes, [*labels, MISSING]


def _nice_edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quintile edges rounded to a tenth of their spread, so that they read well."""
    edges = np.quantile(values, np.linspace(0, 1, N_BANDS + 1)[1:-1])
    reach = float(edges[-1] - edges[0]) or float(np.ptp(values)) or 1.0
    unit = 10.0 ** np.floor(np.log10(reach / 10))
    unit *= 5 if reach / 10 / unit >= 4 else 1
    rounded = np.unique(np.round(edges / unit) * unit)
    kept: NDArray[np.float64] = rounded[(rounded > values.min()) & (rounded <= values.max())]
    return kept


def _edge_labels(edges: NDArray[np.float64], *, is_whole: bool) -> list[str]:
    if not len(edges):
        return ["all"]
    words = [f"{edge:,.10g}" for edge in edges]
    middles = []
    for low, high, low_word, high_word in zip(edges, edges[1:], words, words[1:], strict=False):
        if is_whole and float(low).is_integer() and float(high).is_integer():
            last = f"{high - 1:,.10g}"
            middles.append(low_word if last == low_word else f"{low_word} to {last}")
        else:
            middles.append(f"{low_word} to < {high_word}")
    return [f"< {words[0]}", *middles, f"≥ {words[-1]}"]


def _grouping(
    features: tuple[str, ...],
    keys: Sequence[tuple[str, ...]],
    codes: NDArray[np.int64],
    *,
    is_ordered: bool = False,
) -> Grouping:
    """Order groups by size unless they have an order; drop empty ones, pool past the limit."""
    sizes = np.bincount(codes, minlength=len(keys))
    order = [int(g) for g in np.flatnonzero(sizes)]
    if not is_ordered:
        order.sort(key=lambda g: (-sizes[g], keys[g]))
    kept = order if len(order) <= MAX_GROUPS else order[: MAX_GROUPS - 1]
    new_codes = np.full(len(keys), len(kept), dtype=np.int64)
    new_codes[kept] = np.arange(len(kept))
    new_keys = [keys[g] for g in kept]
    notes: tuple[str, ...] = ()
    if len(kept) < len(order):
        new_keys.append((OTHER,) * len(features))
        n_pooled = len(order) - len(kept)
        notes = (f"The {n_pooled} smallest of {len(order)} groups are pooled as {OTHER}.",)
    return Grouping(features=features, keys=tuple(new_keys), codes=new_codes[codes], notes=notes)
