"""What an analysis is: typed, frozen records that become ``analysis.json`` as they stand.

Every number is a Python float or None (undefined, with the reason beside it): the JSON is strict,
without NaN. The names and nesting below are the artifact contract; ``SCHEMA_VERSION`` changes when
they do.
"""

from dataclasses import dataclass
from typing import Literal

SCHEMA_VERSION = "1"

Task = Literal["binary", "multiclass", "regression"]
PanelName = Literal["metrics", "curves", "fairness", "importance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: The number on the evaluated rows, or None where it is undefined.
        low: Lower end of the interval, or None where no interval is known.
        high: Upper end of the interval.
        reason: Why ``value`` is None.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line of at most 200 points; ``area`` comes from all rows, not from the points.

    Attributes:
        kind: ``roc``, ``precision_recall``, ``calibration``, ``gains`` or ``lift``.
        label: The class taken as positive, or ``(micro)`` for all classes pooled.
        x: False positive rate, recall, mean predicted probability, or share of rows selected.
        y: True positive rate, precision, observed rate, recall, or lift.
        threshold: Score from which a row counts as positive at each point; None for calibration.
        n: Rows behind each point (calibration) or None.
        low: Lower end of the interval of ``y`` (calibration) or None.
        high: Upper end.
        area: Area under the ROC curve, average precision, or expected calibration error.
    """

    kind: Literal["roc", "precision_recall", "calibration", "gains", "lift"]
    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    threshold: tuple[float | None, ...] | None = None
    n: tuple[int, ...] | None = None
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    area: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionMatrix:
    """Counts of true class (rows) by predicted class (columns), in the order of ``labels``."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    normalised: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Rows per bin: ``counts[i]`` lie in ``[edges[i], edges[i + 1])``, the last bin closed."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedVersusTrue:
    """Mean prediction by bin of the true value; ``deviation`` is its standard deviation."""

    mean_true: tuple[float, ...]
    mean_predicted: tuple[float, ...]
    deviation: tuple[float, ...]
    n: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group of rows: its values of the sensitive features, its size and its metrics."""

    key: tuple[str, ...]
    n: int
    metrics: dict[str, Estimate]

    @property
    def name(self) -> str:
        """The group's values joined for display."""
        return " · ".join(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How far the groups lie apart: largest minus smallest, and smallest over largest.

    Attributes:
        name: ``demographic_parity``, ``equal_opportunity``, ``equalized_odds`` or a metric's name.
        metrics: The group metrics it looks at; with several, the worst of them.
        difference: Largest minus smallest group value.
        ratio: Smallest over largest group value, between 0 and 1; None for signed metrics.
        lowest: Name of the group with the smallest value.
        highest: Name of the group with the largest value.
    """

    name: str
    metrics: tuple[str, ...]
    difference: Estimate
    ratio: Estimate
    lowest: str | None
    highest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """Metrics by group of one sensitive feature, or of the intersections of two.

    Attributes:
        features: The sensitive feature, or the two that are crossed.
        positive_label: The class taken as positive; None for metrics over all classes or
            regression.
        groups: Every group present: bands in their order, other groups the largest first.
        overall: The same metrics over all rows.
        gaps: Differences and ratios between the groups.
        warnings: What makes the figures uncertain, such as small groups.
    """

    features: tuple[str, ...]
    positive_label: str | None
    groups: tuple[Group, ...]
    overall: dict[str, float | None]
    gaps: tuple[Gap, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureImportance:
    """How much one input column moves the predictions.

    Attributes:
        feature: Column name.
        importance: Mean absolute Shapley value over the explained rows (and classes).
        standard_error: Standard error of ``importance`` over the explained rows.
        by_class: Mean absolute Shapley value for each class; None unless multiclass.
        score_drop: Loss of ``Importance.score`` when the column is shuffled; None if not computed.
    """

    feature: str
    importance: float
    standard_error: float
    by_class: tuple[float, ...] | None = None
    score_drop: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """Global importance of the input columns, the largest first.

    Attributes:
        method: ``tree``, ``linear`` or ``permutation``.
        output_space: What is explained: ``raw score``, ``probability`` or ``prediction``.
        n_explained: Rows explained, drawn by strata of truth and error.
        n_background: Rows that stand for an absent column (0: the tree's own training counts).
        n_permutations: Permutations per row (``permutation`` only, else 0).
        seed: Seed of the draw.
        additivity_max: Largest |sum of attributions + base - output| over the explained rows.
        score: Name of the metric behind ``score_drop``; None if not computed.
        features: One entry per input column.
    """

    method: Literal["tree", "linear", "permutation"]
    output_space: Literal["raw score", "probability", "prediction"]
    n_explained: int
    n_background: int
    n_permutations: int
    seed: int
    additivity_max: float
    score: str | None
    features: tuple[FeatureImportance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Whether a part of the analysis is there, and if not, why."""

    status: Literal["ok", "partial", "skipped", "failed"]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was evaluated, on what.

    Attributes:
        model: Name or URI of the model, or its class.
        data: Name of the data, or None.
        n_rows: Rows evaluated.
        n_rows_dropped: Rows left out because the target was missing.
        features: Input columns of the model.
        sensitive_features: Columns whose groups are compared.
    """

    model: str
    data: str | None
    n_rows: int
    n_rows_dropped: int
    features: tuple[str, ...]
    sensitive_features: tuple[str, ...]
