"""The fairness section of the report: gaps, charts with intervals and a table of groups."""

from collections.abc import Sequence
from html import escape

from rai._analysis import Analysis
from rai._fairness import SMALL_GROUP
from rai._records import Fairness, Gap
from rai._report_parts import caution, estimate_cell, figure, note, table, title_of
from rai._svg import Dot, dot_chart, number

CROSS = " \N{MULTIPLICATION SIGN} "
_CHARTED = {
    "binary": ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy"),
    "multiclass": ("accuracy", "balanced_accuracy"),
    "regression": ("mean_absolute_error", "mean_error", "r2_score", "mean_prediction"),
}
_TABLED = {
    "binary": (
        "base_rate", "selection_rate", "accuracy", "precision", "true_positive_rate",
        "false_positive_rate",
        "f1_score", "roc_auc",
    ),
    "multiclass": ("accuracy", "balanced_accuracy"),
    "regression": (
        "mean_prediction", "mean_absolute_error", "root_mean_squared_error", "mean_error",
        "r2_score",
    ),
}  # fmt: skip
_MEANINGS = {
    "demographic_parity": "positive predictions",
    "equal_opportunity": "true positive rate",
    "equalized_odds": "worse of true and false positive rate",
}


def fairness_section(analysis: Analysis) -> str:
    """Return the section's HTML."""
    if not analysis.fairness:
        return note(analysis.panels["fairness"].reason or "")
    parts = [f"<p>{escape(_introduction(analysis))}</p>"]
    for name in analysis.subject.sensitive_features:
        mine = [f for f in analysis.fairness if f.features == (name,)]
        parts.append(f"<h3>{escape(name)}</h3>" + _block(mine[0], is_full=True))
        parts += [
            _folded(f, f"{name}: class {f.positive_label} against the rest") for f in mine[1:]
        ]
    crossed = [f for f in analysis.fairness if len(f.features) > 1]
    if analysis.task == "multiclass":
        crossed = [f for f in crossed if f.positive_label is None]
    if crossed:
        parts.append("<h3>Intersections of two features</h3>")
        parts += [_folded(f, CROSS.join(f.features)) for f in crossed]
    return "".join(parts)


def _introduction(analysis: Analysis) -> str:
    if analysis.task == "binary":
        outcome = f"a prediction of {analysis.positive_label} counts as selected"
    elif analysis.task == "multiclass":
        outcome = "each class in turn counts as selected"
    else:
        outcome = "errors are prediction minus truth"
    return (
        f"Disparities between groups; {outcome}. Dots show the group, bars its 95 % interval, the "
        f"dashed line "
        f"all rows; groups of fewer than {SMALL_GROUP} rows are faint."
    )


def _kind(fairness: Fairness) -> str:
    if "selection_rate" in fairness.overall:
        return "binary"
    return "multiclass" if "accuracy" in fairness.overall else "regression"


def _block(fairness: Fairness, *, is_full: bool) -> str:
    warnings = "".join(caution(text) for text in fairness.warnings)
    charted = _CHARTED[_kind(fairness)] if is_full else _CHARTED[_kind(fairness)][:2]
    charts = "".join(_chart(fairness, metric) for metric in charted)
    return f'{warnings}{_gaps(fairness.gaps)}<div class="dots">{charts}</div>{_groups(fairness)}'


def _folded(fairness: Fairness, name: str) -> str:
    return f"<details><summary>{escape(name)}</summary>{_block(fairness, is_full=False)}</details>"


def _gaps(gaps: Sequence[Gap]) -> str:
    rows = [
        [
            escape(title_of(gap.name)) + _meaning(gap),
            estimate_cell(gap.difference),
            estimate_cell(gap.ratio),
            escape(gap.lowest or ""),
            escape(gap.highest or ""),
        ]
        for gap in gaps
    ]
    named, others = rows[:3], rows[3:]
    if not _MEANINGS.keys() & {gap.name for gap in gaps}:
        named, others = rows, []
    head = ["Gap between groups", "Difference", "Ratio", "Lowest", "Highest"]
    more = (
        f"<details><summary>Gaps of {len(others)} further "
        f"metrics</summary>{table(head, others)}</details>"
        if others
        else ""
    )
    return table(head, named) + more


def _meaning(gap: Gap) -> str:
    meaning = _MEANINGS.get(gap.name)
    return f'<span class="range"> ({meaning})</span>' if meaning else ""


def _chart(fairness: Fairness, metric: str) -> str:
    dots = [
        Dot(
            label=group.name,
            value=group.metrics[metric].value,
            low=group.metrics[metric].low,
            high=group.metrics[metric].high,
            is_faint=group.n < SMALL_GROUP,
        )
        for group in fairness.groups[:25]
    ]
    overall = fairness.overall[metric]
    detail = f"all rows {number(overall)}" if overall is not None else ""
    drawn = dot_chart(
        f"{title_of(metric)} by {' and '.join(fairness.features)}",
        dots,
        overall=overall,
        x_range=None,
    )
    return figure(title_of(metric), drawn, detail=detail)


def _groups(fairness: Fairness) -> str:
    metrics = [m for m in _TABLED[_kind(fairness)] if m in fairness.overall]
    n_rows = sum(group.n for group in fairness.groups)
    rows = [
        [escape(g.name), f"{g.n:,}", *(estimate_cell(g.metrics[m]) for m in metrics)]
        for g in fairness.groups
    ]
    overall = [fairness.overall[m] for m in metrics]
    rows.append(
        [
            "<strong>All rows</strong>",
            f"{n_rows:,}",
            *("n/a" if v is None else number(v) for v in overall),
        ]
    )
    head = [CROSS.join(fairness.features), "Rows", *(title_of(m) for m in metrics)]
    return table(head, rows)
