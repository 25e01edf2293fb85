import codecs
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.jobs import JobStatus, read_log
from mlflow_plugins.jobs._log import LogKeeper, open_log, whole_characters
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs.compute import Demand


@given(st.text(), st.integers(0, 400))
def test_a_cut_falls_between_characters(text, position):
    content = text.encode()[:position]
    whole = whole_characters(content)
    decoder = codecs.getincrementaldecoder("utf-8")()
    assert content[:whole].decode() == decoder.decode(content)


@given(st.binary())
def test_broken_bytes_are_held_back_by_three_at_most(content):
    assert 0 <= len(content) - whole_characters(content) <= 3


@pytest.fixture
def job(sqlite_client):
    run = sqlite_client.create_run("0")
    return JobQueue(sqlite_client).put(
        {"type": "command"},
        run_id=run.info.run_id,
        experiment_id="0",
        display_name="x",
        demand=Demand(compute="local"),
        user="me",
    )


@pytest.fixture
def log(sqlite_client, job):
    return open_log(sqlite_client, job.run_id)


def test_a_log_is_read_as_it_grows(sqlite_client, job, log, tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"")
    keeper = LogKeeper(log, path, seconds=0.05, may_write=lambda: True)
    keeper.start()
    expected = ""
    offset = 0
    seen = ""
    with path.open("ab") as file:
        for number in range(6):
            line = f"Zeile {number}: äöü 🎉\n"
            content = line.encode()
            file.write(content[: 10 + number])
            file.flush()
            time.sleep(0.15)
            file.write(content[10 + number :])
            file.flush()
            expected += line
            part = read_log(sqlite_client, job.run_id, offset=offset)
            assert not part.is_complete
            seen, offset = seen + part.text, part.next_offset
    keeper.close()
    queue = JobQueue(sqlite_client)
    queue.take(job.record_id, holder="me", seconds=60).end(JobStatus.FAILED, "because")
    part = read_log(sqlite_client, job.run_id, offset=offset)
    assert part.is_complete
    assert seen + part.text == expected
    assert part.next_offset == len(expected.encode())
    assert log.read_all().decode() == expected
    assert len(sqlite_client.list_artifacts(job.record_id, "logs")) > 2
    assert read_log(sqlite_client, job.run_id, offset=10**6).text == ""


def test_a_long_log_comes_in_parts(sqlite_client, job, log, tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"")
    keeper = LogKeeper(log, path, seconds=9, may_write=lambda: True)
    text = "".join(f"{number:09d}\n" for number in range(1_000_000))
    path.write_text(text)
    keeper.start()
    keeper.close()
    parts, offset = [], 0
    while not parts or parts[-1].text:
        parts.append(read_log(sqlite_client, job.run_id, offset=offset))
        offset = parts[-1].next_offset
    assert "".join(part.text for part in parts) == text
    assert len(parts) > 2


def test_nothing_is_written_without_the_lease(sqlite_client, job, log, tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"")
    keeper = LogKeeper(log, path, seconds=0.01, may_write=lambda: False)
    keeper.start()
    path.write_text("hello")
    time.sleep(0.3)
    keeper.close()
    assert sqlite_client.list_artifacts(job.record_id, "logs") == []
