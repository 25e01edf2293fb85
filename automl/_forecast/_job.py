"""The `forecasting` section of Azure ML's job file, and that task's algorithms."""

from typing import Any

from automl._errors import JobFileError, OptionError, suggestion

FIELDS = {
    "time_column_name", "forecast_horizon", "frequency", "time_series_id_column_names",
    "target_lags", "target_rolling_window_size", "feature_lags", "short_series_handling_config",
    "seasonality", "country_or_region_for_holidays", "target_aggregate_function", "cv_step_size",
    "features_unknown_at_forecast_time", "use_stl",
}  # fmt: skip

# Azure's name without capitals and underscores -> our models; () where we have no equal.
ALGORITHMS: dict[str, tuple[str, ...]] = {
    "autoarima": ("arima",),
    "arima": ("arima",),
    "exponentialsmoothing": ("ets",),
    "naive": ("naive",),
    "seasonalnaive": ("seasonal_naive",),
    "average": ("window_mean",),
    "seasonalaverage": ("seasonal_mean",),
    "lightgbm": ("lightgbm", "lightgbm_shallow"),
    "lightgbmshallow": ("lightgbm_shallow",),
    "linear": ("linear",),
    "ets": ("ets",),
    "theta": ("theta",),
    "mstl": ("mstl",),
    "harmonic": ("harmonic",),
    "drift": ("drift",),
    "windowmean": ("window_mean",),
    "seasonalmean": ("seasonal_mean",),
    "croston": ("croston",),
    "tsb": ("tsb",),
    "adida": ("adida",),
} | dict.fromkeys(
    (
        "prophet", "arimax", "tcnforecaster", "elasticnet", "gradientboosting", "decisiontree",
        "knn", "lassolars", "sgd", "randomforest", "extremerandomtrees", "xgboostregressor",
    ),
    (),
)  # fmt: skip
_DEEP = "tcnforecaster"


def parse_forecasting(section: Any) -> tuple[dict[str, Any], list[str]]:
    """Return options for `automl.fit_forecaster`, and what this version does not act on.

    Two options are for the caller: `unknown` (columns whose future is unknown) and `freq`,
    `season` and `horizon`, which `forecast` takes by themselves.

    Raises:
        JobFileError: A field is missing, unknown or has an impossible value.
    """
    if not isinstance(section, dict) or not section:
        raise JobFileError("forecasting is missing: the task needs at least its time_column_name.")
    for name in section:
        if name not in FIELDS:
            listing = suggestion(name, sorted(FIELDS)).removeprefix("It has: ")
            raise JobFileError(f"Unknown field 'forecasting.{name}'. Known here: {listing}")
    time_column = section.get("time_column_name")
    if not isinstance(time_column, str) or not time_column:
        raise JobFileError("forecasting.time_column_name is missing: it names the column of dates.")
    options: dict[str, Any] = {
        "time_column": time_column,
        "horizon": _auto_or_whole(section, "forecast_horizon", default=1),
        "freq": section.get("frequency") or "auto",
        "season": _auto_or_whole(section, "seasonality", default="auto"),
        "id_columns": _names(section, "time_series_id_column_names"),
        "lags": _lags(section),
        "rolling_window": _none_if_auto(
            _auto_or_whole(section, "target_rolling_window_size", default="auto")
        ),
        "step": _none_if_auto(_auto_or_whole(section, "cv_step_size", default="auto")),
        "holidays": section.get("country_or_region_for_holidays"),
        "aggregate": _choice(
            section, "target_aggregate_function", ("sum", "max", "min", "mean"), default=None
        ),
        "short_series": _short_series(section),
        "feature_lags": _choice(section, "feature_lags", ("auto", "none"), default="auto")
        == "auto",
        "unknown": _names(section, "features_unknown_at_forecast_time") or [],
    }
    unsupported = []
    if _choice(section, "use_stl", ("season", "season_trend", "none"), default="none") != "none":
        unsupported.append("forecasting.use_stl (the model mstl decomposes the series instead)")
    return {k: v for k, v in options.items() if v is not None}, unsupported


