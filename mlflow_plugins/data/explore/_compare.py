"""What has changed between two tables: columns, rows, and how each column's values are spread."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import pyarrow.compute as pc

from mlflow_plugins.data.explore._columns import MOMENTS, NUMBERS, TableColumn
from mlflow_plugins.data.explore._drift import (
    Numbers,
    Test,
    binned,
    chi_square,
    decile_edges,
    jensen_shannon,
    kolmogorov_smirnov,
    psi,
    wasserstein,
)
from mlflow_plugins.data.explore._profile_entities import from_dict, to_dict
from mlflow_plugins.data.explore._reading import Sample, draw
from mlflow_plugins.data.explore._table import Table

DriftLevel = Literal["none", "moderate", "strong"]

_MOST_CATEGORIES = 100
_N_DRAWN = 12
_MODERATE, _STRONG = 0.1, 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Retyped:
    """A column that has another type now."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """How far a column's values have moved; figures are None where one side has no values.

    Attributes:
        name: The column's name.
        kind: Numbers and dates are compared as ``number``, all else as ``category``.
        old_missing, new_missing: Shares of rows without a value.
        psi: Population stability index, over deciles of the old values or over categories.
        jensen_shannon: Distance to base 2 over the same bins, 0 to 1.
        test: Kolmogorov and Smirnov's for numbers, chi square for categories.
        statistic, p_value: Of the test.
        wasserstein: For numbers, in the column's unit; dates in days.
        level: By the index: none below 0.1, strong from 0.25.
        labels: Of bins to draw: ranges of equal width, or the most frequent categories.
        old_shares, new_shares: Of the values in these bins.
    """

    name: str
    kind: Literal["number", "category"]
    old_missing: float
    new_missing: float
    psi: float | None = None
    jensen_shannon: float | None = None
    test: Literal["ks", "chi2"] | None = None
    statistic: float | None = None
    p_value: float | None = None
    wasserstein: float | None = None
    level: DriftLevel | None = None
    labels: tuple[str, ...] = ()
    old_shares: tuple[float, ...] = ()
    new_shares: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableComparison:
    """What has changed between two tables.

    Attributes:
        old_rows, new_rows: How many rows each has.
        added, removed: Columns that only the new or only the old one has.
        retyped: Columns whose type has changed.
        columns: Of columns that both have and that can be compared, strongest drift first.
        old_sample, new_sample: Rows that drift was computed from.
        is_exact: Whether these are all rows.
    """

    old_rows: int
    new_rows: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    retyped: tuple[Retyped, ...]
    columns: tuple[ColumnDrift, ...]
    old_sample: int
    new_sample: int
    is_exact: bool

    @property
    def has_same_schema(self) -> bool:
        """Whether both have the same columns with the same types."""
        return not (self.added or self.removed or self.retyped)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``json.dumps`` can write."""
        return to_dict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """Read what `to_dict` returned."""
        return from_dict(cls, document)


def compare(
    old: Table, new: Table, *, sample_rows: int = 200_000, seed: int = 0
) -> TableComparison:
    """Say what has changed from one table to another, for instance between two versions.

    Args:
        old: The table to compare with.
        new: The table that may have changed.
        sample_rows: Most rows of each that drift is computed from; drawn at random.
        seed: Of the samples.

    Example:
        Drift of ``compare(table, table)`` is 0 in every column.
    """
    was = {column.name: column for column in old.columns}
    now = {column.name: column for column in new.columns}
    common = [(was[name], now[name]) for name in was if name in now]
    samples = draw(old, sample_rows, seed), draw(new, sample_rows, seed)
    drifts = list(_drifts(common, *samples))
    return TableComparison(
        old_rows=old.n_rows,
        new_rows=new.n_rows,
        added=tuple(name for name in now if name not in was),
        removed=tuple(name for name in was if name not in now),
        retyped=tuple(
            Retyped(name=a.name, old=a.type, new=b.type) for a, b in common if a.type != b.type
        ),
        columns=tuple(sorted(drifts, key=lambda one: -(one.psi or 0.0))),
        old_sample=samples[0].size,
        new_sample=samples[1].size,
        is_exact=all(sample.is_all for sample in samples),
    )


