"""Runs a forecasting job file whose tables have been read."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from automl._errors import DataError, suggestion

if TYPE_CHECKING:
    from automl._forecast._predictor import ForecastPredictor
    from automl._job_file import JobFile

_MAX_WINDOWS = 8


def run_forecasting(
    job: "JobFile", frames: dict[str, pd.DataFrame], **more: Any
) -> "ForecastPredictor":
    """Fit what the job asks for.

    Rows of `validation_data` follow those of `training_data` and belong to the history; the
    backtest windows then lie within them. Every column but the ones that Azure's
    `features_unknown_at_forecast_time` names is taken to be known in advance, as there.

    Args:
        job: A checked job of the task forecasting.
        frames: Its tables.
        **more: Further arguments of `automl.forecast`.
    """
    import automl

    options = dict(job.options)
    train = frames["training_data"]
    unknown = options.pop("unknown", [])
    for name in unknown:
        if name not in train:
            known = suggestion(name, train.columns)
            raise DataError(f"No column named {name!r} in the table. {known}")
    ids = options.get("id_columns") or []
    roles = {job.target, options["time_column"], *ids, *unknown}
    options["known"] = [str(c) for c in train.columns if c not in roles]
    options["id_columns"] = ids
    if (validation := frames.get("validation_data")) is not None:
        time, horizon = options["time_column"], options["horizon"]
        if isinstance(horizon, int) and options.get("n_windows") is None and time in validation:
            n_fitting = validation[time].nunique() // horizon
            options["n_windows"] = min(max(n_fitting, 1), _MAX_WINDOWS)
        train = pd.concat([train, validation], ignore_index=True)
    return automl.forecast(
        train,
        target=job.target,
        metric=job.metric,
        test_frame=frames.get("test_data"),
        **options,
        **more,
    )
