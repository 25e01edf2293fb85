"""Job files: YAML becomes a document of JSON types, or an error that names the line."""

from pathlib import Path
from typing import Any

from mlflow_plugins.core import read_yaml


def read_job_file(path: Path) -> dict[str, Any]:
    """Read a job file.

    Raises:
        InvalidInput: There is no such file, it is not YAML, or it is not one mapping.
    """
    return read_yaml(
        path,
        what="job file",
        example="command: python train.py",
        folder_hint=" An MLproject is run with: mlflow run FOLDER -b studio",
    )
