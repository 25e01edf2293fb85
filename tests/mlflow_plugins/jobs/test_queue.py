"""The queue under every order of what runners, agents and users do to one job."""

import contextlib

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import LeaseLost, StudioError, connect
from mlflow_plugins.jobs import JobStatus
from mlflow_plugins.jobs._job import has_outcome, read_state, stored_status, to_job
from mlflow_plugins.jobs._queue import JobQueue
from mlflow_plugins.jobs._states import N_ATTEMPTS
from mlflow_plugins.jobs.compute import Demand
from mlflow_plugins.testing import ManualClock

SECONDS = 10.0
ALL = ("local", "coordinators")
STAGES = [JobStatus.PREPARING, JobStatus.RUNNING, JobStatus.FINALIZING]


class Life(RuleBasedStateMachine):
    """One job; a runner that may be replaced; time that passes."""

    uri = ""

    def __init__(self):
        super().__init__()
        self.clock = ManualClock()
        self.client = connect(self.uri)
        self.queue = JobQueue(self.client, clock=self.clock)
        self.job = put(self.queue)
        self.holds = []  # of runners, oldest first
        self.outcome = None

    def state(self):
        return read_state(self.client, self.job.record_id)

    def now(self):
        return to_job(self.state())

    @rule(dies_at_once=st.booleans())
    def a_runner_asks(self, dies_at_once):
        record, seconds = self.job.record_id, SECONDS
        is_waiting = stored_status(self.state()) is JobStatus.QUEUED
        hold = self.queue.take(record, holder="runner", seconds=seconds, begins=True)
        if hold is None:
            return
        if not is_waiting:  # the runner before it died
            hold.recover()
            return
        self.holds.append(hold)
        if not dies_at_once:
            hold.begin()

    @precondition(lambda self: self.holds)
    @rule(which=st.integers(0, 5), status=st.sampled_from(STAGES))
    def a_runner_moves(self, which, status):
        hold = self.holds[-1 - which % len(self.holds)]
        before = self.now()
        try:
            hold.move(status)
        except LeaseLost:
            assert self.is_over(hold)
        except StudioError:
            pass
        else:
            assert not self.is_over(hold)
            assert not before.status.is_final

    @precondition(lambda self: self.holds)
    @rule(which=st.integers(0, 5))
    def a_runner_gives_a_sign_of_life(self, which):
        hold = self.holds[-1 - which % len(self.holds)]
        try:
            hold.renew()
        except LeaseLost:
            assert self.is_over(hold)

    @precondition(lambda self: self.holds)
    @rule(
        which=st.integers(0, 5),
        status=st.sampled_from([JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED]),
    )
    def a_runner_ends(self, which, status):
        hold = self.holds[-1 - which % len(self.holds)]
        try:
            hold.end(status, "why")
        except LeaseLost:
            assert self.is_over(hold)

    @precondition(lambda self: self.holds)
    @rule()
    def a_runner_gives_back(self):
        hold = self.holds[-1]
        with contextlib.suppress(StudioError):  # that uses up no attempt
            hold.give_back(attempt=int(hold.record.tags["studio.attempt"]) - 1)

    @precondition(lambda self: self.holds)
    @rule(which=st.integers(0, 5))
    def a_runner_loses_its_machine(self, which):
        hold, before = self.holds[-1 - which % len(self.holds)], self.now()
        try:
            status = hold.lose("it burned")
        except LeaseLost:
            assert self.is_over(hold)
        except StudioError:
            assert before.status.is_final
        else:
            assert status.is_final or before.attempt < N_ATTEMPTS

    @rule(seconds=st.sampled_from([1.0, SECONDS / 2, SECONDS * 2]))
    def time_passes(self, seconds):
        self.clock.sleep(seconds)

    @rule()
    def an_agent_looks_after_it(self):
        before = self.now()
        status = self.queue.recover(self.job.record_id, holder="agent", seconds=SECONDS)
        if status is JobStatus.FAILED and not before.status.is_final:
            assert before.attempt >= N_ATTEMPTS

    @rule()
    def a_user_cancels(self):
        try:
            self.queue.cancel(self.now())
        except StudioError:
            assert has_outcome(self.state())

    def is_over(self, hold):
        """Whether a lease was replaced or given back."""
        state, lease = self.state(), hold.lease
        is_given_back = f"released/{lease.token}" in state.params
        return is_given_back or f"lease/{lease.token + 1}" in state.params

    @invariant()
    def an_outcome_stands_for_ever(self):
        outcome = self.state().params.get("outcome")
        assert self.outcome in (None, outcome)
        self.outcome = outcome

    @invariant()
    def run_and_record_agree(self):
        record, run = self.state(), self.client.get_run(self.job.run_id)
        assert record.status == run.info.status
        job = to_job(record)
        assert job.status.is_final == (self.outcome is not None)
        if job.status is not JobStatus.CANCEL_REQUESTED:
            assert job.status.run_status == run.info.status
        assert job.attempt <= N_ATTEMPTS


