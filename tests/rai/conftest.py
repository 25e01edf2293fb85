"""Small tables and models that several tests share."""

import warnings

import numpy as np
import pandas as pd
import pytest

with warnings.catch_warnings():
    # shap 0.51 asks matplotlib for what it will drop, MLflow 3.17 remarks on its own type hints;
    # both are imported here, outside the error filter.
    warnings.simplefilter("ignore")
    import mlflow.pyfunc  # noqa: F401
    import shap  # noqa: F401


@pytest.fixture(scope="session")
def people() -> pd.DataFrame:
    """600 rows of mixed types with a binary target, a class target and a quantity."""
    rng = np.random.default_rng(7)
    n = 600
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n).astype(float),
            "hours": rng.normal(40, 10, n),
            "city": rng.choice(["Ulm", "Kiel", "Köln"], n, p=[0.5, 0.3, 0.2]),
            "sex": rng.choice(["female", "male"], n),
            "member": rng.random(n) < 0.4,
            "since": pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 3000, n), "D"),
        }
    )
    frame["tier"] = pd.Categorical(rng.choice(["a", "b", "c"], n))
    raw = (
        (frame.age - 45) / 15
        + (frame.hours - 40) / 10
        + (frame.city == "Ulm")
        + (frame.sex == "male")
    )
    noisy = raw + rng.normal(0, 1, n)
    frame.loc[rng.random(n) < 0.05, "hours"] = np.nan
    frame["paid"] = np.where(noisy > 0.8, "yes", "no")
    frame["level"] = np.select([noisy < 0, noisy < 1.5], ["low", "mid"], "high")
    frame["income"] = 30 + 10 * noisy
    return frame


class Scorer:
    """A hand-made classifier on raw columns of any type."""

    classes_ = np.array(["no", "yes"])
    feature_names_in_ = np.array(["age", "hours", "city", "sex", "member", "since", "tier"])

    def predict_proba(self, inputs: pd.DataFrame) -> np.ndarray:
        raw = (
            (inputs["age"] - 45) / 15
            + (inputs["hours"].fillna(40) - 40) / 10
            + (inputs["city"] == "Ulm") * 1.0
        )
        raw = (
            raw
            + (inputs["since"].dt.year - 2019) * 0.05
            + (inputs["tier"] == "a") * 0.3
            + inputs["member"] * 0.2
        )
        p = 1 / (1 + np.exp(-(raw - 0.4)))
        return np.column_stack([1 - p, p])

    def predict(self, inputs: pd.DataFrame) -> np.ndarray:
        return self.classes_[(self.predict_proba(inputs)[:, 1] >= 0.5).astype(int)]


@pytest.fixture(scope="session")
def scorer() -> Scorer:
    return Scorer()
