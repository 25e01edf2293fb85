"""What could mislead is found, and what is harmless is left in peace."""

import numpy as np
import pandas as pd
import pytest

import automl
from automl._checks import check
from automl._suspicions import stability_index

N = 600


def people():
    rng = np.random.default_rng(0)
    age = rng.normal(40, 10, N)
    return pd.DataFrame(
        {
            "age": age,
            "city": rng.choice(["Rome", "Oslo", "Bern"], N),
            "strong": age + rng.normal(0, 4, N),
            "when": pd.date_range("2024-01-01", periods=N, freq="h")[rng.permutation(N)],
            "y": (age + rng.normal(0, 5, N) > 40).astype(int),
        }
    )


def finding(frame, name, **options):
    plan = check(frame, target="y", time_budget_s=5.0, seed=0, options=options)
    (found,) = plan.task.report.of(name)
    return found


def state(frame, name, **options):
    found = finding(frame, name, **options)
    return found.state, found.columns


def test_an_honest_table_passes():
    frame = people()
    assert state(frame, "leakage") == ("passed", ())
    assert state(frame, "time_leakage")[0] == "passed"
    assert state(frame, "personal_data") == ("passed", ())
    assert state(frame, "drift", test_frame=people()) == ("passed", ())
    report = check(frame, target="y", time_budget_s=5, seed=0, options={}).task.report
    assert not report.of("outliers")


@pytest.mark.parametrize(
    "leak",
    [
        lambda y, rng: y,
        lambda y, rng: np.where(y == 1, "paid", "open"),
        lambda y, rng: y * 3.0 + rng.uniform(0, 0.5, N),
        lambda y, rng: np.where(rng.random(N) < 0.01, 1 - y, y),
        lambda y, rng: np.where(y == 1, np.nan, rng.normal(size=N)),
    ],
    ids=["copy", "words", "numbers", "noisy copy", "missing"],
)
def test_a_column_that_is_nearly_the_target_is_named(leak):
    frame = people()
    frame["leak"] = leak(frame["y"].to_numpy(), np.random.default_rng(1))
    assert state(frame, "leakage") == ("alerted", ("leak",))


def test_leaks_of_values_and_of_many_classes():
    frame = people()
    y = frame["age"] ** 3
    assert state(frame.assign(y=y, leak=np.log(y.clip(1)), age=1.0, strong=1.0), "leakage") == (
        "alerted",
        ("leak",),
    )
    classes = (frame["strong"] // 10).astype(int).astype(str)
    columns = state(frame.assign(y=classes), "leakage")[1]
    assert columns == ()
    assert state(frame.assign(y=classes, leak=classes + "!"), "leakage")[1] == ("leak",)


def test_an_identifier_explains_nothing():
    frame = people().assign(name=[f"n{i} {i}" for i in range(N)])
    assert state(frame, "leakage") == ("passed", ())


def test_a_target_that_drifts_needs_validation_in_time():
    frame = people()
    frame["y"] = (frame["when"] > "2024-01-13").astype(int) ^ (np.arange(N) % 4 == 0)
    assert state(frame, "time_leakage") == ("alerted", ("when",))
    report = check(frame, target="y", time_budget_s=5, seed=0, options={"time_column": "when"})
    assert not report.task.report.of("time_leakage")


def test_outliers_are_counted_and_kept():
    frame = people()
    frame.loc[3, "age"] = 1e6
    assert state(frame, "outliers") == ("done", ("age",))


def test_columns_that_moved_are_named():
    test = people()
    test["age"] += 30
    test["city"] = "Paris"
    assert state(people(), "drift", test_frame=test) == ("alerted", ("age", "city"))


@pytest.mark.parametrize(
    ("name", "values"),
    [("customerEmail", "x"), ("Phone", "1"), ("contact", "ann{}@example.org"), ("iban", "DE")],
)
def test_personal_data_is_suspected_by_name_and_by_value(name, values):
    frame = people().assign(**{name: [values.format(i) for i in range(N)]})
    assert state(frame, "personal_data") == ("alerted", (name,))


def test_the_stability_index_agrees_with_its_definition():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 20_000), rng.integers(0, 3, 20_000)
    p, q = np.bincount(a, minlength=4) / 20_000, np.bincount(b, minlength=4) / 20_000
    p, q = p.clip(1e-12), q.clip(0.5 / 20_000)
    assert stability_index(a, b) == pytest.approx(np.sum((p - q) * np.log(p / q)), rel=0.01)
    assert stability_index(a, a) == 0.0


def test_a_table_is_inspected_without_a_search():
    frame = people().assign(one=1, leak=lambda f: f["y"])
    report = automl.inspect(frame, target="y")
    assert report.of("leakage")[0].columns == ("leak",)
    assert report.of("constant_columns")[0].columns == ("one",)
    assert report.of("validation")
