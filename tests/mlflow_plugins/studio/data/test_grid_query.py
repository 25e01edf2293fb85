"""What AG Grid asks means the same rows to us: against pandas, over a small table."""

import pandas as pd
import pytest

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore import open_table
from mlflow_plugins.studio.pages.data._grid_query import column_at, read_query

FRAME = pd.DataFrame(
    {
        "n": [1.5, 2.0, None, 10.0],
        "a.b": ["Oslo", "rome, old", None, "oslo"],
        "when": pd.to_datetime(
            pd.Series(["2020-01-01 23:00", "2020-01-02 00:00", None, "2021-01-01 00:00"])
        ),
        "flag": pd.array([True, False, None, True], dtype="boolean"),
        "row": [0, 1, 2, 3],
    }
)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    FRAME.to_parquet(folder / "t.parquet")
    with open_table(folder / "t.parquet", cache=folder) as table:
        yield table


def rows(table, **asked):
    query = read_query(table.columns, **asked)
    return table.take(table.row_numbers(filters=query.conditions, sort=query.sort), table.columns)[
        "row"
    ].to_pylist()


def text(kind, value):
    return {"filterType": "text", "type": kind, "filter": value}


def number(kind, value, to=None):
    return {"filterType": "number", "type": kind, "filter": value, "filterTo": to}


def day(kind, value, to=None):
    return {"filterType": "date", "type": kind, "dateFrom": f"{value} 00:00:00", "dateTo": to}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"c0": number("greaterThan", 1.5)}, [1, 3]),
        ({"c0": number("greaterThanOrEqual", 2)}, [1, 3]),
        ({"c0": number("inRange", 2, 1)}, [0, 1]),
        ({"c0": {"type": "blank"}}, [2]),
        ({"c1": text("contains", "OSLO")}, [0, 3]),
        ({"c1": text("equals", "Oslo")}, [0]),
        ({"c1": text("notEqual", "Oslo")}, [1, 3]),
        ({"c1": text("in", 'oslo, "rome, old"')}, [1, 3]),
        ({"c1": text("startsWith", "RO")}, [1]),
        ({"c2": day("equals", "2020-01-01")}, [0]),
        ({"c2": day("greaterThan", "2020-01-01")}, [1, 3]),
        ({"c2": day("lessThan", "2020-01-02")}, [0]),
        ({"c2": day("inRange", "2020-01-01", "2020-01-02 00:00:00")}, [0, 1]),
        ({"c3": {"type": "isTrue"}}, [0, 3]),
        ({"c3": {"type": "notBlank"}}, [0, 1, 3]),
        ({"c0": number("lessThan", 5), "c1": text("endsWith", "o")}, [0]),
        (
            {"c0": {"operator": "OR", "conditions": [number("equals", 10), {"type": "blank"}]}},
            [2, 3],
        ),
        (
            {
                "c0": {
                    "operator": "AND",
                    "conditions": [number("greaterThan", 1.5), number("lessThan", 5)],
                }
            },
            [1],
        ),
    ],
)
def test_a_filter_leaves_the_rows_that_it_names(table, filters, expected):
    assert rows(table, filters=filters) == expected


def test_order_and_search(table):
    assert rows(table, sort=[["c0", True]]) == [3, 1, 0, 2]
    assert rows(table, sort=[["c3", False], ["c0", True]]) == [1, 3, 0, 2]
    assert rows(table, search="ROME") == [1]
    assert read_query(table.columns).is_whole_file
    assert not read_query(table.columns, search="x").is_whole_file


def test_questions_can_be_kept_by_what_they_ask(table):
    asked = {"filters": {"c1": text("in", "a, b"), "c0": number("inRange", 1, 2)}, "search": "x"}
    assert read_query(table.columns, **asked) == read_query(table.columns, **asked)
    assert len({read_query(table.columns, **asked), read_query(table.columns)}) == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"filters": {"c9": text("equals", "x")}}, "no column at 'c9'. It has 5"),
        ({"filters": {"a.b": text("equals", "x")}}, "no column at 'a.b'"),
        ({"filters": {"c1": text("sounds", "x")}}, "cannot be read"),
        (
            {"filters": {"c0": number("equals", "many")}},
            "The filter of 'n', a column of type number",
        ),
        ({"filters": {"c0": "x"}}, "cannot be read"),
        ({"filters": {"c2": day("equals", "yesterday")}}, "cannot be read"),
        ({"filters": {"c3": text("contains", "x")}}, "cannot be read"),
        ({"filters": {"c0": {"operator": "OR", "conditions": []}}}, "cannot be read"),
        ({"filters": [1]}, "must be an object"),
        ({"sort": "c0"}, "is not a list of pairs"),
        ({"sort": [["c0"]]}, "is not a list of pairs"),
        ({"sort": [["c77", True]]}, "no column at 'c77'"),
    ],
)
def test_what_is_no_question_is_refused(table, asked, message):
    with pytest.raises(InvalidInput, match=message):
        read_query(table.columns, **asked)


@pytest.mark.parametrize("key", ["", "c", "c-1", "c1.5", "c²", None, "x0"])
def test_only_places_name_columns(table, key):
    with pytest.raises(InvalidInput, match="no column at"):
        column_at(table.columns, key)
