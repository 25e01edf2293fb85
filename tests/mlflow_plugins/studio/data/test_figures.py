"""Charts say what pandas says, in few bytes, whatever columns and values are called."""

import json

import numpy as np
import pandas as pd
import pytest

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore import Filter, open_table
from mlflow_plugins.studio.pages.data._figures import KINDS, Choice, draw, read_choice

N = 20_000
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    days = rng.integers(0, 300, N)
    return pd.DataFrame(
        {
            "x": np.where(rng.random(N) < 0.1, np.nan, rng.normal(0, 1, N)),
            "a.b": rng.normal(5, 2, N),
            EVIL: rng.choice([EVIL, "it's", "b"], N, p=[0.5, 0.3, 0.2]),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D"),
            "code": [f"{'long ' * 30}{n}" for n in rng.integers(0, 5000, N)],
        }
    )


@pytest.fixture(scope="module")
def table(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    frame.to_parquet(folder / "t.parquet")
    with open_table(folder / "t.parquet", cache=folder) as table:
        yield table


def test_a_histogram_counts_every_row(table, frame):
    drawn = draw(table, Choice(kind="histogram", x="x", bins=20))
    counts = [n for _, _, n in drawn.rows]
    assert counts == np.histogram(frame.x.dropna(), 20)[0].tolist()
    assert drawn.figure["data"][0]["y"] == counts
    assert drawn.note == f"Not drawn: {frame.x.isna().sum():,} missing."


def test_bars_are_the_most_frequent_values(table, frame):
    drawn = draw(table, Choice(kind="bar", x=EVIL, bins=2))
    expected = frame[EVIL].value_counts()
    assert drawn.rows == [[EVIL, expected[EVIL]], ["it's", expected["it's"]]]
    assert drawn.note == f"{expected['b']:,} rows have other values."
    missing = draw(table, Choice(kind="bar", x="x", bins=1)).rows[-1]
    assert missing == ["(missing)", frame.x.isna().sum()]


def test_nothing_of_the_data_is_markup(table):
    for choice in (
        Choice(kind="bar", x=EVIL),
        Choice(kind="box", y="a.b", by=EVIL),
        Choice(kind="scatter", x="x", y="a.b", by=EVIL),
        Choice(kind="heat", x=EVIL, y="x"),
        Choice(kind="time", x="when", by=EVIL),
    ):
        text = json.dumps(draw(table, choice).figure)
        assert "<img" not in text
        assert "&lt;img" in text, choice.kind


def test_boxes_by_group(table, frame):
    drawn = draw(table, Choice(kind="box", y="a.b", by=EVIL))
    medians = frame.groupby(EVIL)["a.b"].median()
    found = {row[0]: row[drawn.columns.index("median")] for row in drawn.rows}
    assert found == pytest.approx(medians.to_dict())


def test_a_scatter_is_a_sample_that_says_so(table, frame):
    drawn = draw(table, Choice(kind="scatter", x="x", y="a.b", by=EVIL))
    n = int(frame.x.notna().sum())
    assert drawn.note == f"1,000 points drawn at random of {n:,}."
    assert {trace["name"] for trace in drawn.figure["data"]} == {
        "&lt;img src=x onerror=alert(1)&gt;",
        "it's",
        "b",
    }
    assert sum(len(trace["x"]) for trace in drawn.figure["data"]) == 1000
    by_number = draw(table, Choice(kind="scatter", x="x", y="a.b", by="a.b"))
    assert by_number.figure["data"][0]["marker"]["color"] == [row[2] for row in by_number.rows]
    plain = draw(table, Choice(kind="scatter", x="x", y="a.b"))
    assert plain.columns == ["x", "a.b"]
    assert plain.figure["data"][0]["x"] == [row[0] for row in plain.rows]


def test_a_heat_map_has_a_row_for_each_bin(table, frame):
    drawn = draw(table, Choice(kind="heat", x="x", y=EVIL, bins=10))
    counts = {row[0]: sum(row[1:]) for row in drawn.rows}
    assert counts == frame[frame.x.notna()][EVIL].value_counts().to_dict()
    assert f"{frame.x.isna().sum():,} rows" in drawn.note


def test_a_time_series_by_group(table, frame):
    choice = Choice(kind="time", x="when", y="a.b", by=EVIL, function="mean", interval="month")
    drawn = draw(table, choice)
    expected = frame.groupby([frame.when.dt.to_period("M"), EVIL])["a.b"].mean().unstack()
    assert drawn.columns == ["when", EVIL, "it's", "b"]
    found = np.array([row[1:] for row in drawn.rows])
    assert found == pytest.approx(expected[[EVIL, "it's", "b"]].to_numpy(), rel=1e-5)


def test_only_the_rows_of_the_filter_are_drawn(table, frame):
    conditions = [Filter(column=EVIL, operator="=", value="b")]
    for kind in ("histogram", "bar"):
        drawn = draw(table, Choice(kind=kind, x="a.b", bins=100), conditions)
        in_note = int(drawn.note.split()[0].replace(",", "")) if kind == "bar" else 0
        assert sum(row[-1] for row in drawn.rows) + in_note == (frame[EVIL] == "b").sum()


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_is_large(table, kind):
    """Also with the longest labels and the most bins."""
    columns = {
        "histogram": {"x": "when"},
        "bar": {"x": "code"},
        "box": {"y": "x", "by": "code"},
        "scatter": {"x": "when", "y": "x", "by": "code"},
        "heat": {"x": "code", "y": "code"},
        "time": {"x": "when", "y": "x", "by": "code", "function": "max", "interval": "day"},
    }
    drawn = draw(table, Choice(kind=kind, bins=100, **columns[kind]))
    text = json.dumps([drawn.figure, drawn.columns, drawn.rows], separators=(",", ":"))
    assert len(text) < 100_000


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(kind="pie"), "'pie' is not a chart. Choose from histogram"),
        (Choice(kind="histogram"), "Choose a column for the x axis"),
        (Choice(kind="histogram", x=EVIL), "A histogram needs a column of type"),
        (Choice(kind="histogram", x="x", bins=0), "cannot have 0 bins"),
        (Choice(kind="time", x="when", function="mode"), "'mode' is not one of"),
        (Choice(kind="time", x="when", interval="second"), None),
        (Choice(kind="time", x="when", interval="decade"), "'decade' is not an interval"),
    ],
)
def test_what_cannot_be_drawn_is_refused(table, choice, message):
    if message is None:
        assert len(draw(table, choice).rows) == 300
        return
    with pytest.raises(InvalidInput, match=message):
        draw(table, choice)


