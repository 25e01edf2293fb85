"""Inputs from anywhere and outputs to anywhere: refused early, read right, kept without secrets."""

import ssl
import sys

import aiohttp.connector
import pytest

from mlflow_plugins.core import AssetStore, InvalidInput, MissingExtra, NotFound
from mlflow_plugins.data import fetch, look_up, open_datastore, put
from mlflow_plugins.jobs import JobStatus, submit
from mlflow_plugins.jobs._fetch import fetch_input
from mlflow_plugins.jobs._inputs import pin_inputs
from mlflow_plugins.jobs._spec import parse_command_job
from mlflow_plugins.testing.hosts import public_hosts

BLOBS = "shapes.blob.core.windows.net"
STORE = "azureml://datastores/workspaceblobstore/paths"


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """The files of public hosts, and the variables by which a process reaches them."""
    folder = tmp_path_factory.mktemp("hosts")
    for name in ("a.csv", "deep/b.csv"):
        file = folder / "files" / BLOBS / "datasets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name}\n")
    (folder / "files" / "example.com").mkdir()
    (folder / "files" / "example.com" / "a.csv").write_text("from the web\n")
    with public_hosts(folder / "files", folder / "certificates") as variables:
        yield folder / "files", variables


@pytest.fixture(scope="module")
def public(hosts):
    files, variables = hosts
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        # Made when it is imported, which another test may have done with other authorities.
        patch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", ssl.create_default_context())
        yield files


@pytest.fixture(scope="module")
def agent_variables(hosts):
    return dict(hosts[1])


def pin(client, **given):
    job = parse_command_job({"command": "true", "inputs": {"i": given}})
    pinned = pin_inputs(job, AssetStore(client), client, base_folder=None, limit_mib=1)
    return pinned.documents["i"]


@pytest.mark.parametrize(
    ("path", "kind", "files"),
    [
        ("https://example.com/a.csv", "uri_file", None),
        (f"https://{BLOBS}/datasets/a.csv?sv=1&sig=secret", "uri_file", None),
        (f"wasbs://datasets@{BLOBS}/a.csv", "uri_file", None),
        ("abfss://datasets@shapes.dfs.core.windows.net/deep/b.csv", "uri_file", None),
        (f"wasbs://datasets@{BLOBS}/", "uri_folder", ["a.csv", "deep/b.csv"]),
        (f"wasbs://datasets@{BLOBS}/deep/", "mltable", ["b.csv"]),
        (f"https://{BLOBS}/datasets/deep", "uri_folder", ["b.csv"]),
    ],
)
@pytest.mark.parametrize("mode", ["ro_mount", "download", "eval_mount"])
def test_public_addresses_are_read(public, client, tmp_path, path, kind, files, mode):
    document = pin(client, path=path, type=kind, mode=mode)
    fetched = fetch_input(document, client, run_id="", name="i", folder=tmp_path / "i")
    found = tmp_path / "i"
    if files is None:
        assert fetched.value == str(found / path.partition("?")[0].rpartition("/")[2])
        assert fetched.stamp["size_bytes"] == (found / fetched.value).stat().st_size
        assert fetched.stamp["etag"]
    else:
        assert fetched.value == str(found)
        names = sorted(one.relative_to(found).as_posix() for one in found.rglob("*.csv"))
        assert names == files
    assert len(fetched.stamp["sha256"]) == 64
    assert "secret" not in str(fetched.stamp)
    assert not fetched.has_changed


def test_a_change_between_submission_and_start_is_noticed(public, client, tmp_path):
    file = public / "example.com" / "moving.csv"
    file.write_text("before")
    document = pin(client, path="https://example.com/moving.csv", type="uri_file")
    file.write_text("after")
    fetched = fetch_input(document, client, run_id="", name="i", folder=tmp_path)
    assert fetched.has_changed


def test_direct_hands_the_address_itself_to_the_command(public, client, tmp_path):
    url = f"https://{BLOBS}/datasets/a.csv?sig=secret"
    document = pin(client, path=url, type="uri_file", mode="direct")
    fetched = fetch_input(document, client, run_id="", name="i", folder=tmp_path / "i")
    assert fetched.value == url
    assert fetched.stamp["uri"] == f"https://{BLOBS}/datasets/a.csv?sig=***"
    assert not (tmp_path / "i").exists()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"path": "https://example.com/no.csv"}, NotFound, "nothing at https://example.com/no"),
        ({"path": f"wasbs://datasets@{BLOBS}/no.csv"}, NotFound, "nothing at wasbs:"),
        ({"path": f"{STORE}/no/such.csv"}, NotFound, r"nothing at 'azureml:.*Put it there first"),
        ({"path": "azureml://datastores/mine/paths/a"}, NotFound, "no datastore 'mine'"),
        ({"path": "azureml://jobs/0123/outputs/o"}, NotFound, "no run '0123'"),
        ({"path": "runs:/0123/a.csv"}, NotFound, "no run '0123'"),
        ({"path": "azureml://registries/r/data/d/versions/1"}, InvalidInput, "registry of Azure"),
        ({"path": "wasbs://host/a.csv"}, InvalidInput, "does not name a container"),
        ({"path": "adl://lake.azuredatalakestore.net/a"}, InvalidInput, "shut down.*abfss"),
        ({"path": "htps://example.com/a"}, InvalidInput, r"unknown kind 'htps'.*mean 'https'"),
        (
            {"path": "https://example.com/a/", "type": "uri_folder"},
            InvalidInput,
            "cannot be listed as a folder",
        ),
    ],
)
def test_what_is_seen_not_to_be_there_is_refused(public, client, given, error, message):
    with pytest.raises(error, match=rf"'inputs\.i': .*{message}"):
        pin(client, **given)


