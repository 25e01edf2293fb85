"""Evaluate a model on a table: from frame to :class:`Analysis`."""

import importlib.metadata
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rai import _curves, _fairness, _metrics
from rai._analysis import Analysis
from rai._errors import InputError, unknown_name
from rai._explain import Question, explain
from rai._groups import group_rows
from rai._inputs import (
    Rows,
    SensitiveFeatures,
    Settings,
    TaskChoice,
    choose_positive,
    infer_task,
    read_rows,
)  # fmt: skip
from rai._model import (
    ClassOutputs,
    Predictor,
    class_outputs,
    class_scores,
    open_model,
    quantity_outputs,
    static_predictor,
)  # fmt: skip
from rai._records import Curve, Estimate, Fairness, Importance, Panel, PanelName, Subject, Task

_logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]


def analyze(  # noqa: PLR0913  # the one public door: every choice is visible in its signature
    model: Any,
    frame: pd.DataFrame,
    *,
    target: str,
    sensitive_features: SensitiveFeatures | None = None,
    task: TaskChoice = "auto",
    positive_label: Any = None,
    features: Sequence[str] | None = None,
    bands: Mapping[str, Sequence[float]] | None = None,
    predictions: ArrayLike | pd.DataFrame | None = None,
    probabilities: ArrayLike | pd.DataFrame | None = None,
    threshold: float | None = None,
    seed: int = 0,
    n_bootstrap: int = 1000,
    max_explained_rows: int = 2000,
    explain_budget_seconds: float = 15.0,
    model_name: str | None = None,
    data_name: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Analysis:
    """Evaluate a model on a table: metrics, curves, fairness by group and global importance.

    Metrics, curves and fairness use all rows; only explanations use a sample.

    Args:
        model: A model URI, a pyfunc, an object with ``predict`` (and ``predict_proba``), a function
            of a DataFrame, or None with ``predictions`` or ``probabilities``.
        frame: Rows with the target, the model's input columns and the sensitive columns.
        target: Name of the column that holds the truth.
        sensitive_features: Names of columns of ``frame``, or a DataFrame or mapping of columns
            beside it.
        task: ``auto`` decides by the target; ``classification`` by the number of its classes.
        positive_label: The class taken as positive; default: the last in order.
        features: Input columns; default: what the model asks for, else every column but the target.
        bands: Edges at which numeric sensitive columns are cut.
        predictions: Labels, quantities or scores made beforehand, one for each row of ``frame``.
        probabilities: Probabilities made beforehand, one column for each class.
        threshold: Score from which a row is predicted positive (binary); default: the model's own
            labels.
        seed: Seed of every draw.
        n_bootstrap: Bootstrap replicates behind the intervals.
        max_explained_rows: Most rows to explain.
        explain_budget_seconds: Time for explanations; 0 leaves them out.
        model_name: How to call the model; default: its class.
        data_name: How to call the data.
        clock: Source of the time stamp.

    Raises:
        InputError: The data, a name or the model's output cannot be used.
    """
    settings = Settings(
        seed=seed,
        threshold=threshold,
        n_bootstrap=n_bootstrap,
        max_explained_rows=max_explained_rows,
        explain_budget_seconds=explain_budget_seconds,
    )
    rows = read_rows(frame, target=target, sensitive_features=sensitive_features)
    if model is None:
        predictor = static_predictor(predictions, probabilities, rows.kept)
    elif predictions is None and probabilities is None:
        predictor = open_model(model)
    else:
        raise InputError("Both a model and predictions are given; pass one of them.")
    work = _Work(
        settings=settings,
        rows=rows,
        predictor=predictor,
        inputs=_inputs(rows.frame, predictor, features),
        bands=bands or {},
        positive_label=positive_label,
    )
    kind = infer_task(rows.truth, task)
    parts = _regression(work) if kind == "regression" else _classification(work, kind, task)
    return Analysis(
        created=clock().isoformat(timespec="seconds"),
        target=target,
        subject=Subject(
            model=model_name or predictor.name,
            data=data_name,
            n_rows=len(rows.frame),
            n_rows_dropped=int((~rows.kept).sum()),
            features=tuple(str(name) for name in work.inputs.columns),
            sensitive_features=tuple(str(name) for name in rows.sensitive.columns),
        ),
        settings=settings,
        panels=work.panels,
        notes=rows.notes + tuple(work.notes),
        timings_seconds=work.timings,
        versions={
            name: importlib.metadata.version(name)
            for name in ("numpy", "pandas", "scikit-learn", "shap", "mlflow")
        },
        **parts,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What the parts of one analysis share."""

    settings: Settings
    rows: Rows
    predictor: Predictor
    inputs: pd.DataFrame
    bands: Mapping[str, Sequence[float]]
    positive_label: Any
    panels: dict[PanelName, Panel] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)

    def rng(self) -> np.random.Generator:
        """Return a fresh generator: each part draws the same numbers whatever the others do."""
        return np.random.default_rng(self.settings.seed)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time spent inside to the timings."""
        started = time.monotonic()
        yield
        self.timings[name] = round(time.monotonic() - started, 4)


def _inputs(
    frame: pd.DataFrame, predictor: Predictor, features: Sequence[str] | None
) -> pd.DataFrame:
    wanted = features if features is not None else predictor.inputs
    if wanted is None:
        return frame
    for name in wanted:
        if name not in frame.columns:
            raise unknown_name("input column", str(name), frame.columns)
    return frame.loc[:, list(wanted)]


# ------------------------------------------------------------------ classification


def _classification(work: _Work, kind: Task, asked: TaskChoice) -> dict[str, Any]:
    with work.timed("predict"):
        outputs = class_outputs(work.predictor, work.inputs, work.rows.truth, work.positive_label)
    work.notes.extend(outputs.notes)
    kind = _settled_task(kind, asked, outputs)
    positive = choose_positive(outputs.classes, work.positive_label) if kind == "binary" else None
    outputs = _with_threshold(outputs, positive, work.settings.threshold)
    with work.timed("metrics"):
        n_classes = len(outputs.classes)
        counts = _metrics.confusion(outputs.truth, outputs.predicted, n_classes)
        metrics = _metrics.classification_metrics(
            counts, positive, n_bootstrap=work.settings.n_bootstrap, rng=work.rng()
        )
        metrics |= _scores_or_reasons(outputs, positive)
    work.panels["metrics"] = Panel(status="ok")
    with work.timed("curves"):
        curves = _class_curves(work, outputs, positive)
    fairness = _compare(work, lambda: _class_fairness(work, outputs, positive))
    ece = [curve.area for curve in curves if curve.kind == "calibration"]
    if positive is not None and ece:
        metrics["expected_calibration_error"] = Estimate(value=ece[0])
    return {
        "task": kind,
        "classes": outputs.classes,
        "positive_label": None if positive is None else outputs.classes[positive],
        "metrics": dict(sorted(metrics.items(), key=lambda item: item[0].casefold())),
        "confusion": _metrics.confusion_record(counts, outputs.classes),
        "curves": curves,
        "residuals": None,
        "predicted_versus_true": None,
        "fairness": fairness,
        "importance": _explained(work, lambda: _class_question(work, outputs, positive)),
        "predictions": _prediction_table(work, outputs),
    }


def _settled_task(kind: Task, asked: TaskChoice, outputs: ClassOutputs) -> Task:
    if kind == "binary" and len(outputs.classes) > 2:
        if asked == "binary":
            raise InputError(
                f"Model and data have {len(outputs.classes)} classes "
                f"({', '.join(outputs.classes[:6])}); "
                "a binary task has two. Use task='multiclass'."
            )
        return "multiclass"
    return kind


def _with_threshold(
    outputs: ClassOutputs, positive: int | None, threshold: float | None
) -> ClassOutputs:
    if threshold is None:
        return outputs
    if positive is None or outputs.probabilities is None:
        raise InputError(
            f"threshold is {threshold}, but a threshold needs a binary task and a model with "
            f"probabilities; "
            "leave it out."
        )
    is_positive = outputs.probabilities[:, positive] >= threshold
    other = 1 - positive if len(outputs.classes) == 2 else positive
    return replace(outputs, predicted=np.where(is_positive, positive, other).astype(np.int64))


_SCORE_METRICS = ("AUC", "average_precision_score")


def _scores_or_reasons(outputs: ClassOutputs, positive: int | None) -> dict[str, Estimate]:
    if outputs.probabilities is not None:
        return _metrics.score_metrics(outputs.truth, outputs.probabilities, positive)
    averages = ("macro", "micro", "weighted", *(("binary",) if positive is not None else ()))
    names = [f"{name}_{average}" for name in _SCORE_METRICS for average in averages]
    return {
        name: Estimate(value=None, reason=_metrics.NO_SCORES)
        for name in (*names, "log_loss", "brier_score")
    }


def _class_curves(work: _Work, outputs: ClassOutputs, positive: int | None) -> tuple[Curve, ...]:
    if outputs.probabilities is None:
        work.panels["curves"] = Panel(
            status="skipped",
            reason=f"{_metrics.NO_SCORES} Curves need probabilities.",
        )
        return ()
    curves = _curves.classification_curves(
        outputs.truth, outputs.probabilities, classes=outputs.classes, positive=positive
    )
    if curves:
        too_many = positive is None and len(outputs.classes) > _curves.MAX_CLASSES
        reason = f"The {_curves.MAX_CLASSES} largest of {len(outputs.classes)} classes are drawn."
        work.panels["curves"] = Panel(
            status="partial" if too_many else "ok", reason=reason if too_many else None
        )
    else:
        work.panels["curves"] = Panel(status="skipped", reason=_metrics.ONE_CLASS)
    return curves


def _class_fairness(work: _Work, outputs: ClassOutputs, positive: int | None) -> Iterator[Fairness]:
    n_bootstrap = work.settings.n_bootstrap
    of_interest = [positive] if positive is not None else _largest_classes(outputs)
    for grouping in group_rows(work.rows.sensitive, work.bands):
        if positive is None:
            yield _fairness.multiclass_fairness(
                grouping,
                outputs.truth,
                outputs.truth == outputs.predicted,
                n_bootstrap=n_bootstrap,
                rng=work.rng(),
            )
        for c in of_interest:
            scores = None if outputs.probabilities is None else outputs.probabilities[:, c]
            yield _fairness.binary_fairness(
                grouping,
                outputs.truth == c,
                outputs.predicted == c,
                scores,
                positive_label=outputs.classes[c],
                n_bootstrap=n_bootstrap,
                rng=work.rng(),
            )


def _largest_classes(outputs: ClassOutputs) -> list[int]:
    support = np.bincount(outputs.truth, minlength=len(outputs.classes))
    largest = np.argsort(-support, kind="stable")[: _fairness.MAX_CLASSES]
    return sorted(int(c) for c in largest if support[c])


def _class_question(work: _Work, outputs: ClassOutputs, positive: int | None) -> Question:
    has_scores = outputs.probabilities is not None

    def output(frame: pd.DataFrame) -> Floats:
        values = class_scores(work.predictor, frame, outputs, work.positive_label)
        return values if positive is None else values[:, [positive]]

    def score(rows: NDArray[np.int64], values: Floats) -> float:
        truth = outputs.truth[rows]
        if positive is None:
            return float((values.argmax(axis=1) == truth).mean())
        if has_scores:
            return _metrics.auc(truth == positive, values[:, 0])
        return float(((values[:, 0] > 0.5) == (truth == positive)).mean())

    return Question(
        predictor=work.predictor,
        frame=work.inputs,
        output=output,
        output_space="probability" if has_scores else "prediction",
        positive=positive,
        strata=outputs.truth * 2 + (outputs.truth == outputs.predicted),
        score=("AUC" if positive is not None and has_scores else "accuracy", score),
    )


# ------------------------------------------------------------------ regression


def _regression(work: _Work) -> dict[str, Any]:
    if work.settings.threshold is not None:
        raise InputError(
            f"threshold is {work.settings.threshold}, but regression has no threshold; leave it "
            f"out."
        )
    with work.timed("predict"):
        predicted = quantity_outputs(work.predictor, work.inputs)
    truth = work.rows.truth.to_numpy(dtype=np.float64)
    n_bootstrap = work.settings.n_bootstrap
    with work.timed("metrics"):
        metrics = _metrics.regression_metrics(
            truth, predicted, n_bootstrap=n_bootstrap, rng=work.rng()
        )
        residuals = _curves.residual_histogram(truth, predicted)
        versus = _curves.predicted_versus_true(truth, predicted)
    work.panels["metrics"] = work.panels["curves"] = Panel(status="ok")
    fairness = _compare(
        work,
        lambda: (
            _fairness.regression_fairness(
                grouping, truth, predicted, n_bootstrap=n_bootstrap, rng=work.rng()
            )
            for grouping in group_rows(work.rows.sensitive, work.bands)
        ),
    )

    def question() -> Question:
        edges = np.quantile(truth, np.linspace(0, 1, 11)[1:-1])
        return Question(
            predictor=work.predictor,
            frame=work.inputs,
            output=lambda frame: quantity_outputs(work.predictor, frame)[:, None],
            output_space="prediction",
            positive=None,
            strata=np.searchsorted(edges, truth).astype(np.int64),
            score=("r2_score", lambda rows, values: _r2(truth[rows], values[:, 0])),
        )

    table = pd.DataFrame({"truth": truth, "prediction": predicted})
    return {
        "task": "regression",
        "classes": (),
        "positive_label": None,
        "metrics": dict(sorted(metrics.items())),
        "confusion": None,
        "curves": (),
        "residuals": residuals,
        "predicted_versus_true": versus,
        "fairness": fairness,
        "importance": _explained(work, question),
        "predictions": _with_rows(work, table),
    }


def _r2(truth: Floats, predicted: Floats) -> float:
    spread = float(((truth - truth.mean()) ** 2).sum())
    return 1 - float(((truth - predicted) ** 2).sum()) / spread if spread else float("nan")


# ------------------------------------------------------------------ parts of both


def _compare(work: _Work, compute: Callable[[], Any]) -> tuple[Fairness, ...]:
    if work.rows.sensitive.empty:
        work.panels["fairness"] = Panel(
            status="skipped",
            reason="No sensitive features were named, so groups were not compared.",
        )
        return ()
    with work.timed("fairness"):
        found = tuple(compute())
    work.panels["fairness"] = Panel(status="ok")
    return found


def _explained(work: _Work, question: Callable[[], Question]) -> Importance | None:
    reason = None
    if work.predictor.is_static:
        reason = "Only predictions were given; explanations need the model."
    elif work.settings.explain_budget_seconds == 0:
        reason = "Explanations were switched off (explain_budget_seconds=0)."
    if reason is not None:
        work.panels["importance"] = Panel(status="skipped", reason=reason)
        return None
    try:
        with work.timed("importance"):
            importance, _ = explain(question(), work.settings)
    except Exception as error:  # a model may fail on rows that never occurred
        _logger.warning("The model could not be explained.", exc_info=True)
        work.panels["importance"] = Panel(
            status="failed", reason=f"The model could not be explained: {error}"
        )
        return None
    work.panels["importance"] = Panel(status="ok")
    return importance


def _prediction_table(work: _Work, outputs: ClassOutputs) -> pd.DataFrame:
    labels = np.array(outputs.classes, dtype=object)
    table = pd.DataFrame({"truth": labels[outputs.truth], "prediction": labels[outputs.predicted]})
    if outputs.probabilities is not None:
        for c, label in enumerate(outputs.classes):
            table[f"probability:{label}"] = outputs.probabilities[:, c].astype(np.float32)
    return _with_rows(work, table)


def _with_rows(work: _Work, table: pd.DataFrame) -> pd.DataFrame:
    """Put the row number of the caller's frame first and the sensitive columns last."""
    table.insert(0, "row", np.flatnonzero(work.rows.kept))
    for name in work.rows.sensitive.columns:
        values = work.rows.sensitive[name]
        # A column of mixed types has no Parquet type; its text does.
        table[f"sensitive:{name}"] = values.astype(str) if values.dtype == object else values.array
    return table
