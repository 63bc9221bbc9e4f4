"""Whom the ranks blame, from what a store holds: the rank that nothing explains, and never one that waits for it."""

from __future__ import annotations

import pytest

from fpmg_bench.errors import SiloLost
from fpmg_bench.runner.ranks import Ranks
from fpmg_bench.runner.wire import Wire
from fpmg_bench.transport import gloo, rendezvous, watch
from fpmg_bench.transport.watch import Beats, blamed
from fpmg_bench.trial.ranks import Crew


class Store:
    """The part of a TCPStore that is asked here."""

    def __init__(self, **known):
        self.known = {key.replace("_", "/"): value for key, value in known.items()}

    def check(self, keys):
        return all(key in self.known for key in keys)

    def get(self, key):
        return self.known[key].encode()

    def add(self, key, amount):
        self.known[key] = self.known.get(key, 0) + amount
        return self.known[key]

    def compare_set(self, key, _, desired):
        return self.known.setdefault(key, desired).encode()


class Ended:
    """A process, as far as its parent looks: poll's answer (None: it runs, or is stopped)."""

    def __init__(self, code=None):
        self.code = code
        self.killed = False

    def poll(self):
        return self.code

    def kill(self):
        self.killed = True

    def wait(self):
        return self.code


def blame(late, waits, unheard=()):
    return blamed(late, lambda node: waits.get(node, []), dict(unheard), me=0)


def test_a_silent_rank_is_blamed_whatever_it_last_said_that_it_waits_for():
    waits = {1: [2], 2: [3], 3: [0]}
    assert blame([1], waits, {1: 0.1, 2: 8.0, 3: 0.2}) == 2
    assert blame([1], waits | {2: []}, {1: 0.1, 2: 8.0, 3: 0.2}) == 2


def test_without_a_silent_rank_the_one_that_waits_for_nobody_is_blamed():
    assert blame([1], {1: [2], 2: [3], 3: []}) == 3
    assert blame([1, 3], {1: [0], 3: [4], 4: [5]}) == 5  # 1 waits for the one who asks
    assert blame([1], {1: [2], 2: [1]}) == 1


def test_a_rank_off_the_chain_is_not_blamed_though_it_is_silent():
    assert blame([1], {1: [2]}, {5: 9.0}) == 2


def test_a_node_is_silent_once_its_count_stands_still_and_not_while_it_loads(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    store, beats = Store(beat_1=5, beat_2=5), Beats()
    for _ in range(12):
        store.add("beat/2", 1)
        assert rendezvous.silent(store, 0, beats, [1, 2, 3]) is None or now[0] > watch.SILENT
        now[0] += 1.0
    found = rendezvous.lost(store, 0)
    assert (found["node"], found["why"], found["dead"]) == (1, "no sign of life for 10 s", True)


def ranks(on_dead, **codes):
    made = Ranks(None, None, Wire("gloo", 10.0, on_dead))
    made.running = {int(node[1:]): Ended(code) for node, code in codes.items()}
    return made


CREW = Crew({0: "a", 1: "b", 2: "c", 3: "d"})


def test_who_stopped_is_named_and_not_the_first_victim_to_exit():
    store = Store()
    rendezvous.declare(store, 0, 2, "it sent nothing within the deadline of 10 s")
    with pytest.raises(SiloLost, match="silo 2 died") as lost:
        ranks("stop", n0=None, n1=1, n2=None, n3=None)._look(store, CREW)
    assert lost.value.node == 2


def test_the_ring_closes_over_a_stopped_silo_and_its_process_is_ended():
    store, parent = Store(), ranks("close-ring", n0=None, n1=None, n2=None, n3=None)
    stopped = parent.running[2]
    rendezvous.declare(store, 0, 2, "no sign of life for 10 s")
    parent._look(store, CREW)
    assert (parent.gone, parent.generation, sorted(parent.running), stopped.killed) == ({2}, 1, [0, 1, 3], True)


def test_two_that_die_at_once_are_both_gone():
    store, parent = Store(), ranks("close-ring", n0=None, n1=-9, n2=-9, n3=None)
    rendezvous.declare(store, 0, 2, "its connection was closed")
    parent._look(store, CREW)
    assert parent.gone == {1, 2} and sorted(parent.running) == [0, 3]
    assert rendezvous.lost(store, 1)["why"] == "killed by SIGKILL"


def test_the_last_to_die_is_named_by_those_that_cannot_go_on_alone():
    store, parent = Store(), ranks("close-ring", n0=None, n1=None, n2=None, n3=1)
    for generation, node in enumerate((1, 2, 0)):
        rendezvous.declare(store, generation, node, "no sign of life for 10 s")
    with pytest.raises(SiloLost) as lost:  # 3 ends with an error because it is alone
        parent._look(store, CREW)
    assert lost.value.node == 0


class Meet(rendezvous.Rendezvous):
    """Rank 1's view of a store, without a thread and a socket. unheard: node -> seconds."""

    def __init__(self, store, unheard, reported):
        self.store, self.node, self.generation, self.found, self.reported = store, 1, 0, None, reported
        self.beats = Beats()
        self.beats.unheard = lambda: unheard


@pytest.mark.parametrize("failed", ["Timed out waiting 5000ms for recv", "Application timeout caused pair closure"])
def test_a_wait_that_timed_out_is_told_at_once_and_blamed_on_the_silent(failed, monkeypatch):
    monkeypatch.setattr(gloo.time, "sleep", lambda seconds: pytest.fail("others see the closed sockets first"))
    transport = object.__new__(gloo.Gloo)
    transport.deadline, transport.meet = 5.0, Meet(Store(**{"waits_0": "[1]", "waits_2": "[3]"}), {0: 0.1, 2: 4.9}, [0, 2])
    assert transport._lost(0, RuntimeError(failed)).node == 2


def test_a_silo_that_tells_nothing_is_not_the_one_that_another_keeps_waiting():
    meet = Meet(Store(**{"waits_0": "[2]"}), {0: 0.1, 2: 3.0}, [])
    with pytest.raises(SiloLost, match="silo 2 died in start: it told nothing about sizes within 0 s"):
        meet.gather("sizes", {}, [0, 2], 0.0)
