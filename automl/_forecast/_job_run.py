"""Runs a forecasting job file whose tables have been read."""

from typing import Any

import pandas as pd

from automl._errors import DataError, suggestion
from automl._forecast._fit import fit_forecaster
from automl._forecast._predictor import ForecastPredictor

_MAX_WINDOWS = 8


def run_forecasting(
    frames: dict[str, pd.DataFrame],
    options: dict[str, Any],
    *,
    target: str,
    metric: str,
    **more: Any,
) -> ForecastPredictor:
    """Fit what the job asks for.

    Rows of `validation_data` follow those of `training_data` and belong to the history; the
    backtest windows then lie within them. Every column but the ones that Azure's
    `features_unknown_at_forecast_time` names is taken to be known in advance, as there.

    Args:
        frames: The tables that the job names.
        options: What the job asks for, as `_job.parse_forecasting` gives it.
        target: Target column.
        metric: Name of the measure.
        **more: Further arguments of `automl.fit_forecaster`.
    """
    options = dict(options)
    train = frames["training_data"]
    unknown = options.pop("unknown", [])
    for name in unknown:
        if name not in train:
            known = suggestion(name, train.columns)
            raise DataError(f"No column named {name!r} in the table. {known}")
    ids = options.get("id_columns") or []
    roles = {target, options["time_column"], *ids, *unknown}
    options["known"] = [str(c) for c in train.columns if c not in roles]
    options["id_columns"] = ids
    if (validation := frames.get("validation_data")) is not None:
        time, horizon = options["time_column"], options["horizon"]
        if isinstance(horizon, int) and options.get("n_windows") is None and time in validation:
            n_fitting = validation[time].nunique() // horizon
            options["n_windows"] = min(max(n_fitting, 1), _MAX_WINDOWS)
        train = pd.concat([train, validation], ignore_index=True)
    return fit_forecaster(
        train,
        target=target,
        metric=metric,
        test_frame=frames.get("test_data"),
        **options,
        **more,
    )
