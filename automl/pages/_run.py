"""What a search's run says."""

from typing import Any


def is_job(run: Any) -> bool:
    """Tell whether a job of the workspace runs it."""
    return "studio.job" in run.data.tags


def has_ended(run: Any) -> bool:
    """Tell whether it has ended."""
    return run.info.status in ("FINISHED", "FAILED", "KILLED")


def is_finished(run: Any) -> bool:
    """Tell whether the search has written all of its results."""
    return bool(run.data.tags.get("automl.state") == "finished")


def is_forecast(run: Any) -> bool:
    """Tell whether it is of time series."""
    return bool(run.data.tags.get("automl.task") == "forecasting")


def horizon(params: dict[str, str]) -> str | None:
    """Say how far a forecast reaches."""
    steps, freq = params.get("automl.horizon"), params.get("automl.freq")
    return f"{steps} steps of {freq}" if steps else None


def best_model(tags: dict[str, str]) -> str | None:
    """Say what leads the ensemble."""
    learner = tags.get("automl.best_learner")
    return f"Led by {learner.replace('_', ' ')}" if learner else None


def seconds(ui: Any, text: str | None) -> Any:
    """Show a parameter that is a number of seconds."""
    return ui.duration(float(text)) if text else None


def model_name(run: Any) -> str:
    """Return a name to register its model under."""
    words = (run.data.tags.get("automl.target") or run.info.run_name or "model").split()
    return "-".join(words).replace("/", "-").replace(":", "-")
