"""Everything that can be wrong with a call is said here, before any work is done."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from automl._errors import DataError, OptionError, choose, suggestion
from automl._folds import column_option, make_splits, split_findings, validation_of
from automl._guardrails import Finding, GuardrailReport
from automl._metrics import Metric, TaskName, default_metric, find_metric
from automl._prepare._columns import SAYABLE, Kind, plain_kind
from automl._suspicions import suspicions
from automl._task import Limits, LogMode, Options, Task, TrialRecord

Array = NDArray[Any]

MIN_ROWS = 10
_MAX_CLASSES = 1000
_MAX_CODED_CLASSES = 20
_MAX_WORKERS = 8
_IMBALANCED = 0.2  # share of the majority's rows
_RARE_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A checked call.

    Attributes:
        task: The learning problem.
        limits: When to stop.
        frame: The rows that are learned from, target included.
        test_frame: Labelled rows for the final scores.
        weight_column: What each row counts.
        log_mode: What goes to MLflow.
        on_trial: The caller's own listener.
    """

    task: Task
    limits: Limits
    frame: pd.DataFrame
    test_frame: pd.DataFrame | None
    weight_column: str | None
    log_mode: LogMode
    on_trial: Callable[[TrialRecord], None] | None


def check(
    frame: pd.DataFrame, *, target: str, time_budget_s: float, seed: int, options: Options
) -> Plan:
    """Check a call to `fit` and give it its typed form.

    Raises:
        DataError: The table cannot be learned from.
        OptionError: An option has an unknown name or value.
    """
    _check_names(options)
    limits = _limits(time_budget_s, options)
    log_mode = cast("LogMode", choose(options.get("mlflow", "off"), _LOG_MODES, what="mlflow"))
    requested = choose(options.get("task", "auto"), _TASKS, what="task")
    _check_frame(frame, target, name="table")
    validation = validation_of(options, columns=list(frame.columns), target=target)
    weight = column_option(options, "weight_column", list(frame.columns), target)
    known = frame[target].notna().to_numpy()
    _check_target_present(known, target)
    rows = frame.loc[known].reset_index(drop=True)
    name = _task_name(rows[target], requested)
    notes = list(_unlabelled(known))
    rows, split_at = _with_held_out(rows, target, options)
    classes, y = _encode(rows[target], name)
    metric = _metric(options.get("metric", "auto"), name, len(classes))
    notes += _class_notes(classes, y)
    splits = make_splits(
        y, rows, validation, split_at=split_at, is_regression=name == "regression", seed=seed
    )
    notes += split_findings(splits, validation, rows)
    test_frame = options.get("test_frame")
    if test_frame is not None:
        _check_frame(test_frame, target, name="test_frame")
    features = _features(
        rows, target, [*validation.not_features, *([weight] if weight is not None else [])]
    )
    notes += suspicions(
        features,
        y,
        name,
        test=test_frame,
        is_in_time=validation.time_column is not None,
        seed=seed,
    )
    kinds = _kinds(features, options)
    task = Task(
        name=name,
        kinds=kinds,
        metric=metric,
        target=target,
        classes=classes,
        features=features,
        y=y,
        splits=splits,
        learners=_learner_names(options, name),
        is_ensemble=bool(options.get("ensemble", True)),
        seed=int(seed),
        report=GuardrailReport(tuple(notes)),
        weights=None if weight is None else _weights(rows[weight]),
    )
    return Plan(
        task=task,
        limits=limits,
        frame=rows,
        test_frame=test_frame,
        weight_column=weight,
        log_mode=log_mode,
        on_trial=options.get("on_trial"),
    )


def _kinds(features: pd.DataFrame, options: Options) -> dict[str, Kind]:
    """Return what columns hold as far as that is not to be guessed."""
    mode = choose(options.get("featurization", "auto"), ("auto", "off"), what="featurization")
    plain = {} if mode == "auto" else {str(n): plain_kind(s) for n, s in features.items()}
    said = options.get("column_types") or {}
    if not isinstance(said, Mapping):
        raise OptionError(f"column_types must map columns to types, not {said!r}.")
    names = [str(name) for name in features]
    for name, kind in said.items():
        if str(name) not in names:
            raise DataError(
                f"column_types names {name!r}, which is no feature. {suggestion(str(name), names)}"
            )
        plain[str(name)] = SAYABLE[choose(kind, tuple(SAYABLE), what=f"The type of {name!r}")]
    if plain and all(plain.get(name) is Kind.IGNORED for name in names):
        raise OptionError("column_types ignores every column: there is nothing to learn from.")
    return plain


