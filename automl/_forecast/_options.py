"""What may be asked of `fit_forecaster`: its options, checked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast

import pandas as pd

from automl._errors import OptionError, choose, suggestion
from automl._task import LogMode, TrialRecord

ShortSeries = Literal["auto", "pad", "drop", "none"]
Aggregate = Literal["sum", "max", "min", "mean"]
DEFAULT_LEVELS = (80, 95)


class ForecastOptions(TypedDict, total=False):
    """Optional arguments of `fit_forecaster`; its docstring explains them."""

    id_columns: str | Sequence[str] | None
    time_column: str
    target: str
    known: Sequence[str]
    holidays: str | None
    levels: Sequence[float]
    lags: Sequence[int] | None
    rolling_window: int | None
    feature_lags: bool
    short_series: str
    aggregate: str | None
    n_windows: int | None
    step: int | None
    allowed: list[str] | None
    blocked: list[str] | None
    ensemble: bool
    max_trials: int | None
    exit_score: float | None
    trial_timeout_s: float | None
    non_negative: bool | None
    n_jobs: int | None
    mlflow: str
    test_frame: pd.DataFrame | None
    on_trial: "Callable[[TrialRecord], None] | None"


class ForecasterOptions(ForecastOptions, total=False):
    """All arguments of `fit_forecaster` but the table and the horizon."""

    freq: str
    season: int | str
    time_budget_s: float
    metric: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of one call, checked; the docstring of `fit_forecaster` explains them.

    A `horizon` of 0 is still to be chosen.
    """

    horizon: int
    time_budget_seconds: float
    seed: int
    id_columns: tuple[str, ...] | None
    time_column: str
    target: str
    known: tuple[str, ...]
    holidays: str | None
    levels: tuple[float, ...]
    lags: tuple[int, ...] | None
    rolling_window: int | None
    has_feature_lags: bool
    short_series: ShortSeries
    aggregate: Aggregate | None
    n_windows: int | None
    step: int | None
    allowed: tuple[str, ...] | None
    blocked: tuple[str, ...]
    is_ensemble: bool
    max_trials: int | None
    exit_score: float | None
    trial_timeout_seconds: float | None
    is_non_negative: bool | None
    n_threads: int | None
    log_mode: LogMode
    test_frame: pd.DataFrame | None
    on_trial: Callable[[TrialRecord], None] | None


def check_options(
    *, horizon: Any, time_budget_s: Any, seed: int, options: ForecastOptions
) -> Settings:
    """Check everything that needs no look at the table.

    Raises:
        OptionError: An option has an unknown name or value.
    """
    known = sorted(ForecastOptions.__annotations__)
    for name in options:
        if name not in known:
            listing = suggestion(name, known).removeprefix("It has: ")
            raise OptionError(
                f"fit_forecaster has no option named {name!r}. Its options: {listing}"
            )
    from automl._forecast._models import MODELS

    allowed, blocked = options.get("allowed"), options.get("blocked")
    if allowed and blocked:
        raise OptionError("Give allowed or blocked, not both: together they are ambiguous.")
    for name in [*(allowed or ()), *(blocked or ())]:
        choose(name, MODELS, what="A model")
    if set(blocked or ()) >= set(MODELS):
        raise OptionError(f"blocked leaves no model: it names all of {', '.join(MODELS)}.")
    aggregate = options.get("aggregate")
    if aggregate is not None:
        choose(aggregate, ("sum", "max", "min", "mean"), what="aggregate")
    return Settings(
        horizon=0 if horizon == "auto" else _whole(horizon, "horizon"),
        time_budget_seconds=_positive(time_budget_s, "time_budget_s"),
        seed=int(seed),
        id_columns=_id_columns(options.get("id_columns")),
        time_column=options.get("time_column", "ds"),
        target=options.get("target", "y"),
        known=_names(options.get("known", ()), "known"),
        holidays=options.get("holidays"),
        levels=check_levels(options.get("levels", DEFAULT_LEVELS)),
        lags=_lags(options.get("lags")),
        rolling_window=_optional_whole(options, "rolling_window"),
        has_feature_lags=bool(options.get("feature_lags", True)),
        short_series=cast(
            "ShortSeries",
            choose(
                options.get("short_series", "auto"),
                ("auto", "pad", "drop", "none"),
                what="short_series",
            ),
        ),
        aggregate=cast("Aggregate | None", aggregate),
        n_windows=_optional_whole(options, "n_windows"),
        step=_optional_whole(options, "step"),
        allowed=tuple(allowed) if allowed else None,
        blocked=tuple(blocked or ()),
        is_ensemble=bool(options.get("ensemble", True)),
        max_trials=_optional_whole(options, "max_trials"),
        exit_score=options.get("exit_score"),
        trial_timeout_seconds=_optional_positive(options.get("trial_timeout_s"), "trial_timeout_s"),
        is_non_negative=options.get("non_negative"),
        n_threads=_optional_whole(options, "n_jobs"),
        log_mode=cast(
            "LogMode",
            choose(options.get("mlflow", "off"), ("off", "summary", "trials"), what="mlflow"),
        ),
        test_frame=options.get("test_frame"),
        on_trial=options.get("on_trial"),
    )


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(f"{name} must be a whole number from 1, not {value!r}.")
    return value


def _optional_whole(options: ForecastOptions, name: str) -> int | None:
    value = options.get(name)
    return None if value is None else _whole(value, name)


def _positive(value: Any, name: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value < float("inf"):
        raise OptionError(f"{name} must be a positive number of seconds, not {value!r}.")
    return float(value)


def _optional_positive(value: Any, name: str) -> float | None:
    return None if value is None else _positive(value, name)


def _names(value: Any, name: str) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(v, str) for v in value):
        raise OptionError(f"{name} must be a list of column names, not {value!r}.")
    return tuple(value)


def _id_columns(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    return (value,) if isinstance(value, str) else _names(value, "id_columns")


def _lags(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        lags = sorted({_whole(lag, "lags") for lag in value})
    except TypeError as error:
        raise OptionError(f"lags must be a list of whole numbers from 1, not {value!r}.") from error
    return tuple(lags) or None


def check_levels(value: Any) -> tuple[float, ...]:
    """Return percentages in ascending order.

    Raises:
        OptionError: One is no percentage.
    """
    try:
        levels = tuple(sorted(float(level) for level in value))
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"levels must be a list of percentages such as (80, 95), not {value!r}."
        ) from error
    for level in levels:
        if not 0 < level < 100:
            raise OptionError(f"A level is a percentage between 0 and 100, not {level:g}.")
    return levels
