"""What the MLflow evaluator does: read its configuration, analyze, log.

Metrics are named ``rai/<metric>`` and ``rai/<sensitive feature>/<gap>_difference`` (and
``_ratio``); with several classes ``rai/<sensitive feature>/<class>/<gap>_difference``. Artifacts go
to ``rai/``.
"""

import logging
import re
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import EvaluationArtifact

from rai._analysis import ANALYSIS_FILE, PREDICTIONS_FILE, REPORT_FILE, Analysis, load
from rai._analyze import analyze
from rai._errors import InputError, nearest, unknown_name
from rai._records import Fairness

_logger = logging.getLogger(__name__)

ARTIFACT_FOLDER = "rai"

OWN_KEYS = (
    "sensitive_features", "positive_label", "threshold", "bands", "features", "probabilities",
    "seed", "n_bootstrap",
    "max_explained_rows", "explain_budget_seconds", "model_name", "data_name",
)  # fmt: skip
# Keys of MLflow's own evaluators: one flat configuration is handed to every evaluator.
_MLFLOW_KEYS = frozenset((
    "average", "col_mapping", "explainability_algorithm", "explainability_kernel_link",
    "explainability_nsamples",
    "label_list", "log_explainer", "log_model_explainability", "max_classes_for_multiclass_roc_pr",
    "metric_prefix",
    "pos_label", "retriever_k", "sample_weights",
))  # fmt: skip

_TARGET = "(target)"


def is_asked_for(config: dict[str, Any]) -> bool:
    """Whether the configuration holds a key of ours, or one that looks like a misspelt one."""
    return any(
        key in OWN_KEYS or (key not in _MLFLOW_KEYS and nearest(str(key), OWN_KEYS) is not None)
        for key in config
    )


def checked_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return our part of the configuration.

    Raises:
        InputError: A key is unknown.
    """
    for key in config:
        if key not in OWN_KEYS and key not in _MLFLOW_KEYS:
            raise unknown_name("key of evaluator_config", str(key), OWN_KEYS)
    foreign = sorted(set(config) & _MLFLOW_KEYS)
    if foreign:
        _logger.info("Left to MLflow's own evaluators: %s.", ", ".join(foreign))
    return {key: value for key, value in config.items() if key in OWN_KEYS}


def evaluate(
    *,
    model: Any,
    model_type: str,
    dataset: Any,
    run_id: str,
    config: dict[str, Any],
    model_id: str | None,
) -> tuple[dict[str, float], dict[str, EvaluationArtifact]]:
    """Analyze the model on MLflow's evaluation dataset and log the result to the run.

    Raises:
        InputError: The configuration, the data or the model's output cannot be used.
    """
    settings = checked_config(config)
    if dataset.labels_data is None:
        raise InputError(
            "The evaluation data has no targets; pass targets= to mlflow.models.evaluate."
        )
    frame = _features(dataset)
    if _TARGET in frame.columns:
        raise InputError(f"A column is named {_TARGET!r}, which is kept for the target; rename it.")
    frame = frame.assign(**{_TARGET: dataset.labels_data})
    analysis = analyze(
        model,
        frame,
        target=_TARGET,
        task="regression" if model_type == "regressor" else "classification",
        predictions=None if model is not None else dataset.predictions_data,
        **_names(settings, model, dataset),
    )
    analysis = _with_target_name(analysis, dataset)
    return log(analysis, run_id=run_id, log_metrics=model_id is None)


def _features(dataset: Any) -> pd.DataFrame:
    features = dataset.features_data
    if isinstance(features, pd.DataFrame):
        return features.reset_index(drop=True)
    names = dataset.feature_names or [f"feature_{i + 1}" for i in range(features.shape[1])]
    return pd.DataFrame(features, columns=names)


def _names(settings: dict[str, Any], model: Any, dataset: Any) -> dict[str, Any]:
    """Fill in how model and data are called, where the caller did not say."""
    found = {"data_name": dataset.name if isinstance(dataset.name, str) else None}
    metadata = getattr(model, "metadata", None)
    model_uri = getattr(metadata, "model_id", None)
    if model_uri:
        found["model_name"] = f"models:/{model_uri}"
    return {**found, **settings}


def _with_target_name(analysis: Analysis, dataset: Any) -> Analysis:
    from dataclasses import replace

    name = getattr(dataset, "targets_name", None)
    return replace(analysis, target=str(name)) if name else analysis


# ------------------------------------------------------------------ logging


class AnalysisArtifact(EvaluationArtifact):
    """``rai/analysis.json``; its content is the parsed record."""

    def _load_content_from_file(self, local_artifact_path: str) -> Any:
        import json

        return json.loads(Path(local_artifact_path).read_text(encoding="utf-8"))

    def _save(self, output_artifact_path: str) -> None:
        import json

        text = json.dumps(self.content, allow_nan=False, ensure_ascii=False)
        Path(output_artifact_path).write_text(text, encoding="utf-8")


class ReportArtifact(EvaluationArtifact):
    """``rai/report.html``; its content is the page."""

    def _load_content_from_file(self, local_artifact_path: str) -> str:
        return Path(local_artifact_path).read_text(encoding="utf-8")

    def _save(self, output_artifact_path: str) -> None:
        Path(output_artifact_path).write_text(self.content, encoding="utf-8")


def metrics_of(analysis: Analysis) -> dict[str, float]:
    """Return the defined metrics and gaps under the names that runs carry.

    Classes of a multiclass model and intersections carry the named gaps only: a run takes a
    thousand metrics at once.
    """
    found = {
        f"rai/{name}": metric.value
        for name, metric in analysis.metrics.items()
        if metric.value is not None
    }
    for fairness in analysis.fairness:
        place = _place(fairness, is_multiclass=analysis.task == "multiclass")
        is_detail = len(fairness.features) > 1 or place.count("/") > 1
        for gap in fairness.gaps[:3] if is_detail else fairness.gaps:
            for kind, value in (("difference", gap.difference.value), ("ratio", gap.ratio.value)):
                if value is not None:
                    found[f"{place}/{gap.name}_{kind}"] = value
    return found


def _place(fairness: Fairness, *, is_multiclass: bool) -> str:
    parts = ["rai", _metric_name(" x ".join(fairness.features))]
    if is_multiclass and fairness.positive_label is not None:
        parts.append(_metric_name(fairness.positive_label))
    return "/".join(parts)


def _metric_name(text: str) -> str:
    """Replace what MLflow does not take in a metric's name, and the separator."""
    return re.sub(r"[^\w\-. :]", "_", text)


