"""The predictor as an MLflow model: rows of the future in, forecasts and quantiles out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from automl._forecast._predictor import ForecastPredictor
from automl._run_log import requirements

FILE_NAME = "forecaster.pkl"
_EXAMPLE_ROWS = 3


class ForecastScoringModel:
    """What `mlflow.pyfunc.load_model` wraps.

    Attributes:
        predictor: The fitted predictor.
    """

    def __init__(self, predictor: ForecastPredictor) -> None:
        self.predictor = predictor

    def predict(
        self, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Forecast the given rows; rows whose target is given count as seen.

        Args:
            model_input: Columns that name the series, the time column, covariates known in
                advance, and the target where it is known.
            params: `levels`, percentages of the intervals.
        """
        levels = (params or {}).get("levels")
        return self.predictor.predict(model_input, levels=levels)

    def get_raw_model(self) -> ForecastPredictor:
        """Return the predictor."""
        return self.predictor


def _load_pyfunc(path: str) -> ForecastScoringModel:
    return ForecastScoringModel(ForecastPredictor.load(path))


def log_model(predictor: ForecastPredictor, run_id: str, folder: Path) -> str:
    """Log the predictor as a model of the run; return its address.

    Args:
        predictor: What is logged.
        run_id: The run.
        folder: Where a file may be written for the upload.
    """
    import mlflow.pyfunc
    from mlflow.models import Model

    path = folder / FILE_NAME
    predictor.save(path)
    spec = predictor.panel.spec
    info = Model.log(
        artifact_path=None,
        name="model",
        flavor=mlflow.pyfunc,
        run_id=run_id,
        loader_module=__name__,
        data_path=str(path),
        signature=signature(predictor),
        input_example=example_rows(predictor),
        pip_requirements=requirements(["lightgbm"]),
        metadata={
            "automl": {"task": predictor.task, "target": predictor.target},
            "studio.row_wise": False,
            "forecasting": {
                "freq": spec.freq,
                "horizon": predictor.horizon,
                "id_columns": list(spec.id_columns),
                "time_column": spec.time_column,
            },
        },
    )
    return str(info.model_uri)


def example_rows(predictor: ForecastPredictor) -> pd.DataFrame:
    """Return the first rows to come of the first series, covariates as they were last."""
    panel = predictor.panel.select([0])
    spec = panel.spec
    frame = predictor.future_frame().head(min(_EXAMPLE_ROWS, predictor.horizon))
    for j, name in enumerate(spec.known):
        value = panel.known[0][-1, j]
        if name in spec.levels:
            texts = spec.levels[name]
            frame[name] = texts[int(value)] if np.isfinite(value) else texts[0]
        else:
            frame[name] = float(value)
    return frame


def signature(predictor: ForecastPredictor) -> Any:
    """Return MLflow's description of inputs, outputs and params."""
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    spec = predictor.panel.spec
    anything: Any = AnyType()  # type: ignore[no-untyped-call]
    time: Any = anything if spec.timezone else DataType.datetime
    columns: list[Any] = [ColSpec(anything, name) for name in spec.id_columns]
    columns.append(ColSpec(time, spec.time_column))
    columns += [
        ColSpec(DataType.string if name in spec.levels else anything, name) for name in spec.known
    ]
    columns.append(ColSpec(DataType.double, spec.target, required=False))
    columns += [ColSpec(anything, name, required=False) for name in spec.past]
    outputs = infer_signature(model_output=predictor.predict(example_rows(predictor))).outputs
    levels = ParamSpec("levels", DataType.double, default=list(predictor.levels), shape=(-1,))
    return ModelSignature(inputs=Schema(columns), outputs=outputs, params=ParamSchema([levels]))
