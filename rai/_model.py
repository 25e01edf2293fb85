"""One way to ask any model for labels and probabilities."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
        predict: Frame of the input columns to labels, quantities, or scores.
        predict_proba: Frame of the input columns to probabilities, shape (n_rows, n_classes), or
            None.
        classes: Labels of the columns of ``predict_proba``, or None if the model does not say.
        inputs: Columns the model takes, or None if it does not say.
        native: The scikit-learn-like object inside, for explainers that look into it.
        is_static: Whether outputs were made beforehand, so that no new row can be predicted.
    """

    name: str
    predict: Outputs
    predict_proba: Outputs | None = None
    classes: tuple[Any, ...] | None = None
    inputs: tuple[str, ...] | None = None
    native: Any = None
    is_static: bool = False


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
        f"The model is a {type(model).__name__}; it must be a model URI, a pyfunc, an object with "
        f"predict(), "
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
    if (
        signature is not None
        and signature.inputs is not None
        and signature.inputs.has_input_names()
    ):
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


def static_predictor(predictions: Any, probabilities: Any, kept: NDArray[np.bool_]) -> Predictor:
    """Return a predictor that hands out outputs made beforehand, for the kept rows.

    Raises:
        InputError: The number of outputs is not the number of rows given.
    """
    outputs = {"predictions": predictions, "probabilities": probabilities}
    for name, values in outputs.items():
        if values is not None and len(values) != len(kept):
            raise InputError(
                f"{name} has {len(values)} values for {len(kept)} rows; give one for each row of "
                f"the data."
            )
    if predictions is None and probabilities is None:
        raise InputError(
            "There is neither a model nor predictions; pass a model, or predictions= or "
            "probabilities=."
        )

    def hand_out(values: Any) -> Outputs | None:
        if values is None:
            return None
        taken = values[kept] if isinstance(values, pd.DataFrame) else np.asarray(values)[kept]
        return lambda _frame: taken

    of_probabilities = hand_out(probabilities)
    of_predictions = hand_out(predictions) or of_probabilities
    if of_predictions is None:  # excluded above
        raise AssertionError
    return Predictor(
        name="static predictions",
        predict=of_predictions,
        predict_proba=of_probabilities,
        is_static=True,
    )


# ------------------------------------------------------------------ outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOutputs:
    """What a classifier says about the rows.

    Attributes:
        classes: Every label known to model, truth or predictions, as text.
        truth: Class codes, shape (n_rows,).
        predicted: Class codes.
        probabilities: Shape (n_rows, n_classes), rows sum to 1; None if the model gives labels
            only.
        notes: What was inferred or is odd.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: Floats | None
    notes: tuple[str, ...]


def class_outputs(
    predictor: Predictor, frame: pd.DataFrame, truth: pd.Series, positive_label: Any
) -> ClassOutputs:
    """Ask a classifier for labels and, where it has them, probabilities.

    Raises:
        InputError: The outputs have the wrong length or shape, hold missing values, or share no
            label with the truth.
    """
    output = _values(predictor.predict(frame), len(frame))
    predict_gives_scores = _is_scores(output, truth)
    labels = None if predict_gives_scores else label_keys(output[0])
    scores: Floats | None = None
    names: tuple[Any, ...] | None = None
    if predictor.predict_proba is not None or predict_gives_scores:
        values, names = _score_output(predictor, frame) if predictor.predict_proba else output
        scores = _numbers(values)
    given = predictor.classes or names
    truth_keys = label_keys(truth)
    classes = _classes(given, truth, labels)
    probabilities = None
    if scores is not None:
        probabilities = _align(scores, given, classes, positive_label)
    if labels is None:
        if probabilities is None:  # a 2-D output is always read as probabilities
            raise AssertionError
        predicted = probabilities.argmax(axis=1)
    else:
        predicted = _codes(labels, classes)
        _check_labels(labels, truth_keys, given)
    unseen = sorted(set(truth_keys) - {str(k) for k in label_keys(list(given))}) if given else []
    notes = (f"The model does not know the classes {', '.join(unseen)}.",) if unseen else ()
    return ClassOutputs(
        classes=classes,
        truth=_codes(truth_keys, classes),
        predicted=predicted.astype(np.int64),
        probabilities=probabilities,
        notes=notes if probabilities is not None else (*notes, NO_SCORES),
    )


def quantity_outputs(predictor: Predictor, frame: pd.DataFrame) -> Floats:
    """Ask a regressor for its predictions, shape (n_rows,).

    Raises:
        InputError: The outputs have the wrong length or shape, or are not finite numbers.
    """
    values, _ = _values(predictor.predict(frame), len(frame))
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InputError(
            f"The model returned an array of shape {values.shape}; regression needs one number "
            f"for each row."
        )
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The model returned values such as {values[0]!r}; regression needs numbers. "
            "Use task='classification' for labels."
        ) from error
    _check_finite(numbers)
    return numbers


def _check_finite(numbers: Floats) -> None:
    n_bad = int((~np.isfinite(numbers)).sum())
    if n_bad:
        raise InputError(
            f"{n_bad} of {numbers.size} predictions are missing or infinite; every row needs a "
            f"finite one."
        )


def class_scores(
    predictor: Predictor, frame: pd.DataFrame, known: ClassOutputs, positive_label: Any
) -> Floats:
    """Ask about other rows: probabilities, or 1 for the label; shape (n_rows, n_classes)."""
    if known.probabilities is not None:
        values, names = _score_output(predictor, frame)
        return _align(_numbers(values), predictor.classes or names, known.classes, positive_label)
    labels, _ = _values(predictor.predict(frame), len(frame))
    index = {key: code for code, key in enumerate(known.classes)}
    codes = np.array([index.get(key, -1) for key in label_keys(labels)])
    # A label that was never met has no column; its row is all zeros.
    one_hot: Floats = (codes[:, None] == np.arange(len(known.classes))).astype(np.float64)
    return one_hot


_Output = tuple[NDArray[Any], tuple[Any, ...] | None]


def _values(output: Any, n_rows: int) -> _Output:
    """Return an output as an array with the names of its columns."""
    names: tuple[Any, ...] | None = None
    if isinstance(output, pd.DataFrame):
        names = tuple(output.columns) if output.shape[1] > 1 else None
        output = output.iloc[:, 0] if output.shape[1] == 1 else output
    values = np.asarray(output)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim not in (1, 2) or len(values) != n_rows:
        raise InputError(
            f"The model returned an output of shape {values.shape} for {n_rows} rows; "
            "it must return one prediction for each row."
        )
    return values, names


def _is_scores(output: _Output, truth: pd.Series) -> bool:
    """Whether a classifier's output is probabilities rather than labels."""
    values, _ = output
    if values.ndim == 2:
        return True
    if not np.issubdtype(values.dtype, np.floating) or truth.nunique() > 2:
        return False
    is_within = bool(((values >= 0) & (values <= 1)).all())
    return is_within and bool((values % 1 != 0).any())


