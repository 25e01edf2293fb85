"""Writing a job in the browser: what comes of a form or a text, and who may submit it."""

import io
import json
import zipfile

import pytest
from mlflow import MlflowClient

from mlflow_plugins.core import AssetStore, InvalidInput, NotAllowed, NotFound, Records
from mlflow_plugins.data import create_data_asset
from mlflow_plugins.jobs import submit, submit_received
from mlflow_plugins.jobs.environments import apply
from mlflow_plugins.studio import UserClient
from mlflow_plugins.studio._code_files import forget, laid_out
from mlflow_plugins.studio.pages.jobs._draft import form_document, read_text, to_text

FIELDS = (
    *("mode", "text", "code", "name", "command", "data", "inputs", "environment", "compute"),
    "experiment",
)


@pytest.fixture
def client(sqlite_uri) -> MlflowClient:
    return MlflowClient(sqlite_uri)


def preview(place, **given) -> str:
    values = {"mode": "file", **given}
    return place.outcome("job-new", [values.get(name) for name in FIELDS])


def upload(place, name: str, content: bytes) -> str:
    begun = place.http.post(
        "/studio/_upload", json={"file": name, "size_bytes": len(content), "purpose": "code"}
    ).json
    answer = place.http.put(f"/studio/_upload/{begun['token']}?offset=0", data=content)
    assert answer.status_code == 200, answer.text
    return begun["token"]


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in files.items():
            file.writestr(name.replace("__", "/"), text)
    return buffer.getvalue()


# ---------------------------------------------------------------- what is written


def test_a_form_is_a_command_job():
    document = form_document(
        command=" python train.py ${{inputs.us_census}} ",
        name="trees",
        data=["us census:3", "photos:1"],
        inputs="rate: 0.1\nlevels: [1]\ntable: azureml:people:2\nword: yes please",
        environment="azureml:trees:1",
        compute="cpu",
        experiment="forest",
        types={"photos": "uri_folder"},
    )
    assert document == {
        "type": "command",
        "command": "python train.py ${{inputs.us_census}}",
        "inputs": {
            "us_census": {"type": "uri_file", "path": "azureml:us census:3"},
            "photos": {"type": "uri_folder", "path": "azureml:photos:1"},
            "rate": 0.1,
            "levels": [1],
            "table": {"type": "uri_file", "path": "azureml:people:2"},
            "word": "yes please",
        },
        "environment": "azureml:trees:1",
        "compute": "azureml:cpu",
        "display_name": "trees",
        "experiment_name": "forest",
    }
    assert form_document(command="true") == {"type": "command", "command": "true"}
    assert read_text(to_text(document)) == document


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"command": " "}, "'command' is missing"),
        ({"command": "true", "inputs": "rate 0.1"}, "one a line"),
        ({"command": "true", "inputs": "rate:"}, "'rate' has no value"),
        ({"command": "true", "inputs": "a: b: c"}, "Inputs, line 1: this is not YAML"),
    ],
)
def test_a_form_that_is_not_whole_says_what_is_missing(given, words):
    with pytest.raises(InvalidInput, match=words):
        form_document(**given)


# ---------------------------------------------------------------- what would come of it


def test_a_form_is_shown_as_a_file_and_as_what_it_becomes(place, client, csv, tmp_path):
    create_data_asset(AssetStore(client), csv, name="people")
    apply(client, {"name": "trees", "requirements": ["tiny"]}, base_folder=tmp_path)
    page = place.open("/jobs/new", "?environment=azureml:trees:1&data=people:1")
    assert "people:1" in page
    assert "azureml:trees:1" in page
    shown = preview(
        place,
        mode="form",
        command="head ${{inputs.people}}",
        data=["people:1"],
        environment="azureml:trees:1",
        compute="local",
    )
    for text in ("Ready", "trees:1", "azureml:people:1", "path: azureml:people:1", "Default"):
        assert text in shown, text
    assert "shown here" in preview(place, mode="form", command=" ")


