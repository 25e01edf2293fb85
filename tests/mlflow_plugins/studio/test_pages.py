"""Pages answer, on an empty store and with something in it, by a bounded number of store calls."""

import re
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.utils.workspace_context import ServerWorkspaceContext

from mlflow_plugins.data import create_data_asset

PAGES = {
    "/": "Home",
    "/data": "No data asset yet",
    "/data/new": "New data",
    "/datastores": "The workspace's own storage",
    "/datastores/new": "never the secret itself",
    "/datastores/one/workspaceblobstore": "There is nothing here",
    "/jobs": "No job yet",
    "/jobs/compare": "Choose two jobs or more",
    "/jobs/new": "Further inputs",
    "/environments": "No environment yet",
    "/environments/new": "Conda file",
    "/compute": "No agent",
    "/compute/local": "an equal share of the machine",
    "/models": "No registered model yet",
    "/endpoints": "No endpoint yet",
    "/endpoints/new": "No registered model yet",
    "/automl": "No search yet",
    "/automl/new": "No data asset yet",
    "/rai": "No evaluation yet",
    "/rai/new": "There is no data asset yet",
    "/about": "MLFLOW_STUDIO_UPLOAD_MIB",
}


def test_every_page_of_an_empty_store_says_what_to_do(place):
    for path, text in PAGES.items():
        assert text in place.open(path), path


def test_every_page_in_the_navigation_is_tried_above(place):
    assert {page.path for page in place.studio.pages if page.icon} <= set(PAGES)


def test_every_installed_page_registered(place):
    assert [one.error for one in place.studio.plugins] == [""] * len(place.studio.plugins)
    assert {one.name for one in place.studio.plugins} >= {"home", "data", "jobs", "automl", "rai"}


def test_an_unknown_address_is_not_found(place):
    answer = place.open("/nothing/here")
    assert "The studio has no page '/nothing/here'" in answer


@pytest.mark.parametrize(
    "path",
    [
        "/data/asset/nothing",
        "/jobs/0123456789abcdef0123456789abcdef",
        "/compute/nothing",
        "/models/nothing",
        "/endpoints/deployment/nothing",
        "/automl/0123456789abcdef0123456789abcdef",
        "/rai/0123456789abcdef0123456789abcdef",
        "/runs/0123456789abcdef0123456789abcdef",
    ],
)
def test_something_that_does_not_exist_is_said_to_be_missing(place, path):
    answer = place.open(path)
    assert "Not found" in answer
    assert "Traceback" not in answer


def test_a_data_asset_shows_its_rows_columns_and_versions(place, csv):
    with place.studio._app.server.app_context():
        create_data_asset(place.studio.assets(), csv, name="people")
    assert "people" in place.open("/data")
    answer = place.open("/data/asset/people")
    assert "azureml:people:1" in answer
    assert "3 rows \\u00b7 2 columns" in answer
    assert '"rowModelType": "infinite"' in answer
    parts = ["/data/asset/people?tab=profile", "/data/asset/people?tab=charts"]
    assert all(address in answer for address in parts)
    assert "studio-data-profile" in place.open("/data/asset/people", "?tab=profile")
    assert "studio-data-charts" in place.open("/data/asset/people", "?tab=charts")
    assert "SHA-256" in place.open("/data/asset/people", "?tab=about")
    assert "Archive" in place.open("/data/asset/people", "?tab=versions&version=1")
    assert '"value": "people"' in place.open("/automl/new")


def test_an_address_keeps_what_a_name_may_contain(place, csv):
    with place.studio._app.server.app_context():
        create_data_asset(place.studio.assets(), csv, name="team/people")
    assert "/studio/data/asset/team%2Fpeople" in place.open("/data")
    assert "azureml:team/people:1" in place.open("/data/asset/team%2Fpeople")


def test_a_process_serves_its_scripts_to_the_first_who_ask_at_the_same_time(make_place):
    html = make_place().http.get("/studio/").text
    scripts = re.findall(r'<script src="(/studio/_dash-component-suites/[^"]+)"', html)
    assert len(scripts) > 5

    def ask(script: str) -> str | None:
        with fresh.studio._app.server.test_client().get(script) as answer:
            return answer.mimetype

    for _ in range(3):
        fresh = make_place()
        with ThreadPoolExecutor(len(scripts)) as pool:
            assert set(pool.map(ask, scripts)) == {"text/javascript"}


def test_lists_ask_the_store_as_often_for_many_as_for_few(place, csv, monkeypatch):
    counts: Counter[str] = Counter()
    for method in ("search_runs", "get_run", "search_registered_models", "search_model_versions"):
        monkeypatch.setattr(MlflowClient, method, _counted(method, counts))

    def calls(n_more: int) -> Counter[str]:
        with place.studio._app.server.app_context():
            for _ in range(n_more):
                name = f"n{uuid.uuid4().hex}"
                create_data_asset(place.studio.assets(), csv, name=name)
                place.studio.client().create_registered_model(name)
        counts.clear()
        for path in ("/", "/data", "/models", "/endpoints", "/jobs"):
            place.open(path)
        return Counter(counts)

    assert calls(1) == calls(7)
    assert counts.total() < 30


def _counted(method, counts):
    original = getattr(MlflowClient, method)

    def call(self, *arguments, **options):
        counts[method] += 1
        return original(self, *arguments, **options)

    return call


def test_addresses_keep_the_workspace(place, monkeypatch):
    assert place.studio.link("/jobs") == "/studio/jobs"
    monkeypatch.setenv(MLFLOW_ENABLE_WORKSPACES.name, "true")
    with ServerWorkspaceContext("team-a"):
        assert place.studio.workspace == "team-a"
        assert place.studio.link("/jobs/<run_id>", run_id="r") == "/studio/jobs/r?workspace=team-a"
        assert place.studio.mlflow_link("models/m") == "/#/models/m?workspace=team-a"
        assert place.studio.report_link("r", "a.html").endswith("&workspace=team-a")


def test_a_static_prefix_is_before_every_address(make_place):
    place = make_place(with_all=True, static_prefix="/ml")
    assert place.http.get("/studio/").status_code == 404
    html = place.http.get("/ml/studio/").text
    assert 'src="/ml/studio/assets/scheme.js"' in html
    with place.http.get("/ml/studio/assets/scheme.js") as answer:
        assert answer.status_code == 200
    assert place.studio.link("/jobs") == "/ml/studio/jobs"
    assert place.studio.mlflow_link("models/m") == "/ml/#/models/m"
    assert "No job yet" in place.open("/jobs")
