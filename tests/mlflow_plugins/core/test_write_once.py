"""What `set_once` makes of the answers of a store. Its law is in the store's contract."""

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import set_once
from mlflow_plugins.core.write_once import set_or_read


class _LosesAnswers(MlflowClient):
    """A client whose server does what it is asked and then fails to say so."""

    def log_param(self, run_id, key, value, synchronous=None):
        super().log_param(run_id, key, value)
        raise MlflowException("the connection was lost")


def test_a_lost_answer_is_looked_up(sqlite_uri: str):
    client = _LosesAnswers(sqlite_uri)
    run_id = client.create_run("0").info.run_id
    assert set_once(client, run_id, "key", "mine")
    assert not set_once(MlflowClient(sqlite_uri), run_id, "key", "other")


def test_the_loser_is_told_what_stands(sqlite_client: MlflowClient):
    run_id = sqlite_client.create_run("0").info.run_id
    assert set_or_read(sqlite_client, run_id, "a", "1") is None
    assert set_or_read(sqlite_client, run_id, "b", "2") is None
    assert set_or_read(sqlite_client, run_id, "a", "3") == {"a": "1", "b": "2"}


def test_a_refusal_that_is_no_lost_race_is_raised(sqlite_client: MlflowClient):
    run_id = sqlite_client.create_run("0").info.run_id
    with pytest.raises(MlflowException, match="Names may only contain"):
        set_once(sqlite_client, run_id, "no@key", "value")
