"""The life of a deployment with real processes: start, score, crash, adoption, update, end."""

import os
import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests

from mlflow_plugins.core import NotFound, current_lease
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.deployments import (
    DEPLOYMENT,
    create_deployment,
    delete_deployment,
    get_deployment,
    issue_key,
    list_keys,
    read_log,
    revoke_key,
    score,
    update_deployment,
)

pytestmark = pytest.mark.usefixtures("agents")


def _post(url, key, body, **options):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return requests.post(f"{url}/invocations", json=body, headers=headers, timeout=60, **options)


def _split(frame):
    return {"dataframe_split": frame.to_dict(orient="split")}


def _process(store, name, version=None):
    text = store.get(DEPLOYMENT, name, version).state.get("process")
    return ProcessIdentity.parse(text) if text else None


def _holder(store, name):
    run = store.records.client.get_run(store.get(DEPLOYMENT, name).record_id)
    return ProcessIdentity.parse(current_lease(run).holder)


@pytest.fixture
def store(place):
    return place.store


@pytest.fixture(scope="module")
def served(place, agents, models):
    """One deployment with all that happens in its life; the last test deletes it."""
    store = place.store
    _, key = create_deployment(
        store, "shared", "models:/income@live", config={"env.GREETING": "hello"}
    )
    running = place.wait_until("shared", "Running")
    return running.url, key


def test_it_answers_what_the_model_predicts(served, linear, table):
    frame = table(40, seed=1)
    answer = _post(*served, _split(frame))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"predictions": linear.predict(frame).tolist()}


def test_health_needs_no_key_and_says_who_answers(served):
    url, _ = served
    assert requests.get(f"{url}/ping", timeout=10).text == "\n"
    live = requests.get(f"{url}/health/live", timeout=10).json()
    assert live == {"status": "live", "deployment": "shared", "version": "1"}
    assert requests.get(f"{url}/health/ready", timeout=10).status_code == 200


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic YTpi", "Bearer "])
def test_nobody_scores_without_a_key(served, header, table):
    url, _ = served
    headers = {"Authorization": header} if header else {}
    answer = requests.post(f"{url}/invocations", json=_split(table(1)), headers=headers, timeout=30)
    assert answer.status_code == 401
    assert answer.json()["error_code"] == "UNAUTHENTICATED"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_keys_work_at_once_and_end_when_they_expire_or_are_revoked(served, place, table):
    url, _ = served
    body = _split(table(1))
    short = issue_key(place.store, "shared", seconds=8, label="short")
    lasting = issue_key(place.store, "shared", label="lasting")
    assert _post(url, short, body).status_code == 200
    assert _post(url, lasting, body).status_code == 200
    (key_id,) = [key.id for key in list_keys(place.store, "shared") if key.label == "lasting"]
    revoke_key(place.store, "shared", key_id)
    place.wait_for(lambda: _post(url, lasting, body).status_code == 401, seconds=30)
    place.wait_for(lambda: _post(url, short, body).status_code == 401, seconds=30)
    assert _post(*served, body).status_code == 200


def test_keys_and_payloads_are_nowhere_on_disk(served, place, table):
    url, key = served
    secret = "cell-content-that-must-not-leak"
    frame = table(1).assign(income=secret)
    refused = _post(url, key, _split(frame))
    assert refused.status_code == 400
    assert secret not in refused.text
    place.wait_for(lambda: "400" in read_log(place.store, "shared"))
    with closing(sqlite3.connect(place.uri.removeprefix("sqlite:///"))) as database:
        stored = "\n".join(database.iterdump())
    assert "studio.key/" in stored
    assert key not in stored
    for log in place.folder.rglob("*.log"):
        text = log.read_text()
        assert key not in text
        assert secret not in text


def test_every_concurrent_request_gets_its_own_rows(served, linear, table):
    url, key = served
    frames = [table(1 + seed % 7, seed=seed) for seed in range(100)]
    expected = [linear.predict(frame).tolist() for frame in frames]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda frame: _post(url, key, _split(frame)), frames))
    assert [answer.json().get("predictions") for answer in answers] == expected


