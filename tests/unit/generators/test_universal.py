"""Universal aggregation: generators face the mixture of the silos' odds, and a relay brings every discriminator to every silo."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.generators.gan import universal
from fpmg_plugins.generators.gan.adversarial_round import AdversarialRound, critic_name
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from fpmg_plugins.generators.gan.single_modal_cgan import SingleModalCgan
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.errors import PluginError
from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.federation.layout import Layout, modules_of
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.testing.generators import check_state_is_stable
from fpmg_bench.types import Charges, Column, Representation, SiloContext, Space

SPACE = Space({"a": slice(0, 2), "b": slice(2, 3)}, (Column("label", "category", ("well", "ill")),))
OWN = critic_name(("a", "b"))
SIZES, ILL = (100, 60, 40), (0.2, 0.5, 0.5)


def patients(silo, lacks=()):
    n, g = SIZES[silo], torch.Generator().manual_seed(silo)
    label = (torch.arange(n) < ILL[silo] * n).float()
    present = torch.ones(n, 2, dtype=torch.bool)
    present[:, list(lacks)] = False
    return Representation(torch.randn(n, 3, generator=g) + silo + label[:, None], present, label[:, None], torch.arange(n), SPACE)


def shards(lacks=None, private=False):
    found = {}
    for silo, n in enumerate(SIZES):
        planned = {"stage2": Charges(private_steps=100, counts=1)}
        ledger = Ledger(silo, str(silo), n, 0.2, Privacy(8.0, 1e-4), Noise(1.0, 1.0, 1.0), planned) if private else None
        rows = patients(silo, (lacks or {}).get(silo, ()))
        found[silo] = LocalShard(rows, np.arange(n), 0.2, "stage2", ledger)
    return found


def gan(cls=ParallelCgan, **parameters):
    return cls(**{"hidden": 8, "fakes": 16, "loss": "logistic", "watch": False, "discriminators": "universal"} | parameters)


def trained(learner, rounds=2, topology=None, steps=2, lacks=None, **options):
    named = {silo: frozenset("ab"[m] for m in places) for silo, places in (lacks or {}).items()}
    silos = {s: SiloPlan(steps, lacks=named.get(s, frozenset())) for s in range(3)}
    records = []
    plan = Plan("stage2", topology or Ring(), FedAvg(), rounds, silos, 0)
    done = run(learner, SPACE, shards(lacks, **options), plan, lambda record, now: records.append(record))
    return done, records


def test_mixed_logits_are_the_weighted_mean_of_odds():
    values, weights = torch.tensor([[0.3, -1.0], [-2.0, 4.0], [1.0, 0.0]]), torch.tensor([[2.0, 1.0], [1.0, 1.0], [1.0, 2.0]])
    odds = torch.sigmoid(values) / (1 - torch.sigmoid(values))
    by_hand = (odds * weights).sum(0) / 4
    torch.testing.assert_close(universal.mixed(values, weights), by_hand.log())


def test_odds_of_normals_mix_to_those_of_all_patients():
    """Silo k has patients from N(m_k, 1) and the generator N(0, 2): the best D_k's odds are p_k / q, and their mixture is that of p."""
    x, share, centre = torch.linspace(-4, 4, 50), torch.tensor([0.7, 0.3]), (-1.0, 2.0)
    made = torch.distributions.Normal(0.0, 2.0).log_prob(x)
    each = torch.stack([torch.distributions.Normal(m, 1.0).log_prob(x) for m in centre])
    pooled = (share[:, None] * each.exp()).sum(0).log() - made
    torch.testing.assert_close(universal.mixed(each - made, share[:, None].expand(2, 50)), pooled)


def around(silo=0, memory=None):
    """A round of a silo, its memory holding what was relayed, and the state that it starts from."""
    learner, total, memories = gan(), {}, []
    for at, shard in shards().items():
        ctx = SiloContext(at, -1, 1, rng_for(0, "t"), schema=SPACE, silos=(0, 1, 2))
        own = learner.statistics(SPACE, shard.begin(0), ctx)
        total = {key: total.get(key, 0) + value for key, value in own.items()}
        memories.append(ctx.memory)
    state = learner.init(SPACE, total, rng_for(0, "init"))
    kept = memories[silo] | (memory(state) if memory else {})
    ctx = SiloContext(silo, 1, 1, rng_for(0, "t"), schema=SPACE, silos=(0, 1, 2), memory=kept)
    return AdversarialRound(learner, ("a", "b"), state, ctx, private=False)


def same(state):
    """Everybody's discriminator is the start's."""
    return {f"from.{s}.{key}": value for s in (1, 2) for key, value in state.items() if key.startswith("discriminator")}


def test_identical_discriminators_are_their_average():
    game = around(memory=same)
    z, mask, given, label = game._fakes()
    own = game.critic(z, mask, given)[0]
    assert len(game.others.critics) == 2
    torch.testing.assert_close(game.others.verdict(own, z, mask, given, label), own)


