"""Pieces of HTML that sections share; arguments named ``html`` are trusted, text is escaped."""

from collections.abc import Sequence
from html import escape

from rai._records import Estimate
from rai._svg import number

_TITLES = {
    "AUC_binary": "AUC",
    "AUC_macro": "AUC (macro)",
    "f1_score": "F1 score",
    "f1_score_binary": "F1 score",
    "f1_score_macro": "F1 score (macro)",
    "precision_score_binary": "Precision",
    "recall_score_binary": "Recall",
    "r2_score": "R²",
    "roc_auc": "AUC",
    "norm_macro_recall": "Normalized macro recall",
    "mean_error": "Mean error (bias)",
}


def title_of(name: str) -> str:
    """Return how a metric or gap is called in the report."""
    return _TITLES.get(name, name.replace("_", " ").capitalize())


def section(key: str, name: str, html: str) -> str:
    """Return a card with a heading."""
    heading = f'<h2 id="{key}-title">{name}</h2>'
    return f'<section id="{key}" aria-labelledby="{key}-title">{heading}{html}</section>'


def note(text: str) -> str:
    """Return a remark."""
    return f'<p class="note">{escape(text)}</p>'


def caution(text: str) -> str:
    """Return a remark that the reader must not miss."""
    return f'<p class="note caution"><strong>Caution.</strong> {escape(text)}</p>'


def figure(name: str, html: str, *, detail: str = "") -> str:
    """Return a chart with its caption."""
    more = f' <span class="soft">{escape(detail)}</span>' if detail else ""
    return f"<figure><figcaption>{escape(name)}{more}</figcaption>{html}</figure>"


def range_text(metric: Estimate) -> str:
    """Return the interval in brackets, or nothing."""
    if metric.low is None or metric.high is None:
        return ""
    return f"[{number(metric.low)}, {number(metric.high)}]"


def estimate_cell(metric: Estimate) -> str:
    """Return value and interval, or why there is none, as the inside of a table cell."""
    if metric.value is None:
        return f'<span class="missing" title="{escape(metric.reason or "")}">n/a</span>'
    interval = range_text(metric)
    return number(metric.value) + (f'<span class="range">{interval}</span>' if interval else "")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Return a table of ready HTML cells; the first column heads the rows."""
    heads = "".join(
        f'<th scope="col"{"" if i == 0 else " class=n"}>{escape(name)}</th>'
        for i, name in enumerate(head)
    )
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td class=n>{c}</td>" for c in rest)}</tr>'
        for first, *rest in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    inside = f"{title}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table>{inside}</table></div>'
