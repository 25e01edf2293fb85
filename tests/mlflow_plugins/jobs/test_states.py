from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.jobs import JobStatus
from mlflow_plugins.jobs._states import MOVES, N_ATTEMPTS, after_loss, shown_status


def test_every_place_leads_to_every_end_but_the_ends_lead_nowhere():
    for status, moves in MOVES.items():
        if status.is_final:
            assert moves == frozenset()
        else:
            assert {JobStatus.FAILED, JobStatus.CANCELED} <= moves
    assert JobStatus.CANCEL_REQUESTED not in MOVES


def test_only_the_whole_way_completes():
    before = {status for status, moves in MOVES.items() if JobStatus.COMPLETED in moves}
    assert before == {JobStatus.FINALIZING}


@given(st.sampled_from(list(MOVES)), st.booleans())
def test_an_end_is_shown_whatever_was_asked(status, is_asked):
    shown = shown_status(status, is_cancel_requested=is_asked)
    assert shown is (JobStatus.CANCEL_REQUESTED if is_asked and not status.is_final else status)


@given(st.integers(1, 20), st.booleans())
def test_a_lost_job_is_tried_again_a_few_times(attempt, is_asked):
    status = after_loss(attempt, is_cancel_requested=is_asked)
    if is_asked:
        assert status is JobStatus.CANCELED
    else:
        assert (status is JobStatus.QUEUED) == (attempt < N_ATTEMPTS)
        assert status in (JobStatus.QUEUED, JobStatus.FAILED)


def test_mlflow_knows_the_status_of_the_run():
    assert {status.run_status for status in JobStatus} == {
        "SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED",
    }  # fmt: skip
