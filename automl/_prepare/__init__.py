"""Raw tables to prepared ones: the types are guessed once, and the same steps serve for scoring.

Nothing here sees the target, so one preparation serves all folds without leaking it.
Read `tests/automl/test_prepare.py` first.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from automl._errors import DataError
from automl._guardrails import Finding
from automl._prepare._columns import DROPPED, Column, Kind, guess_kind
from automl._prepare._encoders import ENCODERS, Encoder
from automl._table import Table

_N_NAMES = 10


class Preparer:
    """Turns a raw frame into a `Table`; unknown categories become missing, extra columns are left.

    Args:
        kinds: What columns hold, by name, where it is not to be guessed.

    Attributes:
        feature_names_in_: Names of the raw columns, in training order.
        columns_: What each of them holds.
    """

    def __init__(self, kinds: Mapping[str, Kind] | None = None) -> None:
        self._said = dict(kinds or {})

    def fit(self, frame: pd.DataFrame) -> "Preparer":
        """Guess the kinds that nobody said, and fit one encoder for each useful column."""
        self.feature_names_in_ = [str(c) for c in frame.columns]
        kinds = [
            self._said.get(name) or guess_kind(frame.iloc[:, i])
            for i, name in enumerate(self.feature_names_in_)
        ]
        self.columns_ = _mark_duplicates(
            frame, [Column(i, self.feature_names_in_[i], kind) for i, kind in enumerate(kinds)]
        )
        self._encoders: list[tuple[Column, Encoder]] = [
            (column, ENCODERS[column.kind]().fit(frame.iloc[:, column.position]))
            for column in self.columns_
            if column.kind not in DROPPED
        ]
        return self

    def transform(self, frame: pd.DataFrame) -> Table:
        """Prepare rows.

        Raises:
            DataError: A column that training had is absent.
        """
        frame = self._in_order(frame)
        numeric: list[Any] = [np.empty((len(frame), 0))]
        codes: list[Any] = [np.empty((len(frame), 0), dtype=np.int32)]
        for column, encoder in self._encoders:
            values, levels = encoder.transform(frame.iloc[:, column.position])
            numeric.append(values)
            codes.append(levels)
        cardinalities = tuple(e.cardinality for _, e in self._encoders if e.cardinality)
        return Table(
            numeric=np.hstack(numeric), codes=np.hstack(codes), cardinalities=cardinalities
        )

    def _in_order(self, frame: pd.DataFrame) -> pd.DataFrame:
        names = [str(c) for c in frame.columns]
        if names == self.feature_names_in_:
            return frame
        position = {name: i for i, name in enumerate(names)}
        missing = [n for n in self.feature_names_in_ if n not in position]
        if missing:
            shown = ", ".join(repr(n) for n in missing[:_N_NAMES])
            more = f" and {len(missing) - _N_NAMES} more" if len(missing) > _N_NAMES else ""
            raise DataError(
                f"The table lacks {len(missing)} of the {len(self.feature_names_in_)} columns that "
                f"the model was trained on: {shown}{more}. Add them; empty values are allowed."
            )
        return frame.iloc[:, [position[n] for n in self.feature_names_in_]]

    def findings(self, frame: pd.DataFrame) -> tuple[Finding, ...]:
        """Return what was found in the training frame and what was done about it."""
        by_kind: dict[Kind, list[str]] = {}
        for column in self.columns_:
            by_kind.setdefault(column.kind, []).append(column.name)
        found = [_missing_values(frame, self.feature_names_in_)]
        for kind, (check, message) in _MESSAGES.items():
            if kind in by_kind:
                names = tuple(by_kind[kind])
                found.append(Finding(check=check, state="done", message=message, columns=names))
        many = tuple(
            c.name for c, e in self._encoders if c.kind is Kind.CATEGORY and e.cardinality > 100
        )
        if many:
            found.append(
                Finding(
                    check="high_cardinality",
                    state="done",
                    message="More than 100 levels: rare ones were merged and the frequency of each "
                    "level was added.",
                    columns=many,
                )
            )
        return tuple(found)


_MESSAGES: dict[Kind, tuple[str, str]] = {
    Kind.NUMBER_AS_TEXT: ("numbers_as_text", "Numbers written as text were read as numbers."),
    Kind.DATE: ("dates", "Dates were split into calendar parts and elapsed days."),
    Kind.DATE_AS_TEXT: ("dates_as_text", "Dates written as text were read as dates."),
    Kind.TEXT: ("text", "Free text was turned into lengths and its leading directions."),
    Kind.EMPTY: ("empty_columns", "Columns without any value were left out."),
    Kind.CONSTANT: ("constant_columns", "Columns with a single value were left out."),
    Kind.ROW_ID: ("row_ids", "Columns that number or name the rows were left out."),
    Kind.IGNORED: ("ignored_columns", "Columns were left out, as was asked for."),
    Kind.DUPLICATE: ("duplicate_columns", "Columns that repeat another one were left out."),
}


def _missing_values(frame: pd.DataFrame, names: list[str]) -> Finding:
    counts = frame.isna().sum().to_numpy()
    columns = tuple(names[i] for i in np.flatnonzero(counts))
    if not columns:
        return Finding(check="missing_values", state="passed", message="No value is missing.")
    return Finding(
        check="missing_values",
        state="done",
        message=f"{int(counts.sum())} values are missing. Trees treat them as a value of their "
        "own; linear models get the median and a flag.",
        columns=columns,
    )


def _mark_duplicates(frame: pd.DataFrame, columns: list[Column]) -> list[Column]:
    """Mark columns whose values equal those of an earlier one."""
    seen: dict[Any, int] = {}
    marked = []
    for column in columns:
        series = frame.iloc[:, column.position]
        if column.kind in DROPPED:
            marked.append(column)
            continue
        try:
            digest = int(pd.util.hash_pandas_object(series, index=False).sum())
        except TypeError:  # unhashable values, such as lists
            marked.append(column)
            continue
        twin = seen.setdefault((column.kind, digest), column.position)
        is_copy = twin != column.position and series.equals(frame.iloc[:, twin].rename(series.name))
        kind = Kind.DUPLICATE if is_copy else column.kind
        marked.append(Column(column.position, column.name, kind))
    return marked


__all__ = ["Kind", "Preparer"]
