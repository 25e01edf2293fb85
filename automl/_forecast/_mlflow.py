"""What `forecast` tells MLflow: the words of its run, its charts, its tables and its model."""

import json
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd

from automl._forecast._chart import chart_data, chart_page
from automl._forecast._measures import ForecastMetric
from automl._forecast._options import Settings
from automl._forecast._panel import Panel
from automl._run_log import Listener, Log, RunLog, Subject, frame_digest, open_run

_MAX_TABLE_ROWS = 200_000


def open_log(
    frame: pd.DataFrame, panel: Panel, settings: Settings, metric: ForecastMetric, *, n_folds: int
) -> AbstractContextManager[Log]:
    """Return the log that the settings ask for."""
    if settings.log_mode == "off":
        return nullcontext(Listener(settings.on_trial))
    spec = panel.spec
    values: dict[str, Any] = {
        "target": spec.target,
        "task": "forecasting",
        "primary_metric": metric.name,
        "time_budget_seconds": settings.time_budget_seconds,
        "seed": settings.seed,
        "max_trials": settings.max_trials,
        "exit_score": settings.exit_score,
        "n_splits": n_folds,
        "n_rows": len(frame),
        "n_columns": frame.shape[1],
        "n_series": len(panel),
        "horizon": settings.horizon,
        "freq": spec.freq,
        "season": spec.season,
        "time_column": spec.time_column,
        "id_columns": ",".join(spec.id_columns) or None,
        "known": ",".join(spec.known) or None,
        "holidays": spec.holidays,
    }
    subject = Subject(
        metric=metric.name,
        is_higher_better=metric.is_higher_better,
        log_mode=settings.log_mode,
        on_trial=settings.on_trial,
        params={k: v for k, v in values.items() if v is not None},
        tags={
            "kind": "search",
            "task": "forecasting",
            "target": spec.target,
            "primary_metric": metric.name,
            "is_higher_better": str(metric.is_higher_better).lower(),
            "data_digest": frame_digest(frame),
            "state": "running",
        },
    )
    return open_run(lambda run_id: ForecastRunLog(subject, run_id, log_model=_log_model))


def _log_model(predictor: Any, run_id: str) -> str:
    from automl._forecast._scoring_model import log_model

    with tempfile.TemporaryDirectory(prefix="automl-") as folder:
        return log_model(predictor, run_id, Path(folder))


class ForecastRunLog(RunLog):
    """The run of a forecasting search."""

    def _write_more(self, predictor: Any) -> None:
        from mlflow.entities import Metric

        data = chart_data(predictor)
        self._client.log_text(self._run_id, json.dumps(data), "forecast.json")
        self._client.log_text(self._run_id, chart_page(data), "forecast.html")
        backtests = predictor.backtests.head(_MAX_TABLE_ROWS)
        if len(backtests):
            self._client.log_text(self._run_id, backtests.to_csv(index=False), "backtests.csv")
        importance = predictor.importance()
        if len(importance):
            text = json.dumps(importance.to_dict(orient="records"), indent=2)
            self._client.log_text(self._run_id, text, "importance.json")
        values = {f"backtest_{name}": v for name, v in predictor.metrics.items()}
        self._client.log_batch(
            self._run_id, metrics=[Metric(k, v, _now_ms(), 0) for k, v in values.items()]
        )


def _now_ms() -> int:
    return int(time.time() * 1000)
