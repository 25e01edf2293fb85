"""MLflow only warns when a plugin fails to load, so this is where a broken one is noticed."""

import subprocess
import sys
from importlib.metadata import EntryPoint, distribution

import pytest

OURS = [
    point
    for point in distribution("mlflow-studio").entry_points
    if point.group.startswith(("mlflow.", "mlflow_studio."))
]


@pytest.mark.parametrize("point", OURS, ids=lambda point: f"{point.group}:{point.name}")
def test_it_loads(point: EntryPoint):
    assert point.load() is not None


def test_importing_mlflow_is_quiet_and_loads_nothing_heavy():
    """MLflow loads some plugins in every process; they must cost next to nothing."""
    script = (
        "import sys, warnings; warnings.simplefilter('error'); import mlflow\n"
        "heavy = {'duckdb', 'dash', 'plotly', 'lightgbm', 'optuna', 'shap', 'numba'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""
