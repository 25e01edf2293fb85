"""Which input column each column of a scikit-learn design matrix comes from."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def source_columns(transformer: Any, names: Sequence[str]) -> list[int] | None:
    """Return the number of the input column behind each output of a fitted transformer.

    Follows pipelines, column transformers, one-hot encoders and transformers that keep their
    columns. Returns None where an output mixes columns (PCA, hashing, text) or the lineage is
    unknown.
    """
    kind = type(transformer).__name__
    # A fitted column transformer holds "passthrough" as a function transformer without a function.
    if transformer in ("passthrough", None) or getattr(transformer, "func", kind) is None:
        return list(range(len(names)))
    if kind == "Pipeline":
        return _through_steps(transformer, names)
    if kind == "ColumnTransformer":
        return _through_columns(transformer, names)
    if kind == "OneHotEncoder":
        # scikit-learn keeps the number of outputs of each input, after drop= and infrequent
        # categories.
        widths = transformer._n_features_outs
        return [column for column, width in enumerate(widths) for _ in range(width)]
    return _if_same_names(transformer, names)


def _through_steps(pipeline: Any, names: Sequence[str]) -> list[int] | None:
    lineage = list(range(len(names)))
    current = list(names)
    for _, step in pipeline.steps:
        if step in ("passthrough", None):
            continue
        sources = source_columns(step, current)
        if sources is None:
            return None
        lineage = [lineage[source] for source in sources]
        current = [str(name) for name in step.get_feature_names_out(current)]
    return lineage


def _through_columns(transformer: Any, names: Sequence[str]) -> list[int] | None:
    given = [str(name) for name in getattr(transformer, "feature_names_in_", names)]
    lineage = [-1] * sum(s.stop - s.start for s in transformer.output_indices_.values())
    for part, inner, columns in transformer.transformers_:
        span = transformer.output_indices_[part]
        if span.start == span.stop:
            continue
        numbers = _numbers(columns, given)
        sources = source_columns(inner, [given[number] for number in numbers])
        if sources is None or len(sources) != span.stop - span.start:
            return None
        for offset, source in enumerate(sources):
            lineage[span.start + offset] = list(names).index(given[numbers[source]])
    return None if -1 in lineage else lineage


def _numbers(columns: Any, given: list[str]) -> list[int]:
    if isinstance(columns, str):
        columns = [columns]
    if isinstance(columns, slice):
        return list(range(len(given)))[columns]
    picked = np.asarray(columns)
    if picked.dtype == bool:
        return [int(number) for number in np.flatnonzero(picked)]
    return [given.index(c) if isinstance(c, str) else int(c) for c in picked.tolist()]


def _if_same_names(transformer: Any, names: Sequence[str]) -> list[int] | None:
    """Trust a transformer that says that it keeps its columns, one to one."""
    if (
        not hasattr(transformer, "get_feature_names_out")
        or type(transformer).__name__ == "Normalizer"
    ):
        return None  # Normalizer keeps the names but divides each row by its norm
    from sklearn.base import OneToOneFeatureMixin

    kept = [str(name) for name in transformer.get_feature_names_out(list(names))]
    is_plain = (
        isinstance(transformer, OneToOneFeatureMixin)
        or type(transformer).__name__ == "SimpleImputer"
    )
    return list(range(len(names))) if is_plain and kept == list(names) else None