def _drifts(
    common: list[tuple[TableColumn, TableColumn]], old: Sample, new: Sample
) -> Iterator[ColumnDrift]:
    for was, now in common:
        kinds = _kind(was), _kind(now)
        if kinds[0] != kinds[1]:
            continue
        if kinds[0] == "category":
            yield _category_drift(was.name, _counts(old, was.name), _counts(new, was.name))
        else:
            unit = 86_400e6 if kinds[0] == "moment" else 1.0
            values = (sample.numbers[was.name] / unit for sample in (old, new))
            yield _number_drift(was.name, *values)


def _kind(column: TableColumn) -> Literal["number", "moment", "category"]:
    if column.type in NUMBERS:
        return "number"
    return "moment" if column.type in MOMENTS else "category"


def _number_drift(name: str, old: Numbers, new: Numbers) -> ColumnDrift:
    """Compare finite values; infinite ones count as neither a value nor missing."""
    missing = [_share_missing(values) for values in (old, new)]
    old, new = old[np.isfinite(old)], new[np.isfinite(new)]
    base = ColumnDrift(name=name, kind="number", old_missing=missing[0], new_missing=missing[1])
    if not len(old) or not len(new):
        return base
    edges = decile_edges(old)
    shares = binned(old, edges), binned(new, edges)
    base = _with_bins(base, *_drawn_bins(old, new))
    return _with_figures(base, *shares, "ks", kolmogorov_smirnov(old, new), wasserstein(old, new))


def _drawn_bins(old: Numbers, new: Numbers) -> tuple[list[str], Numbers, Numbers]:
    """Return bins of equal width over nearly all values, the outermost open to the outside."""
    both = np.concatenate([old, new])
    with np.errstate(over="ignore", invalid="ignore"):  # values next to the largest number
        low, high = np.quantile(both, [0.01, 0.99])
        edges = np.linspace(low, high, _N_DRAWN + 1)[1:-1] if low < high else np.array([low])
    edges = np.unique(edges[np.isfinite(edges)])
    if not len(edges):
        edges = both[:1]
    ends = ["", *(f"{edge:.4g}" for edge in edges), ""]
    labels = [f"{a} to {b}".strip() for a, b in itertools.pairwise(ends)]
    return labels, binned(old, edges), binned(new, edges)


def _with_bins(base: ColumnDrift, labels: Sequence[str], old: Numbers, new: Numbers) -> ColumnDrift:
    """Return it with bins to draw, their shares to four digits."""
    shares = [tuple(round(float(share), 4) for share in one) for one in (old, new)]
    return replace(base, labels=tuple(labels), old_shares=shares[0], new_shares=shares[1])


def _share_missing(values: Numbers) -> float:
    return float(np.isnan(values).mean()) if len(values) else 0.0


def _counts(sample: Sample, name: str) -> Counter[str | None]:
    counted = pc.value_counts(sample.texts[name])
    pairs = zip(
        counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
    )
    return Counter(dict(pairs))


def _category_drift(name: str, old: Counter[str | None], new: Counter[str | None]) -> ColumnDrift:
    """Compare the most frequent values of both; all others count as one."""
    missing = [one[None] / max(one.total(), 1) for one in (old, new)]
    del old[None], new[None]
    base = ColumnDrift(name=name, kind="category", old_missing=missing[0], new_missing=missing[1])
    if not old.total() or not new.total():
        return base
    both = old + new
    frequent = [value for value, _ in both.most_common(_MOST_CATEGORIES)]
    counts = [
        [*(one[value] for value in frequent), one.total() - sum(one[value] for value in frequent)]
        for one in (old, new)
    ]
    shares = [np.array(one) / sum(one) for one in counts]
    drawn = [str(value)[:60] for value in frequent[:_N_DRAWN]]
    base = _with_bins(base, drawn, *(one[: len(drawn)] for one in shares))
    return _with_figures(base, shares[0], shares[1], "chi2", chi_square(*counts), None)


def _with_figures(
    base: ColumnDrift,
    p: Numbers,
    q: Numbers,
    test: Literal["ks", "chi2"],
    result: Test,
    distance: float | None,
) -> ColumnDrift:
    index = psi(p, q)
    return replace(
        base,
        psi=index,
        jensen_shannon=jensen_shannon(p, q),
        test=test,
        statistic=result.statistic,
        p_value=result.p_value,
        wasserstein=distance,
        level="none" if index < _MODERATE else "moderate" if index < _STRONG else "strong",
    )
