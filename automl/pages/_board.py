"""A search's leaderboard, and what it found in the table."""

from typing import Any

from mlflow import MlflowClient

from automl._forecast._page import read_json
from automl.pages._run import is_finished

_N_TRIALS = 200
_N_COLUMNS = 8


def board_rows(client: MlflowClient, run: Any) -> list[dict[str, Any]]:
    """Return the leaderboard's rows: the finished one, else what the trials say so far."""
    if is_finished(run):
        board = read_json(client, run.info.run_id, "leaderboard.json")
        if board:
            return [_row(**row) for row in board]
    metric = run.data.tags.get("automl.primary_metric", "")
    trials = client.search_runs(
        [run.info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{run.info.run_id}'",
        max_results=_N_TRIALS,
    )
    rows = [
        _row(
            rank=0,
            learner=trial.data.params.get("learner", ""),
            score=trial.data.metrics.get(metric),
            state=trial.data.tags.get("automl.state", ""),
            fit_seconds=trial.data.metrics.get("fit_seconds"),
            params={k: v for k, v in trial.data.params.items() if k != "learner"},
        )
        for trial in trials
    ]
    sign = -1 if run.data.tags.get("automl.is_higher_better") == "true" else 1
    rows.sort(key=lambda row: (row["Score"] is None, sign * (row["Score"] or 0)))
    return [row | {"Rank": rank} for rank, row in enumerate(rows, 1)]


def _row(
    *,
    rank: int,
    learner: str,
    score: float | None,
    state: str,
    fit_seconds: float | None,
    params: dict[str, Any],
    score_std: float | None = None,
    weight: float | None = None,
    **_: Any,
) -> dict[str, Any]:
    return {
        "Rank": rank,
        "Learner": learner.replace("_", " "),
        "Score": _rounded(score),
        "±": _rounded(score_std),
        "Weight": _rounded(weight) if weight else None,
        "State": state,
        "Seconds": _rounded(fit_seconds),
        "Settings": ", ".join(f"{key} = {_short(value)}" for key, value in params.items()),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _short(value: Any) -> str:
    try:
        return f"{float(value):.4g}"
    except (TypeError, ValueError):
        return str(value)


def board_grid(ui: Any, rows: list[dict[str, Any]]) -> Any:
    """Show a leaderboard."""
    widths = {"Rank": 80, "Learner": 200, "Score": 110, "±": 100, "Weight": 110, "State": 110}
    columns = [
        {"field": name, "width": widths.get(name, 120)}
        if name != "Settings"
        else {"field": name, "flex": 1, "minWidth": 260, "tooltipField": name}
        for name in rows[0]
        if name != "Settings" or any(row[name] for row in rows)
    ]
    height = min(420, 56 + 33 * len(rows))
    return ui.grid(rows, label="Leaderboard", height=height, columnDefs=columns)


_MARKS = {"passed": "Passed", "done": "Dealt with", "alerted": "Look at this"}


def findings_table(ui: Any, findings: list[dict[str, Any]]) -> Any:
    """Show what was found in the table: first what deserves a look."""
    order = {"alerted": 0, "done": 1, "passed": 2}
    rows = [
        [
            ui.badge(_MARKS[one["state"]]),
            one["check"].replace("_", " ").capitalize(),
            _with_columns(one["message"], one.get("columns") or []),
        ]
        for one in sorted(findings, key=lambda one: order[one["state"]])
    ]
    return ui.table(["Outcome", "Check", "What was found"], rows, label="Guardrails")


def _with_columns(message: str, columns: list[str]) -> str:
    shown = ", ".join(columns[:_N_COLUMNS])
    more = f" and {len(columns) - _N_COLUMNS} more" if len(columns) > _N_COLUMNS else ""
    return f"{message} ({shown}{more})" if columns else message
