from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mlflow_plugins.jobs import JobStatus
from mlflow_plugins.jobs._states import (
    MOVES,
    N_ATTEMPTS,
    RetryPolicy,
    after_failure,
    after_loss,
    shown_status,
)


def test_every_place_leads_to_every_end_but_the_ends_lead_nowhere():
    for status, moves in MOVES.items():
        if status.is_final:
            assert moves == frozenset()
        else:
            assert {JobStatus.FAILED, JobStatus.CANCELED} <= moves
    assert JobStatus.CANCEL_REQUESTED not in MOVES


def test_only_a_job_whose_command_ran_completes():
    before = {status for status, moves in MOVES.items() if JobStatus.COMPLETED in moves}
    assert before == {JobStatus.RUNNING, JobStatus.FINALIZING}


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


policies = st.builds(
    RetryPolicy,
    max_retries=st.integers(0, 8),
    backoff=st.floats(0, 1e4),
    max_backoff=st.floats(0, 1e5),
)


class Retries(RuleBasedStateMachine):
    """One job whose attempts fail, are lost, or succeed, in any order."""

    status = None

    @initialize(policy=policies)
    def submit(self, policy):
        self.policy = policy
        self.status, self.n_failures, self.n_losses, self.pauses = JobStatus.QUEUED, 0, 0, []

    @property
    def attempt(self):
        return self.n_failures + self.n_losses + 1

    @precondition(lambda self: self.status is JobStatus.QUEUED)
    @rule(is_cancelled=st.sampled_from([False] * 4 + [True]))
    def the_command_fails(self, is_cancelled):
        self.n_failures += 1
        self.status, pause = after_failure(
            self.n_failures, self.policy, is_cancel_requested=is_cancelled
        )
        assert (self.status is JobStatus.CANCELED) == is_cancelled
        if self.status is JobStatus.QUEUED:
            self.pauses.append(pause)

    @precondition(lambda self: self.status is JobStatus.QUEUED)
    @rule()
    def the_runner_is_lost(self):
        self.status = after_loss(
            self.attempt, is_cancel_requested=False, n_failures=self.n_failures
        )
        self.n_losses += 1

    @precondition(lambda self: self.status is not JobStatus.QUEUED)
    @rule()
    def nothing_more_happens(self):
        assert self.status.is_final

    @invariant()
    def each_kind_of_failure_is_counted_by_its_own_rule(self):
        if self.status is None:
            return
        assert self.n_failures <= self.policy.max_retries + 1
        assert self.n_losses <= N_ATTEMPTS
        if self.status is JobStatus.FAILED:
            by_itself = self.n_failures == self.policy.max_retries + 1
            assert by_itself or self.n_losses == N_ATTEMPTS

    @invariant()
    def pauses_grow_up_to_the_longest(self):
        if self.status is None:
            return
        assert self.pauses == sorted(self.pauses)
        assert all(0 <= pause <= self.policy.max_backoff for pause in self.pauses)


TestRetries = Retries.TestCase


def test_mlflow_knows_the_status_of_the_run():
    assert {status.run_status for status in JobStatus} == {
        "SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED",
    }  # fmt: skip
