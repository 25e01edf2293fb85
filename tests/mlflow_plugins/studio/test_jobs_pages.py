"""The pages of a job and of several jobs, over a store in which nothing runs."""

import json

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs import submit
from mlflow_plugins.jobs._children import submit_child
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.sweep import Goal, Trial, TrialState
from mlflow_plugins.studio._charts import Axis, parallel_coordinates
from mlflow_plugins.studio.pages.jobs._clone import changed_inputs
from mlflow_plugins.studio.pages.jobs._compare import comparable_axes
from mlflow_plugins.studio.pages.jobs._trials import progress_lines, trial_axes


@pytest.fixture
def client(sqlite_uri) -> MlflowClient:
    return MlflowClient(sqlite_uri)


@pytest.fixture
def make_job(client, tmp_path):
    """Submit a job with code, and give its run params and metrics."""
    code = tmp_path / "src"
    (code / "package").mkdir(parents=True)
    (code / "train.py").write_text("print('trains')\n")
    (code / "package" / "part.py").write_text("PART = 1\n")
    (code / "image.bin").write_bytes(b"\xff\xfe\x00\x9d")

    def make(name: str, *, params=(), losses=(), code: str | None = "src"):
        document = {
            "command": "python train.py ${{inputs.rate}}",
            "display_name": name,
            "inputs": {"rate": 0.1},
            **({"code": code} if code else {}),
        }
        job = submit(client, document, base_folder=tmp_path)
        metrics = [Metric("loss", value, step, step) for step, value in enumerate(losses)]
        client.log_batch(job.run_id, metrics, [Param(*one) for one in dict(params).items()])
        return job

    return make


def test_every_part_of_a_job_has_an_address(place, make_job, client):
    job = make_job("curve", losses=[1.0, 0.5, 0.25])
    client.log_metric(job.run_id, "auc", 0.75)
    client.log_text(job.run_id, "done", "outputs/model/notes.txt")
    address = f"/jobs/{job.run_id}"
    assert "Queued" in place.open(address)
    metrics = place.open(address, "?tab=metrics")
    assert '"y": [1.0, 0.5, 0.25]' in metrics
    assert "0.75" in metrics
    files = place.open(address, "?tab=files")
    assert '"rate"' in files
    assert '"model/"' in files
    assert "python train.py ${{inputs.rate}}" in place.open(address, "?tab=definition")


def test_the_code_of_a_job_can_be_read_file_by_file(place, make_job):
    address = f"/jobs/{make_job('coded').run_id}"
    assert "PART = 1" in place.open(address, "?tab=code&file=package%2Fpart.py")
    assert "print('trains')" in place.open(address, "?tab=code&file=train.py")
    assert "image.bin is not a text" in place.open(address, "?tab=code&file=image.bin")
    assert "no file 'other.py'" in place.open(address, "?tab=code&file=other.py")
    outside = place.open(address, "?tab=code&file=..%2F..%2Fsecret")
    assert "no file '../../secret'" in outside
    without = make_job("bare", code=None)
    assert "No code" in place.open(f"/jobs/{without.run_id}", "?tab=code")


def test_jobs_are_compared_by_what_differs(place, make_job):
    jobs = [
        make_job("one", params={"depth": "3", "kind": "tree"}, losses=[1.0, 0.5]),
        make_job("two", params={"depth": "5", "kind": "tree"}, losses=[1.0, 0.25]),
    ]
    page = place.open("/jobs/compare", "?runs=" + ",".join(job.run_id for job in jobs))
    chart = json.loads(_find(json.loads(page), "data-spec"))
    assert [axis["name"] for axis in chart["axes"]] == ["depth", "loss"]
    assert chart["axes"][0]["values"] == [3.0, 5.0]
    assert chart["names"] == ["one", "two"]
    assert chart["links"][0].endswith(f"/jobs/{jobs[0].run_id}")
    assert '"y": [1.0, 0.25]' in page


def test_a_comparison_needs_two_jobs_and_takes_a_dozen(place, make_job):
    assert "Choose two jobs or more" in place.open("/jobs/compare", "")
    alone = place.open("/jobs/compare", f"?runs={make_job('alone').run_id}")
    assert "Choose two jobs or more" in alone
    assert "at most 12" in place.open("/jobs/compare", "?runs=" + ",".join(["r"] * 13))
    assert "Not found" in place.open("/jobs/compare", "?runs=" + "0" * 32)


def test_axes_keep_words_apart_from_numbers_and_leave_out_what_is_the_same(make_job, client):
    jobs = [
        make_job("a", params={"mixed": "1", "same": "x", "number": "1e-3"}),
        make_job("b", params={"mixed": "one", "same": "x", "number": "2"}),
        make_job("c", params={"mixed": "one", "same": "x"}),
    ]
    axes = {
        axis.name: axis.values for axis in comparable_axes([client.get_run(j.run_id) for j in jobs])
    }
    assert axes == {"number": [0.001, 2.0, None], "mixed": ["1", "one", "one"]}


