import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

SCRIPT = """
import numpy as np, pandas as pd, automl
rng = np.random.default_rng(0)
x = pd.DataFrame(rng.normal(size=(20000, 20))).rename(columns=str)
x["y"] = (x.sum(axis=1) > 0).astype(int)
print("started", flush=True)
automl.fit(x, target="y", time_budget_s=120, n_jobs=2).predict(x)
"""


def _wait_for(condition, *, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.fault
def test_nothing_outlives_a_killed_parent(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT], env=environment)
    try:
        family = psutil.Process(parent.pid)
        assert _wait_for(lambda: len(family.children(recursive=True)) >= 3, seconds=60)
        children = family.children(recursive=True)
        assert list(tmp_path.glob("automl-*"))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert _wait_for(lambda: not any(_is_alive(c) for c in children), seconds=20)
    assert _wait_for(lambda: not list(tmp_path.glob("automl-*")), seconds=10)


@pytest.mark.fault
def test_workers_die_with_a_killed_host(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        family = psutil.Process(parent.pid)
        assert _wait_for(lambda: len(family.children(recursive=True)) >= 3, seconds=60)
        (host,) = family.children()
        workers = host.children()
        host.kill()
        assert _wait_for(lambda: not any(_is_alive(w) for w in workers), seconds=20)
        _, errors = parent.communicate(timeout=60)
        assert parent.returncode == 0, errors
        assert "The search ends early" in errors
    finally:
        parent.kill()
        parent.wait()


def _is_alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_fit_leaves_no_process_and_no_file(people, tmp_path, monkeypatch):
    import tempfile

    import automl

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    automl.fit(people, target="label", time_budget_s=30, max_trials=1, allowed=["linear"])
    after = {p.pid for p in psutil.Process().children(recursive=True)}
    assert after <= before
    assert not list(tmp_path.iterdir())


def test_importing_the_package_imports_no_heavy_library():
    code = (
        "import sys, automl, automl.job_type;"
        "print([m for m in ('pandas','sklearn','lightgbm','optuna','mlflow') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
