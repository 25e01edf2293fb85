"""Azure ML's `type: automl` job file, checked and typed.

Every field of that format is known here: it is honoured, it is named in one warning, or the job is
refused. Nothing is ignored in silence.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl._errors import JobFileError, OptionError, suggestion

DEFAULT_TIMEOUT_MINUTES = 60.0
DEFAULT_MAX_TRIALS = 1000
DATA_FIELDS = ("training_data", "validation_data", "test_data")

_HONOURED = {
    "$schema", "type", "task", "primary_metric", "target_column_name", *DATA_FIELDS,
    "validation_data_size", "test_data_size", "n_cross_validations", "limits", "training",
    "featurization", "experiment_name", "display_name", "description", "tags", "compute",
    "environment_variables", "properties", "cv_split_column_names", "forecasting",
    "weight_column_name",
}  # fmt: skip
_WARNED = {
    "name", "outputs", "resources", "queue_settings", "identity", "services", "log_verbosity",
    "positive_label", "environment", "environment_id",
}  # fmt: skip
_LIMITS = {
    "timeout_minutes", "trial_timeout_minutes", "max_trials", "max_concurrent_trials",
    "exit_score", "enable_early_termination",
}  # fmt: skip
_LIMITS_WARNED = {"max_nodes", "max_cores_per_trial"}
_TRAINING = {
    "allowed_training_algorithms", "blocked_training_algorithms", "enable_vote_ensemble",
    "enable_stack_ensemble", "enable_model_explainability", "enable_onnx_compatible_models",
    "enable_dnn_training",
}  # fmt: skip
_TRAINING_WARNED = {
    "stack_ensemble_settings", "ensemble_model_download_timeout_minutes", "training_mode",
}  # fmt: skip
_FEATURIZATION = {"mode", "column_name_and_types"}
_FEATURIZATION_WARNED = {
    "blocked_transformers", "dataset_language", "transformer_params",
    "enable_dnn_featurization",
}  # fmt: skip

# Azure's name without capitals and underscores -> our learner, the nearest where none is the same.
_ALGORITHMS = {
    "lightgbm": "lightgbm",
    "gradientboosting": "hist_gradient_boosting",
    "histgradientboosting": "hist_gradient_boosting",
    "extremerandomtrees": "extra_trees",
    "extratrees": "extra_trees",
    "randomforest": "random_forest",
    "logisticregression": "linear",
    "linear": "linear",
    "elasticnet": "elastic_net",
    "lassolars": "elastic_net",
    "sgd": "elastic_net",
    "multinomialnaivebayes": "naive_bayes",
    "bernoullinaivebayes": "naive_bayes",
    "svm": "support_vectors",
    "linearsvm": "linear",
    "knn": "nearest_neighbours",
    "decisiontree": "decision_tree",
    "xgboostclassifier": "xgboost",
    "xgboostregressor": "xgboost",
    "xgboost": "xgboost",
    "catboost": "catboost",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A checked job.

    Attributes:
        task: Classification, regression or forecasting.
        target: Target column.
        metric: Our metric name or `auto`.
        data: Path of each given data field.
        data_types: Its Azure type (`mltable`, `uri_file`, `uri_folder`).
        timeout_seconds: Time budget.
        options: Ready for `automl.fit`, or for `automl.fit_forecaster` (and `unknown`: columns
            whose future is unknown).
        test_size: Share of rows to keep for the final scores; None for no such split.
        unsupported: Fields that this version does not act on, with the reason where there is one.
        document: The file as it came.
    """

    task: str
    target: str
    metric: str
    data: dict[str, str]
    data_types: dict[str, str]
    timeout_seconds: float
    options: dict[str, Any]
    test_size: float | None
    unsupported: tuple[str, ...]
    document: dict[str, Any]

    def warning(self) -> str | None:
        """Return the one sentence about what is not acted on; None if there is nothing to say."""
        if not self.unsupported:
            return None
        return f"Not acted on by this version: {', '.join(self.unsupported)}."


