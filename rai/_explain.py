"""Global importance of the input columns, exact where a closed form holds, else sampled.

The router tries, in this order, and keeps the first whose attributions add up to the model's own
output:

1. ``tree``: SHAP's TreeExplainer on a LightGBM or scikit-learn tree ensemble without native
   categories, alone or at the end of a scikit-learn pipeline whose transformers map back to
   columns.
2. ``linear``: coefficient times distance from the mean, alone or at the end of such a pipeline.
3. ``permutation``: sampled Shapley values over the raw columns (:mod:`rai._shapley`); needs nothing
   but predictions.

No surrogate model is ever explained.

References:
    Lundberg et al. (2020), From local explanations to global understanding with explainable AI for
    trees, Nature MI 2. Strumbelj and Kononenko (2014), Explaining prediction models and individual
    predictions, KAIS 41.
"""

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rai._inputs import Settings
from rai._lineage import source_columns
from rai._model import Predictor
from rai._records import FeatureImportance, Importance
from rai._shapley import sampled_shapley

_logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Output = Callable[[pd.DataFrame], Floats]

ADDITIVITY_TOLERANCE = 1e-4
_PROBE_ROWS = 50
_TREES = (
    "LGBMClassifier", "LGBMRegressor", "RandomForestClassifier", "RandomForestRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor", "DecisionTreeClassifier", "DecisionTreeRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor", "HistGradientBoostingClassifier", "HistGradientBoostingRegressor",
)  # fmt: skip
_LINEAR = (
    "LogisticRegression", "LinearRegression", "Ridge", "RidgeClassifier", "Lasso", "ElasticNet",
    "LinearSVC",
    "RidgeCV", "LassoCV", "ElasticNetCV", "LogisticRegressionCV", "LinearSVR", "BayesianRidge",
    "HuberRegressor",
    "SGDRegressor",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributions:
    """Shapley values of some rows.

    Attributes:
        values: Shape (n_rows, n_columns, n_outputs).
        method: Which branch of the router made them.
        output_space: What they add up to.
        additivity_max: Largest |sum + base - output|.
        n_background: Rows that stand for an absent column.
        n_permutations: Permutations for each row, 0 for exact methods.
    """

    values: Floats
    method: Literal["tree", "linear", "permutation"]
    output_space: Literal["raw score", "probability", "prediction"]
    additivity_max: float
    n_background: int
    n_permutations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be explained.

    Attributes:
        predictor: The model.
        frame: Input columns of all evaluated rows.
        output: Frame to what is explained by sampling, shape (n_rows, n_outputs).
        output_space: Name of that output.
        positive: Index of the positive class of a binary task, else None.
        strata: Stratum of each row (truth and error), shape (n_rows,).
        score: Name of the metric behind permutation importance and its function of row numbers and
            outputs.
    """

    predictor: Predictor
    frame: pd.DataFrame
    output: Output
    output_space: Literal["probability", "prediction"]
    positive: int | None
    strata: NDArray[np.int64]
    score: tuple[str, Callable[[NDArray[np.int64], Floats], float]]


def explain(question: Question, settings: Settings) -> tuple[Importance, NDArray[np.int64]]:
    """Return the global importance of every input column and the explained row numbers.

    Spends about ``settings.explain_budget_seconds``: the number of rows explained follows from the
    model's speed.
    """
    started = time.monotonic()
    rng = np.random.default_rng(settings.seed)
    n_wanted = min(settings.max_explained_rows, len(question.frame))
    ordered = stratified_order(question.strata, rng)
    background = rng.permutation(len(question.frame))[: settings.n_background]
    budget = settings.explain_budget_seconds
    # A fifth of the time is for permutation importance, the rest for attributions.
    found = _exact(question, ordered[:n_wanted], budget=0.8 * budget)
    if found is None:
        spent = time.monotonic() - started
        sample = sampled_shapley(
            question.output,
            question.frame.iloc[ordered[:n_wanted]],
            question.frame.iloc[background],
            rng=rng,
            budget_seconds=max(0.8 * budget - spent, 0.3 * budget),
        )
        found = Attributions(
            values=sample.values,
            method="permutation",
            output_space=question.output_space,
            additivity_max=sample.additivity_max,
            n_background=len(background),
            n_permutations=sample.n_permutations,
        )
    n_explained = len(found.values)
    left = budget - (time.monotonic() - started)
    drops = score_drops(
        question, ordered[:n_wanted], rng=rng, budget_seconds=max(left, 0.1 * budget)
    )
    importance = _summary(found, question, settings.seed, drops)
    return importance, ordered[:n_explained]


def stratified_order(strata: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Order rows so that every prefix holds the strata in proportion, at random within each."""
    shuffled = rng.permutation(len(strata))
    position = np.empty(len(strata))
    for stratum in np.unique(strata):
        members = shuffled[strata[shuffled] == stratum]
        position[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return np.argsort(position, kind="stable")


def _summary(
    found: Attributions,
    question: Question,
    seed: int,
    drops: dict[str, float],
) -> Importance:
    absolute = np.abs(found.values)
    n_rows, _, n_outputs = absolute.shape
    by_row = absolute.mean(axis=2)
    error = (
        by_row.std(axis=0, ddof=1) / np.sqrt(n_rows) if n_rows > 1 else np.zeros(by_row.shape[1])
    )
    features = [
        FeatureImportance(
            feature=str(name),
            importance=float(by_row[:, j].mean()),
            standard_error=float(error[j]),
            by_class=tuple(absolute[:, j].mean(axis=0).tolist()) if n_outputs > 1 else None,
            score_drop=drops.get(str(name)),
        )
        for j, name in enumerate(question.frame.columns)
    ]
    return Importance(
        method=found.method,
        output_space=found.output_space,
        n_explained=n_rows,
        n_background=found.n_background,
        n_permutations=found.n_permutations,
        seed=seed,
        additivity_max=float(found.additivity_max),
        score=question.score[0] if drops else None,
        features=tuple(sorted(features, key=lambda f: (-f.importance, f.feature))),
    )


# ------------------------------------------------------------------ exact methods


def _exact(question: Question, rows: NDArray[np.int64], *, budget: float) -> Attributions | None:
    """Return exact attributions where the model has a closed form and they add up, else None."""
    native = question.predictor.native
    try:
        head, tail = _split(native)
        explain_tail = _explainer_of(tail)
        if explain_tail is None:
            return None
        frame = question.frame.iloc[rows]
        design = _transform(head, frame)
        names = [str(name) for name in frame.columns]
        if head is None:
            names_of_design = getattr(tail, "feature_names_in_", None)
            if names_of_design is not None and list(names_of_design) != names:
                return None
            sources: list[int] | None = list(range(len(names)))
        else:
            sources = source_columns(head, names)
        if sources is None or len(sources) != design.shape[1]:
            return None
        return _timed(
            explain_tail, tail, design, _fold(sources, len(names)), budget, question.positive
        )
    except Exception as error:  # noqa: BLE001  # any failure of a closed form means: sample the true model
        _logger.info("No exact attributions (%s); sampling the model instead.", error)
        return None


Explainer = Callable[[Any, Any], tuple[Floats, float, int, str]]


def _split(native: Any) -> tuple[Any, Any]:
    if type(native).__name__ != "Pipeline" or not hasattr(native, "steps"):
        return None, native
    return (native[:-1] if len(native.steps) > 1 else None), native.steps[-1][1]


def _transform(head: Any, frame: pd.DataFrame) -> Any:
    if head is None:
        return frame
    design = head.transform(frame)
    return design.toarray() if hasattr(design, "toarray") else design


def _explainer_of(tail: Any) -> Explainer | None:
    name, module = type(tail).__name__, type(tail).__module__.split(".")[0]
    if module not in ("sklearn", "lightgbm"):
        return None
    if name in _TREES and not _has_native_categories(tail):
        return _tree_attributions
    return _linear_attributions if name in _LINEAR else None


def _has_native_categories(tail: Any) -> bool:
    """Whether TreeExplainer would be silently wrong: it ignores categorical splits."""
    is_categorical = getattr(tail, "is_categorical_", None)
    return is_categorical is not None and bool(np.any(is_categorical))


def _fold(sources: Sequence[int], n_columns: int) -> Floats:
    """Return the 0/1 matrix that sums design columns back to the columns they come from."""
    matrix = np.zeros((len(sources), n_columns))
    matrix[np.arange(len(sources)), sources] = 1.0
    return matrix


def _timed(
    explain_tail: Explainer,
    tail: Any,
    design: Any,
    fold: Floats,
    budget: float,
    positive: int | None,
) -> Attributions | None:
    """Explain as many rows as the budget allows, by a small probe, and check that they add up."""
    probe = min(_PROBE_ROWS, len(design))
    explain_tail(tail, design[:1])  # loads the library, which must not count as time for rows
    started = time.monotonic()
    _, gap, _, _ = explain_tail(tail, design[:probe])
    if not gap <= ADDITIVITY_TOLERANCE:
        _logger.warning(
            "Attributions of %s miss its output by %.3g; sampling the model instead.",
            type(tail).__name__, gap,
        )  # fmt: skip
        return None
    seconds_per_row = (time.monotonic() - started) / probe
    n_rows = int(np.clip(budget / max(seconds_per_row, 1e-9), probe, len(design)))
    values, gap, n_background, space = explain_tail(tail, design[:n_rows])
    if not gap <= ADDITIVITY_TOLERANCE:
        return None
    # A two-class probability explained for both classes says everything twice.
    if positive is not None and values.shape[2] == 2:
        values = values[:, :, [positive]]
    return Attributions(
        values=np.einsum("ijk,jc->ick", values, fold),
        method="tree" if explain_tail is _tree_attributions else "linear",
        output_space=space,  # type: ignore[arg-type]
        additivity_max=gap,
        n_background=n_background,
        n_permutations=0,
    )


def _tree_attributions(tail: Any, design: Any) -> tuple[Floats, float, int, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap announces changes of its own and of its plots
        import shap

        explainer = shap.TreeExplainer(tail)
        values = np.asarray(explainer.shap_values(design, check_additivity=False), dtype=np.float64)
        base = np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64))
        output, space = _tree_output(tail, design)
    if values.ndim == 2:
        values = values[:, :, None]
    base = base[-values.shape[2] :]
    gap = float(np.abs(values.sum(axis=1) + base - output).max())
    return values, gap, 0, space


def _tree_output(tail: Any, design: Any) -> tuple[Floats, str]:
    """Return what TreeExplainer explains: raw scores of boosting, probabilities of forests."""
    name = type(tail).__name__
    if name.startswith("LGBM"):
        output, space = tail.predict(design, raw_score=True), "raw score"
    elif name.endswith("Regressor"):
        output, space = tail.predict(design), "prediction"
    elif "GradientBoosting" in name:
        output, space = tail.decision_function(design), "raw score"
    else:
        output, space = tail.predict_proba(design), "probability"
    if name == "LGBMRegressor":
        space = "prediction" if np.allclose(output, tail.predict(design)) else "raw score"
    values = np.asarray(output, dtype=np.float64)
    return (values[:, None] if values.ndim == 1 else values), space


def _linear_attributions(tail: Any, design: Any) -> tuple[Floats, float, int, str]:
    X = np.asarray(design, dtype=np.float64)
    coefficients = np.atleast_2d(np.asarray(tail.coef_, dtype=np.float64))
    intercept = np.atleast_1d(np.asarray(tail.intercept_, dtype=np.float64))
    mean = X.mean(axis=0)
    values = (X - mean)[:, :, None] * coefficients.T[None]
    base = mean @ coefficients.T + intercept
    is_classifier = hasattr(tail, "decision_function")
    output = tail.decision_function(design) if is_classifier else tail.predict(design)
    output = np.asarray(output, dtype=np.float64).reshape(len(X), -1)
    gap = float(np.abs(values.sum(axis=1) + base - output).max())
    return values, gap, len(X), "raw score" if is_classifier else "prediction"


# ------------------------------------------------------------------ permutation importance


def score_drops(
    question: Question,
    rows: NDArray[np.int64],
    *,
    rng: np.random.Generator,
    budget_seconds: float,
) -> dict[str, float]:
    """Return the loss of the score when each column is shuffled among the rows (Breiman, 2001).

    Columns are shuffled once, and again while time is left, at most five times; the mean loss is
    returned. If not every column could be shuffled once within the budget, nothing is returned.
    """
    started = time.monotonic()
    _, score = question.score
    frame = question.frame.iloc[rows]
    intact = score(rows, question.output(frame))
    seconds_per_row = (time.monotonic() - started) / len(rows)
    affordable = budget_seconds / max(seconds_per_row * frame.shape[1], 1e-12)
    n_rows = int(min(len(rows), affordable))
    if n_rows < min(50, len(rows)) or not np.isfinite(intact):
        return {}
    rows, frame = rows[:n_rows], frame.iloc[:n_rows]
    intact = score(rows, question.output(frame))
    n_repeats = int(np.clip(affordable / n_rows, 1, 5))
    drops: dict[str, float] = {}
    for name in frame.columns:
        losses = []
        for _ in range(n_repeats):
            shuffled = frame.assign(**{name: frame[name].array.take(rng.permutation(n_rows))})
            losses.append(intact - score(rows, question.output(shuffled)))
        if np.isfinite(losses).all():
            drops[str(name)] = float(np.mean(losses))
    return drops