def test_a_choice_names_columns_by_their_places(table):
    asked = {"kind": "box", "y": "c1", "by": "c2", "bins": None, "function": None, "x": ""}
    assert read_choice(table.columns, asked) == Choice(kind="box", y="a.b", by=EVIL)
    with pytest.raises(InvalidInput, match="no column at 'c7'"):
        read_choice(table.columns, {"kind": "box", "y": "c7"})
    with pytest.raises(InvalidInput, match="cannot have 'many' bins"):
        read_choice(table.columns, {"kind": "box", "bins": "many"})
    with pytest.raises(InvalidInput, match="must be an object"):
        read_choice(table.columns, "box")


def test_the_server_draws(ask, create, csv):
    create(csv, "people")
    asked = {"name": "people", "choice": {"kind": "bar", "x": "c1"}}
    assert ask("data-chart", **asked)["rows"] == [["female", 2], ["male", 1]]
    older = {"c0": {"type": "greaterThan", "filter": 35}}
    assert ask("data-chart", filters=older, **asked)["rows"] == [["female", 1], ["male", 1]]
    assert ask("data-chart", search="male", filters=older, **asked)["columns"] == ["sex", "rows"]
    refused = ask("data-chart", status=400, name="people", choice={"kind": "box", "y": "c1"})
    assert "A box plot needs a column" in refused["message"]
