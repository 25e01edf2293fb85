"""The life of a sweep: a real server, a real agent, trials that are real jobs."""

import json
from collections import Counter

import mlflow.artifacts
import pytest

from mlflow_plugins.core import AssetStore, InvalidInput
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.data import DATA
from mlflow_plugins.jobs import JobStatus, cancel_job, list_jobs
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.sweep import TrialState, read_sweep
from mlflow_plugins.jobs.sweep._document import sweep_document
from mlflow_plugins.jobs.sweep._resuming import read_earlier
from mlflow_plugins.jobs.sweep._spec import parse_sweep
from mlflow_plugins.testing import use_tracking_uri


@pytest.fixture(autouse=True)
def _tracking(tracking_server):
    with use_tracking_uri(tracking_server.uri):
        yield


def children(client, job):
    return JobQueue(client).children(job.run_id)


def artifact(client, run_id, path):
    return mlflow.artifacts.load_text(f"{client.get_run(run_id).info.artifact_uri}/{path}")


def sweep_of(client, job):
    cancel_job(client, job.run_id)
    return parse_sweep(sweep_document(JobQueue(client).get(job.record_id)))


def end_of(driver, job):
    """A sweep is many jobs, so it gets more patience than one."""
    driver.wait_until(lambda: driver.get(job).status.is_final, "the sweep ended", seconds=240)
    return driver.get(job)


def states(sweep):
    return [one.state for one in sweep.trials]


@pytest.mark.usefixtures("agent")
def test_a_sweep_runs(driver, client, submit_sweep, unique_name, tmp_path):
    (tmp_path / "bias.txt").write_text("10\n")
    command = """
      case ${{search_space.model.name}} in
        broken) echo no good >&2; exit 3;;
        slow) sleep 600;;
        mute) exit 0;;
      esac
      test $AZUREML_SWEEP_scale = ${{search_space.scale}}
      loss=$(( $(cat ${{inputs.bias}}) + ${{inputs.more}} + ${{search_space.scale}} ))
      log other 1; log loss $loss $(( loss + 5 ))
      echo $loss $[[${{search_space.model.C}}]] > ${{outputs.model}}/weights
      echo kept > outputs/note
    """
    models = [
        {"name": "svm", "C": {"type": "choice", "values": [0.5]}},
        *({"name": name} for name in ("broken", "slow", "mute")),
    ]
    job = submit_sweep(
        command,
        {"model": models, "scale": [1, 2]},
        inputs={"bias": {"type": "uri_file", "path": "bias.txt"}, "more": 100},
        changed_inputs={"more": "200"},
        outputs={"model": {"type": "uri_folder", "name": unique_name}},
        limits={"max_total_trials": 7, "max_concurrent_trials": 4, "trial_timeout": 12},
        tags={"team": "red"},
    )
    ended = end_of(driver, job)
    assert ended.status is JobStatus.COMPLETED, ended.error
    assert (ended.type, ended.is_coordinator) == ("sweep", True)

    sweep = read_sweep(client, job.run_id)
    assert [(one.params["model.name"], one.params["scale"]) for one in sweep.trials] == [
        *(("svm", 1), ("svm", 2), ("broken", 1), ("broken", 2)),
        *(("slow", 1), ("slow", 2), ("mute", 1)),
    ]
    assert states(sweep) == [
        *([TrialState.COMPLETED] * 2),
        *([TrialState.FAILED] * 4),
        TrialState.COMPLETED,
    ]
    assert [one.values for one in sweep.trials] == [(211.0,), (212.0,), *([None] * 5)]
    assert "exit code 3" in sweep.trials[2].reason
    assert "limits.timeout allows (12 seconds)" in sweep.trials[4].reason
    assert (sweep.best.number, sweep.best.metrics) == (0, {"loss": 216.0, "other": 1.0})
    assert sweep.importances == {}

    run = client.get_run(job.run_id)
    assert run.data.metrics == {"loss": 211.0}
    assert run.data.tags["studio.sweep.best_run_id"] == sweep.best.run_id
    assert json.loads(run.data.tags["studio.sweep.best_params"])["model.C"] == 0.5
    assert run.data.tags["studio.sweep.n_failed"] == "4"
    table = json.loads(artifact(client, job.run_id, "sweep/trials.json"))
    assert table["best"]["number"] == 0
    assert len(table["trials"]) == 7

    best = client.get_run(sweep.best.run_id)
    assert best.data.tags["mlflow.parentRunId"] == job.run_id
    assert best.info.run_name == "sweep_0"
    assert best.data.params == {"model.name": "svm", "model.C": "0.5", "scale": "1"}
    # Code and inputs are stored once, with the sweep; the best trial's outputs are its outputs.
    assert {one.path for one in client.list_artifacts(sweep.best.run_id)} == {
        "outputs",
        "user_logs",
    }
    assert {one.path for one in client.list_artifacts(job.run_id)} == {
        *("code", "inputs", "outputs", "sweep", "user_logs")
    }
    assert artifact(client, job.run_id, "outputs/model/weights") == "211 0.5\n"
    assert artifact(client, job.run_id, "outputs/note") == "kept\n"
    assert [one.version for one in AssetStore(client).versions(DATA, unique_name)] == ["1"]
    log = driver.own_lines(job)
    assert any("trial   0  Completed  loss 211" in line for line in log)
    assert log[-1].startswith(f"Best of 7 trials: trial 0 (run {sweep.best.run_id}), loss 211")
    parents = {
        one.parent_run_id
        for one in list_jobs(client).items
        if one.run_id in {trial.run_id for trial in sweep.trials}
    }
    assert parents == {job.run_id}


