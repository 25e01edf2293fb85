"""The studio on MLflow's real server, open and with logins."""

import concurrent.futures
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from mlflow_plugins.testing import servers

ADMIN = ("admin", "a-long-password-1234")
PASSWORD = "another-password-5678"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.TrackingServer]:
    with servers.tracking_server(
        tmp_path_factory.mktemp("open"),
        app_name="studio",
        n_workers=2,
    ) as server:
        yield server


@pytest.fixture(scope="module")
def login_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.TrackingServer]:
    folder: Path = tmp_path_factory.mktemp("login")
    config = folder / "auth.ini"
    config.write_text(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{folder}/auth.db\nadmin_username = {ADMIN[0]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    with servers.tracking_server(
        folder,
        app_name="studio-auth",
        environment={
            "MLFLOW_AUTH_CONFIG_PATH": str(config),
            "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "for the tests only",
        },
    ) as server:
        yield server


def route(uri: str, path: str, search: str = "", **options) -> requests.Response:
    location = "studio-location"
    return requests.post(
        f"{uri}/studio/_dash-update-component",
        json={
            "output": "..studio-content.children...studio-title.data..",
            "outputs": [
                {"id": "studio-content", "property": "children"},
                {"id": "studio-title", "property": "data"},
            ],
            "inputs": [
                {"id": location, "property": "pathname", "value": f"/studio{path}"},
                {"id": location, "property": "search", "value": search},
            ],
            "changedPropIds": [f"{location}.pathname"],
        },
        timeout=60,
        **options,
    )


def upload(uri: str, content: bytes, name: str, **options) -> requests.Response:
    base = f"{uri}/studio/_upload"
    begun = requests.post(
        base, json={"file": "a.csv", "size_bytes": len(content)}, timeout=60, **options
    )
    if not begun.ok:
        return begun
    token = begun.json()["token"]
    for at in range(0, len(content), 8):  # every piece may go to another process
        address = f"{base}/{token}?offset={at}"
        requests.put(address, data=content[at : at + 8], timeout=60, **options).raise_for_status()
    wish = {"name": name, "as_it_is": True}
    answer = requests.post(f"{base}/{token}/finish", json=wish, timeout=60, **options)
    while answer.ok and answer.json()["phase"] == "running":
        time.sleep(0.1)
        answer = requests.get(f"{base}/{token}", timeout=60, **options)
    return answer


def test_mlflows_own_page_and_interface_are_there_and_lead_to_the_studio(open_server):
    uri = open_server.uri
    page = requests.get(f"{uri}/", timeout=60)
    assert '<script src="./studio/assets/studio-link.js" defer></script></body>' in page.text
    assert (
        "mlflow-studio-link" in requests.get(f"{uri}/studio/assets/studio-link.js", timeout=60).text
    )
    answer = requests.post(
        f"{uri}/api/2.0/mlflow/experiments/search", json={"max_results": 5}, timeout=60
    )
    assert "Default" in answer.text


def test_pages_and_uploads_need_no_memory_of_a_process(open_server):
    """Two processes serve the requests in turn, and several browsers ask at once."""
    uri = open_server.uri

    def work(n: int) -> None:
        name = f"table-{n}"
        answer = upload(uri, b"a,b\n" + b"1,2\n" * 20, name)
        assert answer.status_code == 200, answer.text
        assert f"azureml:{name}:1" in route(uri, f"/data/asset/{name}").text

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    text = route(uri, "/data").text
    assert all(f"table-{n}" in text for n in range(4))


def test_files_lie_where_the_server_keeps_artifacts(open_server):
    answer = upload(open_server.uri, b"a\n1\n", "stored")
    assert answer.status_code == 200, answer.text
    assert list((open_server.folder / "artifacts").rglob("a.csv"))


# ---------------------------------------------------------------- with logins


@pytest.fixture
def user(login_server) -> tuple[str, str]:
    name = f"u{uuid.uuid4().hex[:8]}"
    answer = requests.post(
        f"{login_server.uri}/api/2.0/mlflow/users/create",
        json={"username": name, "password": PASSWORD},
        auth=ADMIN,
        timeout=60,
    )
    assert answer.ok, answer.text
    return name, PASSWORD


def grant(uri: str, user: str, experiment: str, permission: str) -> None:
    found = requests.get(
        f"{uri}/api/2.0/mlflow/experiments/get-by-name",
        params={"experiment_name": experiment},
        auth=ADMIN,
        timeout=60,
    ).json()["experiment"]["experiment_id"]
    answer = requests.post(
        f"{uri}/api/3.0/mlflow/users/permissions/grant",
        json={
            "username": user,
            "resource_type": "experiment",
            "resource_id": found,
            "permission": permission,
        },
        auth=ADMIN,
        timeout=60,
    )
    assert answer.ok, answer.text


def test_nobody_gets_in_without_logging_in(login_server):
    uri = login_server.uri
    for path in ("", "jobs", "_dash-layout", "_dash-dependencies", "_report?run_id=x&path=a.html"):
        assert requests.get(f"{uri}/studio/{path}", timeout=60).status_code == 401, path
    assert route(uri, "/").status_code == 401
    assert upload(uri, b"a\n1\n", "x").status_code == 401


def test_whoever_comes_first_does_not_own_what_everybody_uses(login_server, user):
    for path in ("/endpoints", "/jobs", "/data", "/environments", "/jobs/new"):
        assert "You may not do this" in route(login_server.uri, path, auth=user).text


def test_a_user_sees_and_changes_what_he_was_granted(login_server, user):
    uri = login_server.uri
    assert upload(uri, b"a\n1\n", "secret-table", auth=ADMIN).status_code == 200
    assert "secret-table" in route(uri, "/data", auth=ADMIN).text

    page = requests.get(f"{uri}/studio/", auth=user, timeout=60)
    assert page.status_code == 200
    refused = route(uri, "/data", auth=user).text
    assert "You may not do this" in refused
    assert "secret-table" not in refused
    answer = upload(uri, b"a\n1\n", "mine", auth=user)
    assert answer.status_code == 403
    assert f"{user[0]} may not see the experiment '.studio/data'" in answer.json()["message"]

    grant(uri, user[0], ".studio/data", "READ")
    assert "secret-table" in route(uri, "/data", auth=user).text
    answer = upload(uri, b"a\n1\n", "mine", auth=user)
    assert answer.status_code == 403
    assert f"{user[0]} may not change the experiment '.studio/data'" in answer.json()["message"]


def test_what_a_user_may_edit_is_made_in_his_name(login_server, user):
    uri = login_server.uri
    assert upload(uri, b"a\n1\n", "first", auth=ADMIN).status_code == 200
    grant(uri, user[0], ".studio/data", "EDIT")
    assert upload(uri, b"a\n1\n", "by-the-user", auth=user).status_code == 200
    assert user[0] in route(uri, "/data/asset/by-the-user", "?tab=about", auth=user).text


def test_a_login_from_another_site_is_of_no_use(login_server, user):
    answer = route(login_server.uri, "/data", auth=user, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_rows_of_a_table_are_for_those_who_may_read_it(login_server, user):
    uri = login_server.uri
    assert upload(uri, b"a\n17\n", "for-the-few", auth=ADMIN).status_code == 200
    address, asked = f"{uri}/studio/_call/data-rows", {"name": "for-the-few", "columns": ["c0"]}
    seen = requests.post(address, json=asked, auth=ADMIN, timeout=60)
    assert seen.json()["rows"] == [[17]]
    refused = requests.post(address, json=asked, auth=user, timeout=60)
    assert refused.status_code == 403
    assert "17" not in refused.text
    assert requests.post(address, json=asked, timeout=60).status_code == 401
