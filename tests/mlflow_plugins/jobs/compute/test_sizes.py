"""Azure's sizes as its documentation lists them, and what this machine has."""

import pytest

from mlflow_plugins.jobs.compute import Size, azure_size, this_machine
from mlflow_plugins.jobs.compute._machine import find_gpus


@pytest.mark.parametrize(
    ("name", "cpus", "memory_gib", "gpus"),
    [
        ("Standard_DS3_v2", 4, 14, 0),
        ("STANDARD_D2_V2", 2, 7, 0),
        ("Standard_DS12_v2", 4, 28, 0),
        ("Standard_D4s_v3", 4, 16, 0),
        ("Standard_D4as_v5", 4, 16, 0),
        ("Standard_E8s_v3", 8, 64, 0),
        ("Standard_F4s_v2", 4, 8, 0),
        ("Standard_A2_v2", 2, 4, 0),
        ("Standard_B2ms", 2, 8, 0),
        ("Standard_M64", 64, 1024, 0),
        ("Standard_E32-16s_v3", 16, 256, 0),
        ("Standard_NC6", 6, 56, 1),
        ("Standard_NC6s_v3", 6, 112, 1),
        ("Standard_NC24s_v3", 24, 448, 4),
        ("Standard_NC4as_T4_v3", 4, 28, 1),
        ("Standard_NC64as_T4_v3", 64, 448, 4),
        ("Standard_NC24ads_A100_v4", 24, 220, 1),
        ("Standard_NC40ads_H100_v5", 40, 320, 1),
        ("Standard_ND40rs_v2", 40, 672, 8),
        ("Standard_ND96asr_v4", 96, 900, 8),
        ("Standard_NV12s_v3", 12, 112, 1),
    ],
)
def test_azure_names_are_understood(name, cpus, memory_gib, gpus):
    size = azure_size(name)
    assert (size.cpus, size.gpus) == (cpus, gpus)
    assert size.memory_gib == pytest.approx(memory_gib, rel=0.02)


@pytest.mark.parametrize("name", ["", "large", "Standard", "Standard_", "Standard_Q4", "cpu-4"])
def test_other_names_say_nothing(name):
    assert azure_size(name) is None


def test_shares_that_add_up_fit():
    whole, third = Size(cpus=1, memory_gib=1), Size(cpus=1 / 3, memory_gib=1 / 3)
    assert third.fits_into(whole.minus(third).minus(third))


def test_this_machine_has_something():
    size = this_machine().size
    assert size.cpus >= 1
    assert size.memory_gib > 0.1


@pytest.fixture
def fake_nvidia(tmp_path, monkeypatch):
    def make(script):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return make


def test_gpus_are_those_that_nvidia_lists_and_we_may_see(fake_nvidia, monkeypatch):
    fake_nvidia("echo '0, GPU-aa'; echo '1, GPU-bb'")
    assert find_gpus() == ("0", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-bb")
    assert find_gpus() == ("GPU-bb",)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert find_gpus() == ()


def test_a_driver_that_does_not_answer_gives_no_gpu(fake_nvidia):
    fake_nvidia("echo 'NVIDIA-SMI has failed'; exit 9")
    assert find_gpus() == ()