def test_a_text_that_cannot_be_submitted_says_why(place):
    cases = {
        "command: [": "The job file, line 1: this is not YAML",
        "- command": "holds no fields",
        "comand: x": "Did you mean 'command'",
        "command: x\ncode: src": "Upload its content",
        "command: x\ntype: sweeep": "Did you mean 'sweep'",
        "command: x ${{inputs.y}}": "inputs.y",
        "command: x\ninputs: {t: {path: 'azureml:nothing:1'}}": "inputs.t",
        "command: x\ninputs: {t: {path: /etc/passwd}}": "a path of your own machine",
    }
    for text, words in cases.items():
        shown = preview(place, text=text)
        assert words in shown, text
        assert "It cannot be submitted yet" in shown, text


def test_warnings_are_shown_before_the_job_is_submitted(place, client):
    shown = preview(place, text="command: x\ncompute: azureml:gpus\nresources: {shm_size: 2g}")
    assert "compute 'azureml:gpus' (it runs on local)" in shown
    assert "resources.shm_size '2g'" in shown
    assert client.search_runs(["0"]) == []


def test_uploaded_code_is_counted_and_can_be_forgotten(place, client):
    tokens = [upload(place, "code.zip", archive(src__train="x")), upload(place, "a.py", b"print()")]
    value = json.dumps([{"token": one, "name": "n"} for one in tokens])
    assert "2 files" in preview(place, text="command: python a.py", code=value)
    assert "1 file, 1 bytes" in preview(place, text="command: python a.py\ncode: src", code=value)
    with place.http.application.test_request_context():
        with laid_out(place.studio, tokens) as folder:
            job = submit_received(client, {"command": "x"}, folder=folder)
        forget(place.studio, tokens)
        with pytest.raises(NotFound, match="upload is not known"), laid_out(place.studio, tokens):
            pass
    names = [one.path for one in client.list_artifacts(job.run_id, "code")]
    assert names == ["code/a.py", "code/src"]
    assert "The upload is not known" in preview(place, text="command: x", code=value)


def test_a_job_is_opened_to_be_changed(place, client, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("print(1)")
    document = {"command": "python train.py", "code": "src", "display_name": "first"}
    job = submit(client, document, base_folder=tmp_path)
    page = place.open("/jobs/new", f"?clone={job.run_id}")
    assert f"code: runs:/{job.run_id}/code" in page
    text = f"command: python train.py\\ncode: runs:/{job.run_id}/code".replace("\\n", "\n")
    assert f"that of the job {job.run_id[:8]}" in preview(place, text=text)
    assert f"/jobs/new?clone={job.run_id}" in place.open(f"/jobs/{job.run_id}", "?tab=definition")


# ---------------------------------------------------------------- who may


class Reader:
    """Sees everything and may change nothing but the queue."""

    is_enforced = True

    def __init__(self, client: MlflowClient) -> None:
        self.queue = Records(client).experiment_id("job")
        self.hidden: set[str] = set()

    def user(self):
        return "ann"

    def may_read(self, _resource, key):
        return key not in self.hidden

    def may_edit(self, _resource, key):
        return key == self.queue

    def may_create(self, _resource):
        return False

    def on_created(self, _resource, _key):
        pass


def test_whoever_may_not_write_to_the_experiment_submits_nothing(client, sqlite_uri, tmp_path):
    for kind in ("data", "environment", "compute"):
        Records(client).experiment_id(kind)
    ann = UserClient(Reader(client), sqlite_uri, None)
    with pytest.raises(NotAllowed, match="may not change the experiment 'Default'"):
        submit_received(ann, {"command": "true"}, folder=tmp_path)
    with pytest.raises(NotAllowed, match="may not create a new experiment"):
        submit_received(ann, {"command": "true", "experiment_name": "new"}, folder=tmp_path)


def test_code_of_a_job_that_one_may_not_see_is_not_copied(client, sqlite_uri, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "secret.py").write_text("print(1)")
    job = submit(client, {"command": "true", "code": "src"}, base_folder=tmp_path)
    access = Reader(client)
    access.hidden.add("0")
    ann = UserClient(access, sqlite_uri, None)
    came = tmp_path / "came"
    came.mkdir()
    with pytest.raises(NotFound):
        submit_received(ann, {"command": "true", "code": f"runs:/{job.run_id}/code"}, folder=came)
    assert list(came.iterdir()) == []
