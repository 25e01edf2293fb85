"""The rules by which waiting jobs start: laws for any machine, any computes and any queue."""

from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.jobs.compute import Compute, Demand, Machine, Share, Situation, Size, choose
from mlflow_plugins.jobs.compute._placement import MAX_COORDINATORS

MACHINE = Machine.of(cpus=8, memory_gib=32, gpus=("0", "1"))


def situation(*computes, busy=(), elsewhere=None, machine=MACHINE, n_shares=4):
    return Situation(
        machine=machine,
        n_shares=n_shares,
        computes={one.name: one for one in computes},
        busy=busy,
        elsewhere=elsewhere or {},
    )


def compute(name="local", **fields):
    return Compute(name=name, type="local", **fields)


def sized(name, cpus, memory_gib=1.0, gpus=0, **fields):
    return compute(name, size=Size(cpus=cpus, memory_gib=memory_gib, gpus=gpus), **fields)


def demands(*names):
    return [Demand(compute=name) for name in names]


# ---------------------------------------------------------------- laws

sizes = st.builds(
    Size,
    cpus=st.sampled_from([0.5, 1, 2, 3, 8, 20]),
    memory_gib=st.sampled_from([1, 4, 16, 64]),
    gpus=st.integers(0, 3),
)
computes = st.lists(
    st.builds(
        compute,
        name=st.sampled_from(["a", "b", "c"]),
        size=st.none() | sizes,
        min_instances=st.integers(0, 2),
        max_instances=st.none() | st.integers(2, 4),
        is_stopped=st.sampled_from([False, False, False, True]),
    ),
    unique_by=lambda one: one.name,
    min_size=1,
)
queues = st.lists(
    st.builds(
        Demand,
        compute=st.sampled_from(["a", "b", "c", "unknown"]),
        instances=st.integers(1, 5),
        instance_type=st.sampled_from(["", "", "Standard_NC6", "Standard_D2_v3"]),
        is_coordinator=st.sampled_from([False, False, False, True]),
    ),
    max_size=25,
)
machines = st.builds(
    Machine.of,
    cpus=st.integers(1, 16),
    memory_gib=st.sampled_from([2, 16, 128]),
    gpus=st.sampled_from([(), ("0",), ("0", "1", "2")]),
)


@given(machines, computes, queues, st.integers(1, 4))
def test_a_machine_is_never_oversubscribed(machine, known, queue, n_shares):
    before = situation(*known, machine=machine, n_shares=n_shares)
    chosen = choose(before, queue)
    shares = [share for share in chosen.values() if not share.is_coordinator]
    total = [sum(getattr(one.size, what) for one in shares) for what in ("cpus", "memory_gib")]
    assert total[0] <= machine.size.cpus + 1e-6
    assert total[1] <= machine.size.memory_gib + 1e-6
    gpus = [gpu for one in shares for gpu in one.gpus]
    assert len(gpus) == len(set(gpus)), "two jobs on one GPU"
    assert all(len(one.gpus) == one.size.gpus for one in shares)
    assert set(gpus) <= set(machine.gpus)
    for one in known:
        running = sum(share.instances for share in shares if share.compute == one.name)
        assert running <= (one.max_instances or 10**9)
        assert not (one.is_stopped and running)
    assert sum(share.is_coordinator for share in chosen.values()) <= MAX_COORDINATORS


@given(machines, computes, queues, st.integers(1, 4))
def test_within_a_compute_nobody_overtakes(machine, known, queue, n_shares):
    chosen = choose(situation(*known, machine=machine, n_shares=n_shares), queue)
    for name in {one.compute for one in queue}:
        own = [n for n, one in enumerate(queue) if one.compute == name and not one.is_coordinator]
        started = [n in chosen for n in own]
        assert started == sorted(started, reverse=True), "a later job started, an earlier one waits"


@given(machines, computes, queues, st.integers(1, 4))
def test_an_idle_machine_starts_the_first_job_that_may_run(machine, known, queue, n_shares):
    """No reservation and no size keeps a job from ever running."""
    names = {one.name for one in known if not one.is_stopped}
    first = next(
        (n for n, one in enumerate(queue) if one.compute in names and not one.is_coordinator), None
    )
    chosen = choose(situation(*known, machine=machine, n_shares=n_shares), queue)
    assert first is None or first in chosen


# ---------------------------------------------------------------- examples


def test_equal_shares_fill_the_machine():
    chosen = choose(situation(compute()), demands(*["local"] * 6))
    assert list(chosen) == [0, 1, 2, 3]
    assert {share.size for share in chosen.values()} == {Size(cpus=2, memory_gib=8)}


def test_two_halves_have_the_only_gpu_together():
    machine = Machine.of(cpus=2, memory_gib=8, gpus=("0",))
    here = situation(compute(), machine=machine, n_shares=2)
    assert here.place(Demand(compute="local")).gpus == ()
    assert here.place(Demand(compute="local", instances=2)).gpus == ("0",)


def test_a_large_job_is_not_overtaken_for_ever():
    here = situation(sized("big", 8), sized("small", 2), busy=[share("small", 2)])
    assert choose(here, demands("big", "small")) == {}
    assert list(choose(here, demands("small", "big"))) == [0]


def test_a_full_or_stopped_compute_does_not_hold_up_others():
    here = situation(
        sized("full", 1, max_instances=1),
        sized("stopped", 1, is_stopped=True),
        sized("other", 1),
        busy=[share("full", 1)],
    )
    assert list(choose(here, demands("full", "stopped", "other"))) == [2]


def test_instances_on_other_machines_count():
    here = situation(sized("a", 1, max_instances=3), elsewhere={"a": 2})
    assert list(choose(here, demands("a", "a"))) == [0]


def test_reserved_room_is_for_its_compute_alone():
    reserved = sized("reserved", 6, min_instances=1)
    here = situation(reserved, sized("other", 2))
    assert list(choose(here, demands("other", "other"))) == [0]
    assert list(choose(here, demands("other", "reserved"))) == [0, 1]


def test_a_reservation_makes_no_job_impossible():
    here = situation(sized("reserved", 6, min_instances=1), sized("other", 4))
    assert list(choose(here, demands("other"))) == [0]


def test_coordinators_take_no_room_and_are_bounded():
    waiting = [Demand(compute="local", is_coordinator=True)] * (MAX_COORDINATORS + 3)
    chosen = choose(situation(compute()), [*waiting, *demands("local")])
    assert list(chosen) == [*range(MAX_COORDINATORS), len(waiting)]


def test_a_smaller_machine_says_what_the_job_gets():
    small = Machine.of(cpus=2, memory_gib=8)
    here = situation(sized("c", 4, 14, size_name="Standard_DS3_v2"), machine=small)
    got = here.place(Demand(compute="c"))
    assert got.size == small.size
    assert got.note == (
        "Standard_DS3_v2 is 4 cpus, 14.0 GiB; this machine has less, and the job gets "
        "2 cpus, 8.0 GiB."
    )


def share(name, cpus):
    return Share(compute=name, instances=1, size=Size(cpus=cpus, memory_gib=1))