def test_score_finds_the_address_and_a_key_by_itself(served, place, linear, table):
    frame = table(3, seed=5)
    assert score(place.store, "shared", frame)["predictions"] == linear.predict(frame).tolist()
    body = {"dataframe_records": frame.to_dict(orient="records")}
    assert score(place.store, "shared", body)["predictions"] == linear.predict(frame).tolist()


def test_options_reach_the_process(served, place):
    environment = _process(place.store, "shared").find().environ()
    assert environment["GREETING"] == "hello"
    assert environment["OMP_NUM_THREADS"] == "1"
    assert get_deployment(place.store, "shared").config == {"env.GREETING": "***"}


@pytest.mark.fault
def test_a_killed_server_comes_back_at_its_address(served, place, table):
    url, key = served
    before = _process(place.store, "shared")
    os.kill(before.pid, signal.SIGKILL)
    reason = "The server ended (killed by signal 9)"
    place.wait_for(lambda: reason in get_deployment(place.store, "shared").error)
    after = place.wait_until("shared", "Running")
    assert after.url == url
    assert after.error == ""
    assert _process(place.store, "shared") != before
    assert _post(url, key, _split(table(1))).status_code == 200


@pytest.mark.fault
def test_a_server_survives_its_agent_and_the_next_agent_adopts_it(served, place, agents, table):
    url, key = served
    server = _process(place.store, "shared")
    assert _holder(place.store, "shared").pid == agents.current.pid
    killed = agents.start_another()
    killed.kill()
    killed.wait()
    assert _post(url, key, _split(table(1))).status_code == 200
    place.wait_for(lambda: _holder(place.store, "shared").pid == agents.current.pid)
    assert _process(place.store, "shared") == server
    assert _post(url, key, _split(table(1))).status_code == 200


def test_an_orderly_end_takes_servers_along_and_the_next_agent_puts_them_back(
    served, place, agents, table
):
    url, key = served
    server = _process(place.store, "shared")
    place.stop_agent(agents.current)
    assert server.find() is None
    assert get_deployment(place.store, "shared").status == "Stopped"
    agents.start_another()
    assert place.wait_until("shared", "Running").url == url
    assert _post(url, key, _split(table(1))).status_code == 200


def test_an_update_is_not_noticed_by_clients(served, place, store, models, table):
    url, key = served
    body, answers, stop = _split(table(2)), [], threading.Event()

    def ask():
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {key}"
            while not stop.is_set():
                answer = session.post(f"{url}/invocations", json=body, timeout=60)
                answers.append((answer.status_code, answer.json()["predictions"][0].isupper()))
                time.sleep(0.01)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    old = _process(store, "shared")
    updated = update_deployment(store, "shared", model_uri="models:/income/latest")
    assert (updated.version, updated.status, updated.url) == ("2", "Creating", url)
    assert updated.model_uri == models.other
    place.wait_until("shared", "Running", version="2")
    place.wait_for(lambda: old.find() is None)
    stop.set()
    for client in clients:
        client.join()
    assert {status for status, _ in answers} == {200}
    assert [is_new for _, is_new in answers[:1] + answers[-1:]] == [False, True]
    assert get_deployment(store, "shared").url == url


def test_a_model_that_cannot_be_loaded_fails_with_the_reason_and_the_old_one_goes_on(
    served, place, store, models, table
):
    url, key = served
    update_deployment(store, "shared", model_uri=models.broken)
    failed = place.wait_for(
        lambda: (one := get_deployment(store, "shared")).status == "Failed" and one
    )
    assert "No module named 'no_such_package'" in failed.error
    assert "no_such_package" in read_log(store, "shared")
    assert failed.url == url
    assert _post(url, key, _split(table(1))).status_code == 200
    log = place.folder / "agent" / "deployments" / "shared" / "g3.log"
    said = log.read_text()
    time.sleep(5)  # longer than the pause before the next start would be
    assert log.read_text() == said


def test_deleting_ends_the_server(served, place, store):
    server = _process(store, "shared", "2")
    assert server.find() is not None
    delete_deployment(store, "shared")
    place.wait_for(lambda: server.find() is None)
    with pytest.raises(NotFound, match="shared"):
        get_deployment(store, "shared")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{served[0]}/ping", timeout=10)
