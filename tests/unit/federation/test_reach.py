"""Topologies that join not all silos in round 0, that join some never, and that change their mind."""

import random

import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring

from fpmg_bench.errors import PlumbingError
from fpmg_bench.federation import Schedule, check
from fpmg_bench.federation.graph import graph_of
from fpmg_bench.types import SERVER, Step, Transfer

from .toys import Drift, go


class Matching:
    """One random pair a round, which average."""

    def plan(self, silos, round, rng):
        if len(silos) < 2:
            return []
        a, b = (silos[i] for i in torch.randperm(len(silos), generator=rng)[:2])
        return [Step((Transfer(a, b), Transfer(b, a)))]

    def messages(self, silos):
        return 2 if silos > 1 else 0


class Leaving(Matching):
    """The first two silos talk, the third is never heard nor told."""

    def plan(self, silos, round, rng):
        return super().plan(silos[:2], round, rng)


class Turns(Matching):
    """Half of the silos meet the server in even rounds, the others in odd ones."""

    def plan(self, silos, round, rng):
        some = silos[round % 2 :: 2]
        up, down = (tuple(Transfer(s, SERVER) for s in some), tuple(Transfer(SERVER, s) for s in some))
        return [Step(up, "mean"), Step(down, "replace")]

    def messages(self, silos):
        return None


class FromSums(Drift):
    """Starts at the number of all patients, which the silos' sums say."""

    def init(self, schema, stats, rng):
        return {"a/w": stats["sum/x"].float().expand(self.size).clone()}

    def train(self, state, shard, ctx):
        self.started = {**getattr(self, "started", {}), ctx.silo: float(state["a/w"][0])} if ctx.round == 0 else self.started
        return super().train(state, shard, ctx)


@pytest.mark.parametrize("topology", [Matching(), Turns()])
def test_sums_reach_all_silos_though_round_0_joins_some_only(topology):
    learner = FromSums()
    done, _ = go(topology, FedAvg(), 5, rounds=2, learner=learner)
    assert learner.started == dict.fromkeys(range(5), 150.0)  # 10 + 20 + 30 + 40 + 50 patients, at every silo
    assert done.statistics_messages == (8 if type(topology) is Matching else 10)  # up a tree and down; a server is a node more


def test_one_random_pair_a_round_keeps_the_mean_over_patients_and_passes_every_check():
    rows = check(Schedule(Matching(), "s", 3), {i: 10.0 * (i + 1) for i in range(5)}, rounds=40)
    assert [row["status"] for row in rows] == ["ok"] * 4


def test_a_silo_that_nobody_reaches_starts_alone_and_is_told():
    learner = FromSums()
    go(Leaving(), FedAvg(), 3, sizes=[10, 20, 40], learner=learner)
    assert learner.started == {0: 30.0, 1: 30.0, 2: 40.0}
    last = check(Schedule(Leaving(), "s", 0), dict.fromkeys(range(3), 1.0), rounds=3)[-1]
    assert (last["check"], last["status"]) == ("every silo is reached", "warning")
    assert last["reason"].startswith("silo 2 is never reached by another silo's weights in 3 rounds; silos 0, 1, 2 are")
    assert graph_of(Leaving(), 3).unreached == (2,)
    assert graph_of(Matching(), 3).unreached == graph_of(Ring(), 3).unreached == graph_of(Isolated(), 3).unreached == ()


def test_a_real_round_that_differs_from_the_dry_run_is_an_error_that_names_topology_and_round():
    class Fickle(Ring):
        def plan(self, silos, round, rng):
            return super().plan(silos[::-1] if trained and round == 2 else silos, round, rng)

    trained = []

    class Spy(Drift):
        def train(self, state, shard, ctx):
            trained.append(ctx.round)
            return super().train(state, shard, ctx)

    with pytest.raises(PlumbingError, match="stage2, round 2: topology Fickle plans other transfers than it did before"):
        go(Fickle(relay=False, one_way=True), FedAvg(), 4, rounds=4, learner=Spy())
    assert max(trained) <= 2


def test_a_topology_that_draws_from_a_generator_of_its_own_does_not_train_at_all():
    class Own(Matching):
        def plan(self, silos, round, rng):
            return super().plan(random.sample(list(silos), 2), round, rng)

    with pytest.raises(PlumbingError, match="topology Own plans other"):
        check(Schedule(Own(), "s", 0), dict.fromkeys(range(6), 1.0))


def test_shipped_rounds_meet_in_the_first():
    steps = Schedule(Ring(), "s", 0).meeting(range(4))
    assert steps == tuple(Ring().plan(range(4), 0, None))