def _weights(column: pd.Series) -> Array:
    """Return what each row counts.

    Raises:
        DataError: Some are no numbers, below 0, or all of them are 0.
    """
    weights: Array = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = ~np.isfinite(weights) | (weights < 0)
    if bad.any():
        raise DataError(
            f"The weight column {column.name!r} has {int(bad.sum())} values that are missing, "
            "below 0 or no number. Fill them in, or leave those rows out."
        )
    if not weights.any():
        raise DataError(f"Every weight in {column.name!r} is 0: no row counts.")
    return weights


def _features(rows: pd.DataFrame, target: str, others: Sequence[str]) -> pd.DataFrame:
    features = rows.drop(columns=list({target, *others}))
    if features.shape[1] == 0:
        raise DataError(
            f"Besides {target!r} and {', '.join(map(repr, others))} there is no column to learn "
            "from."
        )
    return features


# ------------------------------------------------------------------ options

_LOG_MODES = ("off", "summary", "trials")
_TASKS = ("auto", "classification", "regression")


def _check_names(options: Options) -> None:
    known = sorted(Options.__annotations__)
    for name in options:
        if name not in known:
            listing = suggestion(name, known).removeprefix("It has: ")
            raise OptionError(f"fit has no option named {name!r}. Its options: {listing}")


def _limits(time_budget_s: float, options: Options) -> Limits:
    max_trials = options.get("max_trials")
    trial_timeout = options.get("trial_timeout_s")
    n_jobs = options.get("n_jobs")
    _check_positive(time_budget_s, "time_budget_s", "seconds")
    if trial_timeout is not None:
        _check_positive(trial_timeout, "trial_timeout_s", "seconds")
    for value, name in ((max_trials, "max_trials"), (n_jobs, "n_jobs")):
        if value is not None and (isinstance(value, bool) or int(value) != value or value < 1):
            raise OptionError(f"{name} must be a whole number from 1, not {value!r}.")
    return Limits(
        time_budget_seconds=float(time_budget_s),
        trial_timeout_seconds=trial_timeout,
        max_trials=max_trials,
        exit_score=options.get("exit_score"),
        is_stopped_early=bool(options.get("early_stop", False)),
        n_workers=n_jobs or min(_n_cores(), _MAX_WORKERS),
    )


def _check_positive(value: object, name: str, unit: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < cast("float", value) < float("inf"):
        raise OptionError(f"{name} must be a positive number of {unit}, not {value!r}.")


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _learner_names(options: Options, task: TaskName) -> tuple[str, ...]:
    from automl._learners import LEARNERS

    allowed, blocked = options.get("allowed"), options.get("blocked")
    if allowed and blocked:
        raise OptionError("Give allowed or blocked, not both: together they are ambiguous.")
    for name in [*(allowed or ()), *(blocked or ())]:
        choose(name, LEARNERS, what="A learner")
    asked = allowed or [name for name, learner in LEARNERS.items() if learner.by_default]
    names = tuple(name for name in LEARNERS if name in asked and name not in (blocked or ()))
    if not names:
        raise OptionError(f"blocked leaves no learner: it names all of {', '.join(asked)}.")
    suited = tuple(name for name in names if task in LEARNERS[name].tasks)
    if not suited:
        raise OptionError(f"None of the learners allowed does {task}: {', '.join(names)}.")
    return suited


def _metric(name: Any, task: TaskName, n_classes: int) -> Metric:
    if isinstance(name, Metric):
        if name.task != task:
            raise OptionError(f"The metric {name.name!r} is for {name.task}, not for {task}.")
        return name
    if not isinstance(name, str):
        raise OptionError(
            f"metric must be a name, or what automl.make_metric makes of a function, not {name!r}."
        )
    return default_metric(task, n_classes) if name == "auto" else find_metric(name, task)


# ------------------------------------------------------------------ the table


def _check_frame(frame: pd.DataFrame, target: str, *, name: str) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"The {name} must be a pandas DataFrame, not {type(frame).__name__}. "
            "Read a file with pandas.read_csv or pandas.read_parquet first."
        )
    names = [str(c) for c in frame.columns]
    repeated = (
        sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
    )
    if repeated:
        raise DataError(
            f"The {name} has more than one column named {', '.join(map(repr, repeated))}. "
            "Rename or drop the copies: column names must be unique."
        )
    if target not in frame.columns:
        raise DataError(f"No column named {target!r} in the {name}. {suggestion(target, names)}")
    if frame.shape[1] < 2:
        raise DataError(f"The {name} has no column besides {target!r}: nothing to learn from.")
    if len(frame) == 0:
        raise DataError(f"The {name} has 0 rows. Check the file and the filters before it.")


def _check_target_present(known: Array, target: str) -> None:
    n_known = int(known.sum())
    if n_known == 0:
        raise DataError(
            f"Every value of {target!r} is missing in {len(known)} rows: there is nothing to learn."
        )
    if n_known < MIN_ROWS:
        raise DataError(
            f"Only {n_known} rows have a value of {target!r}; at least {MIN_ROWS} are needed."
        )


