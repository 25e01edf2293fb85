"""The language of filters: what it means is held against pandas, what is wrong has its place."""

import contextlib

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.mltable import to_sql

FRAME = pd.DataFrame(
    {
        "t": [10.0, 33.0, 40.0, None],
        "city": ["UK", "Rome", "O'Hara", None],
        "a b": [1, 2, 3, 4],
        "when": pd.to_datetime(["2024-01-01", "2024-06-01", "2025-01-01", None]),
        "and": [1, 0, 1, 0],
    }
)


def rows(expression):
    with duckdb.connect() as connection:
        frame = FRAME  # noqa: F841  # DuckDB reads it by its name
        condition = to_sql(expression, list(FRAME))
        found = connection.sql(f'SELECT "a b" FROM frame WHERE {condition}').fetchall()  # noqa: S608
    return [one[0] for one in found]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('col("t") > 32', [2, 3]),
        ('col("t") > 32 and col("city") == "Rome"', [2]),
        ("t > 32 && city == 'Rome' || `", None),
        ('city == "O\'Hara"', [3]),
        ("city == 'O\\'Hara'", [3]),
        ('t <= 10 or city == "Rome"', [1, 2]),
        ("not (t > 32)", [1]),
        ("!(t > 32) || t == 40", [1, 3]),
        ("not not t > 32", [2, 3]),
        ('t > 5 or t > 1 and city == "x"', [1, 2, 3]),
        ('(t > 5 or t > 1) and city == "Rome"', [2]),
        ('col("a b") in (1, 4)', [1, 4]),
        ('city in ("UK", "Rome")', [1, 2]),
        ("t == null", [4]),
        ("null != t", [1, 2, 3]),
        ("isnull(city)", [4]),
        ("t + 2 * 3 > 40", [3]),
        ("(t + 2) * 3 > 100", [2, 3]),
        ("-t < -32", [2, 3]),
        ("t % 10 == 0", [1, 3]),
        ("when >= datetime(2024, 6, 1)", [2, 3]),
        ('col("and") == 1', [1, 3]),
        ("t == 3.3e1", [2]),
        ('t == "33"', [2]),
        ("true", [1, 2, 3, 4]),
    ],
)
def test_an_expression_chooses_rows(expression, expected):
    if expected is None:
        with pytest.raises(InvalidInput, match="means nothing here"):
            rows(expression)
    else:
        assert rows(expression) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "a value is missing"),
        ("t >", "at character 4: a value is missing"),
        ("t > 1 city", "at character 7: 'city' means nothing here"),
        ("(t > 1", r"there is the end where '\)' should be"),
        ("tt > 1", "there is no column 'tt'.*Did you mean 't'|there is no column 'tt'"),
        ("cities == 1", "Did you mean 'city'"),
        ("col(t) > 1", "takes a name in quotes"),
        ("system('rm')", "there is no function 'system'"),
        ("t = 1", "'= 1' means nothing here"),
        ("1 < t < 3", "cannot be chained"),
        ("t < null", "only be compared with == and !="),
        ("datetime(2024, 13, 1) < when", "is no moment"),
        ("datetime(2024) < when", "is no moment"),
        ("t; drop table x", "means nothing here"),
        ("t -- x", "means nothing|value is missing|no column 'x'"),
        ("__import__('os')", "there is no function"),
        ("(" * 500 + "t", "nested more than 100 deep"),
        ('"open', "means nothing here"),
    ],
)
def test_what_is_no_expression_has_its_place(expression, message):
    with pytest.raises(InvalidInput, match=message):
        to_sql(expression, list(FRAME))


@pytest.mark.property
@given(text=st.text(), name=st.text(min_size=1))
def test_values_and_names_stay_values_and_names(text, name):
    """Whatever stands in quotes is compared, never run."""
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    column = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if "\0" in text + name or "\n" in text + name:
        return
    condition = to_sql(f"col({column}) == {quoted}", [name])
    with duckdb.connect() as connection:
        quoted_name = '"' + name.replace('"', '""') + '"'
        found = connection.execute(
            f"SELECT count(*) FROM (SELECT ? AS {quoted_name}) WHERE {condition}",  # noqa: S608
            [text],
        ).fetchone()
    assert found == (1,)


@pytest.mark.property
@given(st.text(alphabet="tcity()<>=!&|+-*/%,\"' 0123.andornotincol", max_size=30))
def test_any_text_is_an_expression_or_refused(text):
    with contextlib.suppress(InvalidInput):
        assert to_sql(text, list(FRAME))
