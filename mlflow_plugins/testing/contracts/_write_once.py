"""The law of `set_once`: of any number of values for one key, exactly one stands."""

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import Record, connect, set_once, set_or_read
from mlflow_plugins.testing.concurrency import in_processes, in_threads
from mlflow_plugins.testing.contracts._base import StoreCase

N_KEYS = 10


class WriteOnceContract(StoreCase):
    """Compare-and-set on a run's params."""

    def test_first_value_stands(self, client: MlflowClient, record: Record) -> None:
        """A second value is refused and changes nothing; the first one may be repeated."""
        assert set_once(client, record.id, "key", "first")
        assert not set_once(client, record.id, "key", "second")
        assert set_once(client, record.id, "key", "first")
        assert client.get_run(record.id).data.params["key"] == "first"

    def test_works_after_the_run_ended(self, client: MlflowClient, record: Record) -> None:
        """A record that is finished can still be decided about."""
        client.set_terminated(record.id)
        assert set_once(client, record.id, "key", "value")

    def test_refuses_a_deleted_run(self, client: MlflowClient, record: Record) -> None:
        """Deleting a record ends every competition about it."""
        client.delete_run(record.id)
        with pytest.raises(MlflowException, match="must be in the 'active' state"):
            set_once(client, record.id, "key", "value")

    def test_refuses_instead_of_cutting(self, client: MlflowClient, record: Record) -> None:
        """A value that does not fit is an error, never half a value."""
        assert set_once(client, record.id, "longest", "x" * 6000)
        with pytest.raises(MlflowException, match="exceeds the maximum length"):
            set_once(client, record.id, "too long", "x" * 6001)
        assert client.get_run(record.id).data.params == {"longest": "x" * 6000}

    def test_one_winner_among_threads(
        self, tracking_uri: str, client: MlflowClient, record: Record
    ) -> None:
        """Eight threads with own clients: one winner for each key, and its value stands."""
        wins = in_threads(8, lambda index: _compete(index, tracking_uri, record.id))
        _check_winners(wins, client, record.id)

    def test_the_winners_tags_stand_and_no_others(
        self, tracking_uri: str, client: MlflowClient, record: Record
    ) -> None:
        """Tags that are written with a value are there if and only if the value stands."""
        wins = in_threads(8, lambda index: _compete_with_tags(index, tracking_uri, record.id))
        _check_winners(wins, client, record.id)
        data = client.get_run(record.id).data
        written = {key: tag for key, tag in data.tags.items() if key.startswith("tag ")}
        assert written == {
            f"tag {n} of {data.params[f'key {n}']}": "written" for n in range(N_KEYS)
        }

    def test_one_winner_among_processes(
        self, tracking_uri: str, client: MlflowClient, record: Record
    ) -> None:
        """Six processes: one winner for each key, and its value stands."""
        wins = in_processes(6, _compete, tracking_uri, record.id)
        _check_winners(wins, client, record.id)


def _compete(index: int, uri: str, run_id: str) -> list[bool]:
    client = connect(uri)
    return [set_once(client, run_id, f"key {n}", f"value of {index}") for n in range(N_KEYS)]


def _compete_with_tags(index: int, uri: str, run_id: str) -> list[bool]:
    client, value = connect(uri), f"value of {index}"
    return [
        set_or_read(client, run_id, f"key {n}", value, tags={f"tag {n} of {value}": "written"})
        is None
        for n in range(N_KEYS)
    ]


def _check_winners(wins: list[list[bool]], client: MlflowClient, run_id: str) -> None:
    params = client.get_run(run_id).data.params
    for n in range(N_KEYS):
        winners = [index for index, won in enumerate(wins) if won[n]]
        assert len(winners) == 1
        assert params[f"key {n}"] == f"value of {winners[0]}"
