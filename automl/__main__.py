"""`python -m automl JOB.yml [--time-budget SECONDS] [--seed N] [--mlflow off|summary|trials]`."""

import argparse
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl._errors import AutoMLError

if TYPE_CHECKING:
    import pandas as pd

    from automl import AutoMLPredictor, ForecastPredictor, TrialRecord
    from automl._job_file import JobFile


def main(arguments: list[str] | None = None) -> int:
    """Run an automl job file in this process; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m automl", description=main.__doc__)
    parser.add_argument("job_file", type=Path, help="Azure ML job file of type automl")
    parser.add_argument("--time-budget", type=float, help="seconds; overrides limits")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    parser.add_argument("--mlflow", choices=["off", "summary", "trials"], default="trials")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        _run(options)
    except AutoMLError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    from automl._job_file import read_job_file

    job = read_job_file(options.job_file)
    if warning := job.warning():
        _say(f"Warning: {warning}")
    from automl._read import read_table

    base = options.job_file.resolve().parent
    frames = {name: read_table(path, base=base) for name, path in job.data.items()}
    budget = options.time_budget if options.time_budget is not None else job.timeout_seconds
    rows = frames["training_data"]
    _say(f"{len(rows)} rows, {rows.shape[1]} columns. Time budget: {budget:g} s.")
    common: dict[str, Any] = {
        "time_budget_s": budget,
        "seed": options.seed,
        "mlflow": options.mlflow,
        "on_trial": _progress(),
    }
    if job.task == "forecasting":
        from automl._forecast._job_run import run_forecasting

        found = run_forecasting(frames, job.options, target=job.target, metric=job.metric, **common)
        _summarise(found)
    else:
        _summarise(_fit(job, frames, common, seed=options.seed))


def _fit(
    job: "JobFile", frames: "dict[str, pd.DataFrame]", common: dict[str, Any], *, seed: int
) -> "AutoMLPredictor":
    import automl

    train, held_out = _take_test_rows(frames["training_data"], job.test_size, seed=seed)
    return automl.fit(
        train,
        target=job.target,
        metric=job.metric,
        validation_frame=frames.get("validation_data"),
        test_frame=frames.get("test_data", held_out),
        **common,
        **job.options,
    )


def _take_test_rows(
    frame: "pd.DataFrame", share: float | None, *, seed: int
) -> "tuple[pd.DataFrame, pd.DataFrame | None]":
    if share is None:
        return frame, None
    test = frame.sample(frac=share, random_state=seed)
    return frame.drop(index=test.index), test


def _progress() -> "Callable[[TrialRecord], None]":
    """Return a listener that prints one line for each trial."""
    started = time.monotonic()
    scores: list[float] = []

    def show(record: "TrialRecord") -> None:
        from automl import FORECAST_METRICS, METRICS

        if record.score is not None:
            scores.append(record.score)
        metric = FORECAST_METRICS.get(record.metric) or METRICS[record.metric]
        best = (max if metric.is_higher_better else min)(scores, default=None)
        score = record.state if record.score is None else f"{record.score:.5f}"
        shown = "none yet" if best is None else f"{best:.5f}"
        _say(
            f"[{time.monotonic() - started:6.1f} s] trial {record.number:3d}  "
            f"{record.learner:<24}{metric.name} {score}  best {shown}"
            + (f"  ({record.error})" if record.error else "")
        )

    return show


def _summarise(predictor: "AutoMLPredictor | ForecastPredictor") -> None:
    for finding in predictor.report:
        if finding.state != "passed":
            names = f" ({', '.join(finding.columns[:8])})" if finding.columns else ""
            _say(f"{finding.check}: {finding.message}{names}")
    members = ", ".join(f"{m.weight:.2f} {m.learner} #{m.trial}" for m in predictor.members)
    _say(f"Ensemble: {members or 'none; the baseline answers'}")
    _say(f"{predictor.metric} {predictor.score:.5f} in {predictor.fit_seconds:.1f} s")
    from automl import AutoMLPredictor

    if isinstance(predictor, AutoMLPredictor) and (found := predictor.estimate):
        interval = f"{found.low:.5f} to {found.high:.5f} in {found.level:.0%} of cases"
        _say(f"On new rows about {found.score:.5f} ({interval})")
    for name, value in predictor.test_scores.items():
        _say(f"test {name} {value:.5f}")
    if predictor.model_uri:
        _say(f"Model: {predictor.model_uri}")


def _say(line: Any) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
