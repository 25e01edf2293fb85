"""The grid's questions: rows, cells, counts and heads of columns, over the real route."""

import datetime as dt
import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from mlflow_plugins.core import AssetStore
from mlflow_plugins.data import content_digest, create_data_asset, create_reference
from mlflow_plugins.studio import EverythingAllowed
from mlflow_plugins.studio.pages.data import _open_tables, _summary

N = 5000
LONG = "x" * 900


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(N),
            "amount": np.where(rng.random(N) < 0.1, np.nan, rng.normal(100, 30, N)),
            "city": rng.choice(["Oslo", "Rome", "Bonn"], N, p=[0.5, 0.3, 0.2]),
        }
    )


@pytest.fixture
def people(create, tmp_path, frame):
    frame.to_parquet(tmp_path / "people.parquet")
    return create(tmp_path / "people.parquet", "people")


def test_a_page_of_the_file(ask, people, frame):
    assert ask("data-open", name="people") == {
        "n_rows": N,
        "columns": [
            ["id", "integer", "BIGINT"],
            ["amount", "number", "DOUBLE"],
            ["city", "text", "VARCHAR"],
        ],
    }
    answer = ask("data-rows", name="people", columns=["c2", "c0"], offset=4990, limit=100)
    assert answer["n_rows"] == N
    assert answer["rows"] == frame[["city", "id"]].iloc[4990:].to_numpy().tolist()


def test_sorted_and_filtered_pages_are_those_of_pandas(ask, people, frame):
    filters = {"c2": {"type": "in", "filter": "Oslo, Bonn"}}
    asked = {"filters": filters, "sort": [["c1", True], ["c0", False]], "search": "oslo"}
    expected = frame[frame.city == "Oslo"].sort_values(
        ["amount", "id"], ascending=[False, True], na_position="last"
    )
    for offset in (0, 700, len(expected) - 10):
        answer = ask("data-rows", name="people", columns=["c0"], offset=offset, limit=50, **asked)
        assert [row[0] for row in answer["rows"]] == expected.id.iloc[offset : offset + 50].tolist()
        assert answer["n_rows"] == len(expected)
    count = ask("data-count", name="people", filters=filters)
    assert count == {"n_rows": int((frame.city != "Rome").sum())}


def test_the_beginning_of_an_order_is_that_of_the_whole(ask, people, frame):
    asked = {"name": "people", "columns": ["c0"], "sort": [["c2", False], ["c1", True]]}
    expected = frame.sort_values(["city", "amount"], ascending=[True, False]).id.tolist()
    for offset in (0, 300, 600, 300):  # the second time the whole order is known
        found = ask("data-rows", offset=offset, limit=100, **asked)
        assert [row[0] for row in found["rows"]] == expected[offset : offset + 100]
        assert found["n_rows"] == N


def test_pages_of_a_table_whose_order_is_not_kept_are_the_same(ask, people, monkeypatch):
    asked = {"name": "people", "columns": ["c0"], "offset": 300, "sort": [["c1", False]]}
    filters = {"c2": {"type": "equals", "filter": "Rome"}}
    kept = ask("data-rows", filters=filters, **asked)
    monkeypatch.setattr(_open_tables, "_ORDER_BYTES", 0)
    not_kept = ask("data-rows", filters=filters, **asked)
    assert not_kept["rows"] == kept["rows"]
    assert not_kept["n_rows"] is None  # data-count says it, and nobody waits for that
    assert ask("data-rows", **asked)["n_rows"] == N


def test_heads_of_columns_are_of_the_rows_that_are_left(ask, people, frame):
    filters = {"c2": {"type": "equals", "filter": "Rome"}}
    left = frame[frame.city == "Rome"]
    found = ask("data-summary", name="people", columns=["c1", "c2"], filters=filters)["columns"]
    amount, city = found["c1"], found["c2"]
    assert amount["n_rows"] == len(left)
    assert amount["n_missing"] == left.amount.isna().sum()
    assert amount["n_distinct"] == left.amount.nunique()
    assert amount["bins"] == np.histogram(left.amount.dropna(), 20)[0].tolist()
    assert (amount["low"], amount["high"]) == (left.amount.min(), left.amount.max())
    assert city["values"] == [["Rome", len(left)]]
    searched = ask("data-summary", name="people", columns=["c2"], search="ROM")["columns"]["c2"]
    assert searched["values"] == [["Rome", len(left)]]