def _unlabelled(known: Array) -> tuple[Finding, ...]:
    n_dropped = int((~known).sum())
    if not n_dropped:
        return ()
    message = f"{n_dropped} rows without a target value were left out."
    return (Finding(check="missing_target", state="done", message=message),)


def _with_held_out(
    rows: pd.DataFrame, target: str, options: Options
) -> tuple[pd.DataFrame, int | None]:
    """Append the validation rows; return where they start, None without any."""
    extra = options.get("validation_frame")
    if extra is None:
        return rows, None
    _check_frame(extra, target, name="validation_frame")
    absent = [c for c in rows.columns if c not in extra.columns]
    if absent:
        raise DataError(
            f"validation_frame lacks columns of the table: {', '.join(map(repr, absent[:10]))}."
        )
    labelled = extra.loc[extra[target].notna(), rows.columns]
    if len(labelled) == 0:
        raise DataError(f"Every value of {target!r} is missing in validation_frame.")
    both = pd.concat([rows, labelled], ignore_index=True)
    return both, len(rows)


# ------------------------------------------------------------------ the target


def _task_name(target: pd.Series, requested: str) -> TaskName:
    if requested == "auto":
        return _guess_task(target)
    if requested == "regression" and not _is_number(target):
        examples = ", ".join(repr(v) for v in target.unique()[:3])
        raise DataError(
            f"Regression needs numbers, but {target.name!r} holds {examples}. "
            "Convert the column, or use task='classification'."
        )
    return cast("TaskName", requested)


def _is_number(target: pd.Series) -> bool:
    dtype = target.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return False
    if pd.api.types.is_numeric_dtype(dtype):
        return not pd.api.types.is_complex_dtype(dtype)
    return bool(
        pd.api.types.is_object_dtype(dtype) and target.map(lambda v: type(v) in (int, float)).all()
    )


def _guess_task(target: pd.Series) -> TaskName:
    """Text, booleans, categories and few whole numbers are classes; all else are values."""
    if not _is_number(target):
        return "classification"
    values = target.astype(np.float64)
    is_coded = bool((values == values.round()).all()) and values.nunique() <= _MAX_CODED_CLASSES
    return "classification" if is_coded else "regression"


def _encode(target: pd.Series, task: TaskName) -> tuple[Array, Array]:
    """Return labels in code order and codes, or no labels and values."""
    if task == "regression":
        y = target.to_numpy(dtype=np.float64)
        if not np.isfinite(y).all():
            n_bad = int((~np.isfinite(y)).sum())
            raise DataError(
                f"{target.name!r} holds {n_bad} infinite values. Replace or remove those rows."
            )
        if np.ptp(y) == 0:
            raise DataError(
                f"Every value of {target.name!r} is {y[0]:g}: there is nothing to predict."
            )
        return np.array([]), y
    plain = target.astype(target.dtype.categories.dtype) if target.dtype == "category" else target
    values = plain.to_numpy()
    try:
        classes, y = np.unique(values, return_inverse=True)
    except TypeError as error:
        kinds = sorted({type(v).__name__ for v in values})
        raise DataError(
            f"{target.name!r} mixes {' and '.join(kinds)}. Make all labels of one type, "
            "for example with .astype(str)."
        ) from error
    _check_classes(classes, len(y), name=target.name)
    return classes, y.astype(np.int64)


def _check_classes(classes: Array, n_rows: int, *, name: object) -> None:
    if len(classes) == 1:
        raise DataError(
            f"Every value of {name!r} is {classes[0]!r}: a classification needs two classes."
        )
    if len(classes) > _MAX_CLASSES or len(classes) > n_rows / 2:
        raise DataError(
            f"{name!r} has {len(classes)} classes in {n_rows} rows; at most {_MAX_CLASSES} and two "
            "rows for each are needed. For numbers use task='regression'."
        )


def _class_notes(classes: Array, y: Array) -> list[Finding]:
    if not len(classes):
        return []
    counts = np.bincount(y, minlength=len(classes))
    notes = []
    rare = [str(classes[k]) for k in np.flatnonzero(counts < _RARE_ROWS)]
    if rare:
        message = (
            f"Fewer than {_RARE_ROWS} rows: {', '.join(rare[:10])}. They can hardly be learned."
        )
        notes.append(Finding(check="rare_classes", state="alerted", message=message))
    share = counts.min() / counts.max()
    if share < _IMBALANCED:
        message = (
            f"The rarest class has {share:.1%} as many rows as the most common one. Accuracy "
            "misleads here: read ROC AUC, average precision or balanced accuracy."
        )
        notes.append(Finding(check="class_balance", state="alerted", message=message))
    else:
        message = "Every class has at least a fifth of the most common one's rows."
        notes.append(Finding(check="class_balance", state="passed", message=message))
    return notes
