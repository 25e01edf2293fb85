"""The life of a job: a real server, a real agent, real commands."""

import sys
from pathlib import Path

import mlflow.artifacts
import pytest

from mlflow_plugins.core import InvalidInput, NotFound, StudioError
from mlflow_plugins.data import create_data_asset
from mlflow_plugins.jobs import JobStatus, cancel_job, get_job, list_jobs, read_log, submit
from mlflow_plugins.testing import use_tracking_uri

pytestmark = pytest.mark.usefixtures("agent")


@pytest.fixture(scope="module")
def agent_variables():
    return {"MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "0.5"}


def artifacts(client, run_id, folder=None):
    return {one.path for one in client.list_artifacts(run_id, folder)}


def read_artifact(client, run_id, path):
    return mlflow.artifacts.load_text(f"{client.get_run(run_id).info.artifact_uri}/{path}")


@pytest.fixture(autouse=True)
def _tracking(tracking_server):
    with use_tracking_uri(tracking_server.uri):
        yield


def test_a_job_runs(driver, client):
    job = driver.submit(
        'echo "hello $WHO"; echo oops >&2; python -c "import sys; print(sys.executable)"',
        environment_variables={"WHO": "world"},
        display_name="greeting",
        tags={"team": "red"},
        description="Says **hello**.",
    )
    assert job.status is JobStatus.QUEUED
    assert client.get_run(job.run_id).info.status == "SCHEDULED"
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.COMPLETED
    assert (ended.attempt, ended.error, ended.compute) == (1, "", "local")
    assert ended.created_at <= ended.started_at <= ended.ended_at
    assert driver.own_lines(job)[:2] == ["hello world", "oops"]
    assert driver.own_lines(job)[2].startswith(str(Path(sys.executable).parent))
    run = client.get_run(job.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "greeting"
    assert run.data.params == {}
    assert run.data.tags["team"] == "red"
    assert run.data.tags["mlflow.note.content"] == "Says **hello**."
    assert run.data.tags["studio.job_type"] == "command"
    assert read_artifact(client, job.run_id, "user_logs/std_log.txt") == driver.log(job)


def test_the_command_logs_to_its_run(driver, client, tmp_path):
    (tmp_path / "train.py").write_text(
        "import mlflow\nmlflow.log_param('depth', 3)\nmlflow.log_metric('auc', 0.9)\n"
    )
    job = submit(client, {"command": "python train.py", "code": "."}, base_folder=tmp_path)
    assert driver.wait_for_end(job).status is JobStatus.COMPLETED
    run = client.get_run(job.run_id)
    assert run.data.params == {"depth": "3"}
    assert {"auc": 0.9}.items() <= run.data.metrics.items()
    assert run.info.status == "FINISHED"


def test_what_the_machine_had_to_do_is_on_the_run(driver, client):
    switch = {"MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false"}
    jobs = [
        driver.submit("sleep 6"),
        driver.submit("sleep 6", environment_variables=switch),
        driver.submit("true"),
    ]
    measured, *others = [client.get_run(driver.wait_for_end(job).run_id) for job in jobs]
    assert 0 <= measured.data.metrics["system/cpu_utilization_percentage"] <= 100
    assert 0 < measured.data.metrics["system/system_memory_usage_percentage"] < 100
    assert [run.data.metrics for run in others] == [{}, {}]


def test_a_command_that_fails_says_how(driver, client):
    job = driver.submit("echo almost; echo the reason >&2; exit 3")
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.FAILED
    assert "exit code 3" in ended.error
    assert ended.error.endswith("almost\nthe reason")
    run = client.get_run(job.run_id)
    assert run.info.status == "FAILED"
    assert run.data.tags["studio.error"] == ended.error


def test_a_program_that_is_not_there_is_named(driver, client):
    ended = driver.wait_for_end(driver.submit("no_such_program_1"))
    assert "was not found" in ended.error
    assert "no_such_program_1" in ended.error


def test_cancelling_kills_what_ignores_it_with_its_children(driver, client, tmp_path):
    pids = tmp_path / "pids"
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    job = driver.submit(
        f'trap "" TERM; python -c "{stubborn}" & echo $! >> {pids}; '
        f"(setsid sleep 600 & echo $! >> {pids}); echo $$ >> {pids}; echo ready; wait; sleep 600",
    )
    driver.wait_until(lambda: "ready" in read_log(client, job.run_id).text, "the command began")
    started = [int(line) for line in pids.read_text().split()]
    assert len(started) == 3
    assert all(driver.is_running(pid) for pid in started)
    cancel_job(client, job.run_id)
    assert get_job(client, job.run_id).status in (JobStatus.CANCEL_REQUESTED, JobStatus.CANCELED)
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.CANCELED
    assert client.get_run(job.run_id).info.status == "KILLED"
    assert not any(driver.is_running(pid) for pid in started)
    with pytest.raises(StudioError, match="is Canceled; only a job that has not ended"):
        cancel_job(client, job.run_id)


def test_a_command_that_runs_too_long_is_stopped(driver, client, tmp_path):
    job = driver.submit("echo begun; sleep 600", limits={"timeout": 1})
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.FAILED
    assert "limits.timeout allows (1 seconds)" in ended.error
    assert driver.own_lines(job) == ["begun"]


def test_nothing_is_left_behind(driver, client, tmp_path):
    pid_file = tmp_path / "pid"
    job = driver.submit(f"setsid nohup sleep 600 > /dev/null 2>&1 & echo $! > {pid_file}")
    assert driver.wait_for_end(job).status is JobStatus.COMPLETED
    assert not driver.is_running(int(pid_file.read_text()))


def test_the_log_is_seen_while_the_job_runs_and_characters_stay_whole(driver, client, tmp_path):
    gate = tmp_path / "gate"
    job = driver.submit(
        f"for i in 1 2 3; do echo line $i; done; printf 'caf\\xc3'; "
        f"while [ ! -e {gate} ]; do sleep 0.1; done; printf '\\xa9\\n'; echo end",
    )
    driver.wait_until(lambda: "caf" in read_log(client, job.run_id).text, "the log came")
    first = read_log(client, job.run_id)
    assert not first.is_complete
    assert first.text.endswith("line 1\nline 2\nline 3\ncaf")
    gate.touch()
    driver.wait_for_end(job)
    rest = read_log(client, job.run_id, offset=first.next_offset)
    assert rest.text.startswith("é\nend\n")
    assert rest.is_complete


def test_code_comes_along_without_what_is_ignored(driver, client, tmp_path):
    code = tmp_path / "src"
    code.mkdir()
    (code / "run.sh").write_text("#!/bin/bash\necho from $(basename $PWD); ls\n")
    (code / "run.sh").chmod(0o755)
    (code / "data.csv").write_text("x")
    (code / ".amlignore").write_text("*.csv\n")
    job = submit(client, {"command": "./run.sh", "code": "src"}, base_folder=tmp_path)
    assert driver.wait_for_end(job).status is JobStatus.COMPLETED
    assert driver.own_lines(job) == ["from code", "outputs", "run.sh"]
    assert artifacts(client, job.run_id, "code") == {"code/run.sh", "code/.amlignore"}


def test_inputs_of_every_kind_reach_the_command(driver, client, store, tmp_path, unique_name):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    create_data_asset(store, tmp_path / "rows.csv", name=unique_name)
    (tmp_path / "local.txt").write_text("from a file\n")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "x.txt").write_text("from a folder\n")
    run = client.create_run("0")
    client.log_text(run.info.run_id, "from a run\n", "some.txt")
    job = submit(
        client,
        {
            "command": "cat ${{inputs.asset}} ${{inputs.file}} ${{inputs.folder}}/deep/x.txt "
            "${{inputs.uri}}; echo ${{inputs.rate}} '${{inputs.word}}' $[[--d ${{inputs.d}}]]",
            "inputs": {
                "asset": {"type": "uri_file", "path": f"azureml:{unique_name}@latest"},
                "file": {"type": "uri_file", "path": "./local.txt"},
                "folder": {"path": "folder"},
                "uri": {"type": "uri_file", "path": f"runs:/{run.info.run_id}/some.txt"},
                "rate": 0.1,
                "word": "x  y",
                "d": {"type": "integer", "optional": True},
            },
        },
        base_folder=tmp_path,
    )
    # A later version, and a changed file, come too late for this job.
    create_data_asset(store, tmp_path / "rows.csv", name=unique_name)
    (tmp_path / "local.txt").write_text("changed\n")
    assert driver.wait_for_end(job).error == ""
    assert driver.own_lines(job) == [
        "a,b", "1,2", "from a file", "from a folder", "from a run", "0.1 x  y",
    ]  # fmt: skip
    [used] = client.get_run(job.run_id).inputs.dataset_inputs
    assert used.dataset.name == unique_name
    assert used.dataset.digest.startswith("v1-")
    assert {tag.key: tag.value for tag in used.tags} == {"mlflow.data.context": "asset"}


def test_outputs_are_kept_and_can_become_data(driver, client, store, unique_name):
    job = driver.submit(
        "echo a > ${{outputs.many}}/a.txt; printf 'x,y\\n1,2\\n' > ${{outputs.one}}; "
        "echo plain > outputs/plain.txt",
        outputs={
            "many": None,
            "one": {"type": "uri_file"},
            "table": {"type": "uri_folder", "name": unique_name},
            "unused": {"type": "uri_file"},
        },
    )
    assert driver.wait_for_end(job).error == ""
    assert artifacts(client, job.run_id, "outputs") == {
        "outputs/many", "outputs/one", "outputs/plain.txt",
    }  # fmt: skip
    assert read_artifact(client, job.run_id, "outputs/many/a.txt") == "a\n"
    assert "nothing to the output 'unused'" in driver.log(job)
    with pytest.raises(NotFound):
        store.get("data", unique_name)

    job = driver.submit(
        "echo a > ${{outputs.table}}/a.txt",
        outputs={"table": {"type": "uri_folder", "name": unique_name}},
    )
    assert driver.wait_for_end(job).error == ""
    assert store.get("data", unique_name).spec["type"] == "uri_folder"
    assert f"azureml:{unique_name}:1" in driver.log(job)


def test_what_failed_is_kept_too(driver, client):
    job = driver.submit("echo half > outputs/half.txt; exit 1")
    assert driver.wait_for_end(job).status is JobStatus.FAILED
    assert artifacts(client, job.run_id, "outputs") == {"outputs/half.txt"}


def test_an_input_that_cannot_be_fetched_fails_the_job(driver):
    job = driver.submit("true", inputs={"i": {"path": "mlflow-artifacts:/no/such/file.txt"}})
    ended = driver.wait_for_end(job)
    assert ended.status is JobStatus.FAILED
    assert ended.error


def test_warnings_are_the_first_lines_of_the_log(driver, client):
    curated = "azureml:AzureML-sklearn-1.5@latest"
    job = driver.submit("true", compute="azureml:cpu-cluster", environment=curated)
    driver.wait_for_end(job)
    second = driver.log(job).splitlines()[1]
    assert "Not applied on this machine: environment AzureML-sklearn-1.5@latest" in second
    assert "compute 'azureml:cpu-cluster'" in second
    warnings = client.get_run(job.run_id).data.tags["studio.warnings"]
    assert warnings in second


def test_a_type_of_another_package_becomes_a_command(driver, client, tmp_path, monkeypatch):
    (tmp_path / "greeting_type.py").write_text(
        "def to_command_job(document):\n"
        "    if 'who' not in document:\n"
        "        raise ValueError('A greeting needs who.')\n"
        "    return {'command': 'cat greeting.txt', 'inputs': {'who': document['who']},\n"
        "            'files': {'greeting.txt': 'hello ${{inputs.who}}'}}\n"
    )
    info = tmp_path / "greeting-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greeting\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[mlflow_studio.job_types]\ngreeting = greeting_type:to_command_job\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    job = submit(client, {"type": "greeting", "who": "you"}, base_folder=tmp_path)
    assert job.type == "greeting"
    assert driver.wait_for_end(job).error == ""
    assert driver.own_lines(job) == ["hello you"]
    with pytest.raises(InvalidInput, match="A greeting needs who"):
        submit(client, {"type": "greeting"}, base_folder=tmp_path)
    with pytest.raises(
        InvalidInput, match=r"There are: command, .*greeting.*Did you mean 'greeting'"
    ):
        submit(client, {"type": "greating"}, base_folder=tmp_path)


def test_deleting_the_run_stops_the_job(driver, client, tmp_path):
    pid_file = tmp_path / "pid"
    job = driver.submit(f"echo $$ > {pid_file}; sleep 600")
    driver.wait_until(lambda: pid_file.exists() and pid_file.read_text(), "the command began")
    client.delete_run(job.run_id)
    driver.wait_until(
        lambda: not driver.is_running(int(pid_file.read_text())), "the command was stopped"
    )
    driver.wait_until(
        lambda: client.get_run(job.record_id).info.status == "KILLED", "the record was settled"
    )


def test_jobs_are_listed_newest_first(driver, client):
    jobs = [driver.submit("true", display_name=f"job {n}") for n in range(3)]
    for job in jobs:
        driver.wait_for_end(job)
    page = list_jobs(client, max_results=2)
    assert [job.display_name for job in page.items] == ["job 2", "job 1"]
    rest = list_jobs(client, max_results=2, page_token=page.next_token)
    assert rest.items[0].display_name == "job 0"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"code": "nowhere"}, "'code'.*does not exist"),
        ({"inputs": {"i": {"path": "nothing.csv"}}}, r"'inputs\.i'.*no file or folder 'nothing"),
        ({"inputs": {"i": {"path": "wasbs://a@b/c"}}}, r"'inputs\.i'.*name a container"),
        ({"inputs": {"i": {"path": "azureml:nothing_1:3"}}}, r"'inputs\.i'.*'nothing_1'"),
        (
            {"inputs": {"i": {"type": "mlflow_model", "path": "azureml:nothing_2:3"}}},
            r"'inputs\.i'.*registered model 'nothing_2'",
        ),
        ({"inputs": {"i": {"type": "uri_file", "path": "."}}}, r"'inputs\.i'.*is a folder"),
        ({"type": "sweeep"}, "'type' is 'sweeep'.*There are: .*command"),
        ({"command": "x ${{inputs.j}}"}, "not defined"),
    ],
)
def test_what_is_refused_leaves_nothing_in_the_queue(client, tmp_path, fields, message):
    before = list_jobs(client).items
    with pytest.raises(StudioError, match=message):
        submit(client, {"command": "true", **fields}, base_folder=tmp_path)
    assert list_jobs(client).items == before