def log(
    analysis: Analysis, *, run_id: str, log_metrics: bool
) -> tuple[dict[str, float], dict[str, EvaluationArtifact]]:
    """Log metrics, tags and artifacts of an analysis to a run.

    Args:
        analysis: What to log.
        run_id: Where to.
        log_metrics: False where MLflow logs the returned metrics itself, which it does for a logged
            model.
    """
    metrics = metrics_of(analysis)
    with tempfile.TemporaryDirectory() as folder:
        analysis.save(folder)
        mlflow.log_artifacts(folder, ARTIFACT_FOLDER, run_id=run_id)
        artifacts = _artifacts(Path(folder), run_id)
    if log_metrics:
        mlflow.log_metrics(metrics, run_id=run_id)
    client = mlflow.MlflowClient()
    tags = {
        "rai.schema_version": analysis.schema_version,
        "rai.task": analysis.task,
        "rai.sensitive_features": ", ".join(analysis.subject.sensitive_features),
        "rai.report": f"{ARTIFACT_FOLDER}/{REPORT_FILE}",
    }
    for key, value in tags.items():
        client.set_tag(run_id, key, value)
    return metrics, artifacts


def _artifacts(folder: Path, run_id: str) -> dict[str, EvaluationArtifact]:
    root = mlflow.get_run(run_id).info.artifact_uri
    found: dict[str, EvaluationArtifact] = {}
    for name, kind in ((ANALYSIS_FILE, AnalysisArtifact), (REPORT_FILE, ReportArtifact)):
        artifact = kind(uri=f"{root}/{ARTIFACT_FOLDER}/{name}")
        artifact._load(str(folder / name))  # type: ignore[no-untyped-call]  # MLflow's own way
        found[f"{ARTIFACT_FOLDER}/{name}"] = artifact
    return found


def download(run_id: str) -> Analysis:
    """Read the analysis that a run carries.

    Raises:
        InputError: The run has no analysis.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in (ANALYSIS_FILE, PREDICTIONS_FILE):
            try:
                file = mlflow.artifacts.download_artifacts(
                    run_id=run_id, artifact_path=f"{ARTIFACT_FOLDER}/{name}", dst_path=folder
                )
            except Exception as error:  # stores report a missing file in many ways
                raise InputError(
                    f"Run {run_id!r} has no artifact {ARTIFACT_FOLDER}/{name} ({error}). "
                    "Give a run that the evaluator 'rai' has written to."
                ) from error
        return load(Path(file).parent)