def test_a_chart_of_parallel_coordinates_carries_its_values():
    chart = parallel_coordinates(
        [Axis(name="x", values=[1.0, None])], names=["a", "b"], label="two"
    )
    assert chart.role == "img"
    spec = json.loads(chart.to_plotly_json()["props"]["data-spec"])
    assert spec == {
        "axes": [{"name": "x", "values": [1.0, None]}],
        "names": ["a", "b"],
        "links": [],
    }


def test_jobs_are_narrowed_down_by_what_the_address_says(place, make_job):
    make_job("first curve")
    make_job("second line")
    assert "first curve" in place.open("/jobs", "?text=CURVE")
    assert "second line" not in place.open("/jobs", "?text=CURVE")
    assert "second line" in place.open("/jobs", "?status=Queued&type=command&compute=local")
    assert "No job here fits" in place.open("/jobs", "?status=Failed")
    assert "not the status of a job" in place.open("/jobs", "?status=Lost")


def test_trials_are_listed_where_the_address_says_so(place, client, tmp_path):
    document = {"command": "true", "coordinator": True, "display_name": "the search"}
    search = submit(client, document, base_folder=tmp_path)
    record = JobQueue(client).get(search.record_id)
    child = {"command": "echo 1", "display_name": "try 1"}
    submit_child(client, record, "one", child)
    hidden = place.open("/jobs")
    assert "the search" in hidden
    assert "try 1" not in hidden
    assert "the search" in place.open("/")
    assert "try 1" not in place.open("/")
    shown = place.open("/jobs", "?trials=1")
    assert "try 1" in shown
    assert f'[" of ", {{"props": {{"children": "{search.run_id[:8]}"' in shown


def test_only_what_was_edited_is_changed_and_paths_of_the_server_are_refused():
    before = {"rate": "0.10", "table": "azureml:people:1"}
    assert changed_inputs("rate: 0.10\ntable: azureml:people:1\n", before) == {}
    assert changed_inputs(" rate : a: b \n\n", before) == {"rate": "a: b"}
    assert changed_inputs("table: azureml:people:2", before) == {"table": "azureml:people:2"}
    for path in ("/etc/passwd", "file:///etc/passwd", "../people.csv"):
        with pytest.raises(InvalidInput, match="In the browser, data is named by"):
            changed_inputs(f"table: {path}", before)
    with pytest.raises(InvalidInput, match="'rate 3' is not an input"):
        changed_inputs("rate 3", before)


def test_a_sweep_shows_its_trials(place, client, tmp_path):
    document = {
        "type": "sweep",
        "trial": {"command": "echo ${{search_space.rate}}"},
        "search_space": {"rate": {"type": "uniform", "min_value": 0, "max_value": 1}},
        "sampling_algorithm": "random",
        "objective": {"goal": "minimize", "primary_metric": "loss"},
        "limits": {"max_total_trials": 3},
        "display_name": "search",
    }
    job = submit(client, document, base_folder=tmp_path)
    assert "Trials" in place.open(f"/jobs/{job.run_id}")
    page = place.open(f"/jobs/{job.run_id}", "?tab=trials")
    assert "0 of 3" in page
    assert "Something went wrong" not in page


def test_the_axes_and_the_progress_of_a_sweep():
    goal = Goal(metric="loss", maximize=False)
    trials = [_trial(0, {"depth": 2, "kind": "a"}, 0.5), _trial(1, {"depth": 3}, 0.7)]
    axes = {axis.name: list(axis.values) for axis in trial_axes(trials, [goal])}
    assert axes == {"depth": [2.0, 3.0], "kind": ["a", None], "loss": [0.5, 0.7]}
    each, best = progress_lines(trials, 0, goal)
    assert (list(each.y), list(best.y)) == ([0.5, 0.7], [0.5, 0.5])
    assert list(progress_lines(trials, 0, Goal(metric="loss", maximize=True))[1].y) == [0.5, 0.7]


def _trial(number, params, value):
    return Trial(
        number=number,
        run_id=f"r{number}",
        name=f"trial {number}",
        state=TrialState.COMPLETED,
        params=params,
        values=(value,),
        metrics={},
        started_at=0.0,
        ended_at=1.0,
        reason="",
    )


def _find(node, key):
    """Return the first value of a key anywhere in a document."""
    if isinstance(node, dict):
        if key in node:
            return node[key]
        node = list(node.values())
    if isinstance(node, list):
        return next((found for one in node if (found := _find(one, key)) is not None), None)
    return None
