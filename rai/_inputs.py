"""Check what the caller gave and bring it into one shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rai._errors import InputError, unknown_name
from rai._records import Task

SensitiveFeatures: TypeAlias = Sequence[str] | Mapping[str, ArrayLike] | pd.DataFrame
TaskChoice: TypeAlias = Literal["auto", "classification", "binary", "multiclass", "regression"]

_TASKS = ("auto", "classification", "binary", "multiclass", "regression")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an analysis is to be made.

    Attributes:
        seed: Seed of every draw.
        threshold: Score from which a row is predicted positive (binary); None: the model's own
            labels.
        n_bootstrap: Bootstrap replicates behind the intervals.
        max_explained_rows: Most rows to explain.
        explain_budget_seconds: Time for explanations; 0 leaves them out.
        n_background: Rows that stand for an absent column.
    """

    seed: int = 0
    threshold: float | None = None
    n_bootstrap: int = 1000
    max_explained_rows: int = 2000
    explain_budget_seconds: float = 15.0
    n_background: int = 100

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise InputError(f"threshold is {self.threshold!r}; it must lie between 0 and 1.")
        if self.explain_budget_seconds < 0:
            raise InputError(
                f"explain_budget_seconds is {self.explain_budget_seconds!r}; "
                "it must be 0 (no explanations) or more."
            )
        for name, least in (("n_bootstrap", 100), ("max_explained_rows", 10), ("n_background", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)!r}; it must be {least} or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows to evaluate, those without a target left out.

    Attributes:
        frame: All columns but the target, with a fresh index.
        truth: Target values, shape (n_rows,).
        kept: Which rows of the caller's frame these are, shape (n_given,).
        sensitive: Sensitive columns as given, one row per evaluated row.
        notes: What was left out.
    """

    frame: pd.DataFrame
    truth: pd.Series
    kept: NDArray[np.bool_]
    sensitive: pd.DataFrame
    notes: tuple[str, ...]


def read_rows(
    frame: pd.DataFrame, *, target: str, sensitive_features: SensitiveFeatures | None
) -> Rows:
    """Split a frame into features, truth and sensitive columns.

    Raises:
        InputError: The frame is not a frame or is empty, a column is unknown, no row has a target.
    """
    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            f"The data is a {type(frame).__name__}; it must be a pandas DataFrame. "
            "Read files with pandas.read_csv or pandas.read_parquet first."
        )
    if frame.empty:
        raise InputError(
            f"The data has {len(frame)} rows and {frame.shape[1]} columns; nothing can be "
            f"evaluated. "
            "Give at least one row."
        )
    if target not in frame.columns:
        raise unknown_name("column", target, frame.columns)
    sensitive = _sensitive_frame(frame, sensitive_features, target)
    kept = frame[target].notna().to_numpy()
    if not kept.any():
        raise InputError(
            f"Column {target!r} is missing in all {len(frame)} rows; a truth is needed to evaluate."
        )
    n_dropped = int((~kept).sum())
    notes = (f"{n_dropped} rows without a value of {target!r} were left out.",) if n_dropped else ()
    return Rows(
        frame=frame.loc[kept].drop(columns=target).reset_index(drop=True),
        truth=frame.loc[kept, target].reset_index(drop=True),
        kept=kept,
        sensitive=sensitive.loc[kept].reset_index(drop=True),
        notes=notes,
    )


def _sensitive_frame(
    frame: pd.DataFrame, given: SensitiveFeatures | None, target: str
) -> pd.DataFrame:
    if given is None:
        return pd.DataFrame(index=pd.RangeIndex(len(frame)))
    if isinstance(given, str):
        raise InputError(
            f"sensitive_features is the text {given!r}; it must be a list of column names. "
            f"Write [{given!r}]."
        )
    if isinstance(given, (pd.DataFrame, Mapping)):
        columns = {str(name): np.asarray(values) for name, values in given.items()}
        if isinstance(given, pd.DataFrame):
            columns = {str(name): given[name].array for name in given.columns}
        for name, values in columns.items():
            if len(values) != len(frame):
                raise InputError(
                    f"Sensitive feature {name!r} has {len(values)} values for {len(frame)} rows; "
                    "give one value for each row of the data."
                )
        return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))
    for name in given:
        if name not in frame.columns:
            raise unknown_name("column", str(name), (c for c in frame.columns if c != target))
    return frame.loc[:, list(given)].reset_index(drop=True)


def infer_task(truth: pd.Series, task: TaskChoice) -> Task:
    """Decide what kind of prediction this is.

    ``auto`` takes text, categories, booleans and whole numbers with at most 20 values as classes
    and every other number as a quantity.

    Raises:
        InputError: The task is unknown or the target does not suit it.
    """
    if task not in _TASKS:
        raise unknown_name("task", str(task), _TASKS)
    n_values = int(truth.nunique())
    if task == "auto":
        task = "classification" if _looks_like_classes(truth, n_values) else "regression"
    if task == "regression":
        if not pd.api.types.is_numeric_dtype(truth):
            raise InputError(
                f"Target {truth.name!r} holds {truth.dtype} values such as {truth.iloc[0]!r}; "
                "regression needs numbers. Use task='classification', or convert the column."
            )
        if not np.isfinite(truth.to_numpy(dtype=np.float64)).all():
            raise InputError(
                f"Target {truth.name!r} holds infinite values; regression needs finite numbers."
            )
        return "regression"
    if task == "binary" and n_values > 2:
        raise InputError(
            f"Target {truth.name!r} has {n_values} classes; a binary task has two. "
            "Use task='multiclass'."
        )
    if task == "multiclass":
        return "multiclass"
    return "binary" if n_values <= 2 else "multiclass"


def _looks_like_classes(truth: pd.Series, n_values: int) -> bool:
    if pd.api.types.is_bool_dtype(truth) or not pd.api.types.is_numeric_dtype(truth):
        return True
    values = truth.to_numpy(dtype=np.float64)
    is_whole = bool(np.equal(np.mod(values, 1), 0).all())
    return is_whole and n_values <= 20


def label_key(value: Any) -> str:
    """Return the text under which a class label is known; 1 and 1.0 are the same label."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def label_keys(values: ArrayLike | pd.Series) -> NDArray[np.object_]:
    """Return :func:`label_key` of each value; each distinct value is converted once."""
    codes, uniques = pd.factorize(np.asarray(values, dtype=object), use_na_sentinel=False)
    keys = np.array([label_key(value) for value in uniques], dtype=object)
    taken: NDArray[np.object_] = keys[codes]
    return taken


def sort_labels(values: Sequence[Any]) -> list[Any]:
    """Sort labels by value, or by their text when they cannot be compared."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)


def choose_positive(classes: tuple[str, ...], given: Any) -> int:
    """Return the index of the positive class of a binary task: the given one, else the last.

    Raises:
        InputError: The given label is not a class.
    """
    if given is None:
        return len(classes) - 1
    key = label_key(given)
    if key not in classes:
        raise unknown_name("class", key, classes)
    return classes.index(key)
