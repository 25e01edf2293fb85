"""The predictor as an MLflow model: labels or values by default, probabilities on request.

MLflow's pyfunc flavour loads it through `_load_pyfunc`, so that `get_raw_model()` gives the
predictor itself and loading imports nothing but this package and the learners' libraries.
"""

import pickle
from pathlib import Path
from typing import Any

import pandas as pd

from automl._errors import OptionError
from automl._predictor import AutoMLPredictor

FILE_NAME = "predictor.pkl"
METHODS = ("predict", "predict_proba")


class ScoringModel:
    """What `mlflow.pyfunc.load_model` wraps.

    Attributes:
        predictor: The fitted predictor.
    """

    def __init__(self, predictor: AutoMLPredictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """Return labels or values; with `params={"method": "predict_proba"}` a probability frame.

        Raises:
            OptionError: An unknown method.
        """
        method = (params or {}).get("method", "predict")
        if method == "predict":
            return self.predictor.predict(model_input)
        if method == "predict_proba":
            names = [str(c) for c in self.predictor.classes_]
            return pd.DataFrame(self.predictor.predict_proba(model_input), columns=names)
        raise OptionError(
            f"No method {method!r}. The param 'method' must be one of: {', '.join(METHODS)}."
        )

    def get_raw_model(self) -> AutoMLPredictor:
        """Return the predictor, which has `predict_proba` and `classes_`."""
        return self.predictor


def save(predictor: AutoMLPredictor, path: Path) -> None:
    """Write the predictor to a file that `_load_pyfunc` reads."""
    import cloudpickle

    path.write_bytes(cloudpickle.dumps(predictor, protocol=5))


def _load_pyfunc(path: str) -> ScoringModel:
    return ScoringModel(pickle.loads(Path(path).read_bytes()))