def test_heads_of_a_long_table_come_from_a_sample(ask, people, frame, monkeypatch):
    monkeypatch.setattr(_summary, "_MOST_ROWS", N - 1)
    monkeypatch.setattr(_summary, "_SAMPLE_ROWS", 1000)
    asked = {"name": "people", "columns": ["c1", "c2", "c0"]}
    found = ask("data-summary", **asked)["columns"]
    assert [one["is_sample"] for one in found.values()] == [True] * 3
    assert [one["n_rows"] for one in found.values()] == [1000] * 3
    assert found["c1"]["n_missing"] == pytest.approx(100, abs=40)
    assert [value for value, _ in found["c2"]["values"]] == ["Oslo", "Rome", "Bonn"]
    few = {"c0": {"type": "lessThan", "filter": 300}}
    left = ask("data-summary", filters=few, **asked)["columns"]
    assert left["c2"]["values"] == [
        [value, n] for value, n in frame.city[:300].value_counts().items()
    ]
    assert not left["c2"]["is_sample"]
    none = ask("data-summary", search="nowhere", **asked)["columns"]
    assert [one["n_rows"] for one in none.values()] == [0] * 3


def test_values_arrive_as_they_are(ask, create, tmp_path):
    values = {
        'he said "hi"': [2**53, 2**62],
        "it's": [math.inf, math.nan],
        "a.b": [LONG, None],
        "<img src=x onerror=alert(1)>": ["<script>", ""],
        "🎉\nline": [dt.date(2020, 2, 29), None],
        "__proto__": [b"\x00\xff", b""],
        "list": [[1, 2], None],
        "moment": [pd.Timestamp("2020-01-01 12:30"), None],
    }
    pa.parquet.write_table(pa.table(values), tmp_path / "odd.parquet")
    create(tmp_path / "odd.parquet", "odd")
    columns = [name for name, _, _ in ask("data-open", name="odd")["columns"]]
    assert columns == list(values)
    keys = [f"c{place}" for place in range(8)]
    answer = ask("data-rows", name="odd", columns=keys)
    assert answer["rows"] == [
        [
            2**53,
            "∞",
            LONG[:200],
            "<script>",
            "2020-02-29",
            "0x00ff",
            "[1, 2]",
            "2020-01-01 12:30:00",
        ],
        [str(2**62), None, None, "", None, "0x", None, None],
    ]
    assert answer["cut"] == [[0, 2]]
    whole = ask("data-cell", name="odd", column="c2", row=0)
    assert whole == {"value": LONG, "is_cut": False}
    summary = ask("data-summary", name="odd", columns=keys)["columns"]
    assert set(summary) == set(keys)


def test_the_cell_is_the_one_that_is_shown(ask, people, frame):
    asked = {"sort": [["c1", True]], "filters": {"c2": {"type": "equals", "filter": "Bonn"}}}
    expected = frame[frame.city == "Bonn"].sort_values("amount", ascending=False).id.iloc[17]
    assert ask("data-cell", name="people", column="c0", row=17, **asked)["value"] == expected


def test_a_table_of_thousands_of_columns(ask, create, tmp_path):
    n = 3000
    pa.parquet.write_table(
        pa.table({f"feature {place}": [place] for place in range(n)}), tmp_path / "wide.parquet"
    )
    create(tmp_path / "wide.parquet", "wide")
    assert len(ask("data-open", name="wide")["columns"]) == n
    answer = ask("data-rows", name="wide", columns=["c2999", "c0"])
    assert answer["rows"] == [[2999, 0]]
    refused = ask("data-rows", name="wide", columns=[f"c{i}" for i in range(201)], status=400)
    assert "1 to 200 columns" in refused["message"]


