"""Environment assets and the command line around them."""

import json

import pytest
import yaml
from click.testing import CliRunner

from mlflow_plugins.core import AlreadyExists, InvalidInput, NotFound, StudioError
from mlflow_plugins.jobs.environments import (
    apply,
    archive_environment,
    get_environment,
    list_environments,
    pin_asset,
)
from mlflow_plugins.jobs.environments._commands import commands
from mlflow_plugins.testing import use_tracking_uri


@pytest.fixture
def document(tmp_path, unique_name):
    (tmp_path / "conda.yml").write_text(
        "# packages\nname: e\ndependencies: [python=3.11, numpy=1.26, {pip: [-r r.txt]}]\n"
    )
    (tmp_path / "r.txt").write_text("tiny==1.0\n")
    return {
        "$schema": "https://azuremlschemas.azureedge.net/latest/environment.schema.json",
        "name": unique_name,
        "image": "mcr.microsoft.com/azureml/base",
        "conda_file": "conda.yml",
        "description": "For training.",
        "tags": {"team": "red"},
        "inference_config": {"scoring_route": {"port": 5001, "path": "/score"}},
    }


def test_an_asset_is_whole(client, document, tmp_path, unique_name):
    asset = apply(client, document, base_folder=tmp_path)
    assert (asset.version, asset.description, asset.tags) == ("1", "For training.", {"team": "red"})
    assert asset.spec["conda_file"]["dependencies"][2] == {"pip": ["tiny==1.0"]}
    assert asset.spec["inference_config"]["scoring_route"]["port"] == 5001
    again = get_environment(client, unique_name)
    assert pin_asset(again).recipe.requirements == ("numpy==1.26.*", "tiny==1.0")


def test_applying_twice_changes_nothing(client, document, tmp_path):
    first = apply(client, document, base_folder=tmp_path)
    (tmp_path / "conda.yml").write_text(
        "dependencies: [python=3.11, numpy=1.26, {pip: [tiny==1.0]}]\nname: e  # moved\n"
    )
    assert apply(client, document, base_folder=tmp_path).version == first.version
    (tmp_path / "r.txt").write_text("tiny==2.0\n")
    (tmp_path / "conda.yml").write_text("dependencies: [numpy, {pip: [-r r.txt]}]\n")
    assert apply(client, document, base_folder=tmp_path).version == "2"


def test_a_version_never_changes(client, document, tmp_path):
    document["version"] = 7
    assert apply(client, document, base_folder=tmp_path).version == "7"
    assert apply(client, document, base_folder=tmp_path).version == "7"
    document["image"] = "another"
    with pytest.raises(AlreadyExists, match=r"has another content\. Versions never change"):
        apply(client, document, base_folder=tmp_path)


def test_a_long_file_is_kept(client, document, tmp_path):
    lines = [f"package-{number}==1.0" for number in range(1000)]
    (tmp_path / "r.txt").write_text("\n".join(lines))
    asset = apply(client, document, base_folder=tmp_path)
    assert len(pin_asset(get_environment(client, asset.reference)).recipe.requirements) == 1001


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": None}, "Field 'name' is missing"),
        ({"name": "a b"}, "cannot be used as name"),
        ({"conda_file": "no.yml"}, "there is no file"),
        ({"condafile": "conda.yml"}, "Did you mean 'conda_file'"),
        ({"image": None, "conda_file": None, "python": "x"}, "not a version of Python"),
    ],
)
def test_what_is_wrong_is_not_stored(client, document, tmp_path, unique_name, change, message):
    with pytest.raises(InvalidInput, match=message):
        apply(client, {**document, **change}, base_folder=tmp_path)
    with pytest.raises(NotFound):
        get_environment(client, unique_name)


def test_archived_ones_are_hidden(client, document, tmp_path, unique_name):
    apply(client, document, base_folder=tmp_path)
    assert unique_name in [one.name for one in list_environments(client)]
    archive_environment(client, unique_name)
    assert unique_name not in [one.name for one in list_environments(client)]
    shown = list_environments(client, include_archived=True)
    assert unique_name in [one.name for one in shown]
    assert get_environment(client, f"{unique_name}:1").is_archived


# ---------------------------------------------------------------- the command line


@pytest.fixture
def call(tracking_server, offline, monkeypatch):
    for name, value in offline.items():
        monkeypatch.setenv(name, value)

    def call(*arguments, code=0):
        with use_tracking_uri(tracking_server.uri):
            result = CliRunner().invoke(commands, arguments, standalone_mode=False)
        if isinstance(result.exception, StudioError):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return call


def test_from_a_file_to_a_python(call, tmp_path, unique_name):
    (tmp_path / "requirements.txt").write_text("tiny==1.0\n")
    file = tmp_path / "environment.yml"
    document = {"name": unique_name, "requirements": "requirements.txt", "tags": {"n": "1"}}
    file.write_text(json.dumps(document))
    assert call("create", "-f", str(file)).stdout == f"azureml:{unique_name}:1 is there.\n"
    assert f"{unique_name:30} " in call("list").stdout
    shown = yaml.safe_load(call("show", unique_name).stdout)
    assert shown == {**document, "version": "1", "requirements": ["tiny==1.0"]}
    folder = str(tmp_path / "agent")
    built = call("build", unique_name, "--folder", folder)
    assert "+ tiny==1.0" in built.stderr
    root = built.stdout.strip()
    assert root.startswith(folder)
    cached = call("cached", "--folder", folder).stdout
    assert f"{unique_name}:1" in cached
    environment_hash = cached.split()[0]
    assert "+ tiny==1.0" in call("log", environment_hash, "--folder", folder).stdout
    assert "keeps no environment 'x'" in call("log", "x", "--folder", folder, code=1).stderr
    call("archive", unique_name)
    assert unique_name not in call("list").stdout
    assert f"{unique_name:30} " in call("list", "--all").stdout


def test_an_image_is_warned_about(call, tmp_path, unique_name):
    file = tmp_path / "environment.yml"
    file.write_text(f"name: {unique_name}\nimage: library/python:3.11.6\n")
    created = call("create", "-f", str(file))
    assert "Warning: not applied: environment" in created.stderr
    assert "an image: the workspace's own" in call("list").stdout
