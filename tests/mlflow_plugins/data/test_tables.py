"""Reading tables: figures against pandas, and an error with a line for every kind of damage."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data._tables import read_rows, summarize


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "n_rows", "types"),
    [
        ('a,b\n1,x\n2,"y, z"\n', 2, ["integer", "text"]),
        ("a;b\n1,5;2\n2,5;3\n", 2, ["text", "integer"]),
        ("a\tb\n1\t2.5\n", 1, ["integer", "number"]),
        ("a\n1\n2\n", 2, ["integer"]),
        ("a,b\n" + "1,2\n" * 50_000 + "x,3\n", 50_001, ["text", "integer"]),
        ('a,b\n"line\nbreak",1\n', 1, ["text", "integer"]),
        ("\ufeffa,b\n1,2\n", 1, ["integer", "integer"]),
        ("a,b\n1,\n,2\n", 2, ["integer", "integer"]),
        ("a,b\n#1,2\n", 1, ["text", "integer"]),
        ("day,when\n2024-01-31,2024-01-31 10:00:00\n", 1, ["date", "datetime"]),
    ],
)
def test_a_csv_file_is_summarized(tmp_path, content, n_rows, types):
    summary = summarize(write(tmp_path, "table.csv", content))
    assert summary.n_rows == n_rows
    assert [column.type for column in summary.columns] == types
    assert not summary.columns[0].name.startswith("\ufeff")


def test_a_parquet_file_is_summarized(tmp_path):
    frame = pd.DataFrame(
        {"n": [1, 2], "x": [0.5, None], "c": pd.Categorical(["a", "b"]), "t": [True, False]}
    )
    path = tmp_path / "table.parquet"
    frame.to_parquet(path)
    summary = summarize(path)
    assert summary.format == "parquet"
    assert summary.n_rows == 2
    assert [c.type for c in summary.columns] == ["integer", "number", "text", "boolean"]
    assert read_rows(path, n_rows=1, offset=1).to_pydict()["n"] == [2]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", "'t.csv' is empty"),
        ("t.csv", "  \n \n", "'t.csv' is empty"),
        ("t.csv", "a,b\n", "has the columns a, b but no rows"),
        ("t.csv", 'a,b\n1,x\n2,"y\n3,z\n', "line 3: a quoted text is not closed"),
        ("t.csv", 'a,b\n1,x\n2,"y"z\n3,z\n', "line 3: a quoted text is not closed, or goes on"),
        ("t.csv", "a,b\n1,2\n1,2,3\n4,5\n", "line 3: 3 values where the header has 2 columns"),
        ("t.csv", "a,b\n1,2\n1\n4,5\n", "line 3: 1 values where the header has 2 columns"),
        ("t.csv", "a,a\n1,2\n", "'a' occurs more than once"),
        ("t.csv", "a,,c\n1,2,3\n", "column 2 has no name"),
        ("t.csv", "a,b\nü,1\n".encode("latin-1"), "line 2: the text is not UTF-8"),
        ("t.csv", b"PK\x00\x01" * 50, "is not a text file"),
        ("t.parquet", "a,b\n1,2\n", "is not a Parquet file, or it is damaged"),
        ("t.xlsx", "a", r"must end in one of: \.csv"),
    ],
)
def test_damage_is_refused_with_its_place(tmp_path, name, content, message):
    with pytest.raises(InvalidInput, match=message):
        summarize(write(tmp_path, name, content))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="There is no file"):
        summarize(tmp_path / "nothing.csv")


@pytest.mark.property
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**40), 2**40),
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_what_pandas_writes_is_read_back(tmp_path, rows):
    """Any text survives: separators, quotes, line breaks, other scripts."""
    frame = pd.DataFrame(rows, columns=["number", "text"])
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False, quoting=1)
    assert summarize(path).n_rows == len(frame)
    table = read_rows(path, n_rows=len(frame))
    assert table.column("number").to_pylist() == frame["number"].tolist()


def test_labels_are_not_taken_for_booleans(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text('said,short,flag,"o\'dd ""name"", [x]"\nyes,t,true,n\nno,f,FALSE,y\n,,,\n')
    table = read_rows(path, n_rows=3)
    assert table.to_pydict() == {
        "said": ["yes", "no", None],
        "short": ["t", "f", None],
        "flag": [True, False, None],
        'o\'dd "name", [x]': ["n", "y", None],
    }
    assert [one.type for one in summarize(path).columns] == ["text", "text", "boolean", "text"]