def _score_output(predictor: Predictor, frame: pd.DataFrame) -> _Output:
    return _values((predictor.predict_proba or predictor.predict)(frame), len(frame))


def _numbers(values: NDArray[Any]) -> Floats:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The model returned columns with values such as {values.flat[0]!r}; several columns "
            f"must be "
            "the probabilities of the classes."
        ) from error
    _check_finite(numbers)
    if numbers.min() < -1e-6 or numbers.max() > 1 + 1e-6:
        raise InputError(
            f"The probabilities reach from {numbers.min():g} to {numbers.max():g}; "
            "they must lie between 0 and 1. Apply the link function (logistic, softmax) first."
        )
    return np.clip(numbers, 0.0, 1.0)


def _classes(
    given: tuple[Any, ...] | None,
    truth: pd.Series,
    labels: NDArray[np.object_] | None,
) -> tuple[str, ...]:
    known = [str(key) for key in label_keys(list(given))] if given else []
    by_value = [str(key) for key in label_keys(sort_labels(list(truth.unique())))]
    found = known + [key for key in by_value if key not in known]
    if labels is not None:
        found += sorted(set(labels) - set(found))
    # Without the model's own order, a label met only in the predictions must not come last (the
    # positive class).
    return tuple(found if known else _in_natural_order(found))


def _in_natural_order(keys: list[str]) -> list[str]:
    try:
        return sorted(keys, key=float)
    except ValueError:
        return sorted(keys)


def _align(
    scores: Floats, given: tuple[Any, ...] | None, classes: tuple[str, ...], positive_label: Any
) -> Floats:
    """Return probabilities with one column for each class, rows summing to 1."""
    if scores.ndim == 1:
        if len(classes) > 2:
            raise InputError(
                f"The model returned one score for each row, but there are {len(classes)} classes; "
                "return one probability for each class."
            )
        names = classes if len(classes) == 2 else (*classes, f"not {classes[0]}")
        positive = (
            names.index(str(label_keys([positive_label])[0]))
            if positive_label is not None
            else len(names) - 1
        )
        return np.column_stack(
            [scores if c == positive else 1 - scores for c in range(len(classes))]
        )
    known = [str(key) for key in label_keys(list(given))] if given else list(classes)
    if scores.shape[1] != len(known):
        raise InputError(
            f"The model returned {scores.shape[1]} probabilities for each row, but the classes are "
            f"{', '.join(known)}; there must be one for each class."
        )
    totals = scores.sum(axis=1)
    if np.abs(totals - 1).max() > 1e-3:
        raise InputError(
            f"The probabilities of a row sum to {totals[np.abs(totals - 1).argmax()]:g}; they "
            f"must sum to 1."
        )
    aligned = np.zeros((len(scores), len(classes)))
    aligned[:, [classes.index(key) for key in known]] = scores / totals[:, None]
    return aligned


def _codes(keys: NDArray[np.object_], classes: tuple[str, ...]) -> NDArray[np.int64]:
    index = {key: code for code, key in enumerate(classes)}
    return np.fromiter((index[key] for key in keys), dtype=np.int64, count=len(keys))


def _check_labels(
    labels: NDArray[np.object_], truth_keys: NDArray[np.object_], given: tuple[Any, ...] | None
) -> None:
    n_missing = int(sum(key in ("nan", "None", "<NA>", "NaT") for key in set(labels)))
    if n_missing:
        raise InputError("Some predictions are missing; every row needs a predicted label.")
    predicted, true = set(labels), set(truth_keys)
    known = {str(key) for key in label_keys(list(given))} if given else predicted
    if not (predicted | known) & true:
        raise InputError(
            f"The model predicts {_some(predicted)}, but the truth holds {_some(true)}; they "
            f"share no label. "
            "Map one to the other first."
        )


def _some(labels: set[Any]) -> str:
    shown = sorted(str(label) for label in labels)
    return ", ".join(shown[:4]) + (", …" if len(shown) > 4 else "")
