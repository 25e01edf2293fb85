"""What the Ray backend is made of, without a cluster."""

import shlex
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.cli import commands as cli
from mlflow_plugins.core import InvalidInput, StudioError, Unreachable
from mlflow_plugins.core.processes import free_port
from mlflow_plugins.jobs._fields import Resources
from mlflow_plugins.jobs._needs import needs_of
from mlflow_plugins.jobs._spec import not_applied, parse_command_job
from mlflow_plugins.jobs.backends._base import Needs, ProcessLost, Ticket
from mlflow_plugins.jobs.backends._ray_api import jobs_address, token_from_environment
from mlflow_plugins.jobs.backends._ray_log import HeaderFilter
from mlflow_plugins.jobs.backends._ray_options import RayOptions
from mlflow_plugins.jobs.backends.ray import RayBackend, entrypoint, exit_code


@pytest.mark.parametrize(
    ("given_address", "address"),
    [
        ("http://head:8265", "http://head:8265"),
        ("https://ray.example.com/team/", "https://ray.example.com/team"),
        ("ray://head:10001", "http://head:8265"),
        ("head:8265", "http://head:8265"),
    ],
)
def test_an_address_is_that_of_the_jobs_api(given_address, address):
    assert jobs_address(given_address) == address


@pytest.mark.parametrize("address", ["", "ftp://head", "ray://", "http://[head"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InvalidInput, match="is not one of a Ray cluster"):
        jobs_address(address)


def test_options_are_checked():
    options = RayOptions.parse({"address": "ray://head:10001", "min_instances": 1})
    assert options.head.keep
    with pytest.raises(InvalidInput, match=r"adress.* Did you mean 'address'\?"):
        RayOptions.parse({"adress": "http://head:8265"})


def test_the_token_is_where_ray_looks_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert token_from_environment({}) == ""
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("default\n")
    (tmp_path / "other").write_text("file\n")
    assert token_from_environment({}) == "default"
    assert token_from_environment({"RAY_AUTH_TOKEN_PATH": str(tmp_path / "other")}) == "file"
    assert token_from_environment({"RAY_AUTH_TOKEN": "given"}) == "given"


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ({"status": "SUCCEEDED", "driver_exit_code": 0}, 0),
        ({"status": "FAILED", "driver_exit_code": 3}, 3),
        ({"status": "FAILED", "driver_exit_code": -9}, 137),
        ({"status": "STOPPED"}, 143),
    ],
)
def test_an_end_has_an_exit_code(info, code):
    assert exit_code(info) == code


@pytest.mark.parametrize(
    ("error_type", "error"),
    [
        ("JOB_SUPERVISOR_ACTOR_DIED", ProcessLost),
        ("JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE", ProcessLost),
        ("RUNTIME_ENV_SETUP_FAILURE", StudioError),
    ],
)
def test_only_a_lost_node_is_worth_another_attempt(error_type, error):
    info = {"status": "FAILED", "error_type": error_type, "message": "why\nmore"}
    with pytest.raises(StudioError, match=r"why$") as caught:
        exit_code(info)
    assert type(caught.value) is error


@given(before=st.binary(max_size=40), output=st.binary(max_size=80), data=st.data())
def test_the_output_comes_through_however_it_is_cut(before, output, data):
    line = b"Running entrypoint for job x-1: exec python\n"
    text = before.replace(b"Running", b"") + b"\n" + line + output
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    one = HeaderFilter("x-1")
    pieces = [one.feed(text[a:b]) for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert b"".join(pieces) == output


@pytest.mark.parametrize("command", ["echo 'a b' \"$HOME\"", "echo one\necho $((1+1))", "exit 4"])
def test_an_entrypoint_is_one_line_that_means_the_command(command, tmp_path):
    line = entrypoint(command, python=sys.executable, folder=tmp_path)
    assert "\n" not in line
    answers = [
        subprocess.run(shell, cwd=tmp_path, capture_output=True, check=False)
        for shell in (["/bin/sh", "-c", line], ["/bin/bash", "-c", command])
    ]
    assert answers[0].returncode == answers[1].returncode
    assert answers[0].stdout == answers[1].stdout
    assert shlex.quote(str(tmp_path)) in line


def test_needs_are_read():
    asked = {"cpus": 2, "gpus": "0.5", "memory": "1.5g", "custom": {"disk": 1}, "other": "x"}
    assert needs_of(Resources(properties=asked)) == Needs(
        n_cpus=2.0, n_gpus=0.5, memory_bytes=3 << 29, custom={"disk": 1.0}
    )
    assert needs_of(Resources()) == Needs()


@pytest.mark.parametrize(
    "asked", [{"cpus": "two"}, {"gpus": -1}, {"memory": "much"}, {"custom": 3}, {"cpus": True}]
)
def test_needs_that_are_no_amounts_are_refused(asked):
    with pytest.raises(InvalidInput, match=r"Field 'resources\.properties\."):
        needs_of(Resources(properties=asked))


def test_what_a_compute_grants_is_not_reported_as_missing():
    asked = {"resources": {"properties": {"cpus": 2, "x": 1}}, "command": "true"}
    [here] = not_applied(parse_command_job({**asked, "compute": "local"}))
    [there] = not_applied(parse_command_job({**asked, "compute": "ray"}), backend="ray")
    assert "cpus" in here
    assert "cpus" not in there
    assert "'x'" in there


def test_a_cluster_that_does_not_answer_is_waited_for_and_then_named(tmp_path):
    address = f"http://127.0.0.1:{free_port()}"
    (tmp_path / "log").touch()
    process = RayBackend({"address": address, "wait_seconds": 0.2}).start(
        "true",
        environment={},
        folder=None,
        log=tmp_path / "log",
        ticket=Ticket(key="job", number=1),
    )
    process.stop(1)
    with pytest.raises(Unreachable, match=f"No Ray cluster answers at {address}"):
        process.poll()


def test_the_command_says_that_no_head_runs(tmp_path):
    from click.testing import CliRunner

    for words, answer in (("status", "No head runs"), ("stop", "No head runs")):
        result = CliRunner().invoke(cli, ["ray", words, "--folder", str(tmp_path)])
        assert result.exit_code == 0
        assert answer in result.output


def test_ray_is_not_imported_by_what_does_not_need_it():
    code = (
        "import sys, mlflow_plugins.jobs.runner, mlflow_plugins.jobs.backends.ray; "
        "print('ray' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
