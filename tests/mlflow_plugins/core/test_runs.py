"""Runs are written to without being read first."""

import pytest
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import set_run_status, upload


@pytest.fixture(params=["sqlite_client", "client"])
def any_client(request):
    return request.getfixturevalue(request.param)


def test_a_status_that_is_no_end_sets_no_end(any_client):
    run = any_client.create_run("0")
    set_run_status(any_client, run.info.run_id, "SCHEDULED")
    info = any_client.get_run(run.info.run_id).info
    assert (info.status, info.end_time, info.run_name) == ("SCHEDULED", None, run.info.run_name)


def test_a_deleted_run_has_no_new_status(any_client):
    run = any_client.create_run("0")
    any_client.delete_run(run.info.run_id)
    with pytest.raises(MlflowException):
        set_run_status(any_client, run.info.run_id, "RUNNING")


def test_a_file_is_where_mlflow_would_have_put_it(any_client, tmp_path):
    run = any_client.create_run("0")
    (tmp_path / "x.txt").write_text("x")
    upload(any_client, run.info.artifact_uri, tmp_path / "x.txt", "folder")
    files = any_client.list_artifacts(run.info.run_id, "folder")
    assert [file.path for file in files] == ["folder/x.txt"]
