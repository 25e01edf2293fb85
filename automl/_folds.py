"""How models are compared: which rows each fold learns from, and which it is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from automl._errors import DataError, OptionError, suggestion
from automl._guardrails import Finding
from automl._table import stratified_folds
from automl._task import Options

Array = NDArray[Any]
Split = tuple[Array, Array]

_MANY_REPEATS = 20
_MANY_COPIES = 0.01  # of the rows
_WAYS = {
    "validation_frame": "these rows are held out",
    "validation_size": "this share of the rows is held out",
    "fold_columns": "columns mark the rows of each split",
    "time_column": "later rows are predicted from earlier ones",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What the caller says about comparing models; all of it may be left open.

    Attributes:
        n_folds: Number of folds; None chooses by size.
        n_repeats: How often the rows are dealt anew.
        size: Share of the rows to hold out instead.
        group_column: Rows with the same value stay on one side of every split.
        groups_copies: Rows that are copies of each other stay on one side of every split.
        time_column: Every fold is judged by later rows than it learns from.
        fold_columns: One split for each: 1 marks rows to learn from, 0 rows to judge by.
    """

    n_folds: int | None = None
    n_repeats: int = 1
    size: float | None = None
    group_column: str | None = None
    groups_copies: bool = False
    time_column: str | None = None
    fold_columns: tuple[str, ...] = ()

    @property
    def not_features(self) -> tuple[str, ...]:
        """Columns that models must not learn from."""
        return (*((self.group_column,) if self.group_column else ()), *self.fold_columns)


def validation_of(options: Options, *, columns: Sequence[str], target: str) -> Validation:
    """Check the options that say how models are compared.

    Raises:
        OptionError: Two of them contradict each other, or one has no such value.
        DataError: A column that one names is not there.
    """
    given = [name for name in _WAYS if options.get(name) is not None]
    if len(given) > 1:
        said = "; ".join(f"{name}: {_WAYS[name]}" for name in given)
        raise OptionError(f"Give {' or '.join(given)}, not both: they are different ways ({said}).")
    validation = Validation(
        n_folds=options.get("n_cross_validations"),
        n_repeats=_n_repeats(options.get("n_repeats")),
        size=options.get("validation_size"),
        group_column=column_option(options, "group_column", columns, target),
        groups_copies=bool(options.get("group_copies")),
        time_column=column_option(options, "time_column", columns, target),
        fold_columns=_fold_columns(options.get("fold_columns"), columns, target),
    )
    fixed = next((name for name in given if name != "time_column"), None)
    for name in ("n_cross_validations", "n_repeats", "group_column", "group_copies"):
        if fixed and options.get(name):
            raise OptionError(f"Give {fixed} or {name}, not both: {fixed} says which rows to use.")
    if validation.time_column and (validation.group_column or validation.n_repeats > 1):
        raise OptionError(
            "time_column orders the rows, so they are neither dealt again (n_repeats) nor kept in "
            "groups (group_column). Leave those out."
        )
    return validation


def _n_repeats(value: Any) -> int:
    if value is None:
        return 1
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MANY_REPEATS:
        raise OptionError(
            f"n_repeats must be a whole number from 1 to {_MANY_REPEATS}, not {value!r}."
        )
    return value


def column_option(options: Options, name: str, columns: Sequence[str], target: str) -> str | None:
    """Return the column that an option names; None if the option is not given.

    Raises:
        DataError: There is no such column.
        OptionError: It is the target.
    """
    value = cast("str | None", options.get(name))
    if value is not None:
        _check_column(value, columns, target, option=name)
    return value