@pytest.mark.usefixtures("agent")
def test_a_trial_that_is_behind_is_ended(driver, client, submit_sweep, tmp_path):
    job = submit_sweep(
        f"if [ ${{{{search_space.quality}}}} = good ]; then log loss 1 1 1; touch {tmp_path}/gate; "
        f"else while [ ! -e {tmp_path}/gate ]; do sleep 0.1; done; log loss 9 9; sleep 600; fi",
        {"quality": ["good", "bad"]},
        early_termination={"type": "bandit", "slack_factor": 0.5, "delay_evaluation": 2},
    )
    assert end_of(driver, job).status is JobStatus.COMPLETED
    sweep = read_sweep(client, job.run_id)
    assert states(sweep) == [TrialState.COMPLETED, TrialState.PRUNED]
    assert sweep.trials[1].reason == "bandit at interval 2"
    assert client.get_run(sweep.trials[1].run_id).info.status == "KILLED"


@pytest.mark.usefixtures("agent")
def test_a_pruner_of_optuna_ends_trials(driver, client, submit_sweep):
    job = submit_sweep(
        "log loss ${{search_space.loss}}; if [ ${{search_space.loss}} = 9 ]; then sleep 600; fi",
        {"loss": [1, 9]},
        pruner={"name": "ThresholdPruner", "args": {"upper": 5}},
    )
    assert end_of(driver, job).status is JobStatus.COMPLETED
    sweep = read_sweep(client, job.run_id)
    assert states(sweep) == [TrialState.COMPLETED, TrialState.PRUNED]
    assert sweep.trials[1].reason == "ThresholdPruner after 1 values"


@pytest.mark.usefixtures("agent")
def test_a_sweep_without_its_metric_fails_and_says_what_there_was(driver, client, submit_sweep):
    job = submit_sweep("log los 1; log accuracy 1", {"x": [1, 2]})
    ended = end_of(driver, job)
    assert ended.status is JobStatus.FAILED
    assert "None of the 2 completed trials logged a number as 'loss'" in ended.error
    assert "They logged: accuracy, los. Did you mean 'los'?" in ended.error