def test_what_cannot_be_asked_is_left_to_the_agent(public, client, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert look_up("https://example.com/a.csv") is None
    assert pin(client, path="https://example.com/a.csv")["fingerprint"] == {}


def test_a_failure_names_the_address_without_its_secret(public, tmp_path, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    url = "https://example.com/a.csv?token=se%3Dcret"
    with pytest.raises(Exception, match=r"a\.csv\?token=\*\*\* cannot be read") as caught:
        fetch(url, tmp_path)
    assert "cret" not in caught.value.message


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingExtra, match=r"'s3fs'.*mlflow-studio\[s3\]"):
        fetch("s3://bucket/key.csv", tmp_path)


def test_any_file_system_of_fsspec_is_read_and_written(tmp_path, unique_name):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x.txt").write_text("x")
    (tmp_path / "y.txt").write_text("y")
    put(tmp_path, f"memory://{unique_name}")
    (tmp_path / "copy").mkdir()
    assert fetch(f"memory://{unique_name}", tmp_path / "copy") == tmp_path / "copy"
    assert (tmp_path / "copy" / "deep" / "x.txt").read_text() == "x"
    put(tmp_path / "y.txt", f"memory://{unique_name}/one.txt")
    (tmp_path / "one").mkdir()
    one = fetch(f"memory://{unique_name}/one.txt", tmp_path / "one")
    assert (one.name, one.read_text()) == ("one.txt", "y")
    assert look_up(f"memory://{unique_name}/one.txt").size_bytes == 1
    with pytest.raises(NotFound):
        fetch(f"memory://{unique_name}/none", tmp_path)
    with pytest.raises(InvalidInput, match="web address"):
        put(tmp_path / "y.txt", "https://example.com/y.txt")


# ---------------------------------------------------------------- whole jobs


def test_outputs_go_where_they_are_sent_and_come_back_as_inputs(
    agent, public, driver, client, tmp_path, unique_name
):
    first = driver.submit(
        "echo kept > ${{outputs.folder}}/a.txt; echo one > ${{outputs.file}}; "
        "echo model > ${{outputs.custom}}/weights; echo flavors > ${{outputs.model}}/MLmodel; "
        "echo ${{outputs.direct}}",
        outputs={
            "folder": {"path": f"{STORE}/{unique_name}/folder/", "mode": "rw_mount"},
            "file": {"type": "uri_file", "path": f"{STORE}/{unique_name}/b.txt"},
            "custom": {"type": "custom_model", "name": unique_name, "description": "Ours."},
            "model": {"type": "mlflow_model", "name": unique_name},
            "direct": {"path": f"{STORE}/{unique_name}/d", "mode": "direct"},
        },
    )
    assert driver.wait_for_end(first).error == ""
    datastore = open_datastore(AssetStore(client))
    assert driver.own_lines(first) == [datastore.uri(f"{unique_name}/d")]
    assert f"is at {STORE}/{unique_name}/folder/." in driver.log(first)
    assert f"is the model {unique_name}, version 2." in driver.log(first)
    version = client.get_model_version(unique_name, "1")
    assert (version.run_id, version.description) == (first.run_id, "Ours.")

    second = driver.submit(
        "cat ${{inputs.folder}}/a.txt ${{inputs.file}} ${{inputs.output}} ${{inputs.web}} "
        "${{inputs.custom}}/weights; echo ${{inputs.signed}} | wc -w",
        inputs={
            "folder": {"type": "uri_folder", "path": f"{STORE}/{unique_name}/folder"},
            "file": {"datastore": "workspaceblobstore", "path": f"{unique_name}/b.txt"},
            "output": {"path": f"azureml://jobs/{first.run_id}/outputs/folder/paths/a.txt"},
            "web": {"path": "https://example.com/a.csv", "mode": "download"},
            "custom": {"type": "custom_model", "path": f"azureml:{unique_name}:1"},
            "signed": {"path": "https://example.com/a.csv?sig=secret", "mode": "direct"},
        },
    )
    assert driver.wait_for_end(second).error == ""
    assert driver.own_lines(second) == ["kept", "one", "kept", "from the web", "model", "1"]
    tags = client.get_run(second.run_id).data.tags
    assert '"sha256"' in tags["studio.input.file"]
    assert f'"uri": "models:/{unique_name}/1"' in tags["studio.input.custom"]
    assert "sig=***" in tags["studio.input.signed"]
    assert "secret" not in str(tags)
    document = AssetStore(client).records.get(second.record_id).spec
    assert document["job"]["inputs"]["signed"]["path"].endswith("sig=***")


def test_a_job_whose_model_is_none_fails(agent, driver, unique_name):
    job = driver.submit(
        "echo x > ${{outputs.model}}/x",
        outputs={"model": {"type": "mlflow_model", "name": unique_name}},
    )
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.FAILED
    assert "no file MLmodel" in ended.error


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"path": "./here"}, "Outputs are always kept with the run"),
        ({"path": "azureml://jobs/r/outputs/o"}, "Outputs are always kept with the run"),
        ({"path": "azureml://datastores/mine/paths/x"}, "no datastore 'mine'"),
        ({"path": "https://example.com/x"}, "to which nothing can be written"),
        ({"version": "3"}, "a version and no name"),
        ({"name": "n", "mode": "direct"}, "mode is 'direct'.*cannot get a name"),
    ],
)
def test_an_output_that_can_go_nowhere_is_refused(client, tmp_path, output, message):
    document = {"command": "true", "outputs": {"o": output}}
    with pytest.raises((InvalidInput, NotFound), match=rf"'outputs\.o': .*{message}"):
        submit(client, document, base_folder=tmp_path)
