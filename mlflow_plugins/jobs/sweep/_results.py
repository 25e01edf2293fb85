"""What a sweep comes to: written to its run when all trials have ended."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag

from mlflow_plugins.core import StudioError, did_you_mean
from mlflow_plugins.jobs._outputs import OUTPUTS
from mlflow_plugins.jobs.sweep._entities import Goal, Sweep, Trial, TrialState

TRIALS_FILE = "sweep/trials.json"
IMPORTANCES = "studio.sweep.importances"

_TAG_CHARACTERS = 8000  # MLflow's limit


def write_results(client: MlflowClient, sweep: Sweep) -> None:
    """Write tags, the best value and the file of all trials to the sweep's run."""
    best = sweep.best
    tags: dict[str, Any] = {
        "n_trials": len(sweep.trials),
        **{
            f"n_{state.lower()}": sum(one.state is state for one in sweep.trials)
            for state in TrialState
            if state.is_final
        },
        "goals": [asdict(goal) for goal in sweep.goals],
        "pareto_front": [one.run_id for one in sweep.pareto_front],
        "importances": dict(sweep.importances),
    }
    metrics = []
    if best is not None and best.values is not None:
        tags |= {
            "best_run_id": best.run_id,
            "best_trial": best.number,
            "best_values": best.values,
            "best_params": dict(best.params),
        }
        metrics = [
            Metric(goal.metric, value, int((best.ended_at or best.started_at) * 1000), 0)
            for goal, value in zip(sweep.goals, best.values, strict=True)
        ]
    texts = {f"studio.sweep.{name}": _text(value) for name, value in tags.items()}
    client.log_batch(
        sweep.run_id,
        metrics=metrics,
        tags=[RunTag(key, text) for key, text in texts.items() if len(text) <= _TAG_CHARACTERS],
    )
    client.log_text(sweep.run_id, json.dumps(asdict(sweep), indent=2), TRIALS_FILE)


def check_success(sweep: Sweep) -> None:
    """Make sure that some trial came to something.

    Raises:
        StudioError: None has completed with a value; the message says what was seen instead.
    """
    if sweep.best is not None:
        return
    completed = [one for one in sweep.trials if one.state is TrialState.COMPLETED]
    if completed:
        raise StudioError(_missing_metric(completed, sweep.goals))
    failed = next((one for one in sweep.trials if one.state is TrialState.FAILED), None)
    reason = f" Trial {failed.number} (run {failed.run_id}): {failed.reason}" if failed else ""
    counts = ", ".join(
        f"{n} {state.lower()}"
        for state in TrialState
        if (n := sum(one.state is state for one in sweep.trials))
    )
    raise StudioError(f"No trial has completed ({counts or 'there was none'}).{reason}")


def keep_best_outputs(
    client: MlflowClient, best: Trial, places: Mapping[str, Path], default: Path
) -> None:
    """Copy what the best trial has written to the sweep's own outputs.

    Args:
        client: Client of the tracking store.
        best: The best trial.
        places: Where the sweep's named outputs are kept from, by name.
        default: Where its other outputs are kept from.
    """
    if not client.list_artifacts(best.run_id, OUTPUTS):
        return
    with tempfile.TemporaryDirectory(dir=default.parent) as folder:
        found = mlflow.artifacts.download_artifacts(
            run_id=best.run_id,
            artifact_path=OUTPUTS,
            dst_path=folder,
            tracking_uri=client.tracking_uri,
        )
        for path in sorted(Path(found).iterdir()):
            target = places.get(path.name, default / path.name)
            if target.is_dir():
                shutil.rmtree(target)
            shutil.move(path, target)


def _missing_metric(trials: Sequence[Trial], goals: Sequence[Goal]) -> str:
    seen = sorted({name for one in trials for name in one.metrics})
    missing = [goal.metric for goal in goals if goal.metric not in seen] or [goals[0].metric]
    many = "None of the" if len(trials) > 1 else "The"
    logged = ", ".join(seen) or "no metric at all"
    return (
        f"{many} {len(trials)} completed trials logged a number as {missing[0]!r}, the sweep's "
        f"primary metric. They logged: {logged}.{did_you_mean(missing[0], seen)}"
        " The name must be the one that the command logs."
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
