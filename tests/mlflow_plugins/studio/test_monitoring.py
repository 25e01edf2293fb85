"""What MLflow measures of machines, sorted into charts."""

import json

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from mlflow_plugins.jobs import submit
from mlflow_plugins.studio.pages.jobs._monitoring import panel_lines, panels

# As MLflow 3.17 logs them on a machine with two GPUs.
NAMES = [
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
    "system/disk_usage_percentage",
    "system/disk_usage_megabytes",
    "system/disk_available_megabytes",
    "system/network_receive_megabytes",
    "system/network_transmit_megabytes",
    *(
        f"system/gpu_{n}_{what}"
        for n in (0, 1)
        for what in (
            "memory_usage_percentage",
            "memory_usage_megabytes",
            "utilization_percentage",
            "power_usage_watts",
            "power_usage_percentage",
        )
    ),
]


def test_metrics_of_one_kind_share_a_chart():
    found = panels([*NAMES, "loss", "systematic/error"])
    assert [one.title for one in found] == [
        *("CPU (%)", "Memory (%)", "Memory (MB)", "GPU (%)", "GPU memory (%)", "GPU memory (MB)"),
        *("GPU power (%)", "GPU power (W)", "Network (MB)", "Disk in use (%)"),
        *("Disk in use (MB)", "Disk available (MB)"),
    ]
    by_title = {one.title: dict(one.metrics) for one in found}
    assert by_title["GPU (%)"] == {
        "GPU 0": "system/gpu_0_utilization_percentage",
        "GPU 1": "system/gpu_1_utilization_percentage",
    }
    assert set(by_title["Network (MB)"]) == {"received", "sent"}
    assert sorted(name for one in found for name in one.metrics.values()) == sorted(NAMES)


def test_every_name_gets_a_place_and_several_machines_a_line_each():
    names = ["system/a/cpu_utilization_percentage", "system/b/cpu_utilization_percentage"]
    [panel] = panels(names)
    assert dict(panel.metrics) == {"a": names[0], "b": names[1]}
    assert panels(["system/load"])[0].title == "load"
    assert panels(["system/tpu_heat_percentage"])[0].title == "Tpu heat (%)"


def test_lines_run_over_the_minutes_since_the_first_value():
    [panel] = panels(["system/network_receive_megabytes", "system/network_transmit_megabytes"])
    histories = {
        "system/network_receive_megabytes": [
            Metric("r", 1.0, 60_000, 0),
            Metric("r", 2, 90_000, 1),
        ],
        "system/network_transmit_megabytes": [Metric("t", 3.0, 120_000, 0)],
    }
    lines = {one.name: (one.x, one.y) for one in panel_lines(panel, histories)}
    assert lines == {"received": ([0.0, 0.5], [1.0, 2]), "sent": ([1.0], [3.0])}
    assert panel_lines(panel, {}) == []


@pytest.fixture
def job(sqlite_uri, tmp_path):
    return submit(MlflowClient(sqlite_uri), {"command": "true"}, base_folder=tmp_path)


def test_a_job_shows_its_machine_apart_from_its_own_metrics(place, job, sqlite_uri):
    address = f"/jobs/{job.run_id}"
    client = MlflowClient(sqlite_uri)
    assert "Monitoring" not in place.open(address, "?tab=metrics")
    points = [Metric("system/cpu_utilization_percentage", 10.0 * n, 60_000 * n, n) for n in (1, 2)]
    client.log_batch(job.run_id, points)
    page = place.open(address, "?tab=metrics")
    assert "Monitoring" in page
    assert "CPU (%)" in page
    assert '"y": [10.0, 20.0]' in page
    assert "system/" not in page
    assert "system/" not in place.open(address)
    assert json.loads(page)
