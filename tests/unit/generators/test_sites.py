"""Silos that differ each train from their own patients' means, and a release is drawn from all of them."""

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from fpmg_plugins.generators.statistics.gaussian_start import Start
from fpmg_plugins.generators.statistics.gaussian_start import statistics as sums_of_all
from fpmg_plugins.generators.statistics.sites import FEW, PLACE, SUMS, Sites, statistics
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import LocalShard
from fpmg_bench.types import Column, Representation, SiloContext, Space

SPACE = Space({"a": slice(0, 2), "b": slice(2, 3)}, (Column("label", "category", ("well", "ill")),))
RARE = 0.25  # the second class's share


def patients(n, away, seed, ill=RARE):
    g = torch.Generator().manual_seed(seed)
    label = (torch.arange(n) < ill * n).float()
    z = 0.5 * torch.randn(n, 3, generator=g) + away + label[:, None]
    return Representation(z, torch.ones(n, 2, dtype=torch.bool), label[:, None], torch.arange(n), SPACE)


ROWS = [patients(200, 2.0, 0), patients(200, -2.0, 1), patients(100, 0.0, 2, ill=0.5)]


def shards(rows=ROWS):
    return {s: LocalShard(r, np.arange(len(r)), 0.3, "stage2") for s, r in enumerate(rows)}


def trained(gan, rounds, topology=None):
    plan = Plan("stage2", topology or Ring(), FedAvg(), rounds, {s: SiloPlan(10) for s in range(3)}, 0)
    return run(gan, SPACE, shards(), plan, lambda record, now: None)


def exchanged(rows=ROWS):
    total, memories = {}, []
    for silo, shard in shards(rows).items():
        ctx = SiloContext(silo, -1, 1, rng_for(0, "t"), schema=SPACE, silos=(0, 1, 2))
        own = sums_of_all(SPACE, shard.begin(0), ctx) | statistics(SPACE, shard.begin(0), ctx)
        total = {key: total.get(key, 0) + value for key, value in own.items()}
        memories.append(ctx.memory)
    return total, memories


def test_offsets_are_the_silos_means_less_all_patients_means_drawn_to_them_where_patients_are_few():
    total, memories = exchanged()
    own = Sites.of(SPACE, total, Start.of(SPACE, total))
    z, label = torch.cat([r.z for r in ROWS]), torch.cat([r.condition[:, 0] for r in ROWS])
    site = torch.cat([torch.full((len(r),), s) for s, r in enumerate(ROWS)])
    for c in (0, 1):
        count = torch.stack([((site == s) & (label == c)).sum() for s in range(3)]).float()
        mean = torch.stack([z[(site == s) & (label == c)].mean(0) for s in range(3)])
        off = (mean - z[label == c].mean(0)) * (count / (count + FEW))[:, None]
        share = count / count.sum()
        torch.testing.assert_close(own.share[:, c], share)
        torch.testing.assert_close(own.offset[:, c], off - (share[:, None] * off).sum(0), atol=1e-4, rtol=0)
    assert [int(memory[PLACE]) for memory in memories] == [0, 1, 2]


def test_between_and_within_silos_add_up_to_what_all_patients_have():
    """The law of total covariance; of silos with so many patients that none is drawn to the others."""
    rows = [patients(8000, 2.0, 0), patients(8000, -2.0, 1), patients(4000, 0.0, 2, ill=0.5)]
    total, _ = exchanged(rows)
    start = Start.of(SPACE, total)
    own = Sites.of(SPACE, total, start)
    cells = [r.z[r.condition[:, 0] == c].double() for r in rows for c in (0, 1)]
    within = sum(torch.cov(cell.T, correction=0) * len(cell) for cell in cells) / 20_000
    whole = (start.factor @ start.factor.T).double()
    torch.testing.assert_close(own.between(start.shares) + within, whole, atol=0.01 * float(whole.max()), rtol=0)


def away(made, real):
    return (
        2 * float(torch.cdist(made, real).mean()) - float(torch.cdist(made, made).mean()) - float(torch.cdist(real, real).mean())
    )


@pytest.mark.parametrize("topology", [Ring(), Ring(relay=True), Star()])
def test_a_start_that_knows_the_silos_is_nearer_and_training_does_not_undo_it(topology):
    whole = torch.cat([r.z for r in ROWS])
    label = torch.cat([r.condition for r in ROWS])

    def left(gan, rounds):
        state = trained(gan, rounds, topology).states[0]
        return away(gan.sample(SPACE, state, label, rng_for(0, "s")).z, whole)

    blind = left(
        ParallelCgan(
            hidden=16,
        ),
        0,
    )
    knowing = left(ParallelCgan(hidden=16, sites=True), 0)
    after = left(ParallelCgan(hidden=16, sites=True, watch=False), 5)
    assert knowing < 0.4 * blind
    assert after < blind


def test_nobody_tells_its_own_means_unasked_or_where_there_is_one_silo():
    assert "prior/sites" not in trained(ParallelCgan(hidden=16), 1).states[0]
    alone = SiloContext(0, -1, 1, rng_for(0, "t"), schema=SPACE, silos=(0,))
    assert statistics(SPACE, shards()[0].begin(0), alone) == {}
    together = SiloContext(0, -1, 1, rng_for(0, "t"), schema=SPACE, silos=(0, 1))
    assert set(statistics(SPACE, shards()[0].begin(0), together)) == {SUMS}


def test_offsets_are_drawn_as_often_as_silos_have_patients_of_the_class():
    total, _ = exchanged()
    own = Sites.of(SPACE, total, Start.of(SPACE, total))
    label = torch.ones(20_000, dtype=torch.long)
    found = own.drawn(torch.nn.functional.one_hot(label, 2).float(), rng_for(0, "s"))
    shares = torch.stack([(found == own.offset[s, 1]).all(1).float().mean() for s in range(3)])
    torch.testing.assert_close(shares, own.share[:, 1], atol=0.02, rtol=0)