def read_job_file(path: Path) -> JobFile:
    """Read and check a job file.

    Raises:
        JobFileError: It is no automl job, or asks for something impossible.
    """
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise JobFileError(f"The job file {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise JobFileError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    return parse_job(document)


def parse_job(document: Any) -> JobFile:
    """Check a job document.

    Raises:
        JobFileError: It is no automl job, or asks for something impossible.
    """
    if not isinstance(document, dict):
        raise JobFileError(f"A job file holds fields, not a {type(document).__name__}.")
    if document.get("type") != "automl":
        raise JobFileError(f"type must be 'automl', not {document.get('type')!r}.")
    unsupported = _check_fields("", document, known=_HONOURED, warned=_WARNED)
    limits = _section(document, "limits")
    training = _section(document, "training")
    featurization = _section(document, "featurization")
    unsupported += _check_fields("limits.", limits, known=_LIMITS, warned=_LIMITS_WARNED)
    unsupported += _check_fields("training.", training, known=_TRAINING, warned=_TRAINING_WARNED)
    unsupported += _check_fields(
        "featurization.", featurization, known=_FEATURIZATION, warned=_FEATURIZATION_WARNED
    )
    unsupported += _switches(training, limits)
    task = _task(document)
    data, data_types = _data(document)
    if task == "forecasting":
        metric, options, more = _forecasting(document, training, limits)
    else:
        metric, options, more = _tabular(document, task, training, limits)
    return JobFile(
        task=task,
        target=_text(document, "target_column_name"),
        metric=metric,
        data=data,
        data_types=data_types,
        timeout_seconds=60.0 * _positive(limits, "timeout_minutes", DEFAULT_TIMEOUT_MINUTES),
        options={k: v for k, v in options.items() if v is not None},
        test_size=_share(document, "test_data_size"),
        unsupported=tuple(unsupported + more),
        document=document,
    )


def _tabular(
    document: dict[str, Any], task: str, training: dict[str, Any], limits: dict[str, Any]
) -> tuple[str, dict[str, Any], list[str]]:
    """Return the metric, options for `fit`, and what is not acted on."""
    if document.get("forecasting") is not None:
        raise JobFileError(f"forecasting belongs to the task forecasting, not to {task}.")
    options: dict[str, Any] = {
        "task": task,
        "allowed": _learners(training, "allowed_training_algorithms"),
        "blocked": _learners(training, "blocked_training_algorithms"),
        "ensemble": bool(training.get("enable_vote_ensemble", True)),
        "n_cross_validations": _n_folds(document.get("n_cross_validations")),
        **_column_types(_section(document, "featurization")),
        "weight_column": document.get("weight_column_name"),
        "fold_columns": _columns(document, "cv_split_column_names"),
        "validation_size": _share(document, "validation_data_size"),
        **_limit_options(limits),
    }
    return _metric(document.get("primary_metric"), task), options, []


def _forecasting(
    document: dict[str, Any], training: dict[str, Any], limits: dict[str, Any]
) -> tuple[str, dict[str, Any], list[str]]:
    """Return the metric, options for `forecast`, and what is not acted on."""
    from automl._forecast._job import parse_algorithms, parse_forecasting, parse_metric

    for name in ("test_data_size", "validation_data_size"):
        if document.get(name) is not None:
            raise JobFileError(
                f"{name} cannot be honoured for forecasting, where rows have an order: give "
                f"{name.removesuffix('_size')} with the last rows."
            )
    options, more = parse_forecasting(document.get("forecasting"))
    fields = {}
    for field in ("allowed_training_algorithms", "blocked_training_algorithms"):
        names = _names(training[field], field) if training.get(field) else None
        fields[field], notes = parse_algorithms(names, field)
        more += notes
    limit_options = _limit_options(limits)
    limit_options.pop("early_stop")  # the models are few, and all of them are tried
    options |= {
        "allowed": fields["allowed_training_algorithms"],
        "blocked": None
        if fields["allowed_training_algorithms"]
        else fields["blocked_training_algorithms"],
        "ensemble": bool(training.get("enable_vote_ensemble", True)),
        "n_windows": _n_folds(document.get("n_cross_validations")),
        **limit_options,
    }
    return parse_metric(document.get("primary_metric")), options, more


# ------------------------------------------------------------------ fields


def _check_fields(
    prefix: str, section: dict[str, Any], *, known: set[str], warned: set[str]
) -> list[str]:
    """Return the fields to warn about; refuse those that do not exist."""
    for name in section:
        if name not in known | warned:
            listing = suggestion(name, sorted(known | warned)).removeprefix("It has: ")
            raise JobFileError(f"Unknown field {prefix + str(name)!r}. Known here: {listing}")
    return [prefix + name for name in section if name in warned]


def _section(document: dict[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name) or {}
    if not isinstance(section, dict):
        raise JobFileError(f"{name} must hold fields, not {section!r}.")
    return section


def _switches(training: dict[str, Any], limits: dict[str, Any]) -> list[str]:
    """Return the switches that are set to what this version does not do."""
    found = [
        f"training.{name}"
        for name in (
            "enable_stack_ensemble",
            "enable_model_explainability",
            "enable_onnx_compatible_models",
            "enable_dnn_training",
        )
        if training.get(name) is True
    ]
    if limits.get("max_concurrent_trials") is not None:
        found.append("limits.max_concurrent_trials (every core fits one fold)")
    return found


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str | int | float) or value == "":
        raise JobFileError(f"{name} is missing: every automl job needs it.")
    return str(value)


def _task(document: dict[str, Any]) -> str:
    task = _text(document, "task").lower()
    if task not in {"classification", "regression", "forecasting"}:
        raise JobFileError(
            f"task {task!r} is not offered by this version; use classification, regression or "
            "forecasting."
        )
    return task


def _metric(name: Any, task: str) -> str:
    from automl._metrics import find_metric

    if name is None:
        return "auto"
    try:
        return find_metric(
            str(name), "regression" if task == "regression" else "classification"
        ).name
    except OptionError as error:
        raise JobFileError(f"primary_metric: {error}") from error


def _data(document: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    paths: dict[str, str] = {}
    types: dict[str, str] = {}
    for name in DATA_FIELDS:
        value = document.get(name)
        if value is None:
            continue
        entry = {"path": value} if isinstance(value, str) else value
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            raise JobFileError(f"{name} needs a path, such as {{path: ./data, type: mltable}}.")
        paths[name] = entry["path"]
        types[name] = str(entry.get("type", "mltable"))
    if "training_data" not in paths:
        raise JobFileError("training_data is missing: every automl job needs it.")
    return paths, types


def _number(section: dict[str, Any], name: str) -> float | None:
    value = section.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise JobFileError(f"{name} must be a number, not {value!r}.")
    return float(value)


def _positive(section: dict[str, Any], name: str, default: float) -> float:
    value = _number(section, name)
    if value is not None and not value > 0:
        raise JobFileError(f"{name} must be above 0, not {section[name]!r}.")
    return default if value is None else value


def _share(document: dict[str, Any], name: str) -> float | None:
    value = _number(document, name)
    if value is not None and not 0 < value < 1:
        raise JobFileError(f"{name} must be a share between 0 and 1, not {value:g}.")
    return value


def _columns(document: dict[str, Any], name: str) -> list[str] | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value) or not value:
        raise JobFileError(f"{name} must be a list of columns' names, not {value!r}.")
    return value


def _n_folds(value: Any) -> int | None:
    if value is None or value == "auto":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 2:
        raise JobFileError(
            f"n_cross_validations must be auto or a whole number from 2, not {value!r}."
        )
    return value


def _limit_options(limits: dict[str, Any]) -> dict[str, Any]:
    max_trials = _positive(limits, "max_trials", DEFAULT_MAX_TRIALS)
    options: dict[str, Any] = {
        "max_trials": int(max_trials),
        "exit_score": _number(limits, "exit_score"),
        "early_stop": bool(limits.get("enable_early_termination", True)),
    }
    if limits.get("trial_timeout_minutes") is not None:
        options["trial_timeout_s"] = 60.0 * _positive(limits, "trial_timeout_minutes", 1.0)
    return options


# ------------------------------------------------------------------ columns

_COLUMN_TYPES = {
    "numeric": "number",
    "datetime": "date",
    "categorical": "category",
    "categoricalhash": "category",
    "text": "text",
    "hashes": "ignore",
    "ignore": "ignore",
    "allnan": "ignore",
}


def _column_types(featurization: dict[str, Any]) -> dict[str, Any]:
    """Return the options for what columns hold; only the mode custom reads what a file says."""
    mode = str(featurization.get("mode", "auto")).lower()
    if mode not in ("auto", "custom", "off"):
        raise JobFileError(f"featurization.mode must be auto, custom or off, not {mode!r}.")
    said = featurization.get("column_name_and_types") or {}
    if not isinstance(said, dict):
        raise JobFileError(
            f"featurization.column_name_and_types must map columns to types, not {said!r}."
        )
    types = {str(column): _column_type(column, kind) for column, kind in said.items()}
    return {
        "featurization": "off" if mode == "off" else None,
        "column_types": types if types and mode == "custom" else None,
    }


def _column_type(column: Any, kind: Any) -> str:
    key = str(kind).lower().replace("_", "")
    if key not in _COLUMN_TYPES:
        listing = suggestion(key, sorted(_COLUMN_TYPES)).removeprefix("It has: ")
        raise JobFileError(f"Unknown type {kind!r} of the column {column!r}. Known: {listing}")
    return _COLUMN_TYPES[key]


# ------------------------------------------------------------------ algorithms


def _learner(name: Any) -> str:
    key = str(name).lower().replace("_", "")
    if key not in _ALGORITHMS:
        listing = suggestion(key, sorted(_ALGORITHMS)).removeprefix("It has: ")
        raise JobFileError(f"Unknown algorithm {name!r}. Known: {listing}")
    return _ALGORITHMS[key]


def _names(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise JobFileError(f"training.{field} must be a list of algorithm names, not {value!r}.")
    return value


def _learners(section: dict[str, Any], field: str) -> list[str] | None:
    value = section.get(field)
    return sorted({_learner(name) for name in _names(value, field)}) if value else None
