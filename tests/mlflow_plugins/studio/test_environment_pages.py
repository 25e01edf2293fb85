"""The pages of environments, over a store and over a folder in which an agent made one."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlflow_plugins.core import InvalidInput, Records
from mlflow_plugins.jobs import submit
from mlflow_plugins.jobs._environments_here import note_agent
from mlflow_plugins.jobs._machine_folder import machine_folder
from mlflow_plugins.jobs.environments import apply, archive_environment, pin_asset
from mlflow_plugins.jobs.environments._cache import Built, Cache
from mlflow_plugins.jobs.environments._makers import uv_key
from mlflow_plugins.jobs.environments._policy import Policy
from mlflow_plugins.studio.pages.environments import environment_link
from mlflow_plugins.studio.pages.environments._text import read_environment

CONDA = "name: trees\ndependencies:\n  - python=3.11\n  - numpy=1.26\n  - pip: [tiny==1.0]\n"


@pytest.fixture
def client(sqlite_uri) -> MlflowClient:
    return MlflowClient(sqlite_uri)


@pytest.fixture
def trees(client, tmp_path):
    document = {**read_environment(CONDA), "image": "python:3.11", "description": "For forests."}
    return apply(client, document, base_folder=tmp_path)


@pytest.fixture
def make(client, tmp_path):
    """Makes an environment as an agent of this machine would, without uv."""

    def make_one(asset, packages=("numpy==1.26.4", "tiny==1.0")) -> str:
        agent = tmp_path / "agent"
        key = uv_key(pin_asset(asset).recipe, Policy.EXACT, "3.11.7")
        log = tmp_path / "build.log"
        log.touch()

        def build(root: Path, _lock: int) -> Built:
            (root / "bin").mkdir(parents=True)
            log.write_text("Resolved 2 packages\n")
            return Built(
                title=f"{asset.name}:{asset.version}",
                python="3.11.7",
                packages=packages,
                differences=("numpy==1.26.4 instead of numpy==1.26.0",),
            )

        _, lock = Cache(agent / "environments").use(key, build, log=log)
        lock.release()
        note_agent(machine_folder(Records(client), "job"), agent)
        return key

    return make_one


def test_an_environment_says_what_it_asks_for(place, trees):
    overview = place.open("/environments")
    for text in ("trees", '"3.11"', '"conda"', "not made yet", "Nothing yet. The first job"):
        assert text in overview, text
    page = place.open("/environments/asset/trees")
    for text in ("For forests.", "numpy", "==1.26.*", "azureml:trees:1", "no image is pulled"):
        assert text in page, text
    assert "Not found" in place.open("/environments/asset/tres")
    assert "azureml%3Atrees%3A1" in page  # the way to a job with it


def test_what_this_machine_has_made_is_shown_with_its_log(place, trees, make):
    key = make(trees)
    overview = place.open("/environments")
    assert "not made yet" not in overview
    assert "Ready" in overview
    assert key[:10] in place.open("/environments/asset/trees")
    page = place.open(f"/environments/made/{key}")
    for text in ("Resolved 2 packages", "1.26.4", "3.11.7", "instead of numpy==1.26.0", "tiny"):
        assert text in page, text
    for other in ("0" * 24, "..", "..%2F.."):
        assert "Not found" in place.open(f"/environments/made/{other}")


def test_an_agent_whose_folder_is_gone_is_forgotten(place, client, trees, tmp_path):
    note_agent(machine_folder(Records(client), "job"), tmp_path / "gone")
    assert "Nothing yet. The first job" in place.open("/environments")


def test_what_is_archived_is_shown_on_demand(place, client, trees):
    archive_environment(client, "trees:1")
    assert "No environment yet" in place.open("/environments")
    assert "archived" in place.open("/environments", "?archived=1")
    assert "All are archived" in place.open("/environments/asset/trees", "?version=1")


def test_a_new_version_begins_with_the_latest(place, trees):
    page = place.open("/environments/new", "?name=trees&version=1")
    assert "numpy=1.26" in page
    assert "name: trees\\n  dep" in page  # the conda file's own name stays
    assert "version: '1'" not in page


def test_a_job_links_to_its_environment(place, client, trees, tmp_path):
    document = {"command": "true", "environment": "azureml:trees@latest"}
    job = submit(client, document, base_folder=tmp_path)
    assert "/environments/asset/trees?version=1" in place.open(f"/jobs/{job.run_id}")
    client.set_tag(job.run_id, "studio.environment", "trees:1")
    client.set_tag(job.run_id, "studio.environment_hash", "abc")
    client.set_tag(job.run_id, "studio.environment_differences", "numpy==1 instead of numpy==2")
    page = place.open(f"/jobs/{job.run_id}")
    assert "/environments/made/abc" in page
    assert "numpy==1 instead of numpy==2" in page
    plain = submit(client, {"command": "true"}, base_folder=tmp_path)
    assert "the workspace's own" in place.open(f"/jobs/{plain.run_id}")


def test_what_has_no_page_is_no_link(place):
    with place.http.application.test_request_context():
        assert environment_link(place.studio, "conda.yml").to_plotly_json()["type"] == "Span"


@pytest.mark.parametrize(
    ("text", "document"),
    [
        (CONDA, {"name": "trees", "conda_file": "YAML"}),
        ("numpy==1.26\n# comment\npandas\n", {"requirements": "LINES"}),
        ("--index-url https://example.com/simple\nnumpy", {"requirements": "LINES"}),
        ("tiny @ https://example.com/tiny.whl", {"requirements": "LINES"}),
        ("- numpy\n- pandas", {"requirements": ["numpy", "pandas"]}),
        ("- python=3.11\n- pip: [x]", {"conda_file": {"dependencies": ["python=3.11", {}]}}),
        ("image: python:3.11\nname: x", {"image": "python:3.11", "name": "x"}),
        ("python: '3.11'\nrequirements: [numpy]", {"python": "3.11", "requirements": ["numpy"]}),
    ],
)
def test_what_is_pasted_is_understood(text, document):
    found = read_environment(text)
    assert set(found) == set(document)
    if "requirements" in document:
        lines = document["requirements"]
        assert found["requirements"] == (text.splitlines() if lines == "LINES" else lines)
    assert read_environment(text, name=" mine ", version="7")["name"] == "mine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" \n", "There is no text"),
        ("name: x\ndependencies: [a", "The text, line 2: this is not YAML"),
        ("- 1", "Field 'conda_file'|not a dependency|dependencies"),
    ],
)
def test_what_is_not_understood_is_refused(client, tmp_path, text, words):
    with pytest.raises(InvalidInput, match=words):
        apply(client, read_environment(text, name="x"), base_folder=tmp_path, root=tmp_path)


def preview(place, text: str, name: str = "") -> str:
    return place.outcome("environment-create", [text, name])


def test_the_preview_shows_packages_and_errors(place):
    shown = preview(place, CONDA)
    assert "a conda file" in shown
    assert "==1.26.*" in shown
    assert "not given yet" in preview(place, "numpy")
    assert "is not a requirement" in preview(place, "numpy ==== 1")
    assert "Did you mean" in preview(place, "dependancies: [x]\nname: y")
    assert "as soon as there is a text" in preview(place, "")


def test_a_text_reads_no_files_of_the_server(place, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2 hunter2")
    for text in (
        f"-r {secret}",
        f"requirements: {secret}",
        f"conda_file: {secret}",
        f"dependencies: [{{pip: [-r {secret}]}}]",
        f"build: {{path: {tmp_path}, dockerfile_path: secret.txt}}",
    ):
        shown = preview(place, text, name="x")
        assert "hunter2" not in shown, text
        assert "leads out of the files" in shown, text
    assert "Paste the content of the file instead" in preview(place, "-r more.txt")