@pytest.mark.usefixtures("agent")
def test_several_objectives_and_a_sweep_that_goes_on_with_another(driver, client, submit_sweep):
    fields = {
        "objective": None,
        "objectives": [
            {"goal": "minimize", "primary_metric": "loss"},
            {"goal": "maximize", "primary_metric": "speed"},
        ],
        "sampling_algorithm": {"type": "optuna", "sampler": "TPESampler", "seed": 1},
        "limits": {"max_total_trials": 3, "max_concurrent_trials": 3},
    }
    command = "log loss ${{search_space.x}}; log speed ${{search_space.x}}"
    job = submit_sweep(command, {"x": list(range(9))}, **fields)
    assert end_of(driver, job).status is JobStatus.COMPLETED
    sweep = read_sweep(client, job.run_id)
    drawn = [one.params["x"] for one in sweep.trials]
    assert [one.values for one in sweep.trials] == [(x, x) for x in drawn]
    assert {one.number for one in sweep.pareto_front} == {0, 1, 2}
    assert sweep.best.values[0] == min(drawn)
    front = json.loads(client.get_run(job.run_id).data.tags["studio.sweep.pareto_front"])
    assert front == [one.run_id for one in sweep.pareto_front]

    grid = {**fields, "sampling_algorithm": "grid", "resume_from": job.run_id}
    more = submit_sweep(command, {"x": list(range(9))}, **grid)
    with pytest.raises(InvalidInput, match=r"'resume_from': the sweep .* another search space"):
        read_earlier(client, job.run_id, sweep_of(client, submit_sweep(command, {"x": [1]})))
    assert end_of(driver, more).status is JobStatus.COMPLETED
    known = read_sweep(client, more.run_id)
    assert [one.params["x"] for one in known.trials] == [3, 4, 5]  # the grid goes on
    assert [one.number for one in known.trials] == [0, 1, 2]


@pytest.mark.usefixtures("agent")
def test_a_sweep_that_is_cancelled_takes_its_trials_with_it(driver, client, submit_sweep):
    job = submit_sweep("log loss 1; sleep 600", {"x": [1, 2, 3]})
    driver.wait_until(
        lambda: [one.status for one in children(client, job)] == [JobStatus.RUNNING] * 3,
        "three trials ran",
    )
    cancel_job(client, job.run_id)
    assert end_of(driver, job).status is JobStatus.CANCELED
    for child in children(client, job):
        assert end_of(driver, child).status is JobStatus.CANCELED
    assert states(read_sweep(client, job.run_id)) == [TrialState.CANCELED] * 3


@pytest.mark.usefixtures("agent")
def test_a_sweep_that_takes_too_long_keeps_what_it_has(driver, client, submit_sweep):
    job = submit_sweep(
        "log loss ${{search_space.x}}; if [ ${{search_space.x}} = 2 ]; then sleep 600; fi",
        {"x": [1, 2, 3, 4]},
        limits={"timeout": 10, "max_concurrent_trials": 1},
    )
    ended = end_of(driver, job)
    sweep = read_sweep(client, job.run_id)
    done = {TrialState.COMPLETED, TrialState.CANCELED}
    assert len(sweep.trials) <= 2
    assert set(states(sweep)) <= done
    assert (ended.status is JobStatus.COMPLETED) == (sweep.best is not None)
    assert "The sweep has run longer than limits.timeout allows (10 seconds)" in driver.log(job)


@pytest.mark.fault
def test_a_coordinator_that_is_killed_loses_no_trial_and_runs_none_twice(
    driver, client, submit_sweep, agent, tmp_path
):
    notes = tmp_path / "notes"
    job = submit_sweep(
        f"echo ${{{{search_space.x}}}} >> {notes}; "
        f"while [ ! -e {tmp_path}/gate ]; do sleep 0.1; done; log loss ${{{{search_space.x}}}}",
        {"x": list(range(6))},
        limits={"max_concurrent_trials": 3},
    )
    driver.wait_until(
        lambda: notes.exists() and len(notes.read_text().split()) == 3, "three trials ran"
    )
    (note,) = agent.folder.glob(f"jobs/{job.record_id}-*/runner")
    ProcessIdentity.parse(note.read_text()).find().kill()  # the coordinator dies with its runner
    (tmp_path / "gate").touch()
    ended = end_of(driver, job)
    assert (ended.status, ended.attempt) == (JobStatus.COMPLETED, 2)
    sweep = read_sweep(client, job.run_id)
    assert [one.values for one in sweep.trials] == [(x,) for x in range(6)]
    assert [one.params["x"] for one in sweep.trials] == list(range(6))
    assert Counter(notes.read_text().split()) == {str(x): 1 for x in range(6)}
    assert "3 trials were there already" in driver.log(job)


def test_reading_what_is_no_sweep(driver, client):
    job = driver.submit("true")
    with pytest.raises(InvalidInput, match="is a command job, not a sweep"):
        read_sweep(client, job.run_id)
    cancel_job(client, job.run_id)
