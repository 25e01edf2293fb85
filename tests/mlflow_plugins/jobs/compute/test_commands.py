"""Computes from the command line."""

import json

import pytest
from click.testing import CliRunner

from mlflow_plugins.cli import commands
from mlflow_plugins.core import NotFound, StudioError
from mlflow_plugins.testing import use_tracking_uri


@pytest.fixture(autouse=True)
def _tracking(sqlite_uri):
    with use_tracking_uri(sqlite_uri):
        yield


def call(*arguments):
    result = CliRunner().invoke(commands, arguments, standalone_mode=False)
    if isinstance(result.exception, StudioError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_life_of_a_compute(tmp_path):
    file = tmp_path / "c.yml"
    file.write_text("name: c\ntype: amlcompute\nsize: Standard_DS3_v2\n")
    assert call("apply", "-f", str(file), "-f", str(file)).count("compute c is at version 1") == 2
    call("compute", "create", "d", "--type", "local", "--cpus", "1", "--memory-gib", "2")
    assert "5" in call("compute", "update", "d", "--max-instances", "5")
    call("compute", "stop", "d")
    rows = [line.split() for line in call("compute", "list").splitlines()]
    assert rows[0][:3] == ["NAME", "TYPE", "STATE"]
    assert ["d", "local", "Stopped"] in [row[:3] for row in rows]
    assert ["c", "amlcompute", "Unserved"] in [row[:3] for row in rows]
    call("compute", "start", "d")
    shown = json.loads(call("compute", "show", "d", "--output", "json"))
    assert (shown["state"], shown["compute"]["size"]["cpus"]) == ("Unserved", 1)
    assert "4 cpus, 14.0 GiB" in call("compute", "show", "c")
    call("compute", "delete", "d")
    with pytest.raises(NotFound, match="There is no compute 'd'"):
        call("compute", "show", "d")
