"""The profile of a table: its columns, how they hang together, and what to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore._associations import (
    Category,
    Feature,
    associate,
    target_associations,
)
from mlflow_plugins.data.explore._columns import TableColumn
from mlflow_plugins.data.explore._missing import missing_map
from mlflow_plugins.data.explore._profile_columns import in_order, profile_columns
from mlflow_plugins.data.explore._profile_entities import (
    ColumnProfile,
    TableProfile,
    TargetAssociation,
)
from mlflow_plugins.data.explore._reading import Sample, draw, hashes, row_hash
from mlflow_plugins.data.explore._suspicions import suspicions
from mlflow_plugins.data.explore._table import Table

_MOST_CATEGORIES = 1000
_UNIQUE_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileOptions:
    """How much a profile may cost.

    Attributes:
        sample_rows: Rows for associations, types of texts and personal data.
        exact_rows: In tables with more rows, some figures are estimated; they say so.
        association_columns: Most columns that are paired with one another: the first ones, and
            the target.
        seed: Of the samples.
    """

    sample_rows: int = 100_000
    exact_rows: int = 30_000_000
    association_columns: int = 60
    seed: int = 0


def profile(
    table: Table, *, target: str | None = None, options: ProfileOptions | None = None
) -> TableProfile:
    """Say what is in a table.

    Has the 14 figures of Azure ML's profile, and distinct and frequent values, zeros, outliers,
    lengths, associations, missing patterns, duplicate rows, and signs of identifiers, leakage and
    personal data. Figures of columns come from all rows up to ``exact_rows``.

    Args:
        table: The table.
        target: A column to be predicted: each other column's association with it is computed, and
            columns that nearly determine it are reported.
        options: How much it may cost.

    Raises:
        InvalidInput: The target is unknown.
    """
    options = options or ProfileOptions()
    if target is not None:
        table.column(target)
    sample = draw(table, options.sample_rows, options.seed)
    columns = in_order(
        table.columns, list(profile_columns(table, sample, exact_rows=options.exact_rows))
    )
    n_duplicates, is_exact = _duplicate_rows(table, columns, options.exact_rows)
    features = _features(table.columns, sample, columns, options.association_columns, target)
    associations = associate(features)
    about_target = _about_target(features, target, options.seed)
    return TableProfile(
        n_rows=table.n_rows,
        columns=columns,
        sample_size=sample.size,
        associations=associations,
        association_columns=tuple(features),
        target=target,
        target_associations=about_target,
        missing=missing_map(table, columns),
        n_duplicate_rows=n_duplicates,
        suspicions=suspicions(columns, sample, n_duplicates, about_target, target),
        is_exact=is_exact and all(column.is_exact for column in columns),
    )


def _duplicate_rows(
    table: Table, columns: Sequence[ColumnProfile], exact_rows: int
) -> tuple[int, bool]:
    """Count rows that repeat an earlier one, by 64-bit hashes of rows; estimate in long tables.

    All copies of a row have one hash, so a share of the space of hashes has that share of the
    duplicates.
    """
    if any(column.n_distinct == table.n_rows and column.is_exact for column in columns):
        return 0, True
    parts = -(-table.n_rows // max(exact_rows, 1))
    row = row_hash(table.columns)
    codes = hashes(table, row, f"WHERE {row} % {parts} = 0" if parts > 1 else "")
    codes.sort()
    n_duplicates = int(np.count_nonzero(codes[1:] == codes[:-1]))
    return n_duplicates * max(parts, 1), parts <= 1


def _about_target(
    features: Mapping[str, Feature], target: str | None, seed: int
) -> tuple[TargetAssociation, ...]:
    if target is None:
        return ()
    if target not in features:
        raise InvalidInput(
            f"{target!r} cannot be a target: it has too many different texts, or no values. "
            "Choose a column of numbers or of categories."
        )
    return target_associations(features, target, seed)


def _features(
    columns: Sequence[TableColumn],
    sample: Sample,
    profiles: Sequence[ColumnProfile],
    limit: int,
    target: str | None,
) -> dict[str, Feature]:
    """Return the columns that can be associated; texts that are nearly all different cannot."""
    features: dict[str, Feature] = {}
    for column, known in zip(columns, profiles, strict=True):
        is_target = column.name == target
        if (len(features) >= limit and not is_target) or known.n_not_missing == 0:
            continue
        if column.name in sample.numbers:
            features[column.name] = sample.numbers[column.name]
            continue
        category = _category(sample, column.name)
        if category is not None:
            features[column.name] = category
    return features


def _category(sample: Sample, name: str) -> Category | None:
    encoded = pc.dictionary_encode(sample.texts[name].combine_chunks())
    n = len(encoded.dictionary)
    if n == 0 or n > _MOST_CATEGORIES or (n > _UNIQUE_SHARE * sample.size and n > 10):
        return None
    codes = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
    return Category(codes=codes, n=n)
