"""What the form of a new search says about a table before anything is started."""

import numpy as np
import pandas as pd
import pytest

from mlflow_plugins.data import create_data_asset


@pytest.fixture
def people(place, tmp_path):
    """A data asset with a column that gives the target away."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(40, 9, 300).round(1), "email": "a@example.org"})
    frame["bought"] = rng.choice(["no", "yes"], 300)
    frame["paid"] = (frame["bought"] == "yes").astype(int)
    frame["one"] = 1
    frame.to_csv(tmp_path / "people.csv", index=False)
    with place.studio._app.server.app_context():
        create_data_asset(place.studio.assets(), tmp_path / "people.csv", name="people")


@pytest.mark.usefixtures("people")
def test_what_deserves_a_look_is_shown_with_its_columns(place):
    shown = place.outcome("automl-findings", ["people", "1", "bought", "auto"])
    assert "Worth a look" in shown
    assert "every score here is worthless. (paid)" in shown
    assert "(email)" in shown


@pytest.mark.usefixtures("people")
def test_an_honest_table_is_said_to_be_one(place):
    shown = place.outcome("automl-findings", ["people", "1", "age", "regression"])
    assert "(email)" in shown
    assert "worthless" not in shown


@pytest.mark.usefixtures("people")
def test_what_cannot_be_learned_is_said_before_it_is_started(place):
    shown = place.outcome("automl-findings", ["people", "1", "one", "classification"])
    assert "This cannot be learned" in shown
    assert "a classification needs two classes" in shown


@pytest.mark.parametrize(
    "values",
    [
        ["people", "1", "gone", "auto"],
        ["people", "1", None, "auto"],
        [None, None, None, "auto"],
        ["people", "1", "age", "forecasting"],
    ],
)
@pytest.mark.usefixtures("people")
def test_where_there_is_nothing_to_say_nothing_is_shown(place, values):
    shown = place.outcome("automl-findings", values)
    assert "Worth" not in shown
    assert "cannot" not in shown
