"""The result of an analysis, and how it is kept in a folder."""

import json
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from rai._errors import InputError, RaiError
from rai._inputs import Settings
from rai._records import (
    SCHEMA_VERSION,
    ConfusionMatrix,
    Curve,
    Estimate,
    Fairness,
    Histogram,
    Importance,
    Panel,
    PanelName,
    PredictedVersusTrue,
    Subject,
    Task,
)  # fmt: skip

ANALYSIS_FILE = "analysis.json"
PREDICTIONS_FILE = "predictions.parquet"
REPORT_FILE = "report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What is known about a model on one table of data.

    ``analysis.json`` holds exactly these fields but ``predictions``, which is
    ``predictions.parquet``.

    Attributes:
        schema_version: Version of the artifact contract.
        created: When the analysis was made (ISO 8601, UTC).
        task: ``binary``, ``multiclass`` or ``regression``.
        target: Name of the target column.
        classes: Class labels as text; empty for regression.
        positive_label: The class taken as positive (binary), else None.
        subject: Model, data and number of rows.
        settings: How the analysis was made.
        metrics: Metrics over all rows by name.
        confusion: Confusion matrix; None for regression.
        curves: ROC, precision-recall, calibration, gains and lift; empty without probabilities.
        residuals: Histogram of prediction minus truth; None for classification.
        predicted_versus_true: None for classification.
        fairness: One entry for each sensitive feature, each pair of them, and (multiclass) each
            class.
        importance: Global importance of the input columns, or None.
        panels: Which parts are there, and why others are not.
        notes: What the reader must know about the rows and figures.
        timings_seconds: Time spent by part.
        versions: Versions of the packages that computed the figures.
        predictions: One row for each evaluated row: ``row``, ``truth``, ``prediction``,
            probabilities as ``probability:<class>`` and sensitive columns as ``sensitive:<name>``.
    """

    # How pydantic reads the record back: the frame is no record, and unknown fields are an error.
    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "arbitrary_types_allowed": True,
        "extra": "forbid",
    }

    schema_version: str = SCHEMA_VERSION
    created: str
    task: Task
    target: str
    classes: tuple[str, ...]
    positive_label: str | None
    subject: Subject
    settings: Settings
    metrics: dict[str, Estimate]
    confusion: ConfusionMatrix | None
    curves: tuple[Curve, ...]
    residuals: Histogram | None
    predicted_versus_true: PredictedVersusTrue | None
    fairness: tuple[Fairness, ...]
    importance: Importance | None
    panels: dict[PanelName, Panel]
    notes: tuple[str, ...]
    timings_seconds: dict[str, float]
    versions: dict[str, str]
    predictions: pd.DataFrame = field(compare=False, repr=False)

    def to_json(self) -> str:
        """Return the strict JSON text of ``analysis.json``."""
        return json.dumps(_record(self), allow_nan=False, ensure_ascii=False, indent=1)

    def to_html(self) -> str:
        """Return the self-contained report: one HTML page without scripts or requests."""
        from rai._report import render

        return render(self)

    def save(self, folder: str | Path) -> Path:
        """Write ``analysis.json``, ``predictions.parquet`` and ``report.html`` into a folder.

        Returns:
            The folder, made if need be.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        (path / ANALYSIS_FILE).write_text(self.to_json(), encoding="utf-8")
        self.predictions.to_parquet(path / PREDICTIONS_FILE, index=False)
        (path / REPORT_FILE).write_text(self.to_html(), encoding="utf-8")
        return path


def load(folder: str | Path) -> Analysis:
    """Read an analysis that :meth:`Analysis.save` wrote.

    Raises:
        InputError: The folder holds no analysis.
        RaiError: The analysis was written by a version with another contract, or is damaged.
    """
    path = Path(folder)
    if not (path / ANALYSIS_FILE).is_file():
        raise InputError(
            f"There is no {ANALYSIS_FILE} in {str(path)!r}; give the folder that Analysis.save "
            f"wrote."
        )
    record = json.loads((path / ANALYSIS_FILE).read_text(encoding="utf-8"))
    return from_record(record, pd.read_parquet(path / PREDICTIONS_FILE))


def from_record(record: dict[str, Any], predictions: pd.DataFrame) -> Analysis:
    """Return the analysis of a parsed ``analysis.json`` and its predictions.

    Raises:
        RaiError: The record follows another version of the contract, or is damaged.
    """
    import pydantic

    version = record.get("schema_version")
    if version != SCHEMA_VERSION:
        raise RaiError(
            f"The analysis has schema version {version!r}; this version of rai reads "
            f"{SCHEMA_VERSION!r}. "
            "Evaluate the model again."
        )
    try:
        analysis = pydantic.TypeAdapter(Analysis).validate_python(
            {**record, "predictions": predictions}
        )
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RaiError(f"The analysis is damaged at {place}: {first['msg']}.") from error
    return analysis


def _record(value: Any) -> Any:
    """Turn records into plain JSON values; unlike dataclasses.asdict, leave the predictions out."""
    if is_dataclass(value):
        names = (each.name for each in fields(value) if each.name != "predictions")
        return {name: _record(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(key): _record(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_record(item) for item in value]
    return value
