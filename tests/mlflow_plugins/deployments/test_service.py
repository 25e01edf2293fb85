"""Wishes in the store: what is accepted, what is pinned, what is refused and why."""

import time

import pytest

from mlflow_plugins.core import AlreadyExists, InvalidInput, NotFound
from mlflow_plugins.deployments import (
    DEPLOYMENT,
    DeploymentStatus,
    create_deployment,
    delete_deployment,
    get_deployment,
    list_deployments,
    update_deployment,
)
from mlflow_plugins.deployments._models import pin_model_uri
from mlflow_plugins.deployments._watch import Watch


def test_uris_that_move_are_pinned(store, models):
    client = store.records.client
    pinned = {
        "models:/income@live": models.linear,
        "models:/income/latest": models.other,
        "models:/income/1": models.linear,
        models.plain: models.plain,
    }
    assert {uri: pin_model_uri(client, uri) for uri in pinned} == pinned
    folder = models.broken
    assert pin_model_uri(client, folder) == pin_model_uri(client, f"file://{folder}")
    assert pin_model_uri(client, "s3://bucket/model") == "s3://bucket/model"
    run_id = client.search_model_versions("name='income'")[0].run_id
    assert pin_model_uri(client, f"runs:/{run_id}/plain") == f"runs:/{run_id}/plain"


@pytest.mark.parametrize(
    ("uri", "kind", "says"),
    [
        ("models:/incme/1", NotFound, "no registered model 'incme'.* Did you mean 'income'"),
        ("models:/income@lve", NotFound, "no alias 'lve'.* Did you mean 'live'"),
        ("models:/nothing@live", NotFound, "no registered model 'nothing'"),
        ("models:/nothing/latest", NotFound, "no registered model 'nothing'"),
        ("models:/income/9", NotFound, "no version 9. It has: 1, 2"),
        ("models:/income", InvalidInput, "does not say which version"),
        ("models:/income/Production", InvalidInput, "'Production' is not a version"),
        ("models:/m-" + "0" * 32, NotFound, "no logged model"),
        ("runs:/0123/model", NotFound, "no run '0123'"),
        ("/no/such/folder", NotFound, "holds no MLflow model"),
    ],
)
def test_a_model_that_is_not_there_is_refused(store, models, uri, kind, says):
    with pytest.raises(kind, match=says):
        pin_model_uri(store.records.client, uri)


def test_a_run_without_that_model_names_those_it_has(store, models):
    run_id = store.records.client.search_model_versions("name='income'")[0].run_id
    with pytest.raises(NotFound, match=r"no model at 'plian'.* Did you mean 'plain'"):
        pin_model_uri(store.records.client, f"runs:/{run_id}/plian")


def test_create_update_list_delete(store, models, name):
    created, key = create_deployment(
        store, name, "models:/income@live", config={"port": "0"}, endpoint="loans"
    )
    assert (created.endpoint, created.model_uri) == ("loans", models.linear)
    assert (created.status, created.url, created.error) == ("Creating", None, "")
    assert len(key) >= 43
    with pytest.raises(AlreadyExists, match=name):
        create_deployment(store, name, models.linear)
    updated = update_deployment(store, name, config={"n_threads": "2"})
    assert (updated.version, updated.model_uri, updated.endpoint) == ("2", models.linear, "loans")
    assert updated.config == {"port": "0", "n_threads": "2"}
    assert [one.version for one in list_deployments(store) if one.name == name] == ["2"]
    delete_deployment(store, name)
    assert name not in [one.name for one in list_deployments(store)]
    with pytest.raises(NotFound, match=name):
        update_deployment(store, name)
    again, _ = create_deployment(store, name, models.linear)
    assert again.version == "3"
    delete_deployment(store, name)


@pytest.mark.parametrize("bad", ["", "-x", "a b", "a/b", "x" * 65])
def test_names_have_a_rule(store, models, bad):
    with pytest.raises(InvalidInput, match="It must start with a letter or digit"):
        create_deployment(store, bad, models.linear)


def test_a_wrong_option_or_model_creates_nothing(store, models, name):
    with pytest.raises(InvalidInput, match="prot"):
        create_deployment(store, name, models.linear, config={"prot": "1"})
    with pytest.raises(NotFound, match="income"):
        create_deployment(store, name, "models:/income/7")
    with pytest.raises(NotFound, match=name):
        get_deployment(store, name)


def test_a_server_that_is_silent_is_unreachable(store, models, name):
    create_deployment(store, name, models.linear)
    asset = store.get(DEPLOYMENT, name)
    store.set_state(asset, {"status": "Running", "seen_at": repr(time.time())})
    assert get_deployment(store, name).status is DeploymentStatus.RUNNING
    store.set_state(asset, {"seen_at": repr(time.time() - 60)})
    assert get_deployment(store, name).status is DeploymentStatus.UNREACHABLE
    delete_deployment(store, name)


# ---------------------------------------------------------------- what a server asks


@pytest.fixture
def watched(store, models, name):
    create_deployment(store, name, models.linear)
    asset = store.get(DEPLOYMENT, name)
    reasons, keys = [], []
    watch = Watch(store, asset, me="host:1:2.0", on_end=reasons.append, on_keys=keys.append)
    return watch, asset, reasons, keys


def test_a_server_lives_on_while_it_is_wanted_and_says_so(store, name, watched):
    watch, asset, reasons, keys = watched
    watch.look()
    store.set_state(asset, {"process": "host:1:2.0"})
    update_deployment(store, name)  # not running yet
    watch.look()
    assert reasons == []
    assert [key.label for key in keys[-1]] == ["primary"]
    assert time.time() - float(store.get(DEPLOYMENT, name, "1").state["seen_at"]) < 60
    delete_deployment(store, name)


def test_a_server_ends_when_it_is_not_needed(store, name, watched):
    watch, asset, reasons, _ = watched
    store.set_state(asset, {"process": "host:7:8.0"})
    watch.look()
    assert reasons.pop() == "another process serves this generation"
    store.set_state(asset, {"process": "host:1:2.0"})
    update_deployment(store, name)
    store.set_state(store.get(DEPLOYMENT, name), {"status": "Running"})
    watch.look()
    assert reasons.pop() == "generation 2 serves now"
    delete_deployment(store, name)
    watch.look()
    assert reasons == ["the deployment was deleted"]


def test_a_store_that_is_away_ends_nothing(store, name, watched, monkeypatch):
    watch, _, reasons, _ = watched

    def refuse(*_):
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(store.records.client, "get_run", refuse)
        watch.look()
    assert reasons == []
    delete_deployment(store, name)