def test_large_files_are_refused(client, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_STUDIO_CODE_MIB", "1")
    (tmp_path / "big.bin").write_bytes(bytes(2 << 20))
    with pytest.raises(InvalidInput, match=r"'inputs\.i'.*2 MiB.*up to 1 MiB.*data asset"):
        submit(
            client,
            {"command": "true", "inputs": {"i": {"type": "uri_file", "path": "big.bin"}}},
            base_folder=tmp_path,
        )
    with pytest.raises(InvalidInput, match=r"'code'.*the limit is 1 MiB"):
        submit(client, {"command": "true", "code": "."}, base_folder=tmp_path)


def test_runs_that_are_no_jobs_are_told_apart(client):
    run = client.create_run("0")
    with pytest.raises(NotFound, match="was not submitted as a job"):
        get_job(client, run.info.run_id)
    with pytest.raises(NotFound, match="There is no run"):
        read_log(client, "0" * 32)


def test_the_experiment_is_the_documents_unless_one_is_given(driver, client, unique_name):
    job = driver.submit("true", experiment_name=unique_name)
    experiment = client.get_experiment_by_name(unique_name)
    assert job.experiment_id == experiment.experiment_id
    other = client.create_experiment(f"{unique_name}-2")
    given = submit(
        client,
        {"command": "true", "experiment_name": unique_name},
        base_folder=Path.cwd(),
        experiment_id=other,
    )
    assert given.experiment_id == other