def test_weights_are_patients_by_class_of_silos_that_have_the_modalities():
    game = around(memory=same)
    label, mask = torch.tensor([0, 1]), torch.ones(2, 2)
    expected = torch.tensor([[80.0, 20.0], [30.0, 30.0], [20.0, 20.0]])
    torch.testing.assert_close(game.others.weights(mask, label), expected)
    held = game.others.held.clone()
    held[1, 3] = 0.0  # the second silo lacks the second modality
    without = universal.Others(game.others.critics, held, game.others.offsets, game.others.owner, False)
    expected[1, 0] = universal.NONE
    torch.testing.assert_close(without.weights(torch.tensor([[1.0, 1.0], [1.0, 0.0]]), label), expected)


@pytest.mark.parametrize(("topology", "messages"), [(Ring(), 6), (Ring(merge="last"), 6), (Star(), 9)])
def test_every_silo_gets_every_other_discriminator_as_it_was_sent(topology, messages):
    done, records = trained(gan(), topology=topology)
    own = {s: {k: v for k, v in done.memories[s].items() if k.startswith(f"{OWN}/")} for s in range(3)}
    assert not torch.equal(own[0][f"{OWN}/classify.weight"], own[1][f"{OWN}/classify.weight"])
    for silo in range(3):
        for other in {0, 1, 2} - {silo}:
            assert all(torch.equal(done.memories[silo][f"from.{other}.{key}"], value) for key, value in own[other].items())
    assert done.states[0] is done.states[1]  # what is released is the same everywhere
    state = done.states[0]
    relayed = Layout.of(state, [OWN]).bytes
    merged = Layout.of(state, [m for m in modules_of(state) if m.startswith(("generator", "ema"))]).bytes
    expected = messages * relayed + 6 * merged  # of three silos a star has as many messages as a ring
    assert [r["bytes"] for r in records] == [r["closed_form"] for r in records] == [expected] * 2
    assert OWN not in records[0]["modules"]


def test_generators_wait_for_the_first_relay_and_then_move():
    start, once, twice = (trained(gan(), rounds)[0].states[0] for rounds in (0, 1, 2))
    generators = [key for key in start if key.startswith("generator")]
    assert all(torch.equal(start[key], once[key]) for key in generators)
    assert any(not torch.equal(once[key], twice[key]) for key in generators)


def test_one_silo_alone_waits_for_nobody():
    plan = Plan("stage2", Ring(), FedAvg(), 1, {0: SiloPlan(2)}, 0)
    silo = {0: shards()[0]}
    start, after = (run(gan(), SPACE, silo, Plan("stage2", Ring(), FedAvg(), n, plan.silos, 0), lambda *_: None) for n in (0, 1))
    assert not torch.equal(start.states[0]["generator.a/linear.weight"], after.states[0]["generator.a/linear.weight"])


def test_silos_that_lack_a_modality_and_single_modal_discriminators():
    done, _ = trained(gan(SingleModalCgan, sites=True), lacks={2: [1]})
    others = {
        silo: {k.split(".")[1] for k in done.memories[silo] if k.startswith("from.") and "discriminator.b/" in k}
        for silo in (0, 1, 2)
    }
    assert others == {0: {"1"}, 1: {"0"}, 2: set()}
    made = gan(SingleModalCgan, sites=True).sample(SPACE, done.states[2], torch.zeros(5, 1), rng_for(0, "s"))
    assert bool(torch.isfinite(made.z).all())


def test_privately_a_relay_costs_no_access_and_weighs_by_the_declared_patients():
    found = shards(private=True)
    plan = Plan("stage2", Ring(), FedAvg(), 2, {s: SiloPlan(2) for s in range(3)}, 0)
    done = run(gan(), SPACE, found, plan, lambda *_: None)
    spent = found[0]._ledger.spent
    assert spent == {("stage2", "counts"): 1, ("stage2", "step"): 4}
    torch.testing.assert_close(done.states[0][universal.PRIOR], torch.tensor([[100.0] * 4, [60.0] * 4, [40.0] * 4]))


def test_what_is_no_logit_is_refused():
    assert "write loss: logistic" in gan(loss="hinge").undefined()
    assert "leave `send` out" in gan(send="generator").undefined()
    assert gan().undefined() == ParallelCgan().undefined() == ""
    with pytest.raises(PluginError, match="no logit"):
        trained(gan(loss="hinge"), rounds=0)


class Misnamed(ParallelCgan):
    """It says of modules that it does not have that they are relayed."""

    travels: ClassVar = {"critic": "relay"}


def test_the_kit_knows_how_modules_travel():
    check_state_is_stable(gan(scaffold=True))
    with pytest.raises(AssertionError, match="no module is called 'critic'"):
        check_state_is_stable(gan(Misnamed))
