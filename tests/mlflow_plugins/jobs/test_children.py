"""Children of a coordinator: one for each key, whatever happens while they are submitted."""

from pathlib import Path

import pytest
from mlflow.entities import ViewType

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs import JobStatus, cancel_job, get_job, list_jobs, submit
from mlflow_plugins.jobs._children import claimed_children, submit_child
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.testing import in_threads


@pytest.fixture
def parent(client, tmp_path):
    """The record of a coordinator with code and inputs, which no agent runs."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "run.sh").write_text("echo\n")
    (tmp_path / "x.txt").write_text("content")
    document = {
        "command": "true",
        "coordinator": True,
        "code": "src",
        "inputs": {"x": {"path": "x.txt"}, "n": 3},
        "files": {"plan.yml": "run: ${{anything.at.all}}"},
    }
    job = submit(client, document, base_folder=tmp_path)
    yield JobQueue(client).get(job.record_id)
    if not get_job(client, job.run_id).status.is_final:
        cancel_job(client, job.run_id)


def child_document(parent, command="echo ${{inputs.n}} ${{step.value}}"):
    return {"command": command, "display_name": "c", "inputs": parent.spec["job"]["inputs"]}


def submit_one(client, parent, key="one", **fields):
    return submit_child(
        client, parent, key, child_document(parent), values={"step.value": "5"}, **fields
    )


def test_a_child_stands_below_its_parent_and_uses_what_was_stored_with_it(client, parent):
    job = submit_one(client, parent, tags={"mine": "yes"})
    run_id = parent.tags["studio.run_id"]
    assert (job.parent_run_id, job.is_coordinator) == (run_id, False)
    run = client.get_run(job.run_id)
    assert run.info.status == "SCHEDULED"
    assert run.data.tags["mlflow.parentRunId"] == run_id
    assert run.data.tags["mine"] == "yes"
    assert not client.list_artifacts(job.run_id)
    spec = JobQueue(client).get(job.record_id).spec
    assert (spec["origin"], spec["has_code"]) == (run_id, True)
    assert spec["inputs"] == {"x": {"file": "x.txt"}, "n": {"value": "3"}}
    assert spec["values"] == {"step.value": "5"}
    assert [one.run_id for one in JobQueue(client).children(run_id)] == [job.run_id]


def test_a_page_of_parents_is_full_however_many_children_there_are(client, parent):
    earlier = submit(client, {"command": "true"}, base_folder=Path("/"))
    children = {submit_one(client, parent, key=f"k{n}").run_id for n in range(3)}
    run_id = parent.tags["studio.run_id"]
    first = list_jobs(client, parents_only=True, max_results=1)
    second = list_jobs(client, parents_only=True, max_results=1, page_token=first.next_token)
    assert [one.run_id for one in (*first.items, *second.items)] == [earlier.run_id, run_id]
    assert children <= {one.run_id for one in list_jobs(client).items}
    cancel_job(client, earlier.run_id)


def test_a_key_has_one_child_however_often_it_is_submitted(client, parent):
    first = submit_one(client, parent)
    assert submit_one(client, parent).run_id == first.run_id
    answers = in_threads(4, lambda _: submit_one(client, parent, key="two"))
    assert {one.run_id for one in answers} != {first.run_id}
    record = JobQueue(client).get(parent.id)
    claimed = claimed_children(record)
    assert set(claimed) == {"one", "two"}
    assert {one.run_id for one in answers} == {claimed["two"]}
    runs = client.search_runs(
        [first.experiment_id],
        f"tags.`mlflow.parentRunId` = '{first.parent_run_id}'",
        run_view_type=ViewType.ACTIVE_ONLY,
    )
    assert {run.info.run_id for run in runs} == set(claimed.values())


def test_a_child_whose_submitter_was_killed_half_way_is_finished(client, parent):
    run = client.create_run(parent.tags["studio.experiment_id"], run_name="c")
    client.log_param(parent.id, "child/one", run.info.run_id)
    job = submit_one(client, parent)
    assert job.run_id == run.info.run_id
    assert get_job(client, run.info.run_id).status is JobStatus.QUEUED
    client.delete_tag(job.run_id, "studio.job")  # killed a little later
    assert submit_one(client, parent).record_id == job.record_id
    assert get_job(client, job.run_id).record_id == job.record_id


def test_children_end_with_their_parent(client, parent):
    jobs = [submit_one(client, parent, key) for key in ("one", "two")]
    cancel_job(client, jobs[1].run_id)
    cancel_job(client, parent.tags["studio.run_id"])
    for job in jobs:
        assert get_job(client, job.run_id).status is JobStatus.CANCELED
        assert client.get_run(job.run_id).info.status == "KILLED"


def test_a_wrong_child_is_refused_before_anything_is_stored(client, parent):
    with pytest.raises(InvalidInput, match=r"step\.valeu.*Did you mean 'step\.value'"):
        submit_child(
            client,
            parent,
            "one",
            child_document(parent, "echo ${{step.valeu}}"),
            values={"step.value": "5"},
        )
    assert claimed_children(JobQueue(client).get(parent.id)) == {}
