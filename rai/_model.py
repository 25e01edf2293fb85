"""One way to ask any model for labels and probabilities."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rai._errors import InputError
from rai._inputs import label_keys, sort_labels
from rai._metrics import NO_SCORES

_logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Outputs = Callable[[pd.DataFrame], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """A model seen from outside.

    Attributes:
        name: How to call it in a report.
        predict: Frame of the input columns to labels, quantities, or scores; None for static predictions.
        predict_proba: Frame of the input columns to probabilities, shape (n_rows, n_classes), or None.
        classes: Labels of the columns of ``predict_proba``, or None if the model does not say.
        inputs: Columns the model takes, or None if it does not say.
        native: The scikit-learn-like object inside, for explainers that look into it.
    """

    name: str
    predict: Outputs | None
    predict_proba: Outputs | None = None
    classes: tuple[Any, ...] | None = None
    inputs: tuple[str, ...] | None = None
    native: Any = None


def open_model(model: Any) -> Predictor:
    """Return the predictor of a pyfunc, a scikit-learn-like model, a callable or a model URI.

    Raises:
        InputError: It is none of these.
    """
    if isinstance(model, str):
        import mlflow.pyfunc

        return open_model(mlflow.pyfunc.load_model(model))
    if type(model).__module__.startswith("mlflow.pyfunc") and hasattr(model, "metadata"):
        return _open_pyfunc(model)
    if hasattr(model, "predict"):
        return _open_native(model, type(model).__name__)
    if callable(model):
        return Predictor(name=getattr(model, "__name__", type(model).__name__), predict=model)
    raise InputError(
        f"The model is a {type(model).__name__}; it must be a model URI, a pyfunc, an object with predict(), "
        "a function of a DataFrame, or None with predictions=."
    )


def _open_native(model: Any, name: str) -> Predictor:
    classes, inputs = getattr(model, "classes_", None), getattr(model, "feature_names_in_", None)
    return Predictor(
        name=name,
        predict=model.predict,
        predict_proba=getattr(model, "predict_proba", None),
        classes=None if classes is None else tuple(classes),
        inputs=None if inputs is None else tuple(str(column) for column in inputs),
        native=model,
    )


def _open_pyfunc(model: Any) -> Predictor:
    signature = model.metadata.signature
    inputs = None
    if signature is not None and signature.inputs is not None and signature.inputs.has_input_names():
        inputs = tuple(signature.inputs.input_names())
    native = _native_of(model)
    inner = None if native is None else _open_native(native, type(native).__name__)
    name = model.metadata.model_uuid or "model"
    if inner is not None:
        name = inner.name
    if inner is not None and inner.predict_proba is not None:
        return Predictor(
            name=name,
            predict=model.predict,
            predict_proba=inner.predict_proba,
            classes=inner.classes,
            inputs=inputs or inner.inputs,
            native=native,
        )
    predict_proba = None
    if signature is not None and _has_method_parameter(signature):

        def predict_proba(frame: pd.DataFrame) -> Any:
            return model.predict(frame, params={"method": "predict_proba"})

    return Predictor(
        name=name,
        predict=model.predict,
        predict_proba=predict_proba,
        inputs=inputs or (inner.inputs if inner else None),
        native=native,
    )


def _has_method_parameter(signature: Any) -> bool:
    parameters = signature.params.params if signature.params is not None else ()
    return any(parameter.name == "method" for parameter in parameters)


def _native_of(model: Any) -> Any:
    """Return the scikit-learn-like object inside a pyfunc, or None (served and custom models)."""
    for attribute in ("get_raw_model", "unwrap_python_model"):
        try:
            inner = getattr(model, attribute)()
        except Exception as error:  # noqa: BLE001  # flavours refuse in many ways; none of them matters here
            _logger.debug("%s() gave nothing: %s", attribute, error)
            continue
        # A PythonModel's own predict takes (context, model_input): not ours to call.
        is_custom = attribute == "unwrap_python_model"
        if hasattr(inner, "predict_proba" if is_custom else "predict"):
            return inner
    return None


# ------------------------------------------------------------------ outputs


    """Placeholder."""
