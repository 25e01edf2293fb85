"""Render an analysis as one HTML page without scripts or requests.

Names of columns, classes and groups come from data and are escaped wherever they are shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from rai._analysis import Analysis
from rai._records import ConfusionMatrix, Curve, Estimate
from rai._report_fairness import fairness_section
from rai._report_parts import (
    estimate_cell,
    figure,
    note,
    range_text,
    section,
    table,
    title_of,
)  # fmt: skip
from rai._report_style import STYLE
from rai._svg import Series, bar_chart, histogram, line_chart, number

_AVERAGES = ("binary", "macro", "micro", "weighted")
_FAMILIES = {
    "AUC": "AUC",
    "average_precision_score": "Average precision",
    "f1_score": "F1 score",
    "precision_score": "Precision",
    "recall_score": "Recall",
}
HEADLINES = {
    "binary": (
        "AUC_binary", "accuracy", "f1_score_binary", "precision_score_binary",
        "recall_score_binary",
    ),
    "multiclass": ("accuracy", "balanced_accuracy", "AUC_macro", "f1_score_macro", "log_loss"),
    "regression": (
        "mean_absolute_error", "root_mean_squared_error", "r2_score", "spearman_correlation",
        "mean_error",
    ),
}  # fmt: skip


def render(analysis: Analysis) -> str:
    """Return the page; the same analysis gives the same text."""
    title = f"Responsible AI evaluation of {analysis.subject.model}"
    sections = {
        "metrics": ("Metrics", _metrics(analysis)),
        "curves": ("Curves" if analysis.task != "regression" else "Residuals", _curves(analysis)),
        "fairness": ("Fairness assessment", fairness_section(analysis)),
        "importance": ("Feature importance", _importance(analysis)),
        "method": ("Method and limits", _method(analysis)),
    }
    links = "".join(f'<a href="#{key}">{name}</a>' for key, (name, _) in sections.items())
    body = "".join(section(key, name, text) for key, (name, text) in sections.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f'{_header(analysis)}<nav aria-label="Contents">{links}</nav>{_tiles(analysis)}{body}'
        f"<footer>{_footer(analysis)}</footer></main></body></html>\n"
    )


def _header(analysis: Analysis) -> str:
    subject = analysis.subject
    task = {
        "binary": "Binary classification",
        "multiclass": f"Classification in {len(analysis.classes)} classes",
        "regression": "Regression",
    }[analysis.task]
    facts = {
        "Model": subject.model,
        "Data": subject.data or "Not named",
        "Rows evaluated": f"{subject.n_rows:,}"
        + (f" ({subject.n_rows_dropped:,} left out)" if subject.n_rows_dropped else ""),
        "Task": task,
        "Target": analysis.target,
    }
    if analysis.positive_label is not None:
        facts["Positive class"] = analysis.positive_label
    if analysis.settings.threshold is not None:
        facts["Threshold"] = f"{analysis.settings.threshold:g}"
    facts["Sensitive features"] = ", ".join(subject.sensitive_features) or "None named"
    facts["Evaluated"] = analysis.created.replace("T", " ").replace("+00:00", " UTC")
    entries = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts.items()
    )
    return (
        "<header><h1>Responsible AI evaluation</h1>"
        '<p class="soft">How the model did on these rows, for whom, and what moved its '
        "predictions. "
        "Ranges in brackets are 95 % intervals.</p>"
        f'<dl class="facts">{entries}</dl></header>'
    )


def _tiles(analysis: Analysis) -> str:
    tiles = [
        _tile(title_of(name), analysis.metrics[name])
        for name in HEADLINES[analysis.task]
        if name in analysis.metrics
    ]
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _tile(name: str, metric: Estimate) -> str:
    if metric.value is None:
        shown, below = "n/a", escape(metric.reason or "")
    else:
        shown, below = number(metric.value), range_text(metric)
    return (
        f'<div class="tile"><div class="name">{escape(name)}</div><div class="value">{shown}</div>'
        f'<div class="range">{below or "&nbsp;"}</div></div>'
    )


# ------------------------------------------------------------------ metrics


def _metrics(analysis: Analysis) -> str:
    notes = "".join(note(text) for text in analysis.notes)
    families = {f"{family}_{average}" for family in _FAMILIES for average in _AVERAGES}
    plain = {name: metric for name, metric in analysis.metrics.items() if name not in families}
    rows = [[escape(title_of(name)), estimate_cell(metric)] for name, metric in plain.items()]
    half = (len(rows) + 1) // 2 if analysis.task == "regression" else len(rows)
    head = ["Metric", "Value"]
    left, right = table(head, rows[:half]), table(head, rows[half:]) if rows[half:] else ""
    if analysis.confusion is not None:
        right = _averaged(analysis.metrics, analysis.task == "binary")
        below = _confusion(analysis.confusion)
        if len(analysis.classes) <= 3:
            right, below = right + below, ""
        return f'{notes}<div class="columns"><div>{left}</div><div>{right}</div></div>{below}'
    return f'{notes}<div class="columns even"><div>{left}</div><div>{right}</div></div>'


def _averaged(metrics: Mapping[str, Estimate], is_binary: bool) -> str:
    averages = _AVERAGES if is_binary else _AVERAGES[1:]
    rows = [
        [label, *(estimate_cell(metrics[f"{family}_{average}"]) for average in averages)]
        for family, label in _FAMILIES.items()
    ]
    heads = [
        {"binary": "Positive class"}.get(average, average.capitalize()) for average in averages
    ]
    return table(["By average", *heads], rows)


def _confusion(matrix: ConfusionMatrix) -> str:
    is_wide = len(matrix.labels) > 8
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in matrix.labels)
    rows = []
    for label, counts, shares in zip(matrix.labels, matrix.counts, matrix.normalised, strict=True):
        cells = "".join(
            f'<td style="--share:{share or 0:.3f}">{count:,}'
            + (
                ""
                if is_wide or share is None
                else f'<span class="range">{100 * share:.1f} %</span>'
            )
            + "</td>"
            for count, share in zip(counts, shares, strict=True)
        )
        rows.append(f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>')
    return (
        '<h3>Confusion matrix</h3><p class="soft">Shading and percentages: share of the true '
        "class.</p>"
        f'<div class="scroll"><table class="matrix{" wide" if is_wide else ""}">'
        f'<thead><tr><th scope="col">True \\ predicted</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


# ------------------------------------------------------------------ curves

_KINDS = {
    "roc": ("ROC curve", "False positive rate", "True positive rate", "AUC"),
    "precision_recall": ("Precision-recall curve", "Recall", "Precision", "average precision"),
    "calibration": (
        "Calibration",
        "Mean predicted probability",
        "Observed rate",
        "calibration error",
    ),
    "gains": ("Cumulative gains", "Share of rows, highest score first", "Recall", ""),
    "lift": ("Lift", "Share of rows, highest score first", "Lift", ""),
}


def _curves(analysis: Analysis) -> str:
    if analysis.residuals is not None and analysis.predicted_versus_true is not None:
        return _regression_charts(analysis)
    if not analysis.curves:
        return note(analysis.panels["curves"].reason or "")
    charts = [_curve_figure(kind, analysis.curves) for kind in _KINDS]
    reason = analysis.panels["curves"].reason
    return (note(reason) if reason else "") + f'<div class="charts">{"".join(charts)}</div>'


def _curve_figure(kind: str, curves: Sequence[Curve]) -> str:
    name, x_label, y_label, area = _KINDS[kind]
    chosen = [curve for curve in curves if curve.kind == kind]
    lines = [
        Series(
            label=curve.label,
            x=curve.x,
            y=curve.y,
            low=curve.low if len(chosen) == 1 else None,
            high=curve.high if len(chosen) == 1 else None,
            has_points=kind == "calibration" and len(chosen) == 1,
        )
        for curve in chosen
    ]
    top = 1.0 if kind != "lift" else max(max(curve.y) for curve in chosen) * 1.05
    baseline = _baseline(kind)
    drawn = line_chart(
        name,
        [*baseline, *lines],
        x_label=x_label,
        y_label=y_label,
        x_range=(0.0, 1.0),
        y_range=(0.0, top),
    )
    only = chosen[0] if len(chosen) == 1 else None
    detail = f"{area} {number(only.area)}" if only and only.area is not None and area else ""
    return figure(name, drawn + ("" if only else _legend(chosen)), detail=detail)


def _baseline(kind: str) -> list[Series]:
    if kind == "precision_recall":
        return []
    y = (1.0, 1.0) if kind == "lift" else (0.0, 1.0)
    return [Series(label="Baseline", x=(0.0, 1.0), y=y, is_reference=True)]


def _legend(curves: Iterable[Curve]) -> str:
    entries = "".join(
        f'<span><i style="border-color:var(--c{i % 10})"></i>{escape(curve.label)}'
        + (f" {number(curve.area)}" if curve.area is not None else "")
        + "</span>"
        for i, curve in enumerate(curves)
    )
    return f'<div class="legend">{entries}</div>'


def _regression_charts(analysis: Analysis) -> str:
    residuals, versus = analysis.residuals, analysis.predicted_versus_true
    if residuals is None or versus is None:  # the caller looked
        raise AssertionError
    ends = (min(versus.mean_true), max(versus.mean_true))
    low = [m - d for m, d in zip(versus.mean_predicted, versus.deviation, strict=True)]
    high = [m + d for m, d in zip(versus.mean_predicted, versus.deviation, strict=True)]
    scatter = line_chart(
        "Predicted against true",
        [
            Series(label="Ideal", x=ends, y=ends, is_reference=True),
            Series(
                label="Mean prediction",
                x=versus.mean_true, y=versus.mean_predicted, low=low, high=high, has_points=True,
            ),
        ],
        x_label="True value (bin mean)",
        y_label="Mean prediction",
    )  # fmt: skip
    bars = histogram(
        "Residuals",
        residuals.edges,
        residuals.counts,
        x_label="Prediction minus truth",
        y_label="Rows",
    )
    return (
        '<div class="charts">'
        + figure("Predicted against true", scatter, detail="whiskers: one standard deviation")
        + figure("Residuals", bars, detail="dashed: no error")
        + "</div>"
    )


# ------------------------------------------------------------------ explanations, method

_METHODS = {
    "tree": "Exact Shapley values of the tree model (TreeExplainer)",
    "linear": "Exact Shapley values of the linear model",
    "permutation": "Shapley values of the model itself, sampled over permutations of its columns",
}


def _importance(analysis: Analysis) -> str:
    found = analysis.importance
    if found is None:
        return note(analysis.panels["importance"].reason or "")
    shown = found.features[:20]
    chart = bar_chart(
        "Feature importance", [(f.feature, f.importance, f.standard_error) for f in shown]
    )
    facts = [
        (
            f"{_METHODS[found.method]}, mean absolute value over {found.n_explained:,} of "
            f"{analysis.subject.n_rows:,} rows "
            f"(drawn by strata of truth and error, seed {found.seed})."
        ),
        (
            f"In units of the {found.output_space}; attributions add up to it within "
            f"{found.additivity_max:.1e}."
        ),
    ]
    if found.n_permutations:
        facts.append(
            f"{found.n_permutations} permutations for each row over {found.n_background} "
            f"background rows."
        )
    if len(shown) < len(found.features):
        facts.append(f"The {len(shown)} largest of {len(found.features)} columns are drawn.")
    return (
        f"<p>{escape(' '.join(facts))}</p>"
        + figure(
            "Mean absolute Shapley value",
            f'<div class="scroll">{chart}</div>',
            detail="whiskers: 95 % interval of the mean",
        )
        + _importance_table(analysis)
    )


def _importance_table(analysis: Analysis) -> str:
    found = analysis.importance
    if found is None:
        return ""
    head = ["Column", "Importance", "Standard error"]
    if found.score is not None:
        head.append(f"Loss of {found.score} when shuffled")
    rows = [
        [
            escape(f.feature), number(f.importance), number(f.standard_error),
            *([] if found.score is None else [_drop(f.score_drop)]),
        ]
        for f in found.features
    ]  # fmt: skip
    summary = f"All {len(rows)} columns as a table"
    return f"<details><summary>{summary}</summary>{table(head, rows)}</details>"


def _drop(value: float | None) -> str:
    return "" if value is None else number(value)


_LIMITS = (
    "Whether the labels are right, or were themselves shaped by unequal treatment.",
    "Groups that are not recorded in the data, and people who are absent from it.",
    (
        "Which disparity matters: demographic parity, equal opportunity and equalized odds "
        "can rarely hold together, and none of them alone makes a system fair."
    ),
    (
        "Causes. Importance tells what moves this model's predictions, not what moves the "
        "world; columns that correlate share their importance."
    ),
    "What happens once predictions are acted on, or when the data change.",
)


def _method(analysis: Analysis) -> str:
    settings = analysis.settings
    items = [
        (
            f"Metrics, curves and group comparisons use all {analysis.subject.n_rows:,} rows; "
            "only explanations use a sample."
        ),
        (
            "Intervals cover 95 %: Wilson for rates of a group, DeLong for the AUC, "
            f"{settings.n_bootstrap:,} bootstrap replicates (seed {settings.seed}) for everything "
            "else. They say how far chance in the choice of rows reaches, not whether the rows "
            "suit the "
            "purpose."
        ),
        (
            "A gap is the largest minus the smallest group value. Chance alone makes it positive, "
            "the more so with many or small groups; read it with its interval and the group sizes."
        ),
    ]
    timings = ", ".join(
        f"{name} {seconds:.2f} s" for name, seconds in analysis.timings_seconds.items()
    )
    return (
        "<h3>How the figures were made</h3>" + _list(items)
        + "<h3>What this report does not show</h3>" + _list(_LIMITS)
        + f'<p class="soft">Time: {escape(timings)}.</p>'
    )  # fmt: skip


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _footer(analysis: Analysis) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in analysis.versions.items())
    return escape(f"Analysis schema {analysis.schema_version}; {versions}.")
