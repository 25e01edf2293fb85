"""Command line: ``python -m rai evaluate``."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from rai._analysis import Analysis
    from rai._records import Estimate, Fairness
    from rai._run import Evaluation

_logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0, or 1 with one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        evaluation = _evaluate(options)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # whatever went wrong, the user gets one line
        _logger.debug("Evaluation failed.", exc_info=True)
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"rai: error: {message}", file=sys.stderr)  # noqa: T201
        return 1
    print(summary(evaluation))  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rai", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    evaluate = commands.add_parser(
        "evaluate", help="evaluate a model on a table and log the result to an MLflow run"
    )
    add = evaluate.add_argument
    add(
        "--model-uri",
        required=True,
        help="models:/name/1, models:/name@alias, runs:/<id>/model or a folder",
    )
    add("--data", required=True, type=Path, help="a .parquet, .csv, .tsv or .jsonl file")
    add("--target", required=True, help="column that holds the truth")
    add("--sensitive", action="append", default=[], metavar="COLUMN",
        help="column whose groups are compared; may be repeated")  # fmt: skip
    add("--task", default="auto", choices=["auto", "classification", "regression"])
    add("--positive-label", help="class taken as positive (default: the last)")
    add("--threshold", type=float, help="score from which a row is predicted positive")
    add("--experiment-name", help="experiment of the new run")
    add("--run-id", help="write to this run instead of a new one")
    add("--seed", type=int, default=0)
    add("--explain-budget-seconds", type=float, default=15.0, help="time for explanations; 0: none")
    return parser


def _evaluate(options: argparse.Namespace) -> "Evaluation":
    from rai._run import evaluate_model

    settings: dict[str, Any] = {
        "data_name": options.data.name,
        "seed": options.seed,
        "explain_budget_seconds": options.explain_budget_seconds,
    }
    for name in ("positive_label", "threshold"):
        if getattr(options, name) is not None:
            settings[name] = getattr(options, name)
    return evaluate_model(
        options.model_uri,
        read_table(options.data),
        target=options.target,
        sensitive_features=options.sensitive or None,
        task=options.task,
        run_id=options.run_id,
        experiment_name=options.experiment_name,
        **settings,
    )


def read_table(path: Path) -> "pd.DataFrame":
    """Read a table by the ending of its file name.

    Raises:
        InputError: The file is missing or of another kind.
    """
    import pandas as pd

    from rai._errors import InputError

    readers = {
        ".parquet": pd.read_parquet,
        ".csv": pd.read_csv,
        ".tsv": lambda file: pd.read_csv(file, sep="\t"),
        ".jsonl": lambda file: pd.read_json(file, lines=True),
    }
    if path.suffix.lower() not in readers:
        raise InputError(
            f"The data file {str(path)!r} ends in {path.suffix!r}; known are {', '.join(readers)}."
        )
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}.")
    frame: pd.DataFrame = readers[path.suffix.lower()](path)
    return frame


# ------------------------------------------------------------------ text


def summary(evaluation: "Evaluation") -> str:
    """Return metrics and fairness as text for a terminal."""
    analysis = evaluation.analysis
    subject = analysis.subject
    lines = [
        f"{subject.model} on {subject.n_rows:,} rows ({analysis.task}, target {analysis.target})",
        "",
        *_metric_lines(analysis),
    ]
    for fairness in analysis.fairness:
        if len(fairness.features) == 1:
            lines += ["", *_fairness_lines(fairness)]
    lines += ["", *(f"Note: {note}" for note in analysis.notes)]
    lines += [
        f"{name}: {panel.reason}" for name, panel in analysis.panels.items() if panel.status != "ok"
    ]
    lines.append(f"Run {evaluation.run_id}: artifacts rai/report.html, rai/analysis.json")
    return "\n".join(lines)


def _metric_lines(analysis: "Analysis") -> list[str]:
    return [f"  {name:<42} {_text(metric)}" for name, metric in analysis.metrics.items()]


def _text(estimate: "Estimate") -> str:
    if estimate.value is None:
        return f"-  ({estimate.reason})"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.4g}"
    return f"{estimate.value:.4g}  [{estimate.low:.4g}, {estimate.high:.4g}]"


def _fairness_lines(fairness: "Fairness") -> list[str]:
    chosen = list(fairness.groups[0].metrics)[:6]
    width = max([len(group.name) for group in fairness.groups] + [len(fairness.features[0])])
    title = fairness.features[0]
    if fairness.positive_label is not None:
        title += f" (positive: {fairness.positive_label})"
    lines = [title, "  " + " ".join([" " * width, f"{'rows':>8}", *(f"{m:>20}" for m in chosen)])]
    for group in fairness.groups:
        values = [group.metrics[m].value for m in chosen]
        cells = [f"{'-' if value is None else format(value, '.4g'):>20}" for value in values]
        lines.append("  " + " ".join([f"{group.name:<{width}}", f"{group.n:>8,}", *cells]))
    lines += [f"  {gap.name} difference: {_text(gap.difference)}" for gap in fairness.gaps[:3]]
    return lines + [f"  Caution: {warning}" for warning in fairness.warnings]


if __name__ == "__main__":
    sys.exit(main())
