"""Computes in the store: what files make of them, and how they are found, changed and stopped."""

import pytest
import yaml

from mlflow_plugins.core import InvalidInput, NotFound, apply_file
from mlflow_plugins.jobs import (
    compute_status,
    create_compute,
    delete_compute,
    get_compute,
    list_computes,
    start_compute,
    stop_compute,
    submit,
    update_compute,
)
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.backends._ray_options import RayOptions
from mlflow_plugins.jobs.compute import Size

CLUSTER = """\
$schema: https://azuremlschemas.azureedge.net/latest/amlCompute.schema.json
name: cpu-cluster
type: amlcompute
size: Standard_DS3_v2
min_instances: 0
max_instances: 2
idle_time_before_scale_down: 60
location: westeurope
tier: low_priority
identity: {type: system_assigned}
ssh_settings: {admin_username: me}
tags: {team: red}
"""


@pytest.fixture
def client(sqlite_client):
    return sqlite_client


@pytest.fixture
def apply(client, tmp_path):
    def write_and_apply(text):
        path = tmp_path / "compute.yml"
        path.write_text(text)
        return apply_file(client, path)

    return write_and_apply


def test_a_cluster_of_azure_is_understood(client, apply, caplog):
    first = apply(CLUSTER)
    assert "Compute cpu-cluster: not applied: identity, ssh_settings, tier" in caplog.text
    compute = get_compute(client, "cpu-cluster")
    assert compute.size == Size(cpus=4, memory_gib=14)
    assert (compute.min_instances, compute.max_instances, compute.idle_seconds) == (0, 2, 60)
    assert compute.tags == {"team": "red"}
    assert apply(CLUSTER) == first, "applying the same again changes nothing"
    assert apply(CLUSTER.replace("max_instances: 2", "max_instances: 3")).version == "2"
    assert get_compute(client, "cpu-cluster").max_instances == 3


@pytest.mark.parametrize(
    ("text", "kind", "size", "limit"),
    [
        ("name: a\ntype: computeinstance\nsize: Standard_F4s_v2\nschedules: {}", None, (4, 8), 1),
        ("$schema: x/kubernetesCompute.schema.json\nname: a\nnamespace: b", "kubernetes", None, 4),
        ("name: a\ntype: local\ncpus: 0.5\nmemory_gib: 1\n", None, (0.5, 1), None),
        ("name: a\ntype: AmlCompute\nsize: unheard-of\n", "amlcompute", None, 4),
        ("name: a\ntype: ray\naddress: http://127.0.0.1:8265\n", None, None, 4),
        ("name: a\ntype: amlcompute\ncpus: 2\n", None, (2, 8), 4),
    ],
)
def test_other_types(client, apply, text, kind, size, limit):
    apply(text)
    compute = get_compute(client, "a")
    if kind:
        assert compute.type == kind
    assert compute.size == (Size(cpus=size[0], memory_gib=size[1]) if size else None)
    assert compute.max_instances == limit
    assert compute.backend == ("ray" if compute.type == "ray" else "local")


def test_what_a_file_says_of_a_ray_cluster_reaches_its_backend(client, apply):
    said = {
        "address": "http://head:8265",
        "python": "/opt/python",
        "wait_seconds": 5.0,
        "min_instances": 1,
        "idle_time_before_scale_down": 30.0,
        "num_cpus": 3,
        "object_store_memory": 90 << 20,
    }
    apply(yaml.safe_dump({"name": "a", "type": "ray", **said}))
    options = RayOptions.parse(get_compute(client, "a").backend_options)
    assert options.model_dump(include=set(said)) == said
    apply("name: local-shares\ntype: local\n")
    assert get_compute(client, "local-shares").backend_options == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\ntype: ray\nmin_instances: 2", "min_instances.*less than or equal to 1"),
        ("type: amlcompute", "Field 'name' is missing"),
        ("name: a\ntype: amlcompute\nmax_instance: 3", "unknown.*Did you mean 'max_instances'"),
        ("name: a\ntype: amlcompute\nmin_instances: 9", "'min_instances' is 9, more than"),
        ("name: a\ntype: amlcomputer", "not a kind of asset.*Did you mean 'amlCompute'"),
        ("name: a", "nothing says what this describes"),
        ("command: echo", r"describes a job. Submit it with: mlflow run .*compute\.yml -b studio"),
        ("$schema: x/sweepJob.schema.json", "describes a job"),
        ("- a", "one YAML mapping"),
        ("name: ..\ntype: local", "cannot be used as name"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(apply, text, message):
    with pytest.raises(InvalidInput, match=f"(?s)compute\\.yml.*{message}"):
        apply(text)


def test_local_is_there_without_being_created(client):
    assert [one.name for one in list_computes(client)] == ["local"]
    with pytest.raises(NotFound, match="Nobody has created a compute 'local'"):
        update_compute(client, "local", max_instances=1)
    with pytest.raises(NotFound, match=r"There is no compute 'x'\. There are: local"):
        stop_compute(client, "x")


def test_stopping_outlives_changes(client):
    create_compute(client, {"name": "a", "type": "local"})
    stop_compute(client, "a")
    assert update_compute(client, "a", max_instances=3).is_stopped
    assert compute_status(client, "a").state == "Stopped"
    assert not start_compute(client, "a").is_stopped
    assert compute_status(client, "a").state == "Unserved"
    assert stop_compute(client, "local").is_stopped
    assert not start_compute(client, "local").is_stopped


def test_jobs_of_a_deleted_compute_wait_for_local(client, tmp_path):
    create_compute(client, {"name": "a", "type": "local"})
    job = submit(client, {"command": "true", "compute": "azureml:a"}, base_folder=tmp_path)
    assert compute_status(client, "a").queue_length == "1"
    delete_compute(client, "a")
    assert [one.run_id for one in compute_status(client, "local").queued] == [job.run_id]
    assert [one.id for one in JobQueue(client).waiting({"local"}, 9)] == [job.record_id]


def test_more_instances_than_a_compute_ever_has_are_refused(client, tmp_path):
    create_compute(client, {"name": "a", "type": "local", "max_instances": 2})
    document = {"command": "true", "compute": "a", "resources": {"instance_count": 3}}
    with pytest.raises(InvalidInput, match="is 3, and the compute 'a' has at most 2 instances"):
        submit(client, document, base_folder=tmp_path)


def test_data_files_become_data_assets(client, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    path = tmp_path / "data.yml"
    path.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/data.schema.json\n"
        "name: rows\ntype: uri_file\npath: ./rows.csv\n"
    )
    first = apply_file(client, path)
    assert (first.reference, apply_file(client, path).version) == ("azureml:rows:1", "1")
    (tmp_path / "rows.csv").write_text("a,b\n1,3\n")
    assert apply_file(client, path).version == "2"
    path.write_text("name: rows\ntype: uri_folder\npath: rows.csv\n")
    with pytest.raises(InvalidInput, match=r"'type' is 'uri_folder', but .* is a file"):
        apply_file(client, path)
