"""The studio's client makes the checks that MLflow makes for calls from outside."""

import pytest
from mlflow import MlflowClient

from mlflow_plugins.core import NotAllowed, Records
from mlflow_plugins.studio import UserClient


class Rules:
    """May read and edit what is listed."""

    is_enforced = True

    def __init__(self) -> None:
        self.readable: set[str] = set()
        self.editable: set[str] = set()
        self.owned: list[tuple[str, str]] = []
        self.may = True

    def user(self):
        return "ann"

    def may_read(self, resource, key):
        return key in self.readable | self.editable

    def may_edit(self, resource, key):
        return key in self.editable

    def may_create(self, resource):
        return self.may

    def on_created(self, resource, key):
        self.editable.add(key)
        self.owned.append((resource, key))


@pytest.fixture
def rules() -> Rules:
    return Rules()


@pytest.fixture
def ann(rules, sqlite_uri) -> UserClient:
    return UserClient(rules, sqlite_uri, None)


OTHERS = [
    name
    for name, member in vars(MlflowClient).items()
    if callable(member) and not name.startswith("_") and name not in vars(UserClient)
]


def test_no_method_of_the_client_goes_unchecked():
    assert OTHERS == []


@pytest.mark.parametrize("method", ["delete_trace_tag", "transition_model_version_stage"])
def test_a_method_without_a_rule_is_refused(ann, method):
    with pytest.raises(NotAllowed, match=f"does not use {method}"):
        getattr(ann, method)("x")


def test_runs_of_an_experiment_are_readable_with_the_experiment(ann, rules, sqlite_client):
    run_id = sqlite_client.create_run("0").info.run_id
    with pytest.raises(NotAllowed, match="ann may not see the experiment 'Default'"):
        ann.get_run(run_id)
    assert ann.search_runs(["0"]) == []
    assert ann.search_experiments() == []
    rules.readable.add("0")
    assert ann.get_run(run_id).info.run_id == run_id
    assert [run.info.run_id for run in ann.search_runs(["0"])] == [run_id]
    assert [one.name for one in ann.search_experiments()] == ["Default"]


@pytest.mark.parametrize(
    "change",
    [
        lambda client, run_id: client.create_run("0"),
        lambda client, run_id: client.create_run(experiment_id="0"),
        lambda client, run_id: client.set_tag(run_id, "a", "b"),
        lambda client, run_id: client.set_tag(run_id=run_id, key="a", value="b"),
        lambda client, run_id: client.set_tag(key="a", value="b", run_id=run_id),
        lambda client, run_id: client.log_param(run_id, "a", "b"),
        lambda client, run_id: client.log_text(run_id, "a", "b.txt"),
        lambda client, run_id: client.delete_run(run_id),
        lambda client, run_id: client.rename_experiment("0", "x"),
        lambda client, run_id: client.delete_experiment("0"),
    ],
)
def test_changing_needs_more_than_reading(ann, rules, sqlite_client, change):
    run_id = sqlite_client.create_run("0").info.run_id
    rules.readable.add("0")
    with pytest.raises(NotAllowed, match=r"ann may not change the experiment 'Default'.*EDIT"):
        change(ann, run_id)
    rules.editable.add("0")
    change(ann, run_id)


def test_models_are_checked_by_name(ann, rules, sqlite_client):
    for name in ("mine", "theirs"):
        sqlite_client.create_registered_model(name)
    rules.readable.add("mine")
    assert [one.name for one in ann.search_registered_models()] == ["mine"]
    assert ann.get_registered_model("mine").name == "mine"
    with pytest.raises(NotAllowed, match="may not see the registered model 'theirs'"):
        ann.get_registered_model("theirs")
    with pytest.raises(NotAllowed, match="may not change the registered model 'mine'"):
        ann.set_registered_model_tag("mine", "a", "b")


def test_what_a_user_makes_is_his(ann, rules):
    experiment_id = ann.create_experiment("new")
    ann.create_registered_model("new")
    assert rules.owned == [("experiment", experiment_id), ("registered_model", "new")]
    run = ann.create_run(experiment_id, tags={"mlflow.user": "somebody else"})
    assert run.data.tags["mlflow.user"] == "ann"


def test_making_can_be_forbidden(ann, rules):
    rules.may = False
    for make in (ann.create_experiment, ann.create_registered_model):
        with pytest.raises(NotAllowed, match="ann may not create"):
            make("new")


def test_a_page_says_what_the_user_may_not_see(make_place, rules, sqlite_client):
    for kind in ("data", "job", "deployment"):
        Records(sqlite_client).experiment_id(kind)
    place = make_place(access=rules, with_all=True)
    for path in ("/data", "/jobs", "/endpoints"):
        answer = place.open(path)
        assert "You may not do this" in answer
        assert "ann may not see the experiment" in answer
    assert "No registered model yet" in place.open("/models")


def test_an_upload_needs_the_right_to_change(make_place, rules, sqlite_client):
    rules.readable.add(Records(sqlite_client).experiment_id("data"))
    place = make_place(access=rules)
    body = {"file": "a.csv", "size_bytes": 4}
    answer = place.http.post("/studio/_upload", json=body)
    assert answer.status_code == 403
    assert "ann may not change the experiment '.studio/data'" in answer.json["message"]
    rules.editable.add(Records(sqlite_client).experiment_id("data"))
    token = place.http.post("/studio/_upload", json=body).json["token"]
    place.http.put(f"/studio/_upload/{token}?offset=0", data=b"a\n1\n")
    rules.editable.clear()  # taken away meanwhile
    answer = place.http.post(f"/studio/_upload/{token}/finish", json={"name": "a"})
    assert answer.status_code == 403


def test_an_upload_belongs_to_whoever_began_it(make_place, rules, sqlite_client, monkeypatch):
    rules.editable.add(Records(sqlite_client).experiment_id("data"))
    place = make_place(access=rules)
    body = {"file": "a.csv", "size_bytes": 4}
    token = place.http.post("/studio/_upload", json=body).json["token"]
    monkeypatch.setattr(rules, "user", lambda: "eve")
    answer = place.http.put(f"/studio/_upload/{token}?offset=0", data=b"a\n1\n")
    assert answer.status_code == 404


def test_a_report_needs_the_right_to_see_its_run(make_place, rules, sqlite_client):
    run_id = sqlite_client.create_run("0").info.run_id
    sqlite_client.log_text(run_id, "<p>", "a.html")
    place = make_place(access=rules)
    address = f"/studio/_report?run_id={run_id}&path=a.html"
    assert place.http.get(address).status_code == 403
    rules.readable.add("0")
    assert place.http.get(address).status_code == 200
