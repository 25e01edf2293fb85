import numpy as np
import pandas as pd
import pytest

from mlflow_plugins.testing import use_tracking_uri


def make_people(n=240, *, seed=0):
    """A table with every kind of column and a target that depends on some of them."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 12, n)
    city = rng.choice(["Rome", "Oslo", "Lima", None], n, p=[0.4, 0.3, 0.2, 0.1])
    signal = (age - 40) / 12 + (city == "Rome") + rng.normal(0, 0.7, n)
    return pd.DataFrame(
        {
            "age": age,
            "city": city,
            "joined": pd.date_range("2020-01-01", periods=n, freq="D"),
            'odd {"name"}: [1,2]': np.where(rng.random(n) < 0.2, np.nan, rng.random(n)),
            "visits": rng.integers(0, 30, n),
            "charge": [f"{v:.2f}" if v > 5 else " " for v in rng.uniform(0, 90, n)],
            "score": signal * 10 + 50,
            "label": np.where(signal > 0.4, "yes", "no"),
        }
    )


@pytest.fixture(scope="session")
def people():
    return make_people()


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A fresh MLflow store in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with use_tracking_uri(uri):
        yield uri
