"""The law of leases as a state machine. What several processes do is in the store's contract."""

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from mlflow import MlflowClient

from mlflow_plugins.core import Lease, LeaseLost, Leases, Records, current_lease, is_alive
from mlflow_plugins.testing import ManualClock

_SECONDS = 10.0
_HOLDERS = st.sampled_from(["a", "b|c", "d"])


class _LeaseMachine(RuleBasedStateMachine):
    """Holders that take, renew and give back at any time, beside a model of who may."""

    client: MlflowClient

    @initialize()
    def begin(self):
        self.record = Records(self.client).create("machine", {})
        self.clock = ManualClock()
        self.leases = Leases(self.client, clock=self.clock)
        self.taken: list[Lease] = []
        self.alive_until = float("-inf")  # of the newest lease
        self.is_released = False

    @property
    def is_held(self) -> bool:
        return self.clock.now() < self.alive_until and not self.is_released

    @rule(holder=_HOLDERS)
    def take(self, holder: str):
        was_held = self.is_held
        lease = self.leases.take(self.record.id, holder=holder, seconds=_SECONDS)
        assert (lease is None) == was_held
        if lease is not None:
            assert lease.holder == holder
            assert all(lease.token > earlier.token for earlier in self.taken)
            self.taken.append(lease)
            self.alive_until = self.clock.now() + _SECONDS
            self.is_released = False

    @rule(which=st.integers(0, 3))
    def renew(self, which: int):
        if not self.taken:
            return
        lease = self.taken[-1 - which % len(self.taken)]
        may = lease is self.taken[-1] and not self.is_released
        try:
            self.leases.renew(lease)
        except LeaseLost:
            assert not may
        else:
            assert may
            self.alive_until = self.clock.now() + _SECONDS

    @rule(which=st.integers(0, 3))
    def release(self, which: int):
        if self.taken:
            lease = self.taken[-1 - which % len(self.taken)]
            self.leases.release(lease)
            self.is_released = self.is_released or lease is self.taken[-1]

    @rule(seconds=st.sampled_from([1.0, 9.0, 10.0, 25.0]))
    def wait(self, seconds: float):
        self.clock.advance(seconds)

    @invariant()
    def at_most_the_newest_is_alive(self):
        run = self.client.get_run(self.record.id)
        newest = current_lease(run)
        assert newest == (self.taken[-1] if self.taken else None)
        alive = [lease for lease in self.taken if is_alive(lease, run, self.clock.now())]
        if self.is_held:
            assert newest in alive
        elif newest is not None:
            assert newest not in alive


def test_lease_machine(sqlite_client: MlflowClient):
    _LeaseMachine.client = sqlite_client
    hypothesis.stateful.run_state_machine_as_test(
        _LeaseMachine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@hypothesis.given(
    holder=st.text(), taken_at=st.floats(0, 1e10), seconds=st.floats(0.1, 1e6), token=st.integers(1)
)
def test_encoding_round_trip(holder: str, taken_at: float, seconds: float, token: int):
    lease = Lease(
        record_id="r", token=token, holder=holder, taken_at=taken_at, seconds=seconds, nonce="n"
    )
    assert Lease.decode("r", token, lease.encode()) == lease