def _fold_columns(value: Any, columns: Sequence[str], target: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise OptionError(f"fold_columns must be a list of columns' names, not {value!r}.")
    for name in value:
        _check_column(name, columns, target, option="fold_columns")
    return tuple(value)


def _check_column(name: Any, columns: Sequence[str], target: str, *, option: str) -> None:
    if name not in columns:
        known = [str(one) for one in columns]
        raise DataError(f"{option} names {name!r}: no such column. {suggestion(str(name), known)}")
    if name == target:
        raise OptionError(f"{option} names the target {target!r}. Name another column.")


# ------------------------------------------------------------------ splits


def make_splits(
    y: Array,
    rows: pd.DataFrame,
    validation: Validation,
    *,
    split_at: int | None,
    is_regression: bool,
    seed: int,
) -> tuple[Split, ...]:
    """Return the (training rows, held-out rows) of each fold.

    Args:
        y: Class codes or values, shape (n,).
        rows: The rows, with the columns that `validation` names.
        validation: What the caller says.
        split_at: Where rows begin that are held out; None if none are given.
        is_regression: Whether `y` holds values.
        seed: Seed of dealing the rows.

    Raises:
        OptionError: There are too few rows, groups or moments for so many folds.
        DataError: A column says nothing that rows could be divided by.
    """
    places = np.arange(len(y))
    if split_at is not None:
        return ((places[:split_at], places[split_at:]),)
    if validation.fold_columns:
        return tuple(_marked(rows[name]) for name in validation.fold_columns)
    if validation.time_column:
        n_folds = _n_folds(validation.n_folds, len(y))
        return _forward(rows[validation.time_column], n_folds)
    unit = _units(rows, validation)
    if validation.size is not None:
        return (_holdout(y, unit, validation, is_regression=is_regression, seed=seed),)
    n_folds = _n_folds(validation.n_folds, len(np.unique(unit)))
    splits = []
    for repeat in range(validation.n_repeats):
        fold = _deal(y, unit, n_folds=n_folds, is_regression=is_regression, seed=seed + repeat)
        splits += [(places[fold != k], places[fold == k]) for k in range(n_folds)]
    return tuple(splits)


def _n_folds(asked: int | None, n_units: int) -> int:
    if asked is None:
        return min(_default_n_folds(n_units), max(n_units // 2, 2))
    if isinstance(asked, bool) or int(asked) != asked or not 2 <= asked <= n_units // 2:
        raise OptionError(
            f"n_cross_validations must be a whole number from 2 to {n_units // 2} (half the rows "
            f"or groups), not {asked!r}."
        )
    return int(asked)


def _default_n_folds(n_rows: int) -> int:
    """More folds where they are cheap and where every training row counts."""
    if n_rows < 1_000:
        return 8 if n_rows >= 80 else 5
    return 5 if n_rows < 20_000 else 4 if n_rows < 100_000 else 3


def _units(rows: pd.DataFrame, validation: Validation) -> Array:
    """Return what each row must stay together with: its group, the rows that equal it, nothing."""
    group_column = validation.group_column
    if group_column is not None:
        codes, groups = pd.factorize(rows[group_column], use_na_sentinel=False)
        if len(groups) < 4:
            raise DataError(
                f"group_column {group_column!r} has {len(groups)} different values; at least 4 "
                "groups are needed to compare models."
            )
        return np.asarray(codes)
    return _copies(rows) if validation.groups_copies else np.arange(len(rows))


def _copies(rows: pd.DataFrame) -> Array:
    """Return a number for each row, the same for rows that are equal."""
    try:
        hashes = pd.util.hash_pandas_object(rows, index=False)
        return np.asarray(pd.factorize(hashes)[0])
    except TypeError:  # values such as lists cannot be compared
        return np.arange(len(rows))


def _deal(y: Array, unit: Array, *, n_folds: int, is_regression: bool, seed: int) -> Array:
    """Return the fold of each row; the rows of one unit share it, and classes are spread evenly.

    A unit counts as the class that most of its rows have, or as their mean; large ones are dealt
    first, so that folds are of about the same size.
    """
    n_units = int(unit.max()) + 1
    if n_units == len(unit):
        return stratified_folds(y, n_folds=n_folds, is_regression=is_regression, seed=seed)
    sizes = np.bincount(unit)
    if is_regression:
        of_unit = np.bincount(unit, weights=y) / sizes
    else:
        counts = np.zeros((n_units, int(y.max()) + 1))
        np.add.at(counts, (unit, y), 1)
        of_unit = counts.argmax(axis=1)
    if sizes.max() <= max(len(unit) // (20 * n_folds), 1):  # small units even out by themselves
        fold = stratified_folds(of_unit, n_folds=n_folds, is_regression=is_regression, seed=seed)
    else:
        fold = _balanced(sizes, n_folds=n_folds, seed=seed)
    dealt: Array = fold[unit]
    return dealt


def _balanced(sizes: Array, *, n_folds: int, seed: int) -> Array:
    """Give each unit, the largest first, to the fold that has the fewest rows so far."""
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    fold = np.empty(len(sizes), dtype=np.int64)
    filled = np.zeros(n_folds)
    for one in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold[one] = int(filled.argmin())
        filled[fold[one]] += sizes[one]
    return fold


def _holdout(
    y: Array, unit: Array, validation: Validation, *, is_regression: bool, seed: int
) -> Split:
    size: Any = validation.size
    if isinstance(size, bool) or not isinstance(size, int | float) or not 0 < size < 1:
        raise OptionError(f"validation_size must be a share between 0 and 1, not {size!r}.")
    n_parts = 10 * (max(2, round(1.0 / size)) if size <= 0.5 else 2)
    part = _deal(y, unit, n_folds=n_parts, is_regression=is_regression, seed=seed)
    held_out = part < max(1, round(size * n_parts))
    places = np.arange(len(y))
    return places[~held_out], places[held_out]


def _forward(moments: pd.Series, n_folds: int) -> tuple[Split, ...]:
    """Return splits whose held-out rows are later than all that they learn from.

    Rows of the same moment stay together. The first of `n_folds + 1` equal parts is only learned
    from.
    """
    order = _order(moments)
    n_moments = int(order.max()) + 1
    if n_moments <= n_folds:
        raise DataError(
            f"time_column {moments.name!r} has {n_moments} different moments, too few for "
            f"{n_folds} folds. Set n_cross_validations lower, or name another column."
        )
    in_time = np.sort(order)
    edges = [in_time[len(order) * k // (n_folds + 1)] for k in range(1, n_folds + 1)]
    edges = sorted(set(edges) - {0})
    ends = [*edges[1:], n_moments]
    return tuple(
        (np.flatnonzero(order < start), np.flatnonzero((order >= start) & (order < end)))
        for start, end in zip(edges, ends, strict=True)
    )


def _order(moments: pd.Series) -> Array:
    """Return the place of each row's moment among the different ones."""
    values = moments
    if not pd.api.types.is_numeric_dtype(values.dtype):
        from automl._prepare._columns import as_date

        values = as_date(moments)
    if values.isna().any():
        raise DataError(
            f"time_column {moments.name!r} has {int(values.isna().sum())} rows that are no moment "
            "or number. Fill or remove them."
        )
    return np.unique(values.to_numpy(), return_inverse=True)[1]


def _marked(column: pd.Series) -> Split:
    values = pd.to_numeric(column, errors="coerce")
    if not values.isin([0, 1]).all() or values.nunique() != 2:
        found = ", ".join(repr(one) for one in column.unique().tolist()[:4])
        raise DataError(
            f"The fold column {column.name!r} must hold 1 (rows to learn from) and 0 (rows to "
            f"judge by), both of them; it holds {found}."
        )
    learns = values.to_numpy() == 1
    return np.flatnonzero(learns), np.flatnonzero(~learns)


# ------------------------------------------------------------------ what is said about it


def split_findings(
    splits: Sequence[Split], validation: Validation, rows: pd.DataFrame
) -> list[Finding]:
    """Say how models are compared, and what it means for rows that occur more than once."""
    found = [Finding(check="validation", state="done", message=_described(splits, validation))]
    if validation.group_column or validation.time_column or validation.fold_columns:
        return found
    n_copies = len(rows) - int(_copies(rows).max() + 1)
    if n_copies:
        is_grouped = validation.groups_copies
        found.append(_copies_finding(n_copies, len(rows), is_grouped=is_grouped))
    return found


def _copies_finding(n_copies: int, n_rows: int, *, is_grouped: bool) -> Finding:
    counted = f"Rows that repeat another one: {n_copies:,} of {n_rows:,}"
    if is_grouped:
        message = (
            f"{counted}. Copies stay in the same fold, so that no model is judged by rows that it "
            "has learned."
        )
        return Finding(check="duplicate_rows", state="done", message=message)
    if n_copies < _MANY_COPIES * n_rows:
        message = f"{counted}, too few to matter."
        return Finding(check="duplicate_rows", state="passed", message=message)
    message = (
        f"{counted}, so models are also judged by rows that they have learned. That is right if "
        "new rows will repeat old ones as often; if not, remove the copies, or set group_copies."
    )
    return Finding(check="duplicate_rows", state="alerted", message=message)


def _described(splits: Sequence[Split], validation: Validation) -> str:
    if validation.time_column:
        return (
            f"Models are compared on {len(splits)} parts of the rows, each predicted from all that "
            f"is earlier by {validation.time_column!r}."
        )
    if validation.fold_columns:
        return f"Models are compared by the splits of {', '.join(validation.fold_columns)}."
    if len(splits) == 1:
        n_held_out, n_rows = len(splits[0][1]), sum(map(len, splits[0]))
        return f"{n_held_out} rows ({n_held_out / n_rows:.0%}) are held out to compare models."
    n_folds = len(splits) // validation.n_repeats
    again = f", dealt {validation.n_repeats} times" if validation.n_repeats > 1 else ""
    apart = (
        f" that keeps each {validation.group_column!r} together" if validation.group_column else ""
    )
    return f"Models are compared by {n_folds}-fold cross-validation{again}{apart}."