@pytest.mark.slow
def test_every_order_of_events_is_safe(sqlite_uri):
    machine = type("LifeHere", (Life,), {"uri": sqlite_uri})
    test = machine.TestCase
    test.settings = settings(
        max_examples=25,
        phases=[Phase.explicit, Phase.generate],  # shrinking a sequence takes minutes
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    test("runTest").runTest()


@pytest.fixture
def queue(sqlite_client):
    return JobQueue(sqlite_client)


def put(queue, name="x"):
    run = queue.client.create_run("0", run_name=name)
    queue.client.update_run(run.info.run_id, status="SCHEDULED")
    return queue.put(
        {"type": "command"},
        run=run,
        demand=Demand(compute="local"),
        user="me",
    )


def test_the_oldest_job_is_first(queue):
    jobs = [put(queue, f"job {n}") for n in range(3)]
    assert [record.id for record in queue.waiting(ALL, 2)] == [job.record_id for job in jobs[:2]]
    assert [record.id for record in queue.waiting(ALL, 9)] == [job.record_id for job in jobs]


def test_what_is_begun_is_not_queued(queue):
    job = put(queue)
    hold = queue.take(job.record_id, holder="me", seconds=60, begins=True)
    hold.begin()
    assert queue.waiting(ALL, 9) == []
    assert [record.id for record in queue.begun()] == [job.record_id]


def test_a_submission_that_was_cut_off_comes_into_the_queue(queue):
    """A submitter that is killed between making the record and its status leaves it RUNNING."""
    job = put(queue)
    queue.client.update_run(job.record_id, status="RUNNING")
    assert queue.recover(job.record_id, holder="agent", seconds=60) is JobStatus.QUEUED
    assert [record.id for record in queue.waiting(ALL, 9)] == [job.record_id]


def test_a_runner_that_died_after_the_outcome_is_finished_for_it(queue, monkeypatch):
    job = put(queue)
    hold = queue.take(job.record_id, holder="me", seconds=60, begins=True)
    hold.begin()
    with monkeypatch.context() as patch:
        patch.setattr(hold, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            hold.end(JobStatus.FAILED, "because")
    assert queue.client.get_run(job.run_id).info.status == "RUNNING"
    hold.release()
    assert queue.recover(job.record_id, holder="agent", seconds=60) is JobStatus.FAILED
    assert queue.client.get_run(job.run_id).info.status == "FAILED"
    assert queue.client.get_run(job.run_id).data.tags["studio.error"] == "because"


def test_the_end_of_a_job_whose_run_was_deleted_is_noted(queue):
    job = put(queue)
    hold = queue.take(job.record_id, holder="me", seconds=60)
    queue.client.delete_run(job.run_id)
    hold.end(JobStatus.CANCELED)
    assert read_state(queue.client, job.record_id).status == "KILLED"
    with pytest.raises(MlflowException):
        queue.client.set_terminated(job.run_id)