@pytest.mark.parametrize(
    ("question", "arguments", "message"),
    [
        ("data-rows", {"columns": []}, "1 to 200 columns"),
        ("data-rows", {"columns": ["c0"], "limit": 501}, "1 to 500 from 0 on"),
        ("data-rows", {"columns": ["c0"], "offset": -1}, "begins at -1"),
        ("data-rows", {"columns": ["c0"], "offset": "x"}, "begins at 'x'"),
        ("data-rows", {}, "missing a required argument: 'columns'"),
        ("data-rows", {"columns": ["c0"], "more": 1}, "unexpected keyword argument 'more'"),
        ("data-cell", {"column": "c0", "row": N}, "no row 5001 any more"),
        ("data-summary", {"columns": ["c0"] * 9}, "At most 8 columns"),
        ("data-nothing", {}, "answers no question 'data-nothing'"),
    ],
)
def test_what_cannot_be_asked_is_refused(ask, people, question, arguments, message):
    status = 404 if question == "data-nothing" else 400
    assert message in ask(question, status=status, name="people", **arguments)["message"]


def test_a_question_without_an_object_is_refused(place):
    for body in ("[]", "x", ""):
        answer = place.http.post(
            f"{place.prefix}_call/data-open", data=body, content_type="application/json"
        )
        assert answer.status_code == 400
        assert "without a JSON object" in answer.json["message"]


def test_a_page_of_another_site_cannot_ask(place, people):
    answer = place.http.post(
        f"{place.prefix}_call/data-open",
        json={"name": "people"},
        headers={"Origin": "http://evil.example"},
    )
    assert answer.status_code == 403


class Ann(EverythingAllowed):
    """May do everything, or nothing."""

    is_enforced, is_trusted = True, True

    def user(self):
        return "ann"

    def may_read(self, resource, key):
        return self.is_trusted

    may_edit = may_read


def test_who_may_not_read_the_data_gets_none_even_from_an_open_table(make_place, asker, csv):
    ann = Ann()
    place = make_place(with_all=True, access=ann)
    ask = asker(place)
    with place.studio._app.server.app_context():
        create_data_asset(place.studio.assets(), csv, name="people")
    asked = {"name": "people", "columns": ["c0"]}
    assert ask("data-rows", **asked)["rows"] == [[30], [40], [50]]
    ann.is_trusted = False
    questions = {
        "data-open": {"name": "people"},
        "data-rows": asked,
        "data-cell": {"name": "people", "column": "c0", "row": 0},
        "data-count": {"name": "people"},
        "data-summary": asked,
        "data-profile": {"name": "people"},
        "data-profile-columns": {"name": "people"},
        "data-chart": {"name": "people", "choice": {"kind": "bar", "x": "c0"}},
        "data-files": {"name": "people"},
        "data-file": {"name": "people", "path": "people.csv"},
    }
    assert {one for one in place.studio.handlers if one.startswith("data-")} == set(questions)
    for question, arguments in questions.items():
        refused = ask(question, status=403, **arguments)
        assert refused["title"] == "You may not do this", question
        assert "30" not in json.dumps(refused)


def test_a_reference_whose_content_has_changed_says_both_digests(
    make_place, asker, sqlite_client, tmp_path
):
    path = tmp_path / "elsewhere" / "people.csv"
    path.parent.mkdir()
    path.write_text("a,b\n1,2\n")
    asset = create_reference(
        AssetStore(sqlite_client), path.as_uri(), name="there", kind="uri_file"
    )
    before = asker(make_place(with_all=True))
    assert before("data-rows", name="there", columns=["c0", "c1"])["rows"] == [[1, 2]]
    path.write_text("a,b\n1,2\n3,4\n")
    refused = asker(make_place(with_all=True))("data-open", name="there", status=500)
    assert "has changed" in refused["message"]
    assert asset.spec["digest"] in refused["message"]
    assert content_digest(path) in refused["message"]


def test_a_question_that_takes_too_long_is_ended_with_a_reason(
    place, ask, create, tmp_path, monkeypatch
):
    texts = pa.array([f"{n:07}" * 20 for n in range(400_000)])
    pa.parquet.write_table(pa.table({"t": texts}), tmp_path / "long.parquet")
    create(tmp_path / "long.parquet", "long")
    monkeypatch.setattr(_open_tables, "TIMEOUT_S", 0.01)
    asked = {"name": "long", "columns": ["c0"], "sort": [["c0", True]], "search": "x"}
    refused = ask("data-rows", status=400, **asked)
    assert "took longer than 0.01 seconds" in refused["message"]