def _plain(value: Any, inner: str) -> Any:
    """Return the value inside Azure's `{mode: custom, value: …}`."""
    if isinstance(value, dict):
        if str(value.get("mode", "custom")).lower() == "auto":
            return "auto"
        return value.get(inner)
    return value


def _auto_or_whole(section: dict[str, Any], name: str, *, default: Any) -> Any:
    value = _plain(section.get(name), "value")
    if value is None:
        return default
    if isinstance(value, str) and value.strip().lower() == "auto":
        return "auto"
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise JobFileError(
            f"forecasting.{name} must be auto or a whole number from 1, not {value!r}."
        )
    return value


def _none_if_auto(value: Any) -> Any:
    return None if value == "auto" else value


def _lags(section: dict[str, Any]) -> list[int] | None:
    value = _plain(section.get("target_lags"), "values")
    if value is None or (isinstance(value, str) and value.lower() == "auto"):
        return None
    lags = value if isinstance(value, list) else [value]
    for lag in lags:
        if isinstance(lag, bool) or not isinstance(lag, int) or lag < 1:
            raise JobFileError(
                "forecasting.target_lags must be auto, a whole number from 1 or a list of "
                f"them, not {value!r}."
            )
    return lags or None


def _names(section: dict[str, Any], name: str) -> list[str] | None:
    value = section.get(name)
    if value is None:
        return None
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(n, str) for n in names):
        raise JobFileError(f"forecasting.{name} must be a list of column names, not {value!r}.")
    return names or None


def _choice(
    section: dict[str, Any], name: str, known: tuple[str, ...], *, default: str | None
) -> str | None:
    value = section.get(name)
    if value is None:
        return default
    if str(value).lower() not in known:
        listing = suggestion(value, known).removeprefix("It has: ")
        raise JobFileError(f"forecasting.{name} must be one of these, not {value!r}: {listing}")
    return str(value).lower()


def _short_series(section: dict[str, Any]) -> str:
    name = "short_series_handling_config"
    if name in section and section[name] is None:
        return "none"
    return _choice(section, name, ("auto", "pad", "drop", "none"), default="auto") or "auto"


def parse_metric(name: Any) -> str:
    """Return our name of the measure; Azure's default where none is given.

    Raises:
        JobFileError: There is none of that name.
    """
    from automl._forecast._measures import find_forecast_metric

    try:
        return find_forecast_metric(name or "normalized_rmse").name
    except OptionError as error:
        raise JobFileError(f"primary_metric: {error}") from error


def parse_algorithms(names: list[Any] | None, field: str) -> tuple[list[str] | None, list[str]]:
    """Return our models, and what to say about those that we do not have.

    A list of nothing but Azure's deep network would leave no model; all of ours are tried then,
    and that is said.

    Raises:
        JobFileError: An algorithm does not exist anywhere, or none of the list exists here.
    """
    if not names:
        return None, []
    found = {str(name): _models(name) for name in names}
    kept = sorted({model for models in found.values() for model in models})
    absent = [name for name, models in found.items() if not models]
    notes = [f"training.{field}: {name}" for name in absent]
    if kept or field.startswith("blocked"):
        return kept or None, notes if field.startswith("allowed") else []
    if all(_key(name) == _DEEP for name in absent):
        return None, [f"training.{field}: TCNForecaster (all models of this version are tried)"]
    offered = sorted(name for name, models in ALGORITHMS.items() if models)
    raise JobFileError(
        f"None of the allowed algorithms is available: {', '.join(absent)}. "
        f"Available: {', '.join(offered)}."
    )


def _key(name: Any) -> str:
    return str(name).lower().replace("_", "")


def _models(name: Any) -> tuple[str, ...]:
    key = _key(name)
    if key not in ALGORITHMS:
        listing = suggestion(key, sorted(ALGORITHMS)).removeprefix("It has: ")
        raise JobFileError(f"Unknown algorithm {name!r}. Known: {listing}")
    return ALGORITHMS[key]
