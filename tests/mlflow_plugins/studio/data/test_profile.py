"""A profile is computed once, beside the server, and kept for everybody who may see the data."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from mlflow_plugins.data import _profile_process, kept_profile
from mlflow_plugins.data.explore import open_table, profile
from mlflow_plugins.studio.pages.data import _profiles
from mlflow_plugins.studio.pages.data._profile import about_columns, about_table, figures


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    n = 400
    x = rng.normal(0, 1, n)
    return pd.DataFrame(
        {
            "a.b": np.where(rng.random(n) < 0.2, np.nan, x),
            "<b>label</b>": np.where(x > 0, "high", "low"),
            "always": 1,
            "mail": [f"p{i}@example.com" for i in range(n)],
        }
    )


@pytest.fixture
def people(create, frame, tmp_path):
    frame.to_parquet(tmp_path / "people.parquet")
    return create(tmp_path / "people.parquet", "people")


def wait(ask, question="data-profile", **asked):
    end = time.monotonic() + 90
    while time.monotonic() < end:
        answer = ask(question, name="people", **asked)
        if "working_s" not in answer:
            return answer
        time.sleep(0.1)
    raise AssertionError("it takes too long")


def test_two_who_look_at_once_wait_for_one_computation(
    place, ask, people, frame, tmp_path, monkeypatch
):
    started, real = [], _profile_process.start_profile
    monkeypatch.setattr(
        _profile_process,
        "start_profile",
        lambda *given, **more: started.append(given) or real(*given, **more),
    )
    assert ask("data-profile", name="people")["working_s"] >= 0
    assert ask("data-profile", name="people")["working_s"] >= 0
    found = wait(ask)
    assert len(started) == 1
    with open_table(tmp_path / "people.parquet", cache=tmp_path) as table:
        expected = profile(table)
    assert found == json.loads(json.dumps(about_table(expected)))
    with place.studio._app.server.app_context():
        assert kept_profile(place.studio.assets(), people) == expected
    columns = wait(ask, "data-profile-columns", search="A.B")
    assert [one["name"] for one in columns["columns"]] == ["a.b"]


def test_another_process_finds_what_was_computed(make_place, asker, ask, people, monkeypatch):
    whole = wait(ask)

    def refuse(*_given, **_more):
        raise AssertionError("computed again")

    monkeypatch.setattr(_profile_process, "start_profile", refuse)
    assert wait(asker(make_place(with_all=True))) == whole


def test_a_target_gives_each_columns_association(ask, people):
    about = wait(ask, target="<b>label</b>")
    assert about["target"] == "<b>label</b>"
    best = about["target_associations"][0]
    assert best["column"] == "a.b"
    assert best["predictive_power"] > 0.7
    assert wait(ask)["target"] is None  # not instead of the profile without one


def test_a_column_that_cannot_be_a_target_is_refused(place, people):
    address, asked = f"{place.prefix}_call/data-profile", {"name": "people", "target": "mail"}
    end = time.monotonic() + 90
    while (answer := place.http.post(address, json=asked)).status_code == 200:
        assert "working_s" in answer.json
        assert time.monotonic() < end
        time.sleep(0.1)
    assert answer.status_code == 400
    assert "'mail' cannot be a target" in answer.json["message"]


def test_not_everybody_can_wait_at_once(ask, people, monkeypatch):
    monkeypatch.setattr(_profiles, "_MOST_WAITING", 0)
    refused = ask("data-profile", status=400, name="people")
    assert "0 profiles are waiting" in refused["message"]


def test_what_ends_without_a_profile_says_so(tmp_path):
    process = _profile_process.start_profile(
        [tmp_path / "nothing.parquet"], target=None, result=tmp_path / "r.json", cache=tmp_path
    )
    with pytest.raises(Exception, match=r"no file '.*nothing.parquet'"):
        _profile_process.await_profile(process, timeout_s=60)
    assert not (tmp_path / "r.json").exists()


def test_a_computation_that_takes_too_long_is_ended(tmp_path):
    process = _profile_process.start_profile(
        [tmp_path / "nothing.parquet"], target=None, result=tmp_path / "r.json", cache=tmp_path
    )
    with pytest.raises(Exception, match="took longer than 0 minutes"):
        _profile_process.await_profile(process, timeout_s=0.01)
    assert process.returncode is not None


def test_a_profile_of_another_version_of_this_package_is_computed_anew(people):
    path = _profiles.result_of(people, None)
    path.parent.mkdir(parents=True)
    path.write_text('{"n_rows": "many"}')
    assert _profiles._from_file(path) is None
    assert not path.exists()


def test_what_a_page_shows_of_a_profile(tmp_path, frame):
    frame.to_parquet(tmp_path / "t.parquet")
    with open_table(tmp_path / "t.parquet", cache=tmp_path) as table:
        found = profile(table)
    about = about_table(found)
    assert about["n_columns"] == 4
    assert about["missing_share"] == frame.isna().sum().sum() / frame.size
    assert {one["kind"] for one in about["suspicions"]} == {"constant", "id_like", "pii"}
    assert {len(line) for line in about["figures"]} == {34}
    number = figures(found.column("a.b"))
    assert number[8] == frame["a.b"].isna().sum()
    assert number[14] == pytest.approx(frame["a.b"].median())
    assert number[18:23] == pytest.approx(
        [getattr(frame["a.b"], name)() for name in ("mean", "std", "var", "skew", "kurt")]
    )
    cards = about_columns(found, "", 2, 1)
    assert cards["n_found"] == 4
    assert [one["name"] for one in cards["columns"]] == ["always"]
    assert cards["columns"][0]["noted"][0]["kind"] == "constant"
    assert about_columns(found, "B", 0, 9)["n_found"] == 2
